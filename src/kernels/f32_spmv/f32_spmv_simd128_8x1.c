/* f32_spmv.h in Wasm SIMD: eight rows at a time, x read lane by lane. Where a row has no more, nothing is x[k], a zero:
 * adding it changes no sum. */
#include "kernels/f32_spmv/f32_spmv.h"
#include "kernels/simd.h"

void pare_f32_spmv__simd128_8x1(const pare_f32_spmv_args *args);

PARE_INLINE v128_t gather(const float *x, const uint16_t *columns) {
  v128_t v = wasm_v128_load32_zero(x + columns[0]);
  v = wasm_v128_load32_lane(x + columns[1], v, 1);
  v = wasm_v128_load32_lane(x + columns[2], v, 2);
  return wasm_v128_load32_lane(x + columns[3], v, 3);
}

void pare_f32_spmv__simd128_8x1(const pare_f32_spmv_args *args) {
  const pare_f32_spmv *a = args->a;
  const float *x = args->x, *values = a->values;
  const uint16_t *columns = a->columns;
  int64_t step = 0;
  for (int64_t group = 0; group < a->n_groups; group++) {
    const int64_t end = a->n_blocks ? a->ends[(group + 1) * a->n_blocks - 1] : step;
    v128_t low = wasm_f32x4_splat(0.0f), high = low;
    for (; step < end; step++, values += 8, columns += 8) {
      low = wasm_f32x4_add(low, wasm_f32x4_mul(wasm_v128_load(values), gather(x, columns)));
      high = wasm_f32x4_add(high, wasm_f32x4_mul(wasm_v128_load(values + 4), gather(x, columns + 4)));
    }
    float lane[8];
    wasm_v128_store(lane, low);
    wasm_v128_store(lane + 4, high);
    for (int i = 0; i < 8; i++) pare_f32_spmv_store(args, a->order[group * 8 + i], lane[i]);
  }
}
