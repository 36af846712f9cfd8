/* Matrices of bytes, of every small size, in memory of their own so that a sanitizer sees their ends. */
#include "base/base.h"
#include "base/rng.h"
#include "kernels/u8_transpose/u8_transpose.h"
#include "unit.h"

static void every_byte_goes_to_its_place(void **state) {
  (void)state;
  pare_context *ctx;
  pare_rng rng = pare_rng_new(1, "transpose");
  assert_int_equal(pare_context_new(NULL, &ctx), PARE_OK);
  for (int64_t rows = 1; rows < 28; rows++) {
    for (int64_t columns = 1; columns < 70; columns++) {
      uint8_t *x = pare_alloc(ctx, (size_t)(rows * columns)), *y = pare_alloc(ctx, (size_t)(rows * columns));
      for (int64_t i = 0; i < rows * columns; i++) x[i] = (uint8_t)pare_rng_u32(&rng);
      pare_u8_transpose(x, rows, columns, y);
      for (int64_t i = 0; i < rows * columns; i++) assert_int_equal(y[i], x[i % rows * columns + i / rows]);
      pare_free(ctx, x);
      pare_free(ctx, y);
    }
  }
  pare_context_free(ctx);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_byte_goes_to_its_place)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
