/* Golden files: read whole, parsed by the library's own readers. */
#include "golden.h"

#include "data/dataset.h"
#include "unit.h"

#include <math.h>
#include <stdio.h>

static void full_path(const char *path, char *out, size_t size) {
  snprintf(out, size, "%s/%s", PARE_SOURCE_DIR, path);
}

static pare_buffer read_file(pare_context *ctx, const char *path) {
  char full[1024];
  pare_buffer bytes;
  full_path(path, full, sizeof(full));
  if (pare_file_read(ctx, full, &bytes) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return bytes;
}

pare_tensor golden_npy(pare_context *ctx, const char *path) {
  pare_buffer bytes = read_file(ctx, path);
  pare_tensor tensor;
  if (pare_npy_read(ctx, path, bytes.data, bytes.len_bytes, &tensor) != PARE_OK)
    fail_msg("%s", pare_error(ctx));
  pare_buffer_free(ctx, &bytes);
  return tensor;
}

pare_model *golden_model(pare_context *ctx, const char *path) {
  char full[1024];
  pare_model *model;
  full_path(path, full, sizeof(full));
  if (pare_model_load_file(ctx, full, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return model;
}

pare_dataset *golden_dataset(pare_context *ctx, const char *const paths[4]) {
  pare_buffer bytes[4];
  pare_file files[4];
  pare_dataset *dataset;
  for (int i = 0; i < 4; i++) {
    bytes[i] = read_file(ctx, paths[i]);
    files[i] = (pare_file){paths[i], bytes[i].data, bytes[i].len_bytes};
  }
  if (pare_dataset_load(ctx, files, 4, &dataset) != PARE_OK) fail_msg("%s", pare_error(ctx));
  for (int i = 0; i < 4; i++) pare_buffer_free(ctx, &bytes[i]);
  return dataset;
}

void golden_close(const char *what, double value, double expected, double relative, double absolute) {
  if (!(fabs(value - expected) <= relative * fabs(expected) + absolute)) {
    fail_msg("%s: %.9g, expected %.9g (off by %.3g)", what, value, expected, value - expected);
  }
}
