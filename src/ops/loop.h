/* Walking several tensors over one index space: broadcasting, transposing, slicing, reducing. Axes that
 * lie behind one another in every operand are merged first, so that the innermost run is as long as it can
 * be and the caller's inner loop has no division:
 *
 *   for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
 *     inner(out + loop.at[0], a + loop.at[1], pare_loop_step(&loop, 1), pare_loop_run(&loop));
 *
 * Order is row-major in the space, always. */
#ifndef PARE_LOOP_H
#define PARE_LOOP_H

#include "tensor/tensor.h"

#define PARE_LOOP_MAX 4

typedef struct pare_loop {
  int rank, n; /* axes; operands */
  int64_t dims[PARE_MAX_RANK];
  int64_t strides[PARE_LOOP_MAX][PARE_MAX_RANK]; /* in elements */
  int64_t index[PARE_MAX_RANK];
  int64_t at[PARE_LOOP_MAX]; /* element where the current run starts, per operand */
  bool more;
} pare_loop;

/* The space is `space`; every operand is dense and broadcasts to it (stride 0 along axes it repeats). */
void pare_loop_broadcast(pare_loop *loop, const pare_shape *space, const pare_shape *const *operands, int n);
/* After dims and strides were filled in by hand: merges axes. */
void pare_loop_merge(pare_loop *loop);
void pare_loop_start(pare_loop *loop);
void pare_loop_next(pare_loop *loop);
static inline int64_t pare_loop_run(const pare_loop *loop) {
  return loop->dims[loop->rank - 1];
}
static inline int64_t pare_loop_step(const pare_loop *loop, int operand) {
  return loop->strides[operand][loop->rank - 1];
}
/* Row-major strides. */
void pare_loop_dense(const pare_shape *shape, int64_t *strides);

/* to[operand 0] = from[operand 1], elements of `size` bytes; operand 0 is dense. `from` points at the
 * element of index 0. */
void pare_loop_copy(pare_loop *loop, size_t size, void *to, const void *from);
/* The adjoint for f32: d_from[operand 1] += d_to[operand 0], in row-major order of operand 0. */
void pare_loop_add_back(pare_loop *loop, const float *d_to, float *d_from);

#endif
