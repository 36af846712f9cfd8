/* 8 bits become 16 (q8_gemm.h), in Wasm SIMD. */
#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/simd.h"

static inline int32_t byte_at(const void *x, bool is_signed, int64_t i) {
  return is_signed ? ((const int8_t *)x)[i] : ((const uint8_t *)x)[i];
}

void pare_q8_widen(const void *x, bool is_signed, int32_t zero, int64_t n, int16_t *out) {
  const uint8_t *bytes = x;
  const v128_t z = wasm_i16x8_splat((int16_t)zero);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const v128_t v = wasm_v128_load(bytes + i);
    const v128_t low = is_signed ? wasm_i16x8_extend_low_i8x16(v) : wasm_u16x8_extend_low_u8x16(v);
    const v128_t high = is_signed ? wasm_i16x8_extend_high_i8x16(v) : wasm_u16x8_extend_high_u8x16(v);
    wasm_v128_store(out + i, wasm_i16x8_sub(low, z));
    wasm_v128_store(out + i + 8, wasm_i16x8_sub(high, z));
  }
  if (n < 8) {
    for (; i < n; i++) out[i] = (int16_t)(byte_at(x, is_signed, i) - zero);
    return;
  }
  for (; i < n; i += 8) {
    if (i > n - 8) i = n - 8; /* the last eight, some of them again */
    const v128_t v = is_signed ? wasm_i16x8_load8x8(bytes + i) : wasm_u16x8_load8x8(bytes + i);
    wasm_v128_store(out + i, wasm_i16x8_sub(v, z));
  }
}
