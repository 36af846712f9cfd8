/* 8 bits become 16, as they lie or in tiles (q8_gemm.h), in Wasm SIMD. */
#include <string.h>

#include "kernels/q8_gemm/q8_gemm.h"
#include "kernels/simd.h"

/* Signed numbers are taken as unsigned ones, 128 higher. */
typedef struct widening {
  v128_t flip, zero;
} widening;

static widening widening_of(bool is_signed, int32_t zero) {
  const int32_t flip = is_signed ? 0x80 : 0;
  return (widening){wasm_i8x16_splat((int8_t)flip), wasm_i16x8_splat((int16_t)(zero + flip))};
}

PARE_INLINE v128_t widened8(widening by, const uint8_t *x) {
  const v128_t bytes = wasm_v128_xor(wasm_v128_load64_zero(x), by.flip);
  return wasm_i16x8_sub(wasm_u16x8_extend_low_u8x16(bytes), by.zero);
}

void pare_q8_widen(const void *x, bool is_signed, int32_t zero, int64_t n, int16_t *out) {
  const uint8_t *bytes = x;
  const widening by = widening_of(is_signed, zero);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const v128_t v = wasm_v128_xor(wasm_v128_load(bytes + i), by.flip);
    wasm_v128_store(out + i, wasm_i16x8_sub(wasm_u16x8_extend_low_u8x16(v), by.zero));
    wasm_v128_store(out + i + 8, wasm_i16x8_sub(wasm_u16x8_extend_high_u8x16(v), by.zero));
  }
  if (n < 8) {
    for (; i < n; i++) out[i] = (int16_t)((is_signed ? ((const int8_t *)x)[i] : bytes[i]) - zero);
    return;
  }
  for (; i < n; i += 8) {
    if (i > n - 8) i = n - 8; /* the last eight, some of them again */
    wasm_v128_store(out + i, widened8(by, bytes + i));
  }
}

/* Eight of k of a tile's rows. */
static void tile8(const uint8_t *const *row, widening by, int64_t k, int64_t rows, int16_t *out) {
  v128_t pairs[4];
  for (int i = 0; i < 4; i++) pairs[i] = widened8(by, row[i] + k);
  pare_turn_4x4(pairs);
  for (int i = 0; i < 4; i++) wasm_v128_store(out + 2 * i * rows, pairs[i]);
  if (rows == 4) return;
  const v128_t e = widened8(by, row[4] + k);
  wasm_v128_store32_lane(out + 8, e, 0);
  wasm_v128_store32_lane(out + 18, e, 1);
  wasm_v128_store32_lane(out + 28, e, 2);
  wasm_v128_store32_lane(out + 38, e, 3);
}

void pare_q8_tile(const void *x, bool is_signed, int32_t zero, const int32_t *rows, int64_t m, int64_t k,
                  int64_t run_len, int16_t *out) {
  const widening by = widening_of(is_signed, zero);
  uint8_t rest[5][8];
  memset(rest, (uint8_t)zero, sizeof rest);
  for (int64_t at = 0, n; at < m; at += n) {
    const uint8_t *row[5];
    n = pare_q8_tile_rows(m, at);
    PARE_Q8_ROLLED for (int64_t i = 0; i < n; i++) {
      const int64_t one = at + i < m ? at + i : m - 1;
      row[i] = (const uint8_t *)x + (rows ? rows[one] : one * k);
    }
    int64_t t = 0;
    for (; t + 8 <= k; t += 8) tile8(row, by, t, n, out + t * n);
    if (t < run_len) {
      PARE_Q8_ROLLED for (int64_t i = 0; i < n; i++) {
        memcpy(rest[i], row[i] + t, (size_t)(k - t));
        row[i] = rest[i];
      }
      tile8(row, by, 0, n, out + t * n);
    }
    out += run_len * n;
  }
}
