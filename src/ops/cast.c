/* Cast: values in another type (ONNX Cast, opset 13). Floats to integers truncate toward zero, saturate at
 * 64 bits and keep the low bits below that; NaN becomes 0. Anything but 0 is true. Strings are not there. */
#include "ops/elementwise.h"

static bool is_float(pare_dtype dtype) {
  return dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16 || dtype == PARE_BF16;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_attr_type(call, "to", PARE_ATTR_INT));
  const int64_t to = pare_node_int(call->node, "to", 0);
  if (!pare_dtype_known(to) || pare_dtype_size((pare_dtype)to) == 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "a cast to type %lld", (long long)to);
  return pare_op_set_out(call, 0, (pare_dtype)to, &call->in[0]->shape);
}

static int64_t to_s64(double x) {
  if (x != x) return 0;
  if (x >= 9223372036854775808.0) return INT64_MAX;
  return x <= -9223372036854775808.0 ? INT64_MIN : (int64_t)x;
}

static void store(pare_tensor *out, int64_t i, int64_t x) {
  switch (pare_dtype_size(out->dtype)) {
  case 1: pare_u8(out)[i] = (uint8_t)x; break;
  case 2: ((uint16_t *)out->data)[i] = (uint16_t)x; break;
  case 4: pare_s32(out)[i] = (int32_t)x; break;
  default: pare_s64(out)[i] = x; break;
  }
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
    for (int64_t i = 0; i < n; i++) store(out, i, to_s64(pare_tensor_get_f64(in, i)));
  else
    for (int64_t i = 0; i < n; i++) store(out, i, pare_tensor_get_s64(in, i));
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (call->in[0]->dtype == PARE_F32 && call->out[0]->dtype == PARE_F32)
    return pare_op_backward_same_bytes(grad);
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "gradients pass through casts from f32 to f32 only");
}

const pare_op pare_op_cast = {
    .name = "Cast",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_NONE,
};
