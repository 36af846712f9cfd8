/* Wasm SIMD intrinsics everywhere: the compiler's own in WebAssembly builds, SIMDe's elsewhere, so that
 * one source runs in the browser, under the sanitizers and on any processor. Use wasm_f32x4_pmin / pmax
 * (not min / max): they are one instruction on x86 too. */
#ifndef PARE_SIMD_H
#define PARE_SIMD_H

#include <stddef.h>
#include <stdint.h>

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

#define PARE_INLINE static inline __attribute__((always_inline))

/* Transposes four vectors of four. */
PARE_INLINE void pare_turn_4x4(v128_t v[4]) {
  const v128_t ab_low = wasm_i32x4_shuffle(v[0], v[1], 0, 4, 1, 5),
               ab_high = wasm_i32x4_shuffle(v[0], v[1], 2, 6, 3, 7),
               cd_low = wasm_i32x4_shuffle(v[2], v[3], 0, 4, 1, 5),
               cd_high = wasm_i32x4_shuffle(v[2], v[3], 2, 6, 3, 7);
  v[0] = wasm_i32x4_shuffle(ab_low, cd_low, 0, 1, 4, 5);
  v[1] = wasm_i32x4_shuffle(ab_low, cd_low, 2, 3, 6, 7);
  v[2] = wasm_i32x4_shuffle(ab_high, cd_high, 0, 1, 4, 5);
  v[3] = wasm_i32x4_shuffle(ab_high, cd_high, 2, 3, 6, 7);
}

/* The first `n` bytes of a vector, n < 16: without a call to memcpy, which a few bytes are not worth. */
PARE_INLINE void pare_store_few(void *to, v128_t bytes, size_t n) {
  uint8_t *at = (uint8_t *)to;
  if (n & 8) {
    wasm_v128_store64_lane(at, bytes, 0);
    bytes = wasm_i64x2_shuffle(bytes, bytes, 1, 1);
    at += 8;
  }
  if (n & 4) {
    wasm_v128_store32_lane(at, bytes, 0);
    bytes = wasm_u64x2_shr(bytes, 32);
    at += 4;
  }
  if (n & 2) {
    wasm_v128_store16_lane(at, bytes, 0);
    bytes = wasm_u64x2_shr(bytes, 16);
    at += 2;
  }
  if (n & 1) wasm_v128_store8_lane(at, bytes, 0);
}

#endif
