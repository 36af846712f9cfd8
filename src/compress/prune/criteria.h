/* How weights are scored: the lowest scores are pruned first. A new method is a file with a scorer and a line in criteria.def. */
#ifndef PARE_CRITERIA_H
#define PARE_CRITERIA_H

#include "base/rng.h"
#include "tensor/tensor.h"

typedef struct pare_criterion {
  const char *name;
  const char *order;  /* for people: "smallest first" */
  bool reads_weights; /* false: channels get one score drawn for each instead of the sum over their weights */
  /* scores[n] of weights[n]. `mt` is shared by all tensors of a pass, in graph order. */
  void (*score)(const float *weights, int64_t n, pare_mt19937 *mt, float *scores);
} pare_criterion;

#define PARE_CRITERION(variable) extern const pare_criterion variable;
#include "compress/prune/criteria.def"
#undef PARE_CRITERION

const pare_criterion *pare_criterion_at(int i); /* NULL past the end */
const char *pare_criterion_name(int i);         /* the same */

#endif
