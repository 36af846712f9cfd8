/* Every f32 GEMM variant against the plain reference, bit for bit, over random shapes with every tail. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kernels/f32_gemm/f32_gemm.h"

static uint32_t seed = 1;
static float random_f32(void) {
  seed = seed * 1664525u + 1013904223u;
  return (float)(int32_t)seed / 2147483648.0f;
}

static float *random_n(size_t n) {
  float *x = malloc((n + 1) * sizeof(float));
  assert_non_null(x);
  for (size_t i = 0; i < n; i++) x[i] = random_f32();
  return x;
}

typedef struct shape {
  int64_t m, n, k;
  int options; /* bits: accumulate, row bias, column bias, clamp, transposed A, offsets, runs, add, rows of C without a gap */
} shape;

/* Runs `fn` (NULL: pare_f32_gemm) on the case into fresh memory with a guard column or, without gaps, guards behind the last row, which must stay. */
static float *run_case(const shape *s, const float *a, const float *b, const float *bias, const float *add,
                       pare_f32_gemm_fn fn) {
  const int64_t c_row = s->options & 256 ? s->n : s->n + 1;
  const uint32_t before = seed;
  seed = 77;
  float *c = random_n((size_t)(s->m * (s->n + 1)));
  seed = before;
  int64_t *offsets = calloc((size_t)s->m, sizeof(int64_t));
  for (int64_t i = 0; i < s->m; i++) offsets[i] = (s->m - 1 - i) * s->k;
  const bool transposed = s->options & 16, scattered = (s->options & 32) && !transposed;
  pare_f32_gemm_args args = {.m = s->m, .n = s->n, .k = s->k, .a = a, .b = b, .c = c, .c_row = c_row};
  args.a_row = transposed ? 1 : s->k;
  args.a_column = transposed ? s->m : 1;
  args.a_offsets = scattered ? offsets : NULL;
  if ((s->options & 64) &&
      !transposed) { /* A with a gap of -1 after every third column, or fourth, fifth, sixth */
    args.k_run = 3 + s->k % 4;
    args.a_jump = -1;
  }
  args.accumulate = s->options & 1;
  args.row_bias = s->options & 2 ? bias : NULL;
  args.column_bias = s->options & 4 ? bias + 1 : NULL;
  args.add = s->options & 128 ? add : NULL;
  args.clamp_low = s->options & 8 ? 0.0f : -INFINITY;
  args.clamp_high = s->options & 8 ? 1.5f : INFINITY;
  if (fn)
    fn(&args);
  else
    pare_f32_gemm(NULL, PARE_EXACT, &args);
  free(offsets);
  return c;
}

static void check_shape(const shape *s) {
  float *a = random_n((size_t)(s->m * s->k)), *b = random_n((size_t)(s->k * s->n));
  float *bias = random_n((size_t)(s->m + s->n + 1)), *add = random_n((size_t)(s->m * (s->n + 1)));
  float *packed = random_n(pare_f32_pack_len(s->k, s->n));
  const size_t size = (size_t)(s->m * (s->n + 1)) * sizeof(float);
  pare_f32_pack_b(b, s->n, 1, s->k, s->n, packed);
  float *expected = run_case(s, a, packed, bias, add, pare_f32_gemm_at(0)->run);
  for (int i = 1; i <= pare_f32_gemm_count(); i++) {
    const bool whole = i == pare_f32_gemm_count();
    const bool fast = !whole && pare_f32_gemm_at(i)->fast;
    float *c = run_case(s, a, packed, bias, add, whole ? NULL : pare_f32_gemm_at(i)->run);
    if (!fast) assert_memory_equal(c, expected, size);
    for (size_t e = 0; fast && e < size / sizeof(float); e++) {
      /* factors are below 1, so that every one of k roundings moves a sum below k by at most k / 2^24 */
      const float bound = (float)(s->k + 2) * (float)(s->k + 2) / 16777216.0f;
      assert_true(fabsf(c[e] - expected[e]) <= bound);
    }
    free(c);
  }
  free(a), free(b), free(bias), free(add), free(packed), free(expected);
}

