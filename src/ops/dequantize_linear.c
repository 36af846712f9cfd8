/* DequantizeLinear: y = (x - x_zero_point) * x_scale, per tensor or along `axis` (ONNX DequantizeLinear, opset 13), from u8, s8, u16, s16, s32. */
#include "ops/quantized.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

static pare_status infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_U8, PARE_S8, PARE_U16, PARE_S16, PARE_S32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  const pare_shape *x = &call->in[0]->shape;
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  int64_t channels = 1;
  if (pare_tensor_count(call->in[1]) != 1) {
    int axis;
    PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 1), x->rank, &axis));
    axis = pare_op_image_axis(call, axis);
    channels = x->dims[axis];
  }
  PARE_TRY(pare_q_need_scale(call, 1, channels));
  PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, channels, true));
  if (pare_call_has(call, 2) && pare_tensor_count(call->in[2]) != pare_tensor_count(call->in[1]))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the scale and the zero point have different lengths");
  return pare_op_set_out(call, 0, PARE_F32, x);
}

/* The difference wraps for s32, as ONNX Runtime's; for the others it is exact. */
static void dequantize(const pare_tensor *x, int64_t from, int64_t n, float scale, int32_t zero, float *y) {
  switch (x->dtype) {
  case PARE_U8:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(pare_u8(x)[from + i] - zero) * scale;
    break;
  case PARE_S8:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(pare_s8(x)[from + i] - zero) * scale;
    break;
  case PARE_U16:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(((const uint16_t *)x->data)[from + i] - zero) * scale;
    break;
  case PARE_S16:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(((const int16_t *)x->data)[from + i] - zero) * scale;
    break;
  default:
    for (int64_t i = 0; i < n; i++)
      y[i] = (float)(int32_t)((uint32_t)pare_s32(x)[from + i] - (uint32_t)zero) * scale;
  }
}

static pare_status run(pare_call *call) {
  const pare_tensor *x = call->in[0];
  const int64_t channels = pare_tensor_count(call->in[1]);
  int64_t n = pare_tensor_count(x), repeats = 1;
  if (channels > 1) {
    const int axis =
        pare_op_image_axis(call, pare_op_axis_of(pare_node_int(call->node, "axis", 1), x->shape.rank));
    repeats = pare_shape_count_range(&x->shape, 0, axis);
    n = pare_shape_count_range(&x->shape, axis + 1, x->shape.rank);
  }
  for (int64_t i = 0; i < repeats * channels; i++) {
    dequantize(x, i * n, n, pare_q_scale(call, 1, i % channels), pare_q_zero(call, 2, i % channels),
               pare_f32(call->out[0]) + i * n);
  }
  return PARE_OK;
}

const pare_op pare_op_dequantize_linear = {
    .name = "DequantizeLinear",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_FOLLOWS,
};
