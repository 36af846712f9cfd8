/* Optimizers, clipping and schedules against torch.optim (tests/golden/torch/make_train.py). */
#include "golden.h"
#include "train/optim/optim.h"
#include "train/schedule.h"
#include "unit.h"

#include <string.h>

#define GOLDEN "tests/golden/torch/"

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) == PARE_OK ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

/* The runs of make_train.py's optimizers(), in its order. */
static const struct run {
  const char *optim;
  double rate;
  pare_optim_settings settings;
} runs[] = {
    {"sgd", 0.1, {.weight_decay = 0.01}},
    {"sgd", 0.1, {.weight_decay = 0.01, .momentum = 0.9}},
    {"sgd", 0.1, {.weight_decay = 0.01, .momentum = 0.9, .nesterov = true}},
    {"adam", 0.01, {.weight_decay = 0.01, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8}},
    {"adamw", 0.01, {.weight_decay = 0.1, .beta1 = 0.9, .beta2 = 0.99, .epsilon = 1e-8}},
};

static void every_optimizer_takes_torchs_twenty_steps(void **state) {
  (void)state;
  pare_tensor start = golden_npy(ctx, GOLDEN "optim_start.npy"),
              gs = golden_npy(ctx, GOLDEN "optim_gradients.npy");
  pare_tensor paths = golden_npy(ctx, GOLDEN "optim_weights.npy");
  bool seen[8] = {false};
  for (size_t i_run = 0; i_run < PARE_COUNT(runs); i_run++) {
    int i_optim = pare_optim_find(runs[i_run].optim);
    assert_true(i_optim >= 0 && i_optim < 8);
    seen[i_optim] = true;
    float w[16], slots[2][16];
    float *const slot_list[2] = {slots[0], slots[1]};
    memset(slots, 0, sizeof(slots));
    memcpy(w, start.data, sizeof(w));
    for (int i_step = 0; i_step < 20; i_step++) {
      pare_optim_at(i_optim)->update(&runs[i_run].settings, runs[i_run].rate, (uint64_t)i_step + 1, w,
                                     pare_f32(&gs) + i_step * 16, slot_list, 16);
      const float *expected = pare_f32(&paths) + ((int)i_run * 20 + i_step) * 16;
      for (int i = 0; i < 16; i++)
        golden_close(runs[i_run].optim, (double)w[i], (double)expected[i], 5e-6, 1e-6);
    }
  }
  for (int i = 0; i < pare_optim_count(); i++) {
    if (!seen[i]) fail_msg("optimizer %s has no golden run", pare_optim_name(i));
  }
  assert_null(pare_optim_name(pare_optim_count()));
  pare_tensor_release(&start);
  pare_tensor_release(&gs);
  pare_tensor_release(&paths);
}

static void clipping_scales_as_clip_grad_norm_(void **state) {
  (void)state;
  pare_tensor in = golden_npy(ctx, GOLDEN "clip_in.npy"), out = golden_npy(ctx, GOLDEN "clip_out.npy");
  pare_tensor norm = golden_npy(ctx, GOLDEN "clip_norm.npy");
  float *const parts[3] = {pare_f32(&in), pare_f32(&in) + 37, pare_f32(&in) + 97};
  const int64_t counts[3] = {37, 60, 3};
  float before = pare_f32(&in)[5];
  golden_close("norm", pare_clip_grad_norm(parts, counts, 3, 0), pare_tensor_get_f64(&norm, 0), 1e-6, 0);
  pare_clip_grad_norm(parts, counts, 3, 1e6); /* already short enough */
  assert_true(pare_f32(&in)[5] == before);
  pare_clip_grad_norm(parts, counts, 3, 1.5);
  for (int i = 0; i < 100; i++) {
    golden_close("clipped", (double)pare_f32(&in)[i], (double)pare_f32(&out)[i], 1e-6, 0);
  }
  pare_tensor_release(&in);
  pare_tensor_release(&out);
  pare_tensor_release(&norm);
}

static void rates_follow_torchs_schedules(void **state) {
  (void)state;
  pare_tensor rates = golden_npy(ctx, GOLDEN "rates.npy");
  assert_int_equal(pare_schedule_count(), 3);
  for (uint64_t i = 0; i < 70; i++) {
    pare_schedule_at at = {
        .rate = 0.05, .i_batch = i, .n_total = 70, .n_epoch = 10, .step_size = 2, .gamma = 0.3};
    assert_true(pare_schedule_entry(0)->rate(&at) == 0.05);
    golden_close("step", pare_schedule_entry(1)->rate(&at), pare_tensor_get_f64(&rates, (int64_t)i), 1e-12,
                 0);
    golden_close("cosine", pare_schedule_entry(2)->rate(&at), pare_tensor_get_f64(&rates, 70 + (int64_t)i),
                 1e-9, 1e-12);
  }
  pare_tensor_release(&rates);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_optimizer_takes_torchs_twenty_steps),
      cmocka_unit_test(clipping_scales_as_clip_grad_norm_),
      cmocka_unit_test(rates_follow_torchs_schedules),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
