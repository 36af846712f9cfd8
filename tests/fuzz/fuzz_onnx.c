/* libFuzzer: any bytes load as a model or fail cleanly; what loads saves, and what was saved loads again to the same bytes. */
#include "pare/pare.h"

#include <stdlib.h>
#include <string.h>

static void check(bool condition) {
  if (!condition) abort(); /* what libFuzzer reports */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx;
  pare_model *model, *again;
  pare_buffer first, second;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 0;
  if (pare_model_load(ctx, data, size, &model) == PARE_OK) {
    check(pare_model_save(model, &first) == PARE_OK);
    check(pare_model_load(ctx, first.data, first.len_bytes, &again) == PARE_OK);
    check(pare_model_save(again, &second) == PARE_OK);
    check(first.len_bytes == second.len_bytes && memcmp(first.data, second.data, first.len_bytes) == 0);
    pare_buffer_free(ctx, &first);
    pare_buffer_free(ctx, &second);
    pare_model_free(again);
    pare_model_free(model);
  } else {
    check(model == NULL && *pare_error(ctx) != 0);
  }
  pare_context_free(ctx);
  return 0;
}
