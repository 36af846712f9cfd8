/* The soft loss of knowledge distillation as it should be (Hinton, Vinyals and Dean 2015):
 *   KL(p || q) = sum p (log p - log q),  p = softmax(teacher / T),  log q = log_softmax(student / T),
 * d / d student = (q - p) / (T * divisor). */
#include "compress/distill/losses.h"

static double compute(const pare_soft_call *call) {
  int64_t count = call->n * call->c;
  float *log_q = call->scratch, *p = call->scratch + count;
  pare_log_softmax_rows(call->student, call->n, call->c, call->temperature, log_q);
  pare_softmax_rows(call->teacher, call->n, call->c, call->temperature, p);
  double loss = pare_kl_div(log_q, p, call->n, call->c, call->reduction, NULL);
  double divisor =
      call->reduction == PARE_SUM ? 1.0 : (double)(call->reduction == PARE_MEAN ? count : call->n);
  double scale = 1.0 / ((double)call->temperature * divisor);
  float *q = log_q;
  pare_softmax_rows(call->student, call->n, call->c, call->temperature, q);
  for (int64_t i = 0; i < count; i++) call->d_student[i] = (float)(((double)q[i] - (double)p[i]) * scale);
  return loss;
}

const pare_soft_loss pare_soft_log_probabilities = {
    .name = "log_probabilities",
    .help = "KL divergence of log_softmax(student / T) from softmax(teacher / T).",
    .compute = compute,
};
