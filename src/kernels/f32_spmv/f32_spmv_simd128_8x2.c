/* f32_spmv.h in Wasm SIMD: eight rows at a time, two steps a turn, x read lane by lane. Where a row has no more, nothing
 * is x[k], a zero: adding it changes no sum. What bounds this in V8 is the number of instructions and of loads that a
 * non-zero takes, so one load brings two places. */
#include <string.h>

#include "kernels/f32_spmv/f32_spmv.h"
#include "kernels/simd.h"

void pare_f32_spmv__simd128_8x2(const pare_f32_spmv_args *args);

/* x at two places, behind each other in the low half. */
PARE_INLINE v128_t gather_two(uintptr_t base, const pare_f32_spmv_word *places) {
  uint64_t two;
  memcpy(&two, places, sizeof two);
  const v128_t x = wasm_v128_load32_zero((const float *)(base + (uint32_t)two));
  return wasm_v128_load32_lane((const float *)(base + (uint32_t)(two >> 32)), x, 1);
}

PARE_INLINE v128_t add_four(v128_t sum, uintptr_t base, const pare_f32_spmv_word *values) {
  const pare_f32_spmv_word *places = values + 8;
  const v128_t x = wasm_i64x2_shuffle(gather_two(base, places), gather_two(base, places + 2), 0, 2);
  return wasm_f32x4_add(sum, wasm_f32x4_mul(wasm_v128_load(values), x));
}

static void add_up(const pare_f32_spmv *a) {
  const uintptr_t base = pare_f32_spmv_base(a);
  const pare_f32_spmv_word *word = a->words;
  const int32_t *ends = a->ends;
  float *sums = a->sums;
  for (int64_t group = 0; group < a->n_groups; group++, sums += 8) {
    const pare_f32_spmv_word *end = a->n_blocks ? a->words + (size_t)ends[group] * 16 : word;
    v128_t low = wasm_f32x4_splat(0.0f), high = low;
    for (; word < end; word += 32) {
      low = add_four(low, base, word);
      high = add_four(high, base, word + 4);
      low = add_four(low, base, word + 16);
      high = add_four(high, base, word + 20);
    }
    wasm_v128_store(sums, low);
    wasm_v128_store(sums + 4, high);
  }
}

void pare_f32_spmv__simd128_8x2(const pare_f32_spmv_args *args) {
  const int64_t m = args->a->m;
  const int32_t *lane = args->a->lane_of;
  const float *sums = args->a->sums, *bias = args->bias;
  const v128_t clamp_low = wasm_f32x4_splat(args->clamp_low), clamp_high = wasm_f32x4_splat(args->clamp_high);
  float *y = args->y;
  int64_t i = 0;
  add_up(args->a);
  for (; i + 4 <= m; i += 4) {
    v128_t sum = wasm_v128_load32_zero(sums + lane[i]);
    sum = wasm_v128_load32_lane(sums + lane[i + 1], sum, 1);
    sum = wasm_v128_load32_lane(sums + lane[i + 2], sum, 2);
    sum = wasm_v128_load32_lane(sums + lane[i + 3], sum, 3);
    if (bias) sum = wasm_f32x4_add(sum, wasm_v128_load(bias + i));
    wasm_v128_store(y + i, wasm_f32x4_pmin(wasm_f32x4_pmax(sum, clamp_low), clamp_high));
  }
  pare_f32_spmv_store(args, i);
}
