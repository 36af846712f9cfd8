/* What Adam and AdamW share. */
#ifndef PARE_ADAM_H
#define PARE_ADAM_H

#include "train/optim/optim.h"

typedef struct pare_adam_factors {
  float b1, b2, one_less_b1, one_less_b2, epsilon;
  float bias2_root; /* sqrt(1 - b2^t) */
  float step;       /* rate / (1 - b1^t) */
} pare_adam_factors;

/* One step of Adam with `decay` added to the gradient. */
void pare_adam_update(const pare_optim_settings *settings, double rate, uint64_t i_step, double decay,
                      float *w, const float *g, float *const *slots, int64_t n);

#endif
