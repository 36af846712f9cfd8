/* What operators that make their outputs themselves share (control flow, sequences, optionals): arrays of results, rows that become one
 * tensor, slices of a tensor. Such operators run in dynamic sessions only. */
#ifndef PARE_CONTROL_H
#define PARE_CONTROL_H

#include "ops/op_util.h"

#define PARE_CONTROL_NO_GRADIENT "a network with control flow, sequences or optionals runs but is not trained"

/* Inputs that are written as inputs: without what the node's graphs capture. */
static inline int pare_control_n_in(const pare_call *call) {
  return call->n_in - call->node->n_captured;
}
/* BAD_MODEL unless input i is a tensor of one element of this type. */
pare_status pare_control_need_one(pare_call *call, int i, pare_dtype dtype);
/* UNSUPPORTED for types of less than a byte, which are for weights only. */
pare_status pare_control_need_bytes(pare_call *call, pare_dtype dtype);
/* BAD_MODEL unless input i is a tensor, or a sequence. */
pare_status pare_control_need_tensor(pare_call *call, int i);
pare_status pare_control_need_sequence(pare_call *call, int i);
pare_status pare_control_scalar(pare_call *call, pare_dtype dtype, int64_t value, pare_tensor *out);
/* For operators with nothing to check before they run. */
pare_status pare_control_infer(pare_call *call);
void pare_control_release(pare_tensor *tensors, int64_t n);
/* The graph of attribute `attr`, NULL when it is not there. */
const pare_model *pare_control_graph(const pare_call *call, const char *attr);

/* Tensors of one type and shape, copied one behind the other. */
typedef struct pare_rows {
  pare_dtype dtype;
  pare_shape shape; /* of each */
  int64_t n;
  size_t row_bytes, capacity_bytes;
  uint8_t *data;
} pare_rows;

pare_status pare_rows_add(pare_call *call, pare_rows *rows, const pare_tensor *row);
/* Adds zeros until there are `n` rows. */
pare_status pare_rows_pad(pare_call *call, pare_rows *rows, int64_t n);
/* The rows as one tensor with their count at `axis` (of the result, in range after pare_op_axis), the last first when `backwards`. With
 * no row, type and dims are those of `model`, unknown ones 0. Empties `rows`. */
pare_status pare_rows_join(pare_call *call, pare_rows *rows, int64_t axis, bool backwards,
                           const pare_value *model, pare_tensor *out);
void pare_rows_free(pare_context *ctx, pare_rows *rows);
/* `n` elements of `axis` from `at` on, as a tensor of its own; without the axis when n is 1 and `drop`. */
pare_status pare_control_slice(pare_call *call, const pare_tensor *from, int axis, int64_t at, int64_t n,
                               bool drop, pare_tensor *out);

#endif
