/* Mean cross-entropy of logits z against labels y, as torch.nn.CrossEntropyLoss with its defaults:
 *   loss = 1/n sum_r (log sum_i exp z_ri - z_ry),   d loss / d z_ri = (softmax(z_r)_i - [i = y]) / n.
 * Sums in double, rows and classes in ascending order. */
#include "kernels/f32_math/f32_math.h"
#include "train/train.h"

double pare_cross_entropy(const float *logits, const int32_t *labels, int64_t n, int64_t c, float *d_logits) {
  double total = 0;
  for (int64_t i_row = 0; i_row < n; i_row++) {
    const float *row = logits + i_row * c;
    float largest = row[0];
    for (int64_t i = 1; i < c; i++) largest = row[i] > largest ? row[i] : largest;
    double sum = 0;
    for (int64_t i = 0; i < c; i++) sum += pare_exp((double)row[i] - (double)largest);
    double log_sum = pare_log(sum) + (double)largest;
    total += log_sum - (double)row[labels[i_row]];
    if (d_logits == NULL) continue;
    for (int64_t i = 0; i < c; i++) {
      double p = pare_exp((double)row[i] - log_sum) - (i == labels[i_row] ? 1.0 : 0.0);
      d_logits[i_row * c + i] = (float)(p / (double)n);
    }
  }
  return total / (double)n;
}

const pare_loss pare_loss_cross_entropy = {
    .name = "cross_entropy",
    .help = "Mean of -log(softmax of the right class).",
    .compute = pare_cross_entropy,
};
