/* The plain reference of f32_winograd.h's transforms: t = M d M^T, matrix by matrix. */
#include "kernels/f32_winograd/f32_winograd.h"

#define EDGE PARE_F32_WINOGRAD_EDGE
#define TILE PARE_F32_WINOGRAD_TILE

void pare_f32_winograd_points__ref(const pare_f32_winograd_tile *tile);
void pare_f32_winograd_places__ref(const pare_f32_winograd_tile *tile);
void pare_f32_winograd_spread__ref(const pare_f32_winograd_tile *tile);

static const float by_points[EDGE][EDGE] = {{4, 0, -5, 0, 1, 0},  {0, -4, -4, 1, 1, 0}, {0, 4, -4, -1, 1, 0},
                                            {0, -2, -1, 2, 1, 0}, {0, 2, -1, -2, 1, 0}, {0, 4, 0, -5, 0, 1}};
static const float by_places[TILE][EDGE] = {
    {1, 1, 1, 1, 1, 0}, {0, 1, -1, 2, -2, 0}, {0, 1, 1, 4, 4, 0}, {0, 1, -1, 8, -8, 1}};
static const float by_spread[EDGE][TILE] = {{1, 0, 0, 0}, {1, 1, 1, 1},   {1, -1, 1, -1},
                                            {1, 2, 4, 8}, {1, -2, 4, -8}, {0, 0, 0, 1}};

/* t [rows][rows] = m d m^T, m [rows][columns], d [columns][columns]. */
static void both_ways(const float *m, int rows, int columns, const float *d, float *t) {
  float half[EDGE * EDGE];
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < columns; j++) {
      half[i * columns + j] = 0.0f;
      for (int k = 0; k < columns; k++) half[i * columns + j] += m[i * columns + k] * d[k * columns + j];
    }
  }
  for (int i = 0; i < rows; i++) {
    for (int j = 0; j < rows; j++) {
      t[i * rows + j] = 0.0f;
      for (int k = 0; k < columns; k++) t[i * rows + j] += half[i * columns + k] * m[j * columns + k];
    }
  }
}

static void to_points(const pare_f32_winograd_tile *tile, const float *m, int edge) {
  for (int64_t r = 0; r < tile->rows; r++) {
    for (int64_t n = 0; n < tile->n; n++) {
      const float *from = tile->from + r * tile->image_row + n;
      float d[EDGE * EDGE], t[EDGE * EDGE];
      for (int k = 0; k < edge * edge; k++) d[k] = tile->at[k] < 0 ? 0.0f : from[tile->at[k]];
      both_ways(m, EDGE, edge, d, t);
      for (int i = 0; i < EDGE * EDGE; i++) tile->to[i * tile->point + r * tile->point_row + n] = t[i];
    }
  }
}

void pare_f32_winograd_points__ref(const pare_f32_winograd_tile *tile) {
  to_points(tile, by_points[0], EDGE);
}

void pare_f32_winograd_spread__ref(const pare_f32_winograd_tile *tile) {
  to_points(tile, by_spread[0], TILE);
}

void pare_f32_winograd_places__ref(const pare_f32_winograd_tile *tile) {
  for (int64_t r = 0; r < tile->rows; r++) {
    const float bias = tile->row_bias ? tile->row_bias[r] : 0.0f;
    for (int64_t n = 0; n < tile->n; n++) {
      float m[EDGE * EDGE], t[TILE * TILE];
      for (int i = 0; i < EDGE * EDGE; i++) m[i] = tile->from[i * tile->point + r * tile->point_row + n];
      both_ways(by_places[0], TILE, EDGE, m, t);
      for (int k = 0; k < TILE * TILE; k++) {
        if (tile->at[k] < 0) continue;
        float *to = tile->to + r * tile->image_row + n + tile->at[k];
        *to = (tile->accumulate ? *to : 0.0f) + (t[k] + bias);
      }
    }
  }
}
