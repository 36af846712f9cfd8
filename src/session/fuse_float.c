/* Rewrites for f32 execution: BatchNormalization into the convolution or matrix product before it, Relu and Clip into the node that
 * makes their input. */
#include <math.h>
#include <string.h>

#include "session/session.h"

/* The node that alone makes `i_value`, which nothing but one node reads; NULL otherwise. */
static pare_node *only_producer(pare_model *model, int i_value) {
  const pare_value *value = &model->values[i_value];
  if (value->n_uses != 1 || value->i_producer < 0) return NULL;
  pare_node *node = &model->nodes[value->i_producer];
  return node->removed ? NULL : node;
}

static bool f32_vector(const pare_tensor *tensor, int64_t n) {
  return tensor && tensor->dtype == PARE_F32 && pare_tensor_count(tensor) == n;
}

/* ---- BatchNormalization ------------------------------------------------------------------------------------------------------- */

/* Gemm and MatMul hold output channels in the last axis of B, or in the first when transB; Conv in the first. */
static bool output_axis(const pare_node *node, const pare_tensor *weight, int *axis) {
  if (pare_node_is(node, "Conv"))
    *axis = 0;
  else if (pare_node_is(node, "Gemm") && weight->shape.rank == 2 &&
           pare_node_float(node, "alpha", 1) == 1.0f && pare_node_float(node, "beta", 1) == 1.0f)
    *axis = pare_node_int(node, "transB", 0) ? 0 : 1;
  else
    return false;
  return true;
}

static pare_status scale_weight(pare_model *model, int i_weight, int axis, const float *factor) {
  pare_tensor copy;
  PARE_TRY(pare_tensor_copy(model->ctx, &model->values[i_weight].tensor, &copy));
  int64_t outer = pare_shape_count_range(&copy.shape, 0, axis), n = copy.shape.dims[axis],
          inner = pare_shape_count_range(&copy.shape, axis + 1, copy.shape.rank);
  for (int64_t i = 0; i < outer; i++)
    for (int64_t c = 0; c < n; c++)
      for (int64_t k = 0; k < inner; k++) pare_f32(&copy)[(i * n + c) * inner + k] *= factor[c];
  pare_model_set_initializer(model, i_weight, &copy);
  return PARE_OK;
}

typedef struct norm {
  const float *scale, *bias, *mean, *variance;
  float epsilon;
  int64_t n;
} norm;

static bool read_norm(const pare_model *model, const pare_node *node, norm *out) {
  const pare_tensor *t[5] = {0};
  for (int i = 1; i < 5; i++) t[i] = pare_model_const_input(model, node, i);
  if (node->n_inputs < 5 || node->n_outputs < 1 || pare_node_int(node, "training_mode", 0) || !t[1])
    return false;
  for (int i = 1; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0) return false;
  int64_t n = pare_tensor_count(t[1]);
  for (int i = 1; i < 5; i++)
    if (!f32_vector(t[i], n)) return false;
  *out = (norm){pare_f32(t[1]),
                pare_f32(t[2]),
                pare_f32(t[3]),
                pare_f32(t[4]),
                pare_node_float(node, "epsilon", 1e-5f),
                n};
  return true;
}

static pare_status add_bias_input(pare_model *model, pare_node *node, int i_bias) {
  if (node->n_inputs < 3) {
    int *inputs = pare_arena_array(&model->arena, 3, sizeof(int));
    if (!inputs) return PARE_OUT_OF_MEMORY;
    memcpy(inputs, node->inputs, 2 * sizeof(int));
    node->inputs = inputs;
    node->n_inputs = 3;
  }
  node->inputs[2] = i_bias;
  return PARE_OK;
}

