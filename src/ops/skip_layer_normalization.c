/* SkipLayerNormalization (com.microsoft): LayerNormalization over the last axis of input + skip + bias. Inputs: input, skip, gamma,
 * beta, bias; outputs: y, mean, 1 / deviation, and the sum itself (ONNX Runtime's contrib operators). */
#include "ops/norm.h"

enum { SKIP = 1, GAMMA, BETA, BIAS };

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_attr_type(call, "epsilon", PARE_ATTR_FLOAT));
  const pare_shape *x = &call->in[0]->shape;
  if (x->rank < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "the input is a scalar");
  PARE_TRY(pare_op_need_dtype(call, SKIP, f32_only));
  const int64_t n_skip = pare_tensor_count(call->in[SKIP]), length = x->dims[x->rank - 1];
  /* the skip may be one image for the whole batch */
  if (n_skip != pare_shape_count(x) && (n_skip != pare_shape_count_range(x, 1, x->rank) || n_skip == 0))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the skip has another shape than the input");
  for (int i = GAMMA; i <= BIAS; i++) {
    if (!pare_call_has(call, i)) continue;
    PARE_TRY(pare_op_need_dtype(call, i, f32_only));
    if (pare_tensor_count(call->in[i]) != length)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has not the length of the last axis", i);
  }
  pare_shape stats = *x;
  stats.dims[x->rank - 1] = 1;
  for (int i = 0; i < 4; i++) PARE_TRY(pare_op_set_out(call, i, PARE_F32, i == 1 || i == 2 ? &stats : x));
  return PARE_OK;
}

static const float *data_of(const pare_call *call, int i) {
  return pare_call_has(call, i) ? pare_f32(call->in[i]) : NULL;
}

static pare_status run(pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  const int64_t n = x->dims[x->rank - 1];
  const pare_norm norm = {.n_rows = pare_shape_count_range(x, 0, x->rank - 1),
                          .n_parts = n,
                          .part = 1,
                          .period = 1,
                          .epsilon = pare_node_float(call->node, "epsilon", 1e-12f),
                          .scale = data_of(call, GAMMA),
                          .bias = data_of(call, BETA)};
  const int64_t n_skip = pare_tensor_count(call->in[SKIP]);
  const float *bias = data_of(call, BIAS);
  for (int64_t r = 0; r < norm.n_rows && n > 0; r++) {
    const float *from = pare_f32(call->in[0]) + r * n, *skip = pare_f32(call->in[SKIP]) + r * n % n_skip;
    float *y = pare_f32(call->out[0]) + r * n, stats[2];
    for (int64_t i = 0; i < n; i++) y[i] = bias ? from[i] + skip[i] + bias[i] : from[i] + skip[i];
    if (call->n_out > 3 && call->out[3]) memcpy(pare_f32(call->out[3]) + r * n, y, (size_t)n * sizeof(float));
    pare_norm_row(&norm, r, y, y, stats);
    for (int i = 1; i < 3 && i < call->n_out; i++)
      if (call->out[i]) pare_f32(call->out[i])[r] = stats[i - 1];
  }
  return PARE_OK;
}

const pare_op pare_op_skip_layer_normalization = {
    .name = "SkipLayerNormalization",
    .domain = "com.microsoft",
    .min_in = 3,
    .max_in = 5,
    .min_out = 1,
    .max_out = 4,
    .infer = infer,
    .run = run,
    .no_gradient = "it is made by tools that prepare a network for inference",
    .quant = PARE_QUANT_NONE,
};
