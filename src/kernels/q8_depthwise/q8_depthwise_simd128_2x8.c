/* q8_depthwise.h in Wasm SIMD, BYTES_WIDE: eight channels, two taps at a time. A window of 3 x 3 walks along its row: each column is brought into
 * pairs once (rows 0 and 1; row 2 and its neighbour), which count for all places that have it. Sums of a block of places stay in memory and end
 * together: walking and ending both need all registers. */
#include "kernels/q8_depthwise/q8_depthwise.h"
#include "kernels/q8_gemm/q8_sink_simd128.h"

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args);

#define BLOCK  64
#define PLACES 4 /* that share the weights of any other window */

/* Two places of eight channels, by four channels. */
typedef struct pairs {
  v128_t half[2];
} pairs;

PARE_INLINE pairs pairs_of(v128_t a, v128_t b) {
  const v128_t bytes = wasm_i8x16_shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  return (pairs){{wasm_u16x8_extend_low_u8x16(bytes), wasm_u16x8_extend_high_u8x16(bytes)}};
}

PARE_INLINE pairs pairs_at(const uint8_t *a, const uint8_t *b) {
  return pairs_of(wasm_v128_load64_zero(a), wasm_v128_load64_zero(b));
}

PARE_INLINE v128_t add_dot(v128_t sum, pairs x, const v128_t w[2], int half) {
  return wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(x.half[half], w[half]));
}

/* ---- windows of 3 x 3 ------------------------------------------------------------------------------------------------ */
/* Weights for eight channels, as pairs: rows 0 and 1 of each column; row 2's first two; its last and nothing. */
typedef struct weights_3x3 {
  v128_t columns[3][2], two[2], last[2];
} weights_3x3;

PARE_INLINE weights_3x3 weights_of(const int16_t *w) {
  weights_3x3 out;
  PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
    /* taps (0,1) (2,3) (4,5) become (0,3) (1,4) (2,5) */
    const v128_t a = wasm_v128_load(w + 8 * h), b = wasm_v128_load(w + 8 * h + 16),
                 d = wasm_v128_load(w + 8 * h + 32);
    out.columns[0][h] = wasm_i16x8_shuffle(a, b, 0, 9, 2, 11, 4, 13, 6, 15);
    out.columns[1][h] = wasm_i16x8_shuffle(a, d, 1, 8, 3, 10, 5, 12, 7, 14);
    out.columns[2][h] = wasm_i16x8_shuffle(b, d, 0, 9, 2, 11, 4, 13, 6, 15);
    out.two[h] = wasm_v128_load(w + 8 * h + 48);
    out.last[h] = wasm_v128_load(w + 8 * h + 64);
  }
  return out;
}

/* A column of the window's three rows. */
typedef struct walk {
  const uint8_t *x, *y, *z;
  int32_t step;
} walk;

PARE_INLINE walk walk_from(const pare_q8_depthwise_args *args, int64_t m, int64_t c) {
  const uint8_t *x = (const uint8_t *)args->x + args->rows[m] + c;
  return (walk){x, x + args->taps[3], x + args->taps[6], args->taps[1]};
}

/* Three pointers that the compiler cannot turn into one for each load. */
PARE_INLINE void pass(walk *at) {
  at->x += at->step;
  at->y += at->step;
  at->z += at->step;
  __asm__("" : "+r"(at->x), "+r"(at->y), "+r"(at->z));
}

/* Of a column: rows 0 and 1; row 2 and the next column's, which becomes `z`. */
typedef struct column {
  pairs top, bottom;
} column;

PARE_INLINE column pass_column(walk *at, v128_t *z) {
  column c = {.top = pairs_at(at->x, at->y)};
  pass(at);
  const v128_t next = wasm_v128_load64_zero(at->z);
  c.bottom = pairs_of(*z, next);
  *z = next;
  return c;
}

/* With stride 1, a column is the last of a place, which is done then, the second of the next and the first of the one behind. */
PARE_INLINE void walk_by_1(walk at, int64_t n, const weights_3x3 *w, v128_t (*out)[2]) {
  const v128_t zero = wasm_i32x4_splat(0);
  v128_t next[2], behind[2], z = wasm_v128_load64_zero(at.z);
  const column first = pass_column(&at, &z), second = pass_column(&at, &z);
  PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
    next[h] = add_dot(add_dot(zero, first.top, w->columns[0], h), first.bottom, w->two, h);
    next[h] = add_dot(next[h], second.top, w->columns[1], h);
    behind[h] = add_dot(add_dot(zero, second.top, w->columns[0], h), second.bottom, w->two, h);
  }
  for (v128_t(*const end)[2] = out + n; out < end; out++) {
    const column c = pass_column(&at, &z);
    PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
      out[0][h] = add_dot(add_dot(next[h], c.top, w->columns[2], h), c.bottom, w->last, h);
      next[h] = add_dot(behind[h], c.top, w->columns[1], h);
      behind[h] = add_dot(add_dot(zero, c.top, w->columns[0], h), c.bottom, w->two, h);
    }
  }
}

/* With stride 2, the last of a place and the first of the next; `next` becomes that one's sums, of its second too, which passes as well. */
PARE_INLINE column pass_two(walk *at, const weights_3x3 *w, v128_t next[2]) {
  v128_t z = wasm_v128_load64_zero(at->z);
  const column c = pass_column(at, &z);
  const pairs second = pairs_at(at->x, at->y);
  pass(at);
  PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
    next[h] = add_dot(add_dot(wasm_i32x4_splat(0), c.top, w->columns[0], h), c.bottom, w->two, h);
    next[h] = add_dot(next[h], second, w->columns[1], h);
  }
  return c;
}

