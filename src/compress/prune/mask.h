/* Which of n scored weights go. */
#ifndef PARE_MASK_H
#define PARE_MASK_H

#include "base/base.h"

/* How many of n: `count` when it is positive, else round(amount * n), halves to even (Python's round, as torch.nn.utils.prune). */
int64_t pare_prune_count(double amount, int64_t count, int64_t n);
/* Marks the k lowest scores in `removed` [n]; of equal scores the one that stands first. OUT_OF_MEMORY. */
pare_status pare_mark_lowest(pare_context *ctx, const float *scores, int64_t n, int64_t k, bool *removed);

#endif
