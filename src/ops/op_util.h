/* Helpers for operators beyond those that op.h declares: outputs whose size was checked, attribute checks,
 * sums in a fixed order. */
#ifndef PARE_OP_UTIL_H
#define PARE_OP_UTIL_H

#include "ops/op.h"

#include <string.h>

/* Input i is there, its shape is known, and its type is stored by whole bytes (not a string). BAD_MODEL,
 * UNSUPPORTED. */
pare_status pare_op_need(pare_call *call, int i);
/* Sets out[i] unless it was left out. BAD_MODEL when a dim is negative or the size overflows. */
pare_status pare_op_set_out(pare_call *call, int i, pare_dtype dtype, const pare_shape *shape);
/* The axes named by constant input i, made positive and sorted, each once; as a mask (bit a: axis a).
 * Nothing there: *n = 0. */
pare_status pare_op_axes(pare_call *call, int i, int rank, uint32_t *mask, int *n);
/* The same without reporting: for run, backward and couple, after infer has checked. Axis k is in the mask
 * when it is named. */
uint32_t pare_op_axes_mask(const pare_call *call, int i, int rank);
/* Reads a constant s32/s64 tensor after infer has checked it; at most `max` numbers, the count is
 * returned. */
size_t pare_op_ints(const pare_call *call, int i, int64_t *out, size_t max);
/* True when attribute `name` is not there or has the given type. BAD_MODEL otherwise. */
pare_status pare_op_attr_type(pare_call *call, const char *name, pare_attr_type type);
/* An axis that infer has checked. */
static inline int pare_op_axis_of(int64_t axis, int rank) {
  return (int)(axis < 0 ? axis + rank : axis);
}

/* memcpy that allows nothing to be copied from nowhere, and a place onto itself. */
static inline void pare_op_copy(void *to, const void *from, size_t len_bytes) {
  if (len_bytes && to != from) memcpy(to, from, len_bytes);
}
/* out[0] = the bytes of in[0]: the run function of operators with same_bytes. */
pare_status pare_op_run_same_bytes(pare_call *call);
/* d_in[0] += d_out[0], element by element: their backward function. */
pare_status pare_op_backward_same_bytes(pare_grad_call *grad);
void pare_op_add_f32(float *to, const float *from, int64_t n);

/* ---- sums in a fixed order --------------------------------------------------------------------------------
 * Element i goes to lane i % 8, in ascending i; the lanes are then added as a tree. Compilers can vectorise
 * it, and the result does not depend on the build. */
static inline float pare_op_lanes(const float lane[8]) {
  return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}
/* Elements of an f32 tensor that are not zero. */
uint64_t pare_op_nonzeros_f32(const pare_tensor *tensor);
float pare_op_sum_f32(const float *x, int64_t n);
float pare_op_squares_f32(const float *x, float mean, int64_t n); /* of (x - mean)^2 */
float pare_op_dot_f32(const float *x, const float *y, int64_t n);

#endif