PARE_INLINE void walk_by_2(walk at, int64_t n, const weights_3x3 *w, v128_t (*out)[2]) {
  v128_t next[2], behind[2];
  pass_two(&at, w, next);
  for (v128_t(*const end)[2] = out + n; out < end; out++) {
    const column c = pass_two(&at, w, behind);
    PARE_Q8_UNROLL for (int h = 0; h < 2; h++) {
      out[0][h] = add_dot(add_dot(next[h], c.top, w->columns[2], h), c.bottom, w->last, h);
      next[h] = behind[h];
    }
  }
}

/* The stride of a 3 x 3 window over columns `step` apart; 0: it is another window. */
static int stride_of(const pare_q8_depthwise_args *args) {
  const int32_t *t = args->taps, step = args->n_taps == 10 ? t[1] : 0;
  if (step <= 0 || t[0] != 0 || t[2] != 2 * step || t[4] != t[3] + step || t[5] != t[3] + 2 * step ||
      t[7] != t[6] + step || t[8] != t[6] + 2 * step || args->width < 2)
    return 0;
  const int32_t apart = args->rows[1] - args->rows[0];
  return apart == step ? 1 : apart == 2 * step ? 2 : 0;
}

/* ---- any window ------------------------------------------------------------------------------------------------------ */
PARE_INLINE void tile(const pare_q8_depthwise_args *args, int64_t m, int64_t c, v128_t (*out)[2],
                      const int places) {
  const int16_t *w = (const int16_t *)args->w + c * args->n_taps;
  const uint8_t *x[PLACES];
  v128_t sum[PLACES][2];
  PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
    x[i] = (const uint8_t *)args->x + args->rows[m + i] + c;
    sum[i][0] = sum[i][1] = wasm_i32x4_splat(0);
  }
  for (int64_t t = 0; t < args->n_taps; t += 2, w += 16) {
    const v128_t both[2] = {wasm_v128_load(w), wasm_v128_load(w + 8)};
    const int32_t first = args->taps[t], second = args->taps[t + 1];
    PARE_Q8_UNROLL for (int i = 0; i < places; i++) {
      const pairs p = pairs_at(x[i] + first, x[i] + second);
      PARE_Q8_UNROLL for (int h = 0; h < 2; h++) sum[i][h] = add_dot(sum[i][h], p, both, h);
    }
  }
  PARE_Q8_UNROLL for (int i = 0; i < places; i++) out[i][0] = sum[i][0], out[i][1] = sum[i][1];
}

static void tiles(const pare_q8_depthwise_args *args, int64_t m, int64_t c, int64_t n, v128_t (*out)[2]) {
  int64_t i = 0;
  for (; i + PLACES <= n; i += PLACES) tile(args, m + i, c, out + i, PLACES);
  for (; i < n; i++) tile(args, m + i, c, out + i, 1);
}

/* ---- both ------------------------------------------------------------------------------------------------------------ */
/* `n` places end, two at a time. */
static __attribute__((noinline)) void store(const pare_q8_ending *end, int64_t m, int64_t n,
                                            const v128_t (*sum)[2]) {
  const pare_q8_ending e = *end; /* a copy, which no store can change */
  const int64_t whole = e.y && e.bounded && n > e.behind ? (n - e.behind) / 2 * 2 : 0;
  uint8_t *y = whole ? e.y + m * e.row : NULL;
  for (const v128_t(*const last)[2] = sum + whole; sum < last; sum += 2) {
    const v128_t bytes = pare_q8_bytes(&e, pare_q8_words(&e, sum[0]), pare_q8_words(&e, sum[1]));
    wasm_v128_store64_lane(y, bytes, 0);
    y += e.row;
    wasm_v128_store64_lane(y, bytes, 1);
    y += e.row;
  }
  if (whole < n) pare_q8_store_each(end, m + whole, n - whole, sum);
}

static void eight_channels(const pare_q8_depthwise_args *args, int64_t c, const int stride) {
  const pare_q8_ending end = pare_q8_ending_at(&args->sink, c, args->c);
  const weights_3x3 w = stride ? weights_of((const int16_t *)args->w + c * args->n_taps) : (weights_3x3){0};
  const int64_t width = stride ? args->width : args->m;
  v128_t sum[BLOCK][2];
  int64_t n = 0;
  for (int64_t m = 0, some; m < args->m; m += some, n += some) {
    const int64_t left = width - m % width; /* of the row */
    some = left < BLOCK ? left : BLOCK;
    if (n + some > BLOCK) {
      store(&end, m - n, n, (const v128_t(*)[2])sum);
      n = 0;
    }
    if (stride == 1)
      walk_by_1(walk_from(args, m, c), some, &w, sum + n);
    else if (stride == 2)
      walk_by_2(walk_from(args, m, c), some, &w, sum + n);
    else
      tiles(args, m, c, some, sum + n);
  }
  store(&end, args->m - n, n, (const v128_t(*)[2])sum);
}

void pare_q8_depthwise__simd128_2x8(const pare_q8_depthwise_args *args) {
  const int stride = stride_of(args);
  for (int64_t c = 0; c < args->c; c += 8) eight_channels(args, c, stride);
}
