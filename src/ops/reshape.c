/* Reshape: the same bytes under another shape (ONNX Reshape, opset 14). In `shape` one -1 is worked out; 0
 * copies the input's dim unless allowzero is 1. */
#include "ops/op_util.h"

static pare_status fail_fit(pare_call *call, const int64_t *dims, size_t n) {
  char from[128], to[128];
  const pare_shape wanted = pare_shape_of(dims, (int)n);
  return pare_fail(call->ctx, PARE_BAD_MODEL, "cannot reshape %s to %s",
                   pare_shape_text(&call->in[0]->shape, from, sizeof from),
                   pare_shape_text(&wanted, to, sizeof to));
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  const bool allow_zero = pare_node_int(call->node, "allowzero", 0) != 0;
  int64_t dims[PARE_MAX_RANK], known = 1;
  size_t n = 0;
  PARE_TRY(pare_op_const_ints(call, 1, dims, PARE_MAX_RANK, &n));
  pare_shape out = pare_shape_of(dims, (int)n);
  int unknown = -1;
  for (int i = 0; i < (int)n; i++) {
    if (dims[i] == 0 && !allow_zero) {
      if (i >= in->rank) return fail_fit(call, dims, n);
      out.dims[i] = in->dims[i];
    }
    if (dims[i] < -1 || (dims[i] == -1 && unknown >= 0)) return fail_fit(call, dims, n);
    if (dims[i] == -1)
      unknown = i;
    else if (__builtin_mul_overflow(known, out.dims[i], &known))
      return fail_fit(call, dims, n);
  }
  const int64_t count = pare_shape_count(in);
  if (unknown >= 0) {
    if (known == 0 || count % known != 0) return fail_fit(call, dims, n);
    out.dims[unknown] = count / known;
  } else if (known != count) {
    return fail_fit(call, dims, n);
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

/* Only the form of a Flatten is followed: [N,C,...] to [N,-1], where the shape still holds when channels
 * go. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
  int64_t dims[PARE_MAX_RANK];
  const size_t n = pare_op_ints(call, 1, dims, PARE_MAX_RANK);
  if (in->rank < 2 || n != 2 || in->dims[0] != out->dims[0]) return PARE_OK;
  const int64_t inner = pare_shape_count_range(in, 2, in->rank);
  const bool follows = dims[1] == -1 || (dims[1] == 0 && inner == 1);
  if (!follows || in->dims[1] * inner != out->dims[1]) return PARE_OK;
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  for (int64_t c = 0; c < in->dims[1]; c++)
    for (int64_t k = 0; k < inner; k++)
      PARE_TRY(pare_couple(coupler, 0, 1, c, PARE_OUT(0), 1, c * inner + k));
  return PARE_OK;
}

const pare_op pare_op_reshape = {
    .name = "Reshape",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = pare_op_run_same_bytes,
    .backward = pare_op_backward_same_bytes,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
    .same_bytes = true,
};
