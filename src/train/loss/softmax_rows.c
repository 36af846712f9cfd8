/* Softmax and log-softmax of logits over a temperature (Hinton, Vinyals and Dean 2015, "Distilling the
 * Knowledge in a Neural Network"): p_i = exp(z_i / T - m) / sum_j exp(z_j / T - m), m the largest z / T.
 * In double, in ascending order. */
#include "kernels/f32_math/f32_math.h"
#include "train/train.h"

/* The largest z / T, and log sum exp(z / T - largest) through `log_sum`. */
static double row_log_sum(const float *row, int64_t c, double temperature, double *log_sum) {
  double largest = (double)row[0] / temperature;
  for (int64_t i = 1; i < c; i++) {
    double z = (double)row[i] / temperature;
    if (z > largest) largest = z;
  }
  double sum = 0;
  for (int64_t i = 0; i < c; i++) sum += pare_exp((double)row[i] / temperature - largest);
  *log_sum = pare_log(sum);
  return largest;
}

void pare_log_softmax_rows(const float *logits, int64_t n, int64_t c, float temperature, float *out) {
  for (int64_t i_row = 0; i_row < n; i_row++) {
    const float *row = logits + i_row * c;
    double log_sum, largest = row_log_sum(row, c, (double)temperature, &log_sum);
    for (int64_t i = 0; i < c; i++) {
      out[i_row * c + i] = (float)((double)row[i] / (double)temperature - largest - log_sum);
    }
  }
}

void pare_softmax_rows(const float *logits, int64_t n, int64_t c, float temperature, float *out) {
  for (int64_t i_row = 0; i_row < n; i_row++) {
    const float *row = logits + i_row * c;
    double log_sum, largest = row_log_sum(row, c, (double)temperature, &log_sum);
    for (int64_t i = 0; i < c; i++) {
      out[i_row * c + i] = (float)pare_exp((double)row[i] / (double)temperature - largest - log_sum);
    }
  }
}