/* y = (conv + b - mean) * f + bias with f = scale / sqrt(variance + epsilon): w *= f, b = (b - mean) * f + bias. */
static pare_status fold_norm(pare_model *model, pare_node *node, pare_node *batch_norm, const norm *norm,
                             int axis) {
  pare_tensor bias, factor;
  pare_shape shape = PARE_SHAPE(norm->n);
  const pare_tensor *old_bias = pare_model_const_input(model, node, 2);
  PARE_TRY(pare_tensor_new(model->ctx, PARE_F32, &shape, &factor));
  pare_status status = pare_tensor_new(model->ctx, PARE_F32, &shape, &bias);
  for (int64_t c = 0; c < norm->n && status == PARE_OK; c++) {
    float f = norm->scale[c] / sqrtf(norm->variance[c] + norm->epsilon);
    pare_f32(&factor)[c] = f;
    pare_f32(&bias)[c] = ((old_bias ? pare_f32(old_bias)[c] : 0.0f) - norm->mean[c]) * f + norm->bias[c];
  }
  int i_bias;
  if (status == PARE_OK) status = scale_weight(model, node->inputs[1], axis, pare_f32(&factor));
  pare_tensor_release(&factor);
  if (status != PARE_OK) {
    pare_tensor_release(&bias);
    return status;
  }
  PARE_TRY(pare_model_add_initializer(model, "folded_bias", &bias, &i_bias));
  PARE_TRY(add_bias_input(model, node, i_bias));
  node->outputs[0] = batch_norm->outputs[0];
  batch_norm->removed = true;
  return PARE_OK;
}

static pare_status try_fold_norm(pare_model *model, pare_node *batch_norm) {
  norm norm;
  int axis;
  if (!pare_node_is(batch_norm, "BatchNormalization") || !read_norm(model, batch_norm, &norm)) return PARE_OK;
  pare_node *node = only_producer(model, batch_norm->inputs[0]);
  const pare_tensor *weight = node ? pare_model_const_input(model, node, 1) : NULL;
  if (!weight || weight->dtype != PARE_F32 || model->values[node->inputs[1]].n_uses != 1) return PARE_OK;
  if (!output_axis(node, weight, &axis) || weight->shape.dims[axis] != norm.n) return PARE_OK;
  if (node->n_inputs > 2 && node->inputs[2] >= 0 &&
      !f32_vector(pare_model_const_input(model, node, 2), norm.n))
    return PARE_OK;
  return fold_norm(model, node, batch_norm, &norm, axis);
}

pare_status pare_fold_batchnorm(pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed) PARE_TRY(try_fold_norm(model, &model->nodes[i]));
  return pare_model_finish(model);
}

/* ---- activations ---------------------------------------------------------------------------------------------------------------- */

/* The bounds of Relu, or of Clip with constant ones. */
static bool read_clamp(const pare_model *model, const pare_node *node, float *low, float *high) {
  *low = pare_node_is(node, "Relu") ? 0.0f : -INFINITY;
  *high = INFINITY;
  if (pare_node_is(node, "Relu")) return true;
  if (!pare_node_is(node, "Clip")) return false;
  for (int i = 1; i < node->n_inputs; i++) {
    if (node->inputs[i] < 0) continue;
    const pare_tensor *bound = pare_model_const_input(model, node, i);
    if (!f32_vector(bound, 1)) return false;
    *(i == 1 ? low : high) = *pare_f32(bound);
  }
  return *low <= *high;
}

static void try_fuse_clamp(pare_model *model, pare_node *node) {
  float low, high;
  if (!read_clamp(model, node, &low, &high)) return;
  pare_node *producer = only_producer(model, node->inputs[0]);
  if (!producer || !(pare_node_is(producer, "Conv") || pare_node_is(producer, "Gemm"))) return;
  if (producer->clamp_low != -INFINITY || producer->clamp_high != INFINITY) return;
  producer->clamp_low = low;
  producer->clamp_high = high;
  producer->outputs[0] = node->outputs[0];
  node->removed = true;
}

pare_status pare_fuse_float(pare_model *model) {
  PARE_TRY(pare_fold_batchnorm(model));
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed) try_fuse_clamp(model, &model->nodes[i]);
  return pare_model_finish(model);
}
