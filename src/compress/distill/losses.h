/* Soft losses: how far a student's logits are from a teacher's. Adding one is a file and a line in
 * losses.def. */
#ifndef PARE_DISTILL_LOSSES_H
#define PARE_DISTILL_LOSSES_H

#include "train/train.h"

typedef struct pare_soft_call {
  const float *student, *teacher; /* logits [n,c] */
  int64_t n, c;
  float temperature;
  pare_reduction reduction;
  float *scratch;   /* [2 * n * c] */
  float *d_student; /* [n,c], to be set */
} pare_soft_call;

typedef struct pare_soft_loss {
  const char *name, *help;
  const char *warning; /* for people who chose it, or NULL */
  double (*compute)(const pare_soft_call *call);
} pare_soft_loss;

#define PARE_SOFT_LOSS(variable) extern const pare_soft_loss variable;
#include "compress/distill/losses.def"
#undef PARE_SOFT_LOSS
int pare_soft_loss_count(void);
const pare_soft_loss *pare_soft_loss_at(int i);
const char *pare_soft_loss_name(int i); /* NULL past the end */
const char *pare_reduction_name(int i); /* batchmean, mean, sum; NULL past the end */

#endif
