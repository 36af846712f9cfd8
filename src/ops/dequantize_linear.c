/* DequantizeLinear: y = (x - x_zero_point) * x_scale, per tensor, along `axis`, or in blocks along it (ONNX DequantizeLinear, opset 21), from u4, s4,
 * u8, s8, u16, s16, s32. */
#include "ops/quantized.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

static bool is_4bit(const pare_tensor *tensor) {
  return tensor->dtype == PARE_U4 || tensor->dtype == PARE_S4;
}

/* In blocks of block_size along one axis: the scale has x's shape, that axis divided (rounded up). */
static pare_status infer_blocked(pare_call *call, int axis, int64_t block) {
  const pare_shape *x = &call->in[0]->shape;
  pare_shape want = *x;
  want.dims[axis] = (x->dims[axis] + block - 1) / block;
  const pare_tensor *scale = call->in[1], *zero = pare_call_has(call, 2) ? call->in[2] : NULL;
  if (!pare_shape_equal(&scale->shape, &want) || (zero && !pare_shape_equal(&zero->shape, &want)))
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "the scale and the zero point do not have a value for each block");
  if (zero && zero->dtype != call->in[0]->dtype)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the zero point has another type than its tensor");
  return pare_op_set_out(call, 0, PARE_F32, x);
}

static pare_status infer_whole(pare_call *call, int axis) {
  const pare_shape *x = &call->in[0]->shape;
  const int64_t channels = axis < 0 ? 1 : x->dims[axis];
  PARE_TRY(pare_q_need_scale(call, 1, channels));
  if (is_4bit(call->in[0]) && pare_call_has(call, 2)) {
    if (call->in[2]->dtype != call->in[0]->dtype)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the zero point has another type than its tensor");
  } else {
    PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, channels, true));
  }
  if (pare_call_has(call, 2) && pare_tensor_count(call->in[2]) != pare_tensor_count(call->in[1]))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the scale and the zero point have different lengths");
  return pare_op_set_out(call, 0, PARE_F32, x);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_U8, PARE_S8, PARE_U16, PARE_S16, PARE_S32, PARE_NONE};
  if (!is_4bit(call->in[0])) PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "block_size", PARE_ATTR_INT));
  const int64_t block = pare_node_int(call->node, "block_size", 0);
  int axis = -1;
  if (block > 0 || pare_tensor_count(call->in[1]) != 1)
    PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 1), call->in[0]->shape.rank, &axis));
  return block > 0 ? infer_blocked(call, axis, block) : infer_whole(call, axis);
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
  case PARE_U4:
  case PARE_S4:
    for (int64_t i = 0; i < n; i++) y[i] = (float)(pare_tensor_get_s64(x, from + i) - zero) * scale;
    break;
  default:
    for (int64_t i = 0; i < n; i++)
      y[i] = (float)(int32_t)((uint32_t)pare_s32(x)[from + i] - (uint32_t)zero) * scale;
  }
}

/* Each block has a scale for every place beside the axis: [before, axis, after]. */
static pare_status run_blocked(pare_call *call, int64_t block) {
  const pare_tensor *x = call->in[0];
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 1), x->shape.rank);
  const int64_t before = pare_shape_count_range(&x->shape, 0, axis), n = x->shape.dims[axis];
  const int64_t after = pare_shape_count_range(&x->shape, axis + 1, x->shape.rank);
  const int64_t n_blocks = (n + block - 1) / block;
  for (int64_t i = 0; i < before * n; i++) {
    for (int64_t k = 0; k < after; k++) {
      const int64_t at = (i / n * n_blocks + i % n / block) * after + k;
      dequantize(x, i * after + k, 1, pare_f32(call->in[1])[at],
                 pare_call_has(call, 2) ? (int32_t)pare_tensor_get_s64(call->in[2], at) : 0,
                 pare_f32(call->out[0]) + i * after + k);
    }
  }
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  const pare_tensor *x = call->in[0];
  const int64_t block = pare_node_int(call->node, "block_size", 0);
  if (block > 0) return run_blocked(call, block);
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
