/* A network that PyTorch 1.13 exported at opsets 9 to 17 (tests/golden/onnx/make_old_opsets.py): old and new
 * forms of operators give PyTorch's output, before and after the model is written and read again. */
#include "unit.h"

#include "data/dataset.h"
#include "graph/graph.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pare_tensor read_golden(pare_context *ctx, const char *name) {
  char path[300];
  pare_buffer bytes;
  pare_tensor tensor;
  snprintf(path, sizeof(path), "%s/tests/golden/onnx/%s", PARE_SOURCE_DIR, name);
  if (pare_file_read(ctx, path, &bytes) != PARE_OK) fail_msg("%s", pare_error(ctx));
  if (pare_npy_read(ctx, name, bytes.data, bytes.len_bytes, &tensor) != PARE_OK)
    fail_msg("%s", pare_error(ctx));
  pare_buffer_free(ctx, &bytes);
  return tensor;
}

static void expect_golden(pare_context *ctx, const pare_model *model, int64_t opset) {
  pare_tensor x = read_golden(ctx, "forms_x.npy"), y = read_golden(ctx, "forms_y.npy");
  pare_session *session;
  if (pare_session_new(model, &(pare_session_options){.batch = 2}, &session) != PARE_OK) {
    fail_msg("opset %d: %s", (int)opset, pare_error(ctx));
  }
  pare_tensor_view in = pare_session_input(session, 0), out = pare_session_output(session, 0);
  assert_int_equal(in.len_bytes, pare_tensor_len_bytes(&x));
  memcpy(in.data, x.data, in.len_bytes);
  if (pare_session_run(session) != PARE_OK) fail_msg("opset %d: %s", (int)opset, pare_error(ctx));
  assert_int_equal(out.len_bytes, pare_tensor_len_bytes(&y));
  for (int64_t i = 0; i < pare_tensor_count(&y); i++) {
    double have = (double)((const float *)out.data)[i], want = (double)pare_f32(&y)[i];
    if (!(fabs(have - want) <= 1e-5))
      fail_msg("opset %d: output %d is %.9g, not %.9g", (int)opset, (int)i, have, want);
  }
  pare_session_free(session);
  pare_tensor_release(&x);
  pare_tensor_release(&y);
}

static void all_opsets_give_pytorchs_output_also_after_a_round_trip(void **state) {
  (void)state;
  static const int opsets[] = {9, 11, 12, 13, 17};
  for (size_t i = 0; i < sizeof(opsets) / sizeof(opsets[0]); i++) {
    char path[300];
    pare_context *ctx;
    pare_model *model, *again;
    pare_buffer bytes;
    snprintf(path, sizeof(path), "%s/tests/golden/onnx/forms_opset%d.onnx", PARE_SOURCE_DIR, opsets[i]);
    assert_int_equal(pare_context_new(NULL, &ctx), PARE_OK);
    if (pare_model_load_file(ctx, path, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
    expect_golden(ctx, model, opsets[i]);
    assert_int_equal(pare_model_save(model, &bytes), PARE_OK);
    if (pare_model_load_buffer(ctx, &bytes, &again) != PARE_OK) fail_msg("%s", pare_error(ctx));
    assert_int_equal(pare_model_opset(again, ""), opsets[i]);
    assert_int_equal(pare_model_n_weights(again), pare_model_n_weights(model));
    expect_golden(ctx, again, opsets[i]);
    pare_model_free(model);
    pare_model_free(again);
    pare_context_free(ctx);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(all_opsets_give_pytorchs_output_also_after_a_round_trip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
