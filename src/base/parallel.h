/* A fixed pool of threads (native builds; elsewhere everything runs on the caller). What an index computes must not depend on which
 * thread runs it, nor on how many there are. */
#ifndef PARE_PARALLEL_H
#define PARE_PARALLEL_H

#include "base/base.h"

typedef struct pare_pool pare_pool;

/* n_threads <= 1: *out is NULL, which every call below takes. */
pare_status pare_pool_new(pare_context *ctx, int n_threads, pare_pool **out);
void pare_pool_free(pare_pool *pool);
int pare_pool_threads(const pare_pool *pool);
/* Calls fn(arg, i, i_thread) for every i in [0, n); i_thread < pare_pool_threads(pool). Returns when all are done. */
void pare_parallel_for(pare_pool *pool, int64_t n, void (*fn)(void *arg, int64_t i, int i_thread), void *arg);

#endif
