/* Gradient clipping by the joint 2-norm (Pascanu, Mikolov and Bengio 2013), as
 * torch.nn.utils.clip_grad_norm_. */
#include <math.h>

#include "train/optim/optim.h"

/* Sum of squares in eight interleaved sums, added in one fixed order: the same bytes however wide the
 * vectors are. */
static double sum_of_squares(const float *x, int64_t n) {
  double lanes[8] = {0};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int lane = 0; lane < 8; lane++) lanes[lane] += (double)x[i + lane] * (double)x[i + lane];
  }
  for (int lane = 0; i < n; i++, lane++) lanes[lane] += (double)x[i] * (double)x[i];
  return ((lanes[0] + lanes[4]) + (lanes[2] + lanes[6])) + ((lanes[1] + lanes[5]) + (lanes[3] + lanes[7]));
}

double pare_clip_grad_norm(float *const *gradients, const int64_t *counts, int n, double max_norm) {
  double squares = 0;
  for (int i = 0; i < n; i++) squares += sum_of_squares(gradients[i], counts[i]);
  double norm = sqrt(squares);
  double factor = max_norm / (norm + 1e-6);
  if (max_norm <= 0 || !(factor < 1)) return norm;
  for (int i = 0; i < n; i++) {
    for (int64_t j = 0; j < counts[i]; j++) gradients[i][j] *= (float)factor;
  }
  return norm;
}
