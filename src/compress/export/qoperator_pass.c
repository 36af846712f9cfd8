/* The pass `qoperator`: DequantizeLinear -> operator -> QuantizeLinear becomes QLinearConv, QLinearMatMul, com.microsoft QGemm, QLinearAdd, ...
 * as a session runs them (session/fuse_qdq.c). What a session keeps as a mark on a node, a Relu or Clip cut into its integers, becomes a Clip of
 * its own here, unless the output's range cuts it anyway. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/pass.h"
#include "ops/quantized.h"
#include "session/session.h"

typedef struct writer {
  pare_model *model;
  int n_operators;
} writer;

/* Inputs that hold the scale of an 8-bit output; its zero point is the next. -1: the output is f32. */
static const struct {
  const char *op;
  int i_scale;
} outputs[] = {
    {"QLinearConv", 6},
    {"QLinearMatMul", 6},
    {"QLinearAdd", 6},
    {"QLinearMul", 6},
    {"QGemm", 7},
    {"QLinearGlobalAveragePool", 3},
    {"QLinearAveragePool", 3},
    {"QLinearConcat", 0},
    {"QLinearSigmoid", 3},
    {"QLinearLeakyRelu", 3},
    {"MatMulIntegerToFloat", -1},
};

static bool is_integer_operator(const pare_node *node, int *i_scale) {
  for (size_t i = 0; i < PARE_COUNT(outputs); i++) {
    if (strcmp(node->op_type, outputs[i].op) != 0) continue;
    *i_scale = outputs[i].i_scale < node->n_inputs ? outputs[i].i_scale : -1;
    return true;
  }
  return false;
}

static pare_status add_bound(writer *w, const char *layer, const char *suffix, pare_dtype dtype, double bound,
                             int *out) {
  const pare_shape scalar = {0};
  pare_tensor tensor;
  PARE_TRY(pare_tensor_new(w->model->ctx, dtype, &scalar, &tensor));
  pare_tensor_set_f64(&tensor, 0, bound);
  const char *name = pare_arena_printf(&w->model->arena, "%s%s", layer, suffix);
  if (!name) {
    pare_tensor_release(&tensor);
    return PARE_OUT_OF_MEMORY;
  }
  return pare_model_add_initializer(w->model, name, &tensor, out);
}

/* The node's output is made by a Clip behind it. */
static pare_status add_clip(writer *w, int i_node, pare_dtype dtype, double low, double high) {
  const pare_node *node = &w->model->nodes[i_node];
  const int i_out = node->outputs[0];
  const pare_value *value = &w->model->values[i_out];
  const pare_shape shape = value->shape;
  const char *layer = node->name;
  const char *before = pare_arena_printf(&w->model->arena, "%s_unclipped", value->name),
             *name = pare_arena_printf(&w->model->arena, "%s_Clip", layer);
  if (!before || !name) return PARE_OUT_OF_MEMORY;
  int inputs[3] = {-1, -1, -1};
  PARE_TRY(pare_model_add_value(w->model, before, dtype, value->has_shape ? &shape : NULL, &inputs[0]));
  if (low > -INFINITY) PARE_TRY(add_bound(w, layer, "_clip_low", dtype, low, &inputs[1]));
  if (high < INFINITY) PARE_TRY(add_bound(w, layer, "_clip_high", dtype, high, &inputs[2]));
  pare_node *clip;
  PARE_TRY(pare_model_add_node(w->model, "Clip", "", name, inputs, inputs[2] < 0 ? 2 : 3, &i_out, 1, &clip));
  w->model->nodes[i_node].outputs[0] = inputs[0];
  return PARE_OK;
}

static pare_status write_clamp(writer *w, int i_node, int i_scale) {
  pare_node *node = &w->model->nodes[i_node];
  const pare_node marked = *node;
  node->clamp_low = -INFINITY;
  node->clamp_high = INFINITY;
  if (i_scale < 0) return add_clip(w, i_node, PARE_F32, (double)marked.clamp_low, (double)marked.clamp_high);
  const pare_tensor *scale = pare_model_const_input(w->model, &marked, i_scale),
                    *zero = pare_model_const_input(w->model, &marked, i_scale + 1);
  if (!scale || !zero || scale->dtype != PARE_F32 || pare_tensor_count(scale) != 1)
    return pare_fail(w->model->ctx, PARE_UNSUPPORTED,
                     "node '%s' (%s): the scale of its output is not constant", marked.name, marked.op_type);
  int32_t low, high, least, most;
  pare_node unmarked = *node;
  const int32_t zero_point = (int32_t)pare_tensor_get_s64(zero, 0);
  pare_q_bounds(&marked, zero->dtype, *pare_f32(scale), zero_point, &low, &high);
  pare_q_bounds(&unmarked, zero->dtype, *pare_f32(scale), zero_point, &least, &most);
  if (low <= least && high >= most) return PARE_OK;
  return add_clip(w, i_node, zero->dtype, low, high);
}

/* Bounds of a Clip are often Constant nodes: as initializers they are seen. */
static void constants_to_initializers(pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    const pare_attr *value = pare_node_is(node, "Constant") ? pare_node_attr(node, "value") : NULL;
    if (!value || value->type != PARE_ATTR_TENSOR || node->n_outputs != 1 || node->outputs[0] < 0) continue;
    pare_tensor tensor = pare_tensor_retain(&value->tensor);
    pare_model_set_initializer(model, node->outputs[0], &tensor);
    node->removed = true;
  }
}

static pare_status write_operators(writer *w) {
  constants_to_initializers(w->model);
  PARE_TRY(pare_model_finish(w->model));
  PARE_TRY(pare_fuse_qdq(w->model));
  PARE_TRY(pare_fuse_values(w->model, PARE_EXACT));
  const int n_nodes = w->model->n_nodes;
  for (int i = 0; i < n_nodes; i++) {
    const pare_node *node = &w->model->nodes[i];
    int i_scale = -1;
    const bool counted = is_integer_operator(node, &i_scale);
    w->n_operators += counted;
    if (node->clamp_low == -INFINITY && node->clamp_high == INFINITY) continue;
    if (!counted)
      return pare_fail(w->model->ctx, PARE_UNSUPPORTED, "node '%s' (%s): its clamp cannot be written",
                       node->name, node->op_type);
    PARE_TRY(write_clamp(w, i, i_scale));
  }
  if (!w->n_operators)
    return pare_fail(w->model->ctx, PARE_BAD_RECIPE,
                     "there is no operator between DequantizeLinear and QuantizeLinear: quantize it first");
  return pare_model_finish(w->model);
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  writer w = {0};
  *out = NULL;
  PARE_TRY(pare_model_clone(env->model, &w.model));
  const pare_status status = write_operators(&w);
  if (status != PARE_OK) {
    pare_model_free(w.model);
    return status;
  }
  if (details) pare_json_put_int(details, "integer_operators", w.n_operators);
  *out = w.model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  (void)given;
  snprintf(text, size, "integer operators instead of QuantizeLinear and DequantizeLinear pairs");
}

const pare_pass pare_pass_qoperator = {
    .name = "qoperator",
    .title = "Integer operators",
    .help =
        "Writes a quantized network with integer operators (QLinearConv, QGemm, QLinearAdd, ...) instead of "
        "QuantizeLinear and DequantizeLinear pairs; the numbers stay the same.",
    .kind = "quantize",
    .describe = describe,
    .apply = apply,
};
