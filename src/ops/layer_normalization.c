/* LayerNormalization: y = (x - mean) / sqrt(var + epsilon) * scale + bias, mean and variance over the axes from `axis` on (ONNX
 * LayerNormalization, opset 17; Ba et al. 2016). Outputs 1 and 2 are the mean and 1 / sqrt(var + epsilon). */
#include "ops/norm.h"

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  int axis = 0;
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_attr_type(call, "epsilon", PARE_ATTR_FLOAT));
  const pare_shape *x = &call->in[0]->shape;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), x->rank, &axis));
  for (int i = 1; i < 3; i++) {
    if (!pare_call_has(call, i)) continue;
    PARE_TRY(pare_op_need_dtype(call, i, f32_only));
    if (pare_tensor_count(call->in[i]) != pare_shape_count_range(x, axis, x->rank))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has not one number per normalised element", i);
  }
  pare_shape stats = *x;
  for (int i = axis; i < x->rank; i++) stats.dims[i] = 1;
  PARE_TRY(pare_op_set_out(call, 0, PARE_F32, x));
  PARE_TRY(pare_op_set_out(call, 1, PARE_F32, &stats));
  return pare_op_set_out(call, 2, PARE_F32, &stats);
}

static pare_norm norm_of(const pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  const int axis = axis_of(call);
  return (pare_norm){.n_rows = pare_shape_count_range(x, 0, axis),
                     .n_parts = pare_shape_count_range(x, axis, x->rank),
                     .part = 1,
                     .period = 1,
                     .epsilon = pare_node_float(call->node, "epsilon", 1e-5f),
                     .scale = pare_f32(call->in[1]),
                     .bias = pare_call_has(call, 2) ? pare_f32(call->in[2]) : NULL};
}

static pare_status prepare(pare_call *call) {
  if (call->training) call->saved_bytes = (size_t)norm_of(call).n_rows * 2 * sizeof(float);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  const pare_norm norm = norm_of(call);
  for (int64_t r = 0; r < norm.n_rows; r++) {
    float stats[2];
    const int64_t at = r * norm.n_parts;
    pare_norm_row(&norm, r, pare_f32(call->in[0]) + at, pare_f32(call->out[0]) + at, stats);
    for (int i = 1; i < 3 && i < call->n_out; i++)
      if (call->out[i]) pare_f32(call->out[i])[r] = stats[i - 1];
    if (call->training) memcpy((float *)call->saved + 2 * r, stats, sizeof stats);
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  for (int i = 1; i < call->n_out; i++)
    if (grad->d_out[i])
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "the mean and the deviation have no gradient");
  if (!grad->d_out[0]) return PARE_OK;
  const pare_norm norm = norm_of(call);
  const pare_norm_grad g = {.x = pare_f32(call->in[0]),
                            .dy = pare_f32(grad->d_out[0]),
                            .stats = call->saved,
                            .dx = pare_grad_wants(grad, 0) ? pare_f32(grad->d_in[0]) : NULL,
                            .dscale = pare_grad_wants(grad, 1) ? pare_f32(grad->d_in[1]) : NULL,
                            .dbias = pare_grad_wants(grad, 2) ? pare_f32(grad->d_in[2]) : NULL};
  pare_norm_backward(&norm, &g);
  return PARE_OK;
}

/* A normalised axis stays as it is: an element that leaves would change the mean of the others. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < axis_of(call); axis++)
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_layer_normalization = {
    .name = "LayerNormalization",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 3,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
