/* The body of every vector variant of f32_winograd.h, over macros that the including file defines:
 *   V, V_LANES, V_ZERO, V_LOAD(p), V_STORE(p, v), V_SPLAT(x), V_ADD, V_SUB
 *   V_FMA(a, b, c), V_FNMA(a, b, c)   a b + c, c - a b
 *   V_NAME(x)                         the functions, x##suffix */
#include "kernels/f32_winograd/f32_winograd.h"

#define TILE   PARE_F32_WINOGRAD_TILE
#define EDGE   PARE_F32_WINOGRAD_EDGE
#define POINTS PARE_F32_WINOGRAD_POINTS
#ifdef __clang__
#define V_UNROLL _Pragma("clang loop unroll(full)")
#else
#define V_UNROLL _Pragma("GCC unroll 16")
#endif

/* B^T d */
PARE_INLINE void points_of(const V d[EDGE], V t[EDGE]) {
  const V two = V_SPLAT(2.0f), four = V_SPLAT(4.0f), five = V_SPLAT(5.0f);
  const V a = V_FNMA(four, d[2], d[4]), b = V_FNMA(four, d[1], d[3]), c = V_SUB(d[4], d[2]),
          e = V_SUB(d[3], d[1]);
  t[0] = V_FMA(four, d[0], V_FNMA(five, d[2], d[4]));
  t[1] = V_ADD(a, b);
  t[2] = V_SUB(a, b);
  t[3] = V_FMA(two, e, c);
  t[4] = V_FNMA(two, e, c);
  t[5] = V_FMA(four, d[1], V_FNMA(five, d[3], d[5]));
}

/* A^T m */
PARE_INLINE void places_of(const V m[EDGE], V t[TILE]) {
  const V a = V_ADD(m[1], m[2]), b = V_SUB(m[1], m[2]), c = V_ADD(m[3], m[4]), d = V_SUB(m[3], m[4]);
  t[0] = V_ADD(V_ADD(m[0], a), c);
  t[1] = V_FMA(V_SPLAT(2.0f), d, b);
  t[2] = V_FMA(V_SPLAT(4.0f), c, a);
  t[3] = V_ADD(V_FMA(V_SPLAT(8.0f), d, b), m[5]);
}

/* A d */
PARE_INLINE void spread_of(const V d[TILE], V t[EDGE]) {
  const V two = V_SPLAT(2.0f), four = V_SPLAT(4.0f);
  const V a = V_ADD(d[0], d[2]), b = V_ADD(d[1], d[3]), c = V_FMA(four, d[2], d[0]),
          e = V_FMA(four, d[3], d[1]);
  t[0] = d[0];
  t[1] = V_ADD(a, b);
  t[2] = V_SUB(a, b);
  t[3] = V_FMA(two, e, c);
  t[4] = V_FNMA(two, e, c);
  t[5] = d[3];
}

void V_NAME(pare_f32_winograd_points__)(const pare_f32_winograd_tile *tile);
void V_NAME(pare_f32_winograd_places__)(const pare_f32_winograd_tile *tile);
void V_NAME(pare_f32_winograd_spread__)(const pare_f32_winograd_tile *tile);

/* Columns of a tile of places to rows of points: `transform` makes EDGE of `edge`. */
#define V_TO_POINTS(edge, transform)                                                                         \
  const int64_t *at = tile->at;                                                                              \
  for (int64_t r = 0; r < tile->rows; r++) {                                                                 \
    for (int64_t n = 0; n < tile->n; n += V_LANES) {                                                         \
      const float *from = tile->from + r * tile->image_row + n;                                              \
      float *to = tile->to + r * tile->point_row + n;                                                        \
      V half[EDGE][edge];                                                                                    \
      V_UNROLL for (int j = 0; j < (edge); j++) {                                                            \
        V d[edge], t[EDGE];                                                                                  \
        V_UNROLL for (int i = 0; i < (edge); i++) {                                                          \
          const int64_t place = at[i * (edge) + j];                                                          \
          d[i] = place < 0 ? V_ZERO : V_LOAD(from + place);                                                  \
        }                                                                                                    \
        transform(d, t);                                                                                     \
        V_UNROLL for (int i = 0; i < EDGE; i++) half[i][j] = t[i];                                           \
      }                                                                                                      \
      V_UNROLL for (int i = 0; i < EDGE; i++) {                                                              \
        V t[EDGE];                                                                                           \
        transform(half[i], t);                                                                               \
        V_UNROLL for (int j = 0; j < EDGE; j++) V_STORE(to + (i * EDGE + j) * tile->point, t[j]);            \
      }                                                                                                      \
    }                                                                                                        \
  }

void V_NAME(pare_f32_winograd_points__)(const pare_f32_winograd_tile *tile) {
  V_TO_POINTS(EDGE, points_of)
}

void V_NAME(pare_f32_winograd_spread__)(const pare_f32_winograd_tile *tile) {
  V_TO_POINTS(TILE, spread_of)
}

void V_NAME(pare_f32_winograd_places__)(const pare_f32_winograd_tile *tile) {
  const int64_t *at = tile->at;
  for (int64_t r = 0; r < tile->rows; r++) {
    const V bias = tile->row_bias ? V_SPLAT(tile->row_bias[r]) : V_ZERO;
    for (int64_t n = 0; n < tile->n; n += V_LANES) {
      const float *from = tile->from + r * tile->point_row + n;
      float *to = tile->to + r * tile->image_row + n;
      V half[TILE][EDGE];
      V_UNROLL for (int j = 0; j < EDGE; j++) {
        V m[EDGE], t[TILE];
        V_UNROLL for (int i = 0; i < EDGE; i++) m[i] = V_LOAD(from + (i * EDGE + j) * tile->point);
        places_of(m, t);
        V_UNROLL for (int i = 0; i < TILE; i++) half[i][j] = t[i];
      }
      V_UNROLL for (int i = 0; i < TILE; i++) {
        V t[TILE];
        places_of(half[i], t);
        V_UNROLL for (int j = 0; j < TILE; j++) {
          const int64_t place = at[i * TILE + j];
          if (place < 0) continue;
          const V y = V_ADD(t[j], bias);
          V_STORE(to + place, tile->accumulate ? V_ADD(V_LOAD(to + place), y) : y);
        }
      }
    }
  }
}