static void every_variant_gives_the_bytes_of_the_reference_for_every_tail(void **state) {
  (void)state;
  for (int64_t m = 1; m <= 31; m++) {
    for (int64_t n = 1; n <= 37; n++) {
      const shape s = {m, n, (m * 7 + n * 3) % 20, (int)((m * 31 + n * 17) % 512)};
      check_shape(&s);
    }
  }
}

/* The widest tiles take several steps of k at once. */
static void one_row_gives_the_bytes_of_the_reference_for_every_tail_of_k(void **state) {
  (void)state;
  for (int64_t k = 0; k <= 24; k++) {
    for (int options = 0; options < 128; options++) {
      const shape s = {1, 24 + 13 * (options % 11), k, options};
      check_shape(&s);
    }
  }
}

static void every_variant_gives_the_bytes_of_the_reference_for_random_shapes(void **state) {
  (void)state;
  for (int i = 0; i < 150; i++) {
    const shape s = {1 + rand() % 70, 1 + rand() % 150, rand() % 300, rand() % 512};
    check_shape(&s);
  }
  /* more terms than are taken at a time, and more columns of so many than stay in a cache; runs that cross the pieces */
  const shape longest[] = {{7, 21, 2500, 15}, {9, 131, 2052, 128 + 64 + 32 + 15}, {5, 130, 1027, 16 + 4}};
  for (size_t i = 0; i < PARE_COUNT(longest); i++) check_shape(&longest[i]);
}

/* Where one row of C ends the next begins, and a panel is wider than both. */
static void every_variant_gives_the_bytes_of_the_reference_for_few_columns(void **state) {
  (void)state;
  for (int64_t m = 1; m <= 20; m++) {
    for (int64_t n = 1; n < 8; n++) {
      for (int options = 0; options < 16; options++) {
        const shape s = {m, n, n == 5 ? 1030 : 1 + m * n % 30, 256 + options};
        check_shape(&s);
      }
    }
  }
}

static void the_reference_multiplies(void **state) {
  (void)state;
  const float a[6] = {1, 2, 3, 4, 5, 6}, b[6] = {1, -1, 0, 2, 5, 0.5f}; /* [2,3] x [3,2] */
  float packed[24], c[4];
  pare_f32_pack_b(b, 2, 1, 3, 2, packed);
  const pare_f32_gemm_args args = {.m = 2,
                                   .n = 2,
                                   .k = 3,
                                   .a = a,
                                   .a_row = 3,
                                   .a_column = 1,
                                   .b = packed,
                                   .c = c,
                                   .c_row = 2,
                                   .clamp_low = -INFINITY,
                                   .clamp_high = INFINITY};
  pare_f32_gemm_at(0)->run(&args);
  const float expected[4] = {16, 4.5f, 34, 9};
  assert_memory_equal(c, expected, sizeof c);
}

static void packing_reads_b_transposed_and_fills_missing_columns_with_zeros(void **state) {
  (void)state;
  const float b[20] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,
                       10, 11, 12, 13, 14, 15, 16, 17, 18, 19}; /* [10,2] = B^T */
  float packed[32];
  memset(packed, 0xff, sizeof packed);
  assert_int_equal(pare_f32_pack_len(2, 10), 32);
  pare_f32_pack_b(b, 1, 2, 2, 10, packed);
  assert_true(packed[0] == 0 && packed[7] == 14 && packed[8] == 1 && packed[15] == 15);
  assert_true(packed[16] == 16 && packed[17] == 18 && packed[18] == 0 && packed[25] == 19 && packed[31] == 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_reference_multiplies),
      cmocka_unit_test(packing_reads_b_transposed_and_fills_missing_columns_with_zeros),
      cmocka_unit_test(every_variant_gives_the_bytes_of_the_reference_for_every_tail),
      cmocka_unit_test(one_row_gives_the_bytes_of_the_reference_for_every_tail_of_k),
      cmocka_unit_test(every_variant_gives_the_bytes_of_the_reference_for_random_shapes),
      cmocka_unit_test(every_variant_gives_the_bytes_of_the_reference_for_few_columns),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
