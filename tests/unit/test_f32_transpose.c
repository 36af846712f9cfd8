/* Matrices of f32, of every small size, in memory of their own so that a sanitizer sees their ends; rows that stand apart. */
#include <string.h>

#include "base/base.h"
#include "base/rng.h"
#include "kernels/f32_transpose/f32_transpose.h"
#include "unit.h"

/* Whole numbers: sums of them are exact. */
static void fill(pare_rng *rng, float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) x[i] = (float)(pare_rng_u32(rng) >> 12);
}

static void check(pare_context *ctx, pare_rng *rng, int64_t rows, int64_t columns, int64_t gap) {
  const int64_t x_row = columns + gap, y_row = rows + gap, x_len = (rows - 1) * x_row + columns,
                y_len = (columns - 1) * y_row + rows;
  float *x = pare_alloc(ctx, (size_t)x_len * sizeof(float)),
        *y = pare_alloc(ctx, (size_t)y_len * sizeof(float)),
        *expected = pare_alloc(ctx, (size_t)y_len * sizeof(float));
  fill(rng, x, x_len);
  fill(rng, expected, y_len);
  memcpy(y, expected, (size_t)y_len * sizeof(float));
  for (int add = 0; add < 2; add++) {
    for (int64_t i = 0; i < rows; i++)
      for (int64_t j = 0; j < columns; j++)
        expected[j * y_row + i] = x[i * x_row + j] + (add ? expected[j * y_row + i] : 0.0f);
    (add ? pare_f32_transpose_add : pare_f32_transpose)(x, x_row, rows, columns, y, y_row);
    assert_memory_equal(y, expected, (size_t)y_len * sizeof(float));
  }
  pare_free(ctx, x);
  pare_free(ctx, y);
  pare_free(ctx, expected);
}

static void every_number_goes_to_its_place(void **state) {
  (void)state;
  pare_context *ctx;
  pare_rng rng = pare_rng_new(1, "transpose");
  assert_int_equal(pare_context_new(NULL, &ctx), PARE_OK);
  for (int64_t rows = 1; rows < 22; rows++)
    for (int64_t columns = 1; columns < 22; columns++)
      for (int64_t gap = 0; gap < 2; gap++) check(ctx, &rng, rows, columns, gap);
  pare_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_number_goes_to_its_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
