/* MaxUnpool: the way back of MaxPool: zeros, and X's elements where MaxPool's Indices say that they came from
 * (ONNX MaxUnpool, opset 11). Indices count in the image that the window implies; a larger output_shape adds
 * zeros behind. */
#include "ops/indices.h"
#include "ops/loop.h"
#include "ops/window.h"

/* The image that the window implies. */
static pare_status implied_shape(pare_call *call, pare_shape *out) {
  const pare_shape *x = &call->in[0]->shape;
  const int n = x->rank - 2;
  int64_t kernel[PARE_WINDOW_MAX], stride[PARE_WINDOW_MAX], pads[2 * PARE_WINDOW_MAX];
  bool there;
  if (n < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "input has rank %d", x->rank);
  PARE_TRY(pare_window_ints(call, "kernel_shape", (size_t)n, 1, 1, kernel, &there));
  if (!there) return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'kernel_shape' is missing");
  PARE_TRY(pare_window_ints(call, "strides", (size_t)n, 1, 1, stride, NULL));
  PARE_TRY(pare_window_ints(call, "pads", 2 * (size_t)n, 0, 0, pads, NULL));
  *out = *x;
  for (int i = 0; i < n; i++) {
    int64_t *dim = &out->dims[2 + i];
    if (*dim < 1 || __builtin_mul_overflow(*dim - 1, stride[i], dim) ||
        __builtin_add_overflow(*dim, kernel[i] - pads[i] - pads[n + i], dim) || *dim < 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the window of axis %d implies no image", 2 + i);
  }
  size_t len_bytes;
  return pare_tensor_bytes(call->ctx, PARE_F32, out, &len_bytes);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE}, s64_only[] = {PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, s64_only));
  pare_shape implied, out;
  PARE_TRY(implied_shape(call, &implied));
  if (!pare_shape_equal(&call->in[1]->shape, &call->in[0]->shape))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the indices have another shape than the input");
  out = implied;
  if (pare_call_has(call, 2)) {
    size_t n = 0;
    PARE_TRY(pare_op_const_ints(call, 2, out.dims, PARE_MAX_RANK, &n));
    bool fits = n == (size_t)out.rank;
    for (int i = 0; i < out.rank && fits; i++)
      fits = i < 2 ? out.dims[i] == implied.dims[i] : out.dims[i] >= implied.dims[i];
    if (!fits) return pare_fail(call->ctx, PARE_BAD_MODEL, "output_shape does not hold the implied image");
  }
  return pare_op_set_out(call, 0, PARE_F32, &out);
}

static pare_status run(pare_call *call) {
  pare_shape implied;
  int64_t stride[PARE_MAX_RANK];
  PARE_TRY(implied_shape(call, &implied));
  pare_loop_dense(&call->out[0]->shape, stride);
  const int64_t n = pare_shape_count(&implied), count = pare_tensor_count(call->in[0]);
  float *y = pare_f32(call->out[0]);
  memset(y, 0, pare_tensor_len_bytes(call->out[0]));
  for (int64_t i = 0; i < count; i++) {
    int64_t left = pare_s64(call->in[1])[i], at = 0;
    if (left < 0 || left >= n) return pare_indices_fail(call, left, n);
    for (int d = implied.rank - 1; d >= 0; left /= implied.dims[d--])
      at += left % implied.dims[d] * stride[d];
    y[at] = pare_f32(call->in[0])[i];
  }
  return PARE_OK;
}

const pare_op pare_op_max_unpool = {
    .name = "MaxUnpool",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "no network trains through it",
    .quant = PARE_QUANT_NONE,
};
