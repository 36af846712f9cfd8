/* QLinearGlobalAveragePool: y = requantize(sum over the image of (x - x_zero)) with scale x_scale / (y_scale * elements), in f32, as ONNX Runtime
 * computes it (com.microsoft QLinearGlobalAveragePool, opset 1). Inputs X, x_scale, x_zero_point, y_scale, y_zero_point. */
#include "ops/quantized.h"

enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, X));
  const pare_dtype dtype = call->in[X]->dtype;
  if (call->in[X]->shape.rank < 3)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input of rank %d", call->in[X]->shape.rank);
  if (pare_node_int(call->node, "channels_last", 0) != 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "channels_last");
  PARE_TRY(pare_q_need_scale(call, X_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, X_ZERO, dtype, 0, false));
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, dtype, 0, false));
  pare_shape y = pare_op_image(call, call->in[X]);
  const int64_t elements = pare_shape_count_range(&y, 2, y.rank);
  if (elements < 1 || elements > INT32_MAX / 255)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "images of %lld elements", (long long)elements);
  for (int i = 2; i < y.rank; i++) y.dims[i] = 1;
  return pare_op_set_image(call, dtype, &y);
}

static int32_t sum_of(const pare_tensor *x, int64_t from, int64_t n) {
  int32_t sum = 0;
  if (x->dtype == PARE_S8) {
    for (int64_t i = 0; i < n; i++) sum += pare_s8(x)[from + i];
  } else {
    for (int64_t i = 0; i < n; i++) sum += pare_u8(x)[from + i];
  }
  return sum;
}

/* Channels last: sums of up to BLOCK channels over the places of an image. */
#define BLOCK 64
static void sum_last(const pare_tensor *x, const uint8_t *from, int64_t places, int64_t c, int64_t n,
                     int32_t *restrict acc) {
  for (int64_t i = 0; i < n; i++) acc[i] = 0;
  for (int64_t p = 0; p < places; p++, from += c) {
    if (x->dtype == PARE_S8) {
      for (int64_t i = 0; i < n; i++) acc[i] += (int8_t)from[i];
    } else {
      for (int64_t i = 0; i < n; i++) acc[i] += from[i];
    }
  }
}

static void run_last(const pare_call *call, int64_t places, pare_requant_args args) {
  const pare_tensor *x = call->in[X];
  const int64_t c = x->shape.dims[3];
  int32_t acc[BLOCK];
  args.acc = acc;
  for (int64_t i = 0; i < x->shape.dims[0]; i++) {
    for (int64_t first = 0; first < c; first += BLOCK) {
      args.n = c - first < BLOCK ? c - first : BLOCK;
      sum_last(x, pare_u8(x) + i * places * c + first, places, c, args.n, acc);
      args.y = pare_u8(call->out[0]) + i * c + first;
      pare_requant_select()->requantize(&args);
    }
  }
}

static pare_status run(pare_call *call) {
  const pare_tensor *x = call->in[X];
  const pare_shape image = pare_op_image(call, x);
  const int64_t n = image.dims[0] * image.dims[1], places = pare_shape_count_range(&image, 2, image.rank);
  const float y_scale = pare_q_scale(call, Y_SCALE, 0);
  pare_requant_args args = {.n = 1,
                            .bias = -pare_q_zero(call, X_ZERO, 0) * (int32_t)places,
                            .scale = pare_q_scale(call, X_SCALE, 0) / (y_scale * (float)places),
                            .zero_point = pare_q_zero(call, Y_ZERO, 0),
                            .is_signed = x->dtype == PARE_S8};
  pare_q_bounds(call->node, x->dtype, y_scale, args.zero_point, &args.low, &args.high);
  if (call->node->channels_last) {
    run_last(call, places, args);
    return PARE_OK;
  }
  for (int64_t i = 0; i < n; i++) {
    const int32_t acc = sum_of(x, i * places, places);
    args.acc = &acc;
    args.y = pare_u8(call->out[0]) + i;
    pare_requant_select()->requantize(&args);
  }
  return PARE_OK;
}

const pare_op pare_op_qlinear_global_average_pool = {
    .name = "QLinearGlobalAveragePool",
    .domain = "com.microsoft",
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_FOLLOWS,
};
