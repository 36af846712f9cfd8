/* Cast: values in another type, and CastLike: in the type of a second input (ONNX Cast, opset 13; CastLike, 15). Floats to integers truncate toward zero, saturate at
 * 64 bits and keep the low bits below that; NaN becomes 0. Anything but 0 is true. Strings are not there. */
#include "ops/elementwise.h"

static bool is_float(pare_dtype dtype) {
  return pare_wide_is_float(dtype) || pare_wide_is_narrow(dtype);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_attr_type(call, "to", PARE_ATTR_INT));
  const int64_t to = pare_node_int(call->node, "to", 0);
  if (!pare_dtype_known(to) || pare_dtype_size((pare_dtype)to) == 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "a cast to type %lld%s", (long long)to,
                     to == PARE_STRING ? " (string)" : "");
  return pare_op_set_out(call, 0, (pare_dtype)to, &call->in[0]->shape);
}

static pare_status infer_like(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_need(call, 1));
  return pare_op_set_out(call, 0, call->in[1]->dtype, &call->in[0]->shape);
}

static int64_t to_s64(double x) {
  if (x != x) return 0;
  if (x >= 9223372036854775808.0) return INT64_MAX;
  return x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x;
}

static pare_status run(pare_call *call) {
  const pare_tensor *in = call->in[0];
  pare_tensor *out = call->out[0];
  const int64_t n = pare_tensor_count(in);
  if (in->dtype == out->dtype) return pare_op_run_same_bytes(call);
  if (out->dtype == PARE_BOOL)
    for (int64_t i = 0; i < n; i++) pare_u8(out)[i] = pare_tensor_get_f64(in, i) != 0.0;
  else if (is_float(out->dtype))
    for (int64_t i = 0; i < n; i++) pare_tensor_set_f64(out, i, pare_tensor_get_f64(in, i));
  else if (is_float(in->dtype))
    for (int64_t i = 0; i < n; i++) pare_wide_set_s64(out, i, to_s64(pare_tensor_get_f64(in, i)));
  else
    for (int64_t i = 0; i < n; i++) pare_wide_set_s64(out, i, pare_tensor_get_s64(in, i));
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (call->in[0]->dtype == PARE_F32 && call->out[0]->dtype == PARE_F32)
    return pare_op_backward_same_bytes(grad);
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "gradients pass through casts from f32 to f32 only");
}

#define CAST(variable, onnx_name, n_in, infer_)                                                              \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = (n_in),                                                                                      \
      .max_in = (n_in),                                                                                      \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = (infer_),                                                                                     \
      .run = run,                                                                                            \
      .backward = backward,                                                                                  \
      .couple = pare_couple_same,                                                                            \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
CAST(cast, "Cast", 1, infer)
CAST(cast_like, "CastLike", 2, infer_like)
