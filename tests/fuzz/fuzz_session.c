/* libFuzzer: whatever loads as a model is planned and run, or refused with a message. Memory is limited, so
 * that a huge shape is a failed allocation; only small plans run, so that a big one is no timeout. Seeds: the
 * models of ONNX's backend tests. */
#include "session/session.h"

#define LIMITED_BYTES                                                                                        \
  ((size_t)8 << 20) /* what an operator can compute in it takes no time, even instrumented */
#include "limited_alloc.h"

#define MAX_PEAK_BYTES ((size_t)256 << 10)

/* Any bytes, of which most integers are too large to be a count, or a small number in each element. */
static void fill_inputs(pare_session *session, bool small) {
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view view = pare_session_input(session, i);
    pare_tensor tensor = {.dtype = view.dtype, .shape = view.shape, .data = view.data};
    for (size_t k = 0; k < view.len_bytes; k++) ((uint8_t *)view.data)[k] = (uint8_t)(k * 7 % 64);
    for (int64_t k = 0; small && view.len_bytes > 0 && k < pare_tensor_count(&tensor); k++)
      pare_tensor_set_f64(&tensor, k, (double)(k % 3 + (i == 0)));
  }
}

static void plan_and_run(const pare_model *model) {
  pare_session *session;
  const pare_plan_options options = {.batch = 2, .fuse = true, .max_work = 1 << 16};
  if (pare_session_plan(model, &options, &session) != PARE_OK) return;
  if (pare_session_peak_bytes(session) <= MAX_PEAK_BYTES) {
    fill_inputs(session, true);
    pare_session_run(session);
    fill_inputs(session, false);
    pare_session_run(session);
  }
  pare_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx;
  pare_model *model;
  if (limited_context(&ctx) != PARE_OK) return 0;
  if (pare_model_load(ctx, data, size, &model) == PARE_OK) {
    plan_and_run(model);
    pare_model_free(model);
  }
  pare_context_free(ctx);
  limited_check();
  return 0;
}
