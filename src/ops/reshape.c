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

/* Axes [first, end) of the input become axis `axis` of the output. Of these, channels are the first when it is the
 * axis of channels (Flatten of an image), the last otherwise (directions and hidden units, heads and features). */
static pare_status couple_merged(const pare_call *call, pare_coupler *coupler, int first, int end, int axis) {
  const pare_shape *in = &call->in[0]->shape;
  const int channels = first == 1 && in->dims[1] > 1 ? 1 : end - 1;
  const int64_t n = in->dims[channels], inner = pare_shape_count_range(in, channels + 1, end),
                all = call->out[0]->shape.dims[axis];
  for (int64_t i = 0; i < all; i++)
    PARE_TRY(pare_couple(coupler, 0, channels, i / inner % n, PARE_OUT(0), axis, i));
  return PARE_OK;
}

/* Axes that stay, and axes that become one, are followed as long as `shape` still holds when channels go: the axis
 * that they become is -1 there, or 0 where just axes of length 1 leave. What comes behind anything else is not. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
  int64_t dims[PARE_MAX_RANK];
  const int n = (int)pare_op_ints(call, 1, dims, PARE_MAX_RANK);
  int k = 0;
  for (int axis = 0; axis < n && k < in->rank; axis++) {
    const int first = k;
    int64_t length = in->dims[k++];
    while (length < out->dims[axis] && k < in->rank) length *= in->dims[k++];
    if (axis == n - 1)
      for (; k < in->rank; k++) length *= in->dims[k]; /* axes of length 1 */
    if (length != out->dims[axis]) return PARE_OK;
    const bool follows = dims[axis] == -1 || (dims[axis] == 0 && (length == in->dims[axis] && first == axis));
    if (k == first + 1 && dims[axis] != -1 && !follows) continue; /* a number: it stays as it is */
    if (follows) PARE_TRY(couple_merged(call, coupler, first, k, axis));
  }
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
