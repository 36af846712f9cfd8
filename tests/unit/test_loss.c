/* Losses against PyTorch's values and gradients (tests/golden/torch/make_train.py). */
#include "compress/distill/losses.h"
#include "golden.h"
#include "unit.h"

#include <math.h>
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

static void close_floats(const char *what, const float *values, const float *expected, int64_t n,
                         double tolerance) {
  for (int64_t i = 0; i < n; i++)
    golden_close(what, (double)values[i], (double)expected[i], tolerance, tolerance * 1e-2);
}

/* Every form and reduction of the soft loss, with teacher probabilities that are exactly zero among them. */
static void kl_divergence_equals_torch_in_every_reduction_and_form(void **state) {
  (void)state;
  pare_tensor student = golden_npy(ctx, GOLDEN "kl_student.npy"),
              teacher = golden_npy(ctx, GOLDEN "kl_teacher.npy");
  pare_tensor values = golden_npy(ctx, GOLDEN "kl_values.npy"),
              gradients = golden_npy(ctx, GOLDEN "kl_gradients.npy");
  float scratch[40], d_student[20];
  assert_int_equal(pare_soft_loss_count(), 2);
  for (int form = 0; form < 2; form++) {
    for (int reduction = 0; reduction < 3; reduction++) {
      pare_soft_call call = {
          .student = pare_f32(&student),
          .teacher = pare_f32(&teacher),
          .n = 5,
          .c = 4,
          .temperature = 3,
          .reduction = (pare_reduction)reduction,
          .scratch = scratch,
          .d_student = d_student,
      };
      double loss = pare_soft_loss_at(form)->compute(&call);
      golden_close(pare_soft_loss_name(form), loss, pare_tensor_get_f64(&values, form * 3 + reduction), 1e-6,
                   0);
      close_floats(pare_reduction_name(reduction), d_student,
                   pare_f32(&gradients) + (form * 3 + reduction) * 20, 20, 2e-6);
    }
  }
  pare_tensor_release(&student);
  pare_tensor_release(&teacher);
  pare_tensor_release(&values);
  pare_tensor_release(&gradients);
}

static void cross_entropy_equals_torch(void **state) {
  (void)state;
  pare_tensor logits = golden_npy(ctx, GOLDEN "kl_student.npy"),
              labels = golden_npy(ctx, GOLDEN "ce_labels.npy");
  pare_tensor loss = golden_npy(ctx, GOLDEN "ce_loss.npy"),
              gradient = golden_npy(ctx, GOLDEN "ce_gradient.npy");
  float d_logits[20];
  double value = pare_cross_entropy(pare_f32(&logits), pare_s32(&labels), 5, 4, d_logits);
  golden_close("loss", value, pare_tensor_get_f64(&loss, 0), 1e-6, 0);
  close_floats("gradient", d_logits, pare_f32(&gradient), 20, 2e-6);
  assert_float_equal((float)pare_cross_entropy(pare_f32(&logits), pare_s32(&labels), 5, 4, NULL),
                     (float)value, 0);
  pare_tensor_release(&logits);
  pare_tensor_release(&labels);
  pare_tensor_release(&loss);
  pare_tensor_release(&gradient);
}

static void cross_entropy_of_huge_logits_stays_finite(void **state) {
  (void)state;
  const float logits[4] = {1e30f, -1e30f, -1e4f, 1e4f};
  const int32_t labels[2] = {0, 1};
  float d_logits[4];
  assert_true(pare_cross_entropy(logits, labels, 2, 2, d_logits) == 0);
  for (int i = 0; i < 4; i++) assert_true(d_logits[i] == 0.0f);
}

static void raw_logits_lose_without_end_and_say_why(void **state) {
  (void)state;
  const float teacher[3] = {1, 2, 3};
  float student[3] = {1, 2, 3}, scratch[6], d_student[3];
  pare_soft_call call = {student, teacher, 1, 3, 1, PARE_BATCHMEAN, scratch, d_student};
  double right = pare_soft_log_probabilities.compute(&call);
  assert_true(fabs(right) < 1e-7); /* equal logits: no divergence */
  double wrong = pare_soft_raw_logits.compute(&call);
  for (int i = 0; i < 3; i++) student[i] += 100; /* the same answers */
  assert_true(fabs(pare_soft_log_probabilities.compute(&call)) < 1e-6);
  double lower = pare_soft_raw_logits.compute(&call);
  golden_close("shift", lower, wrong - 100, 1e-5, 0);
  assert_true(lower < 0);
  assert_null(pare_soft_log_probabilities.warning);
  assert_non_null(strstr(pare_soft_raw_logits.warning, "negative"));
  assert_non_null(strstr(pare_soft_raw_logits.warning, "log_probabilities"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(kl_divergence_equals_torch_in_every_reduction_and_form),
      cmocka_unit_test(cross_entropy_equals_torch),
      cmocka_unit_test(cross_entropy_of_huge_logits_stays_finite),
      cmocka_unit_test(raw_logits_lose_without_end_and_say_why),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
