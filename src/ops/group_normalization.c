/* GroupNormalization: y = (x - mean) / sqrt(var + epsilon) * scale + bias, mean and variance over each group of channels of each
 * image; scale and bias per group (ONNX GroupNormalization, opset 18) or per channel (opset 21; Wu and He 2018).
 * InstanceNormalization: the same with one channel per group (ONNX opset 6; Ulyanov et al. 2016). */
#include "ops/norm.h"

static int64_t groups_of(const pare_call *call) {
  const bool per_channel = pare_node_is(call->node, "InstanceNormalization");
  return per_channel ? call->in[0]->shape.dims[1] : pare_node_int(call->node, "num_groups", 0);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  for (int i = 0; i < 3; i++) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  PARE_TRY(pare_op_attr_type(call, "epsilon", PARE_ATTR_FLOAT));
  const pare_shape *x = &call->in[0]->shape;
  if (x->rank < 2) return pare_fail(call->ctx, PARE_BAD_MODEL, "the input has rank %d", x->rank);
  const int64_t c = x->dims[1], groups = groups_of(call);
  if (groups < 0 || (groups == 0 && c != 0) || (groups > 0 && c % groups != 0))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%lld channels in %lld groups", (long long)c,
                     (long long)groups);
  for (int i = 1; i < 3; i++) {
    const pare_shape *s = &call->in[i]->shape;
    if (s->rank != 1 || (s->dims[0] != c && s->dims[0] != groups) || s->dims[0] != call->in[1]->shape.dims[0])
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has neither one number per channel nor per group",
                       i);
  }
  return pare_op_infer_same(call);
}

static pare_norm norm_of(const pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  const int64_t c = x->dims[1], groups = groups_of(call), plane = pare_shape_count_range(x, 2, x->rank);
  const bool per_channel = call->in[1]->shape.dims[0] == c;
  const int64_t in_group = groups ? c / groups : 0;
  return (pare_norm){.n_rows = x->dims[0] * groups,
                     .n_parts = per_channel ? in_group : 1,
                     .part = per_channel ? plane : in_group * plane,
                     .period = groups,
                     .epsilon = pare_node_float(call->node, "epsilon", 1e-5f),
                     .scale = pare_f32(call->in[1]),
                     .bias = pare_f32(call->in[2])};
}

static pare_status prepare(pare_call *call) {
  if (call->training) call->saved_bytes = (size_t)norm_of(call).n_rows * 2 * sizeof(float);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  const pare_norm norm = norm_of(call);
  const int64_t n = norm.n_parts * norm.part;
  for (int64_t r = 0; r < norm.n_rows; r++) {
    float stats[2];
    pare_norm_row(&norm, r, pare_f32(call->in[0]) + r * n, pare_f32(call->out[0]) + r * n, stats);
    if (call->training) memcpy((float *)call->saved + 2 * r, stats, sizeof stats);
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
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

/* A channel may leave where it is a group of its own; in a larger group it would change the mean of the others. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  if (!pare_node_is(call->node, "InstanceNormalization")) return PARE_OK;
  for (int i = 1; i < 3; i++) PARE_TRY(pare_couple_axes(coupler, 0, 1, i, 0));
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}

#define NORM(variable, onnx_name)                                                                            \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = 3,                                                                                           \
      .max_in = 3,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer,                                                                                        \
      .prepare = prepare,                                                                                    \
      .run = run,                                                                                            \
      .backward = backward,                                                                                  \
      .couple = couple,                                                                                      \
      .quant = PARE_QUANT_NONE,                                                                              \
      .in_place = true,                                                                                      \
  };
NORM(group_normalization, "GroupNormalization")
NORM(instance_normalization, "InstanceNormalization")
