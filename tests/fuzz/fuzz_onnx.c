/* libFuzzer: any bytes load as a model or fail cleanly; what loads saves, and what was saved loads again to
 * the same bytes. */
#include "pare/pare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(const pare_context *ctx, bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s; last error: %s\n", what, pare_error(ctx));
  abort(); /* what libFuzzer reports */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx;
  pare_model *model, *again;
  pare_buffer first, second;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 0;
  if (pare_model_load(ctx, data, size, &model) == PARE_OK) {
    check(ctx, pare_model_save(model, &first) == PARE_OK, "loaded but not saved");
    check(ctx, pare_model_load(ctx, first.data, first.len_bytes, &again) == PARE_OK, "saved but not loaded");
    check(ctx, pare_model_save(again, &second) == PARE_OK, "not saved again");
    bool same = first.len_bytes == second.len_bytes && memcmp(first.data, second.data, first.len_bytes) == 0;
    check(ctx, same, "saved differently the second time");
    pare_buffer_free(ctx, &first);
    pare_buffer_free(ctx, &second);
    pare_model_free(again);
    pare_model_free(model);
  } else {
    check(ctx, model == NULL && *pare_error(ctx) != 0, "failed without a message");
  }
  pare_context_free(ctx);
  return 0;
}
