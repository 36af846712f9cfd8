/* libFuzzer: any bytes as a data set's samples, as its labels and as both, gzip or not, load or fail with a
 * message. */
#include "pare/pare.h"

#include <stdio.h>
#include <stdlib.h>

static void try_files(pare_context *ctx, pare_file samples, pare_file labels) {
  pare_dataset *data;
  pare_status status = pare_dataset_load(ctx, (const pare_file[]){samples, labels}, 2, &data);
  if (status == PARE_OK) {
    pare_dataset_free(data);
  } else if (data || !*pare_error(ctx)) {
    fprintf(stderr, "failed without a message\n");
    abort(); /* what libFuzzer reports */
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const uint8_t samples[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4},
                       labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 0, 1};
  pare_file fuzzed = {"fuzzed", data, size};
  pare_context *ctx;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 0;
  try_files(ctx, fuzzed, (pare_file){"labels", labels, sizeof(labels)});
  try_files(ctx, (pare_file){"samples", samples, sizeof(samples)}, fuzzed);
  try_files(ctx, fuzzed, fuzzed);
  pare_context_free(ctx);
  return 0;
}
