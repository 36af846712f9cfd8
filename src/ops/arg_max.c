/* ArgMax and ArgMin: where along an axis the largest or smallest element stands, the first such or with select_last_index the last
 * (ONNX opset 13). Also Hardmax: 1 where ArgMax points, 0 elsewhere (opset 13). */
#include "ops/extent.h"
#include "ops/wide.h"

static int axis_of(const pare_call *call, int64_t fallback) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", fallback), call->in[0]->shape.rank);
}

static pare_status infer_arg(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), in->rank, &axis));
  if (in->dims[axis] == 0) return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d has length 0", axis);
  pare_shape out = {0};
  const bool keeps = pare_node_int(call->node, "keepdims", 1) != 0;
  for (int i = 0; i < in->rank; i++) {
    if (i != axis) out.dims[out.rank++] = in->dims[i];
    if (i == axis && keeps) out.dims[out.rank++] = 1;
  }
  return pare_op_set_out(call, 0, PARE_S64, &out);
}

/* The place along the axis, of the row of `n` elements that starts at `at`. sign 1: largest; -1: smallest. */
static int64_t place_of(const pare_tensor *x, int64_t at, const pare_extent *e, int sign, bool last) {
  int64_t best = 0;
  for (int64_t i = 1; i < e->n; i++) {
    const int order = sign * pare_wide_compare(x, at + i * e->inner, at + best * e->inner);
    if (order > 0 || (order == 0 && last)) best = i;
  }
  return best;
}

static pare_status run_arg(pare_call *call, int sign) {
  const pare_extent e = pare_extent_of(&call->in[0]->shape, axis_of(call, 0));
  const bool last = pare_node_int(call->node, "select_last_index", 0) != 0;
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t j = 0; j < e.inner; j++)
      pare_s64(call->out[0])[o * e.inner + j] = place_of(call->in[0], o * e.n * e.inner + j, &e, sign, last);
  return PARE_OK;
}

static pare_status run_max(pare_call *call) {
  return run_arg(call, 1);
}
static pare_status run_min(pare_call *call) {
  return run_arg(call, -1);
}

static pare_status couple_arg(const pare_call *call, pare_coupler *coupler) {
  const int axis = axis_of(call, 0);
  const bool keeps = pare_node_int(call->node, "keepdims", 1) != 0;
  for (int i = 0; i < call->in[0]->shape.rank; i++)
    if (i != axis) PARE_TRY(pare_couple_axes(coupler, 0, i, PARE_OUT(0), i > axis && !keeps ? i - 1 : i));
  return PARE_OK;
}

static pare_status infer_hardmax(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank, &axis));
  return pare_op_infer_same(call);
}

static pare_status run_hardmax(pare_call *call) {
  const pare_extent e = pare_extent_of(&call->in[0]->shape, axis_of(call, -1));
  memset(call->out[0]->data, 0, pare_tensor_len_bytes(call->out[0]));
  for (int64_t o = 0; o < e.outer && e.n > 0; o++)
    for (int64_t j = 0; j < e.inner; j++) {
      const int64_t at = o * e.n * e.inner + j, i = place_of(call->in[0], at, &e, 1, false);
      pare_tensor_set_f64(call->out[0], at + i * e.inner, 1.0);
    }
  return PARE_OK;
}

static pare_status couple_hardmax(const pare_call *call, pare_coupler *coupler) {
  return pare_extent_couple(call, coupler, axis_of(call, -1));
}

#define ALONG_AXIS(variable, onnx_name, infer_, run_, couple_)                                               \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = 1,                                                                                           \
      .max_in = 1,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = (infer_),                                                                                     \
      .run = (run_),                                                                                         \
      .no_gradient = "a place is flat wherever it has a slope",                                              \
      .couple = (couple_),                                                                                   \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
ALONG_AXIS(arg_max, "ArgMax", infer_arg, run_max, couple_arg)
ALONG_AXIS(arg_min, "ArgMin", infer_arg, run_min, couple_arg)
ALONG_AXIS(hardmax, "Hardmax", infer_hardmax, run_hardmax, couple_hardmax)
