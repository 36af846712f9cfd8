/* Kullback-Leibler divergence with the semantics of torch.nn.KLDivLoss (log_target=False): element-wise
 *   t * (log t - x),  0 where t = 0,
 * where x must be LOG-probabilities and t probabilities; nothing checks that they are, as in PyTorch.
 * Reductions: `sum`; `batchmean`, which divides by the rows and is the divergence of the definition;
 * `mean`, which divides by all elements (smaller by the number of classes). d / dx = -t / divisor. Sums
 * in double, in ascending order. */
#include "kernels/f32_math/f32_math.h"
#include "train/train.h"

double pare_kl_div(const float *input, const float *target, int64_t n, int64_t c, pare_reduction reduction,
                   float *d_input) {
  double divisor = reduction == PARE_SUM ? 1.0 : reduction == PARE_MEAN ? (double)(n * c) : (double)n;
  double total = 0;
  for (int64_t i = 0; i < n * c; i++) {
    double t = (double)target[i];
    if (t > 0) total += t * (pare_log(t) - (double)input[i]);
    if (d_input != NULL) d_input[i] = (float)(-t / divisor);
  }
  return total / divisor;
}
