/* libFuzzer: whatever loads as a model is planned and run, or refused with a message. Memory is limited, so
 * that a huge shape is a failed allocation; only small plans run, so that a big one is no timeout. Seeds: the
 * models of ONNX's backend tests. */
#include "session/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BYTES      ((size_t)64 << 20)
#define MAX_PEAK_BYTES ((size_t)256 << 10)

static size_t live_bytes;

static void *resize(void *user, void *old, size_t old_size, size_t new_size) {
  (void)user;
  if (new_size == 0) {
    free(old);
    live_bytes -= old_size;
    return NULL;
  }
  if (new_size > MAX_BYTES || live_bytes + new_size > MAX_BYTES) return NULL;
  void *memory = realloc(old, new_size);
  if (memory) live_bytes += new_size - old_size;
  return memory;
}

static void fill_inputs(pare_session *session) {
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view view = pare_session_input(session, i);
    for (size_t k = 0; k < view.len_bytes; k++) ((uint8_t *)view.data)[k] = (uint8_t)(k * 7 % 64);
  }
}

static void plan_and_run(const pare_model *model) {
  pare_session *session;
  const pare_plan_options options = {.batch = 2, .fuse = true, .max_work = 1 << 16};
  if (pare_session_plan(model, &options, &session) != PARE_OK) return;
  if (pare_session_peak_bytes(session) <= MAX_PEAK_BYTES) {
    fill_inputs(session);
    pare_session_run(session);
  }
  pare_session_free(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx;
  pare_model *model;
  live_bytes = 0;
  if (pare_context_new(&(pare_allocator){.resize = resize}, &ctx) != PARE_OK) return 0;
  if (pare_model_load(ctx, data, size, &model) == PARE_OK) {
    plan_and_run(model);
    pare_model_free(model);
  }
  pare_context_free(ctx);
  if (live_bytes == 0) return 0;
  fprintf(stderr, "%zu bytes leaked\n", live_bytes);
  abort(); /* what libFuzzer reports */
}
