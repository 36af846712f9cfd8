/* The weights of f32_winograd.h, LANES channels at a time. */
#include "kernels/f32_winograd/f32_winograd.h"

#define LANES 16
#define EDGE  PARE_F32_WINOGRAD_EDGE
#define EACH  for (int e = 0; e < LANES; e++)

/* G g: from [3] vectors, `step` apart, to [6]. */
static void widen(const float (*g)[LANES], int step, float (*t)[LANES], int t_step) {
  EACH {
    const float a = g[0][e], b = g[step][e], c = g[2 * step][e];
    const float near = (a + c) * (-1.0f / 6), far = a * (1.0f / 24) + c * (1.0f / 6);
    t[0][e] = a * 0.25f;
    t[t_step][e] = near - b * (1.0f / 6);
    t[2 * t_step][e] = near + b * (1.0f / 6);
    t[3 * t_step][e] = far + b * (1.0f / 12);
    t[4 * t_step][e] = far - b * (1.0f / 12);
    t[5 * t_step][e] = c;
  }
}

/* G^T m: from [6] to [3]. */
static void narrow(const float (*m)[LANES], int step, float (*t)[LANES], int t_step) {
  EACH {
    const float near = (m[step][e] + m[2 * step][e]) * (1.0f / 6), far = m[3 * step][e] + m[4 * step][e];
    t[0][e] = (m[0][e] * 0.25f - near) + far * (1.0f / 24);
    t[t_step][e] =
        (m[2 * step][e] - m[step][e]) * (1.0f / 6) + (m[3 * step][e] - m[4 * step][e]) * (1.0f / 12);
    t[2 * t_step][e] = (far * (1.0f / 6) - near) + m[5 * step][e];
  }
}

void pare_f32_winograd_weights(const float *w, int64_t o, int64_t c, bool turned, float *points) {
  const int64_t n = o * c;
  for (int64_t first = 0; first < n; first += LANES) {
    const int64_t lanes = n - first < LANES ? n - first : LANES;
    float g[9][LANES] = {{0}}, half[EDGE * 3][LANES], t[EDGE * EDGE][LANES];
    for (int64_t e = 0; e < lanes; e++)
      for (int k = 0; k < 9; k++) g[turned ? 8 - k : k][e] = w[(first + e) * 9 + k];
    for (int j = 0; j < 3; j++) widen(&g[j], 3, &half[j], 3);
    for (int i = 0; i < EDGE; i++) widen(&half[i * 3], 1, &t[i * EDGE], 1);
    for (int i = 0; i < EDGE * EDGE; i++)
      for (int64_t e = 0; e < lanes; e++) points[i * n + first + e] = t[i][e];
  }
}

void pare_f32_winograd_fold(const float *points, int64_t point, int64_t row, int64_t o, int64_t c,
                            float *dw) {
  for (int64_t in = 0; in < c; in++) {
    for (int64_t first = 0; first < o; first += LANES) {
      const int64_t lanes = o - first < LANES ? o - first : LANES;
      float m[EDGE * EDGE][LANES] = {{0}}, half[3 * EDGE][LANES], g[9][LANES];
      for (int i = 0; i < EDGE * EDGE; i++)
        for (int64_t e = 0; e < lanes; e++) m[i][e] = points[i * point + in * row + first + e];
      for (int j = 0; j < EDGE; j++) narrow(&m[j], EDGE, &half[j], EDGE);
      for (int i = 0; i < 3; i++) narrow(&half[i * EDGE], 1, &g[i * 3], 1);
      for (int64_t e = 0; e < lanes; e++)
        for (int k = 0; k < 9; k++) dw[((first + e) * c + in) * 9 + k] += g[k][e];
    }
  }
}
