/* Index spaces shared by several tensors; see loop.h. */
#include "ops/loop.h"

#include <string.h>

#include "ops/op_util.h"

void pare_loop_dense(const pare_shape *shape, int64_t *strides) {
  int64_t stride = 1;
  for (int i = shape->rank - 1; i >= 0; i--) {
    strides[i] = stride;
    stride *= shape->dims[i];
  }
}

void pare_loop_broadcast(pare_loop *loop, const pare_shape *space, const pare_shape *const *operands, int n) {
  loop->rank = space->rank;
  loop->n = n;
  memcpy(loop->dims, space->dims, sizeof loop->dims);
  for (int k = 0; k < n; k++) {
    int64_t dense[PARE_MAX_RANK] = {0};
    const int missing = space->rank - operands[k]->rank;
    pare_loop_dense(operands[k], dense);
    for (int i = 0; i < space->rank; i++) {
      const bool repeats = i < missing || operands[k]->dims[i - missing] == 1;
      loop->strides[k][i] = repeats ? 0 : dense[i - missing];
    }
  }
  pare_loop_merge(loop);
}

/* Axis `outer` followed by axis `inner` is one axis for operand k when a step of the outer is a whole run
 * of the inner. */
static bool mergeable(const pare_loop *loop, int outer, int inner) {
  for (int k = 0; k < loop->n; k++)
    if (loop->strides[k][outer] != loop->strides[k][inner] * loop->dims[inner]) return false;
  return true;
}

static void move_axis(pare_loop *loop, int to, int from) {
  loop->dims[to] = loop->dims[from];
  for (int k = 0; k < loop->n; k++) loop->strides[k][to] = loop->strides[k][from];
}

void pare_loop_merge(pare_loop *loop) {
  int rank = 0; /* axes kept so far, in place */
  bool empty = false;
  for (int i = 0; i < loop->rank; i++) {
    empty |= loop->dims[i] == 0;
    if (loop->dims[i] == 1) continue;
    if (rank > 0 && !empty && mergeable(loop, rank - 1, i)) {
      const int64_t outer = loop->dims[rank - 1];
      move_axis(loop, rank - 1, i);
      loop->dims[rank - 1] *= outer;
    } else {
      move_axis(loop, rank++, i);
    }
  }
  if (rank == 0 || empty) { /* one element, or none */
    rank = 1;
    loop->dims[0] = empty ? 0 : 1;
    for (int k = 0; k < loop->n; k++) loop->strides[k][0] = 0;
  }
  loop->rank = rank;
}

void pare_loop_start(pare_loop *loop) {
  memset(loop->index, 0, sizeof loop->index);
  memset(loop->at, 0, sizeof loop->at);
  loop->more = loop->dims[0] > 0;
}

void pare_loop_next(pare_loop *loop) {
  for (int i = loop->rank - 2; i >= 0; i--) {
    for (int k = 0; k < loop->n; k++) loop->at[k] += loop->strides[k][i];
    if (++loop->index[i] < loop->dims[i]) return;
    loop->index[i] = 0;
    for (int k = 0; k < loop->n; k++) loop->at[k] -= loop->strides[k][i] * loop->dims[i];
  }
  loop->more = false;
}

#define COPY_RUN(type)                                                                                       \
  do {                                                                                                       \
    type *p = (type *)to;                                                                                    \
    const type *q = (const type *)from;                                                                      \
    for (int64_t i = 0; i < n; i++) p[i] = q[i * step];                                                      \
  } while (0)

static void copy_run(size_t size, void *to, const void *from, int64_t step, int64_t n) {
  if (step == 1) {
    pare_op_copy(to, from, (size_t)n * size);
    return;
  }
  switch (size) {
  case 1: COPY_RUN(uint8_t); break;
  case 2: COPY_RUN(uint16_t); break;
  case 4: COPY_RUN(uint32_t); break;
  default: COPY_RUN(uint64_t); break;
  }
}

void pare_loop_copy(pare_loop *loop, size_t size, void *to, const void *from) {
  const int64_t n = pare_loop_run(loop), step = pare_loop_step(loop, 1), bytes = (int64_t)size;
  for (pare_loop_start(loop); loop->more; pare_loop_next(loop))
    copy_run(size, (uint8_t *)to + loop->at[0] * bytes, (const uint8_t *)from + loop->at[1] * bytes, step, n);
}

void pare_loop_add_back(pare_loop *loop, const float *d_to, float *d_from) {
  const int64_t n = pare_loop_run(loop), step = pare_loop_step(loop, 1);
  for (pare_loop_start(loop); loop->more; pare_loop_next(loop)) {
    const float *g = d_to + loop->at[0];
    float *d = d_from + loop->at[1];
    if (step == 0)
      d[0] += pare_op_sum_f32(g, n);
    else if (step == 1)
      pare_op_add_f32(d, g, n);
    else
      for (int64_t i = 0; i < n; i++) d[i * step] += g[i];
  }
}
