/* Compress: the slices along an axis (without `axis`: the elements) for which the condition is true; the
 * condition may be shorter than the axis (ONNX Compress, opset 11). */
#include "ops/op_util.h"

typedef struct extent {
  int64_t outer, n, inner; /* data is [outer, n, inner] */
} extent;

static extent extent_of(const pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  if (pare_node_attr(call->node, "axis") == NULL) return (extent){1, pare_shape_count(in), 1};
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), in->rank);
  return (extent){pare_shape_count_range(in, 0, axis), in->dims[axis],
                  pare_shape_count_range(in, axis + 1, in->rank)};
}

/* Places of the condition that count. */
static int64_t places(const pare_call *call, const extent *e) {
  const int64_t n = pare_tensor_count(call->in[1]);
  return n < e->n ? n : e->n;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype bools[] = {PARE_BOOL, PARE_NONE};
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_need_dtype(call, 1, bools));
  PARE_TRY(pare_op_need_data(call, 1));
  if (call->in[1]->shape.rank != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the condition has rank %d, not 1", call->in[1]->shape.rank);
  const pare_shape *in = &call->in[0]->shape;
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  const bool flat = pare_node_attr(call->node, "axis") == NULL;
  int axis = 0;
  if (!flat) PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), in->rank, &axis));
  const extent e = extent_of(call);
  int64_t n = 0;
  for (int64_t i = 0; i < places(call, &e); i++) n += pare_u8(call->in[1])[i] != 0;
  pare_shape out = flat ? PARE_SHAPE(n) : *in;
  out.dims[axis] = n;
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status run(pare_call *call) {
  const extent e = extent_of(call);
  const size_t piece = (size_t)e.inner * pare_dtype_size(call->in[0]->dtype);
  const uint8_t *from = pare_u8(call->in[0]);
  uint8_t *to = pare_u8(call->out[0]);
  for (int64_t o = 0; o < e.outer; o++, from += (size_t)e.n * piece)
    for (int64_t i = 0; i < places(call, &e); i++) {
      if (!pare_u8(call->in[1])[i]) continue;
      pare_op_copy(to, from + (size_t)i * piece, piece);
      to += piece;
    }
  return PARE_OK;
}

const pare_op pare_op_compress = {
    .name = "Compress",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "its shape depends on the data",
    .quant = PARE_QUANT_SAME,
};
