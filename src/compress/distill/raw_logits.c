/* A mistake that is often copied: torch.nn.KLDivLoss given the student's raw logits (over T) where it
 * expects log-probabilities:
 *   sum p (log p - s / T),  p = softmax(teacher / T),   d / d student = -p / (T * divisor).
 * The logarithm of the sum of exponentials is missing, so nothing holds the logits back: adding a
 * constant to all of them lowers the loss without end, and it goes negative, which a divergence never
 * does. Here to be looked at and compared. */
#include "compress/distill/losses.h"

static double compute(const pare_soft_call *call) {
  int64_t count = call->n * call->c;
  float *input = call->scratch, *p = call->scratch + count;
  for (int64_t i = 0; i < count; i++) input[i] = call->student[i] / call->temperature;
  pare_softmax_rows(call->teacher, call->n, call->c, call->temperature, p);
  double loss = pare_kl_div(input, p, call->n, call->c, call->reduction, call->d_student);
  for (int64_t i = 0; i < count; i++) call->d_student[i] /= call->temperature;
  return loss;
}

const pare_soft_loss pare_soft_raw_logits = {
    .name = "raw_logits",
    .help =
        "The common mistake, for comparison: raw student logits where KL divergence needs log-probabilities.",
    .warning =
        "KL divergence was given raw logits where it expects log-probabilities. Its value sum p (log p - x) "
        "is then no "
        "divergence: without the normalising log-sum-exp, raising every logit by the same amount changes no "
        "answer but lowers the "
        "loss without end, so it goes negative and that part of the gradient teaches the student nothing "
        "about its ranking of "
        "the classes. Use form log_probabilities: log_softmax(student / T) against softmax(teacher / T).",
    .compute = compute,
};
