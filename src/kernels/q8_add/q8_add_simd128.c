/* q8_add.h in Wasm SIMD, sixteen at a time. Rounding is the addition of 1.5 * 2^23, of values that stay small enough by their ratios: others go one
 * by one. */
#include "kernels/q8_add/q8_add.h"
#include "kernels/simd.h"

void pare_q8_add__simd128(const pare_q8_add_args *args);

typedef struct sum {
  v128_t ratio_a, ratio_b, fixed, offset;
} sum;

PARE_INLINE v128_t as_f32(v128_t words, const bool high) {
  return wasm_f32x4_convert_i32x4(high ? wasm_i32x4_extend_high_i16x8(words)
                                       : wasm_i32x4_extend_low_i16x8(words));
}

PARE_INLINE v128_t add4(const sum *s, v128_t a, v128_t b, const bool high) {
  v128_t value = wasm_f32x4_add(s->fixed, wasm_f32x4_mul(s->ratio_a, as_f32(a, high)));
  value = wasm_f32x4_add(value, wasm_f32x4_mul(s->ratio_b, as_f32(b, high)));
  return wasm_i32x4_sub(wasm_f32x4_add(value, wasm_f32x4_splat(12582912.0f)), s->offset); /* 0x4b400000 */
}

PARE_INLINE v128_t add8(const sum *s, const uint8_t *a, const uint8_t *b, const bool is_signed) {
  const v128_t x = is_signed ? wasm_i16x8_load8x8(a) : wasm_u16x8_load8x8(a);
  const v128_t y = is_signed ? wasm_i16x8_load8x8(b) : wasm_u16x8_load8x8(b);
  return wasm_i16x8_narrow_i32x4(add4(s, x, y, false), add4(s, x, y, true));
}

static bool is_bounded(const pare_q8_add_args *args) {
  return fabsf(args->fixed) + 255.0f * (fabsf(args->ratio_a) + fabsf(args->ratio_b)) < 4194303.0f;
}

void pare_q8_add__simd128(const pare_q8_add_args *args) {
  const int32_t flip = args->is_signed ? 0x80 : 0; /* bytes as unsigned ones, 128 higher */
  const sum s = {wasm_f32x4_splat(args->ratio_a), wasm_f32x4_splat(args->ratio_b),
                 wasm_f32x4_splat(args->fixed), wasm_i32x4_splat(0x4b400000 - flip)};
  int64_t i = 0;
  if (is_bounded(args)) {
    const v128_t low = wasm_i8x16_splat((int8_t)((int32_t)args->low + flip)),
                 high = wasm_i8x16_splat((int8_t)((int32_t)args->high + flip)),
                 flips = wasm_i8x16_splat((int8_t)flip);
    for (; i + 16 <= args->n; i += 16) {
      const uint8_t *a = args->a + i, *b = args->b + i;
      const v128_t first = args->is_signed ? add8(&s, a, b, true) : add8(&s, a, b, false);
      const v128_t second = args->is_signed ? add8(&s, a + 8, b + 8, true) : add8(&s, a + 8, b + 8, false);
      const v128_t bytes = wasm_u8x16_max(wasm_u8x16_narrow_i16x8(first, second), low);
      wasm_v128_store(args->y + i, wasm_v128_xor(wasm_u8x16_min(bytes, high), flips));
    }
  }
  for (; i < args->n; i++) args->y[i] = pare_q8_add_one(args, args->a[i], args->b[i]);
}
