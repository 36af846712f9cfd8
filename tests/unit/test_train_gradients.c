/* Named gradients of whole networks against PyTorch's (tests/golden/torch/make_train.py): for each
 * weight, and for the image, the norm and evenly spread elements, sign and all. The eight images are taken once, and
 * twice over, when sixteen stand side by side in the session (session/layout.c): gradients are means, and the same. */
#include "golden.h"
#include "train/parameters.h"
#include "train/train.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define GOLDEN "tests/golden/torch/"
enum { N = 8, MOST_COPIES = 2, N_SAMPLES = 256, N_ROW = 3 + N_SAMPLES };

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

static pare_session *plan_training(const pare_model *model, int copies, pare_numerics numerics) {
  pare_plan_options options = {.batch = N * copies, .training = true, .keep_all = true, .numerics = numerics};
  pare_session *session;
  if (pare_session_plan(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return session;
}

/* Forward on `copies` of the eight stored images, cross-entropy, backward; gives the loss. */
static double run(pare_session *session, pare_tape *tape, int copies) {
  pare_tensor images = golden_npy(ctx, GOLDEN "images.npy"), labels = golden_npy(ctx, GOLDEN "labels.npy");
  pare_tensor_view input = pare_session_input(session, 0), output = pare_session_output(session, 0);
  int32_t targets[N * MOST_COPIES];
  float d_logits[N * MOST_COPIES * 10];
  const int64_t n_pixels = pare_tensor_count(&images);
  for (int64_t i = 0; i < n_pixels * copies; i++) {
    ((float *)input.data)[i] = (float)pare_u8(&images)[i % n_pixels] / 255.0f;
  }
  for (int i = 0; i < N * copies; i++) targets[i] = pare_u8(&labels)[i % N];
  if (pare_session_run(session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  double loss = pare_cross_entropy(output.data, targets, N * copies, 10, d_logits);
  if (pare_tape_backward(tape, d_logits) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_tensor_release(&images);
  pare_tensor_release(&labels);
  return loss;
}

/* The worst deviation, in units of the tensor's largest magnitude. `floor` is what rounding may leave
 * where a gradient is zero. Of images only the first of `copies` are looked at; each has its share. */
static double check_row(const char *name, const pare_tensor *gradient, int copies, const float *row,
                        double tolerance, double floor) {
  float *g = pare_f32(gradient);
  int64_t n = pare_tensor_count(gradient) / copies, step = (int64_t)row[2];
  for (int64_t i = 0; i < n; i++) g[i] *= (float)copies;
  double squares = 0, worst = 0, largest = (double)row[1];
  for (int64_t i = 0; i < n; i++) squares += (double)g[i] * (double)g[i];
  golden_close(name, sqrt(squares), (double)row[0], tolerance, floor);
  for (int64_t i = 0; i * step < n; i++) {
    double off = fabs((double)g[i * step] - (double)row[3 + i]);
    worst = off > worst ? off : worst;
    golden_close(name, (double)g[i * step], (double)row[3 + i], 0, tolerance * largest + floor);
  }
  return largest > floor ? worst / largest : 0;
}

/* A bias in front of BatchNormalization has gradient zero; what rounding leaves there is measured by the
 * largest gradient of all. */
static double rounding_floor(const pare_tensor *rows) {
  double largest = 0;
  for (int64_t i = 0; i < rows->shape.dims[0]; i++)
    largest = fmax(largest, (double)pare_f32(rows)[i * N_ROW + 1]);
  return 1e-4 * largest;
}

static void check_copies(const char *model_path, const char *name, double tolerance, double expected_loss,
                         int copies, pare_numerics numerics) {
  char path[256], line[256];
  double worst = 0;
  pare_model *model = golden_model(ctx, model_path);
  pare_session *session = plan_training(model, copies, numerics);
  pare_tape *tape;
  if (pare_tape_new(session, true, &tape) != PARE_OK) fail_msg("%s", pare_error(ctx));
  golden_close(name, run(session, tape, copies), expected_loss, 1e-5, 0);

  snprintf(path, sizeof(path), GOLDEN "gradients_%s.npy", name);
  pare_tensor rows = golden_npy(ctx, path);
  snprintf(path, sizeof(path), "%s/" GOLDEN "gradients_%s.txt", PARE_SOURCE_DIR, name);
  double floor = strcmp(name, "bn") == 0 ? rounding_floor(&rows) : 1e-9;
  FILE *names = fopen(path, "r");
  assert_non_null(names);
  int64_t i_row = 0;
  for (; fgets(line, sizeof(line), names) != NULL; i_row++) {
    line[strcspn(line, "\n")] = 0;
    int i_value = pare_model_find_value(session->model, line);
    if (i_value < 0 || tape->gradients[i_value].data == NULL)
      fail_msg("%s: no gradient for '%s'", name, line);
    const bool is_image = i_value == session->model->inputs[0];
    double off = check_row(line, &tape->gradients[i_value], is_image ? copies : 1,
                           pare_f32(&rows) + i_row * N_ROW, tolerance, floor);
    worst = off > worst ? off : worst;
  }
  fclose(names);
  assert_int_equal(i_row, rows.shape.dims[0]);
  print_message("%s%s: worst deviation %.2g of the largest gradient\n", name,
                numerics == PARE_FAST ? ", fast" : "", worst);
  pare_tensor_release(&rows);
  pare_tape_free(tape);
  pare_session_free(session);
  pare_model_free(model);
}

static void check_network(const char *model_path, const char *name, double tolerance, double expected_loss) {
  for (int copies = 1; copies <= MOST_COPIES; copies++) {
    check_copies(model_path, name, tolerance, expected_loss, copies, PARE_EXACT);
    check_copies(model_path, name, tolerance, expected_loss, copies, PARE_FAST);
  }
}

static void check_bundled(const char *name, int i_loss, double tolerance) {
  char path[256];
  pare_tensor losses = golden_npy(ctx, GOLDEN "gradient_losses.npy");
  double loss = pare_tensor_get_f64(&losses, i_loss);
  pare_tensor_release(&losses);
  snprintf(path, sizeof(path), "examples/models/%s.onnx", name);
  check_network(path, name, tolerance, loss);
}

static void lenet5_has_torchs_gradients(void **state) {
  (void)state;
  check_bundled("lenet5", 0, 2e-5);
}

static void lenet300_has_torchs_gradients(void **state) {
  (void)state;
  check_bundled("lenet300", 1, 2e-5);
}

static void dscnn_has_torchs_gradients(void **state) {
  (void)state;
  check_bundled("dscnn", 2, 2e-5);
}

static void resnet8_has_torchs_gradients(void **state) {
  (void)state;
  check_bundled("resnet8", 3, 2e-5);
}

static void lstm_student_has_torchs_gradients(void **state) {
  (void)state;
  check_bundled("lstm_student", 4, 2e-5);
}

static void batch_normalization_trains_on_batch_statistics(void **state) {
  (void)state;
  pare_tensor loss = golden_npy(ctx, GOLDEN "bn_loss.npy");
  check_network(GOLDEN "bn.onnx", "bn", 2e-5, pare_tensor_get_f64(&loss, 0));
  pare_tensor_release(&loss);
}

static void a_second_backward_gives_the_same_gradients(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_session *session = plan_training(model, 1, PARE_EXACT);
  pare_tape *tape;
  assert_int_equal(pare_tape_new(session, false, &tape), PARE_OK);
  run(session, tape, 1);
  int i_value = pare_model_find_value(session->model, "0.weight");
  float first[150];
  memcpy(first, tape->gradients[i_value].data, sizeof(first));
  run(session, tape, 1);
  assert_memory_equal(first, tape->gradients[i_value].data, sizeof(first));
  assert_null(tape->gradients[session->model->inputs[0]].data); /* not asked for */
  pare_tape_free(tape);
  pare_session_free(session);
  pare_model_free(model);
}

static void a_session_for_inference_has_no_tape(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/lenet5.onnx");
  pare_session *session;
  assert_int_equal(pare_session_new(model, NULL, &session), PARE_OK);
  pare_tape *tape;
  assert_int_equal(pare_tape_new(session, false, &tape), PARE_BAD_ARGUMENT);
  assert_null(tape);
  pare_session_free(session);
  pare_model_free(model);
}

static void bounds_of_clip_are_not_parameters(void **state) {
  (void)state;
  pare_model *model = golden_model(ctx, "examples/models/dscnn.onnx");
  pare_session *session = plan_training(model, 1, PARE_EXACT);
  pare_tape *tape;
  assert_int_equal(pare_tape_new(session, false, &tape), PARE_OK);
  int n_clips = 0;
  for (int i = 0; i < session->n_steps; i++) {
    const pare_node *node = session->steps[i].call.node;
    if (!pare_node_is(node, "Clip")) continue;
    n_clips++;
    assert_true(tape->wanted[node->inputs[0]]);
    for (int input = 1; input < node->n_inputs; input++) assert_false(tape->wanted[node->inputs[input]]);
  }
  assert_int_equal(n_clips, 7);
  pare_tape_free(tape);
  pare_session_free(session);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lenet5_has_torchs_gradients),
      cmocka_unit_test(lenet300_has_torchs_gradients),
      cmocka_unit_test(dscnn_has_torchs_gradients),
      cmocka_unit_test(resnet8_has_torchs_gradients),
      cmocka_unit_test(lstm_student_has_torchs_gradients),
      cmocka_unit_test(batch_normalization_trains_on_batch_statistics),
      cmocka_unit_test(a_second_backward_gives_the_same_gradients),
      cmocka_unit_test(a_session_for_inference_has_no_tape),
      cmocka_unit_test(bounds_of_clip_are_not_parameters),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
