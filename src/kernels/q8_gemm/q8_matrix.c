/* q8_matrix.h: rows brought into the kernel's format, and the kernel run on them. */
#include "kernels/q8_gemm/q8_matrix.h"

#include <string.h>

#define WHOLE 64 /* columns are filled up to whole panels of any variant */

static const int32_t one_run = 0;

pare_status pare_q8_matrix_plan(pare_q8_matrix *b, int64_t m, bool plain, pare_arena *arena) {
  if (b->k > PARE_Q8_MAX_K) {
    return pare_fail(arena->ctx, PARE_UNSUPPORTED,
                     "sums of %lld products may overflow 32 bits (at most %d are there)", (long long)b->k,
                     PARE_Q8_MAX_K);
  }
  size_t bytes;
  if (!b->kernel) b->kernel = pare_q8_gemm_select(m, plain, true);
  b->k_whole = pare_q8_round_up(b->k, 4);
  b->n_whole = pare_q8_round_up(b->n, WHOLE);
  if (b->n > INT32_MAX / 2 || !pare_q8_pack_bytes(b->kernel, b->k_whole, b->n, &bytes) ||
      !pare_add_size(bytes, PARE_Q8_ALIGN, &bytes))
    return pare_fail(arena->ctx, PARE_BAD_MODEL, "the matrices are too large");
  uint8_t *packed = pare_arena_alloc(arena, bytes);
  b->from = pare_arena_array(arena, (size_t)b->k_whole, sizeof *b->from);
  b->sums = pare_arena_array(arena, (size_t)b->n_whole, sizeof *b->sums);
  b->bias = pare_arena_array(arena, (size_t)b->n_whole, sizeof *b->bias);
  b->steps = pare_arena_array(arena, (size_t)b->k_whole / 2, sizeof *b->steps);
  if (!packed || !b->from || !b->sums || !b->bias || !b->steps) return PARE_OUT_OF_MEMORY;
  pare_q8_steps(&one_run, 1, b->k_whole, b->steps);
  b->packed = packed + (PARE_Q8_ALIGN - (uintptr_t)packed % PARE_Q8_ALIGN) % PARE_Q8_ALIGN;
  return PARE_OK;
}

void pare_q8_matrix_pack(const pare_q8_matrix *b, const void *data, int64_t k_step, int64_t n_step,
                         const int32_t *zeros) {
  for (int64_t k = 0; k < b->k_whole; k++) b->from[k] = k < b->k ? k * k_step : -1;
  const pare_q8_weights weights = {.data = data,
                                   .is_signed = b->b_signed,
                                   .from = b->from,
                                   .k = b->k_whole,
                                   .n = b->n,
                                   .n_step = n_step,
                                   .zeros = zeros};
  pare_q8_pack(b->kernel, &weights, b->packed, b->sums);
}

void pare_q8_matrix_bias(const pare_q8_matrix *b, const int32_t *bias, int32_t zero_a) {
  const uint32_t zero = b->kernel->format != PARE_Q8_BYTES ? 0 : (uint32_t)(zero_a + (b->a_signed ? 128 : 0));
  for (int64_t n = 0; n < b->n; n++)
    b->bias[n] = (int32_t)((bias ? (uint32_t)bias[n] : 0) - zero * (uint32_t)b->sums[n]);
}

bool pare_q8_matrix_scratch(const pare_q8_matrix *b, int64_t rows, size_t *bytes) {
  return pare_mul_size((size_t)b->k_whole * sizeof(int16_t), (size_t)rows + 3, bytes) &&
         pare_add_size(*bytes, 2 * PARE_Q8_ALIGN, bytes);
}

/* Row after row, each filled up with zeros (there B is zero too, so anything would do). */
static void bring(const pare_q8_matrix *b, const uint8_t *a, int32_t zero_a, int64_t rows, void *scratch) {
  if (b->kernel->format == PARE_Q8_TILED) {
    pare_q8_tile(a, b->a_signed, zero_a, NULL, rows, b->k, b->k_whole, scratch);
    return;
  }
  for (int64_t m = 0; m < rows; m++, a += b->k) {
    if (b->kernel->format != PARE_Q8_BYTES) {
      int16_t *to = (int16_t *)scratch + m * b->k_whole;
      pare_q8_widen(a, b->a_signed, zero_a, b->k, to);
      for (int64_t k = b->k; k < b->k_whole; k++) to[k] = 0;
      continue;
    }
    uint8_t *to = (uint8_t *)scratch + m * b->k_whole;
    const uint8_t flip = b->a_signed ? 0x80 : 0;
    for (int64_t k = 0; k < b->k; k++) to[k] = a[k] ^ flip;
    for (int64_t k = b->k; k < b->k_whole; k++) to[k] = 0;
  }
}

void pare_q8_matrix_run(const pare_q8_matrix *b, const void *a, int32_t zero_a, int64_t rows, int64_t first,
                        int64_t end, const pare_q8_sink *sink, void *scratch) {
  const bool direct = b->kernel->format == PARE_Q8_BYTES && !b->a_signed && b->k == b->k_whole;
  if (!direct) bring(b, a, zero_a, rows, scratch);
  const int64_t element = pare_q8_wide_weights(b->kernel->format) ? 2 : 1;
  pare_q8_gemm_args args = {.m = rows,
                            .n = end - first,
                            .a = direct ? a : scratch,
                            .a_row = b->k_whole,
                            .runs = &one_run,
                            .n_runs = 1,
                            .run_len = b->k_whole,
                            .steps = b->steps,
                            .b = (const uint8_t *)b->packed + first * b->k_whole * element,
                            .sink = *sink};
  args.sink.bias = b->bias + first;
  if (sink->y) args.sink.scale += first;
  b->kernel->run(&args);
}
