/* Index tensors (s32 or s64, negative numbers counting from the end) of Gather, Scatter and their kin, and the
 * reductions that Scatter offers. */
#ifndef PARE_INDICES_H
#define PARE_INDICES_H

#include "ops/op_util.h"

/* in[i] is there and holds indices. UNSUPPORTED. */
pare_status pare_indices_need(pare_call *call, int i);
/* Element i, made to count from the start; outside [0, n) when it is out of range. */
static inline int64_t pare_index_at(const pare_tensor *indices, int64_t i, int64_t n) {
  const int64_t index = indices->dtype == PARE_S32 ? pare_s32(indices)[i] : pare_s64(indices)[i];
  return index < 0 ? index + n : index;
}
/* Every element is inside [-n, n). BAD_DATA. */
pare_status pare_indices_check(const pare_call *call, const pare_tensor *indices, int64_t n);
/* The message for one that is not. */
pare_status pare_indices_fail(const pare_call *call, int64_t index, int64_t n);

/* ---- tuples of indices: GatherND, ScatterND ----------------------------------------------------------- */
/* Indices [..., k] point into the first k axes of a shape (from axis `first` on). The element where tuple
 * `i` points, in units of what is left: [0, product of the k axes). BAD_DATA. */
pare_status pare_indices_tuple(const pare_call *call, const pare_tensor *indices, int64_t i, int k,
                               const pare_shape *shape, int first, int64_t *out);

/* ---- along an axis: GatherElements, ScatterElements ---------------------------------------------------- */
/* For every element of in[1], in order: where it points in in[0] along `axis`, the other axes being its own. */
typedef struct pare_indices_walk {
  const pare_tensor *indices;
  int axis;
  int64_t i, n; /* the element, and how many */
  int64_t at;   /* where it points */
  int64_t length, index[PARE_MAX_RANK], stride[PARE_MAX_RANK], base;
} pare_indices_walk;

/* in[0] and in[1] fit together for such an operator. */
pare_status pare_indices_infer_axis(pare_call *call);
void pare_indices_start(pare_indices_walk *walk, const pare_call *call);
/* Call before each use; false after the last. Indices must have been checked. */
bool pare_indices_next(pare_indices_walk *walk);

/* ---- reductions of Scatter ------------------------------------------------------------------------------ */
typedef enum pare_scatter {
  PARE_SCATTER_NONE,
  PARE_SCATTER_ADD,
  PARE_SCATTER_MUL,
  PARE_SCATTER_MAX,
  PARE_SCATTER_MIN
} pare_scatter;

/* Attribute `reduction`; UNSUPPORTED for types that it is not there for. */
pare_status pare_scatter_read(pare_call *call, pare_scatter *out);
/* to[i + j] = from[k + j], or combined with it, for n elements. */
void pare_scatter_put(pare_scatter how, const pare_tensor *to, int64_t i, const pare_tensor *from, int64_t k,
                      int64_t n);

#endif
