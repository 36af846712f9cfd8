/* The table of int8 GEMM variants, and packing. */
#include "kernels/s16_gemm/s16_gemm.h"

#include <string.h>

#include "kernels/simd.h"

#define PARE_S16_GEMM(suffix, isa, rank) void pare_s16_gemm__##suffix(const pare_s16_gemm_args *args);
#include "kernels/s16_gemm/s16_gemm.def"
#undef PARE_S16_GEMM

static const pare_s16_gemm_kernel kernels[] = {
#define PARE_S16_GEMM(suffix, isa, rank) {"pare_s16_gemm__" #suffix, pare_s16_gemm__##suffix, rank},
#include "kernels/s16_gemm/s16_gemm.def"
#undef PARE_S16_GEMM
};

#define CPU_HAS_ALWAYS true
#define CPU_HAS_AVX2   (__builtin_cpu_supports("avx2") != 0)
#define CPU_HAS_AVX512VNNI                                                                                   \
  (__builtin_cpu_supports("avx512vnni") && __builtin_cpu_supports("avx512vl") &&                             \
   __builtin_cpu_supports("avx512bw"))

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_S16_GEMM(suffix, isa, rank)                                                                     \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/s16_gemm/s16_gemm.def"
#undef PARE_S16_GEMM
  return false;
}

int pare_s16_gemm_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_s16_gemm_kernel *pare_s16_gemm_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++)
    if (runs_here(at) && i-- == 0) return &kernels[at];
  return NULL;
}

const pare_s16_gemm_kernel *pare_s16_gemm_select(void) {
  const pare_s16_gemm_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  return best;
}

static inline int32_t byte_at(const void *x, bool is_signed, int64_t i) {
  return is_signed ? ((const int8_t *)x)[i] : ((const uint8_t *)x)[i];
}

void pare_s16_widen(const void *x, bool is_signed, int32_t zero, int64_t n, int16_t *out) {
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

void pare_s16_pack_a(const void *x, bool is_signed, int64_t x_row, const int32_t *zeros, int32_t zero,
                     int64_t m, int64_t k, int16_t *out) {
  const int64_t row = 2 * pare_s16_pairs(k);
  for (int64_t i = 0; i < m; i++, out += row) {
    pare_s16_widen((const uint8_t *)x + i * x_row, is_signed, zeros ? zeros[i] : zero, k, out);
    if (k & 1) out[k] = 0;
  }
}

void pare_s16_pack_b(const void *x, bool is_signed, int64_t x_row, int64_t x_column, const int32_t *zeros,
                     int32_t zero, int64_t k, int64_t n, int16_t *out) {
  const int64_t panel = pare_s16_pairs(k) * 2 * PARE_S16_NR;
  for (int64_t first = 0; first < n; first += PARE_S16_NR, out += panel) {
    const int64_t width = n - first < PARE_S16_NR ? n - first : PARE_S16_NR;
    if (width < PARE_S16_NR || (k & 1)) memset(out, 0, (size_t)panel * sizeof(int16_t));
    for (int64_t j = 0; j < width; j++) {
      const int64_t from = (first + j) * x_column;
      const int32_t z = zeros ? zeros[first + j] : zero;
      for (int64_t i = 0; i < k; i++)
        out[(i / 2) * 2 * PARE_S16_NR + 2 * j + (i & 1)] =
            (int16_t)(byte_at(x, is_signed, from + i * x_row) - z);
    }
  }
}
