/* i32x4.relaxed_dot_i8x16_i7x16_add, as engines do it where the processor has VNNI: four products of signed `w` and unsigned `x`, added to a lane,
 * without saturation. Elsewhere pairs saturate or x is read as signed, so a module that uses it proves itself when it is loaded (q8_check.h).
 * Natively it is written out, so that the tests and the sanitizers see the tiles. */
#ifndef PARE_RELAXED_DOT_H
#define PARE_RELAXED_DOT_H

#include "kernels/simd.h"

PARE_INLINE v128_t pare_relaxed_dot(v128_t w, v128_t x, v128_t sum) {
#ifdef __wasm_relaxed_simd__
  return wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, x, sum);
#else
  const v128_t low = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_low_i8x16(w), wasm_u16x8_extend_low_u8x16(x));
  const v128_t high = wasm_i32x4_dot_i16x8(wasm_i16x8_extend_high_i8x16(w), wasm_u16x8_extend_high_u8x16(x));
  const v128_t even = wasm_i32x4_shuffle(low, high, 0, 2, 4, 6),
               odd = wasm_i32x4_shuffle(low, high, 1, 3, 5, 7);
  return wasm_i32x4_add(sum, wasm_i32x4_add(even, odd));
#endif
}

#endif
