/* QuantizeLinear: y = saturate(half_even(x / y_scale) + y_zero_point), per tensor or along `axis` (ONNX QuantizeLinear, opset 13), to u8, s8,
 * u16, s16. The division is a division: multiplying by 1 / y_scale rounds some halves otherwise. */
#include <math.h>

#include "ops/quantized.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  const pare_shape *x = &call->in[0]->shape;
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  pare_dtype dtype = PARE_U8;
  int64_t channels = 1;
  if (pare_tensor_count(call->in[1]) != 1) {
    int axis;
    PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 1), x->rank, &axis));
    axis = pare_op_image_axis(call, axis);
    channels = x->dims[axis];
  }
  PARE_TRY(pare_q_need_scale(call, 1, channels));
  if (pare_call_has(call, 2)) {
    static const pare_dtype dtypes[] = {PARE_U8, PARE_S8, PARE_U16, PARE_S16, PARE_NONE};
    PARE_TRY(pare_op_need_dtype(call, 2, dtypes));
    dtype = call->in[2]->dtype;
    if (pare_tensor_count(call->in[2]) != pare_tensor_count(call->in[1]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the scale and the zero point have different lengths");
  }
  return pare_op_set_out(call, 0, dtype, x);
}

static void quantize_16(const float *x, int64_t n, float scale, int32_t zero, bool is_signed, void *y) {
  const float low = (float)((is_signed ? -32768 : 0) - zero),
              high = (float)((is_signed ? 32767 : 65535) - zero);
  for (int64_t i = 0; i < n; i++) {
    float value = x[i] / scale;
    value = value > low ? value : low; /* a NaN becomes low */
    value = value < high ? value : high;
    const int32_t q = (int32_t)nearbyintf(value) + zero;
    ((uint16_t *)y)[i] = (uint16_t)q;
  }
}

static pare_status run(pare_call *call) {
  const pare_tensor *x = call->in[0], *y = call->out[0];
  const int64_t channels = pare_tensor_count(call->in[1]);
  int64_t n = pare_tensor_count(x), repeats = 1;
  if (channels > 1) {
    const int axis =
        pare_op_image_axis(call, pare_op_axis_of(pare_node_int(call->node, "axis", 1), x->shape.rank));
    repeats = pare_shape_count_range(&x->shape, 0, axis);
    n = pare_shape_count_range(&x->shape, axis + 1, x->shape.rank);
  }
  const pare_requant_kernel *kernel = pare_requant_select();
  const size_t size = pare_dtype_size(y->dtype);
  for (int64_t i = 0; i < repeats * channels; i++) {
    const float scale = pare_q_scale(call, 1, i % channels);
    const int32_t zero = pare_q_zero(call, 2, i % channels);
    const float *from = pare_f32(x) + i * n;
    void *to = pare_u8(y) + (size_t)(i * n) * size;
    if (size == 2) {
      quantize_16(from, n, scale, zero, y->dtype == PARE_S16, to);
      continue;
    }
    pare_requant_args args = {
        .x = from, .n = n, .scale = scale, .zero_point = zero, .is_signed = y->dtype == PARE_S8, .y = to};
    args.low = args.is_signed ? -128 : 0;
    args.high = args.low + 255;
    kernel->quantize(&args);
  }
  return PARE_OK;
}

const pare_op pare_op_quantize_linear = {
    .name = "QuantizeLinear",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "rounding has no gradient",
    .layout = PARE_LAYOUT_FOLLOWS,
};
