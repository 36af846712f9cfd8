/* ByteNorm (Pare's own): y = QuantizeLinear(BatchNormalization(DequantizeLinear(x))), channels in axis 1, computed in f32 exactly so but in one pass.
 * Inputs X, x_scale, x_zero_point, scale, B, mean, var [C], y_scale, y_zero_point; attribute epsilon. The session puts it in the place of the
 * three (session/fuse_table.c). */
#include <math.h>

#include "ops/quantized.h"

enum { X, X_SCALE, X_ZERO, SCALE, BIAS, MEAN, VARIANCE, Y_SCALE, Y_ZERO };

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_q_need_8bit(call, X));
  PARE_TRY(pare_q_need_8bit(call, Y_ZERO));
  PARE_TRY(pare_op_attr_type(call, "epsilon", PARE_ATTR_FLOAT));
  const pare_tensor *x = call->in[X];
  PARE_TRY(pare_q_need_scale(call, X_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, X_ZERO, x->dtype, 0, false));
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, call->in[Y_ZERO]->dtype, 0, false));
  if (x->shape.rank < 2)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input has rank %d, expected at least 2", x->shape.rank);
  const int64_t channels = x->shape.dims[pare_op_image_axis(call, 1)];
  for (int i = SCALE; i <= VARIANCE; i++) {
    PARE_TRY(pare_op_need_dtype(call, i, f32_only));
    if (call->in[i]->shape.rank != 1 || call->in[i]->shape.dims[0] != channels)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is not [%lld]", i, (long long)channels);
  }
  return pare_op_set_out(call, 0, call->in[Y_ZERO]->dtype, &x->shape);
}

/* scratch: factors and shifts [C] each */
static pare_status prepare(pare_call *call) {
  call->scratch_bytes = 2 * pare_tensor_len_bytes(call->in[SCALE]);
  return PARE_OK;
}

enum { BLOCK = 64 };

typedef struct norm {
  float scale;
  int32_t zero;
  bool is_signed;
  pare_requant_args args;
} norm;

static float value_at(const norm *m, const uint8_t *x, int64_t i) {
  return (float)((m->is_signed ? (int8_t)x[i] : x[i]) - m->zero) * m->scale;
}

/* At most BLOCK elements, whose channels are `step` apart: 0 or 1. */
static void run_row(norm *m, const uint8_t *restrict x, const float *restrict factor,
                    const float *restrict shift, int64_t step, int64_t n, uint8_t *y) {
  float row[BLOCK];
  if (step == 0) {
    for (int64_t i = 0; i < n; i++) row[i] = value_at(m, x, i) * *factor + *shift;
  } else if (m->is_signed) {
    for (int64_t i = 0; i < n; i++)
      row[i] = (float)((int8_t)x[i] - m->zero) * m->scale * factor[i] + shift[i];
  } else {
    for (int64_t i = 0; i < n; i++) row[i] = (float)(x[i] - m->zero) * m->scale * factor[i] + shift[i];
  }
  m->args.x = row;
  m->args.n = n;
  m->args.y = y;
  pare_requant_select()->quantize(&m->args);
}

static norm norm_of(const pare_call *call) {
  norm m = {.scale = pare_q_scale(call, X_SCALE, 0),
            .zero = pare_q_zero(call, X_ZERO, 0),
            .is_signed = call->in[X]->dtype == PARE_S8,
            .args = {.scale = pare_q_scale(call, Y_SCALE, 0),
                     .zero_point = pare_q_zero(call, Y_ZERO, 0),
                     .is_signed = call->out[0]->dtype == PARE_S8}};
  pare_q_bounds(call->node, call->out[0]->dtype, m.args.scale, m.args.zero_point, &m.args.low, &m.args.high);
  return m;
}

static pare_status run(pare_call *call) {
  const pare_shape image = pare_op_image(call, call->in[X]);
  const int64_t c = image.dims[1], places = pare_shape_count_range(&image, 2, image.rank);
  const int64_t n = pare_tensor_count(call->in[X]);
  const float epsilon = pare_node_float(call->node, "epsilon", 1e-5f);
  float *factor = call->scratch, *shift = factor + c;
  for (int64_t i = 0; i < c; i++) { /* as batch_normalization.c */
    factor[i] = 1.0f / sqrtf(pare_f32(call->in[VARIANCE])[i] + epsilon) * pare_f32(call->in[SCALE])[i];
    shift[i] = pare_f32(call->in[BIAS])[i] - pare_f32(call->in[MEAN])[i] * factor[i];
  }
  norm m = norm_of(call);
  const bool side_by_side = call->node->channels_last || places == 1;
  const int64_t length = side_by_side ? c : places;
  for (int64_t at = 0; at < n; at += length) {
    for (int64_t i = 0; i < length; i += BLOCK) {
      const int64_t many = length - i < BLOCK ? length - i : BLOCK, k = side_by_side ? i : at / length % c;
      run_row(&m, pare_u8(call->in[X]) + at + i, factor + k, shift + k, side_by_side, many,
              pare_u8(call->out[0]) + at + i);
    }
  }
  return PARE_OK;
}

const pare_op pare_op_byte_norm = {
    .name = "ByteNorm",
    .domain = "pare",
    .min_in = 9,
    .max_in = 9,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .in_place = true,
    .layout = PARE_LAYOUT_FOLLOWS,
};
