/* DequantizeLinear -> operator -> QuantizeLinear becomes one integer operator, so that a QDQ model runs on int8 kernels:
 *   Conv -> QLinearConv; Gemm -> QGemm (f32 output where no QuantizeLinear follows); MatMul -> QLinearMatMul or MatMulIntegerToFloat;
 *   Add -> QLinearAdd; GlobalAveragePool -> QLinearGlobalAveragePool; what only moves values runs on the integers as it is;
 *   fuse_values.c and fuse_table.c have what fewer networks need.
 * A Relu or Clip before the QuantizeLinear becomes the node's clamp, which the operators apply to integers. Nodes are changed in place and keep
 * their names. What does not match runs as it is written. */
#include <math.h>
#include <string.h>

#include "session/fuse.h"

static const pare_node *node_at(const pare_model *model, int i) {
  return i >= 0 && !model->nodes[i].removed ? &model->nodes[i] : NULL;
}

/* Scale and zero point must be constants, as many of the one as of the other; the zero point may be left out. */
static bool read_pair(const pare_model *model, const pare_node *node, pare_fuse_pair *out) {
  if (node->n_inputs < 2 || node->inputs[0] < 0) return false;
  out->i_scale = node->inputs[1];
  out->i_zero = node->n_inputs > 2 ? node->inputs[2] : -1;
  out->scale = pare_model_const_input(model, node, 1);
  out->zero = out->i_zero >= 0 ? pare_model_const_input(model, node, 2) : NULL;
  if (!out->scale || out->scale->dtype != PARE_F32 || pare_tensor_count(out->scale) < 1) return false;
  return out->i_zero < 0 || (out->zero && pare_tensor_count(out->scale) == pare_tensor_count(out->zero));
}

/* The zero point tells the type. */
static bool is_8bit(const pare_fuse_pair *p) {
  return p->zero && (p->zero->dtype == PARE_U8 || p->zero->dtype == PARE_S8);
}

static bool is_scalar(const pare_fuse_pair *p) {
  return pare_tensor_count(p->scale) == 1;
}

/* The DequantizeLinear that makes `i_value`. */
static bool dequantized(const pare_model *model, int i_value, pare_fuse_pair *out) {
  if (i_value < 0) return false;
  const pare_node *node = node_at(model, model->values[i_value].i_producer);
  if (!node || !pare_node_is(node, "DequantizeLinear") || !read_pair(model, node, out)) return false;
  out->i_quantized = node->inputs[0];
  return true;
}

bool pare_fuse_activation(const pare_model *model, int i_value, pare_fuse_pair *out) {
  return dequantized(model, i_value, out) && is_scalar(out) && is_8bit(out);
}

/* The only reader of a value that is not a graph output; -1. */
static int only_reader(const pare_model *model, int i_value) {
  if (i_value < 0 || model->values[i_value].n_uses != 1) return -1;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = node_at(model, i);
    for (int k = 0; node && k < node->n_inputs; k++)
      if (node->inputs[k] == i_value) return i;
  }
  return -1;
}

bool pare_fuse_read_clamp(const pare_model *model, const pare_node *node, float *low, float *high) {
  *low = pare_node_is(node, "Relu") ? 0.0f : -INFINITY;
  *high = INFINITY;
  if (pare_node_is(node, "Relu")) return true;
  if (!pare_node_is(node, "Clip")) return false;
  for (int i = 1; i < node->n_inputs; i++) {
    if (node->inputs[i] < 0) continue;
    const pare_tensor *bound = pare_model_const_input(model, node, i);
    if (!bound || bound->dtype != PARE_F32 || pare_tensor_count(bound) != 1) return false;
    *(i == 1 ? low : high) = *pare_f32(bound);
  }
  return *low <= *high;
}

pare_fuse_ending pare_fuse_ending_of(const pare_model *model, const pare_node *node) {
  pare_fuse_ending end = {-1, node->outputs[0], -INFINITY, INFINITY, {.i_node = -1}};
  int i = only_reader(model, end.i_output);
  if (i >= 0 && model->nodes[i].inputs[0] == end.i_output &&
      pare_fuse_read_clamp(model, &model->nodes[i], &end.low, &end.high)) {
    end.i_activation = i;
    end.i_output = model->nodes[i].outputs[0];
    i = only_reader(model, end.i_output);
  } else {
    end.low = -INFINITY;
    end.high = INFINITY;
  }
  if (i < 0 || !pare_node_is(&model->nodes[i], "QuantizeLinear") || model->nodes[i].inputs[0] != end.i_output)
    return end;
  if (!read_pair(model, &model->nodes[i], &end.q) || !is_scalar(&end.q) || !is_8bit(&end.q)) return end;
  end.q.i_node = i;
  end.q.i_quantized = model->nodes[i].outputs[0];
  return end;
}

pare_status pare_fuse_become(pare_model *model, pare_node *node, const char *op, const char *domain,
                             const int *inputs, int n, const pare_fuse_ending *end, bool quantized) {
  int *copy = pare_arena_array(&model->arena, (size_t)n, sizeof(int));
  if (!copy) return PARE_OUT_OF_MEMORY;
  memcpy(copy, inputs, (size_t)n * sizeof(int));
  node->inputs = copy;
  node->n_inputs = n;
  node->op_type = op;
  node->domain = domain;
  node->clamp_low = end->low;
  node->clamp_high = end->high;
  node->outputs[0] = quantized ? end->q.i_quantized : end->i_output;
  if (end->i_activation >= 0) model->nodes[end->i_activation].removed = true;
  if (quantized) model->nodes[end->q.i_node].removed = true;
  return *domain && pare_model_opset(model, domain) == 0 ? pare_model_set_opset(model, domain, 1) : PARE_OK;
}

/* ---- layers with weights ------------------------------------------------------------------------------------------------------- */
typedef struct layer {
  pare_fuse_pair x, w;
  int i_bias; /* s32 value, or -1 */
} layer;

/* s8 or u8 weights, per tensor or along `axis`; the DequantizeLinear's own axis must be that one. */
static bool read_weights(const pare_model *model, const pare_node *node, int axis, pare_fuse_pair *w) {
  if (!dequantized(model, node->inputs[1], w) || !is_8bit(w)) return false;
  const pare_value *value = &model->values[w->i_quantized];
  if (!value->is_initializer || axis >= value->tensor.shape.rank) return false;
  if (is_scalar(w)) return true;
  const pare_node *dq = &model->nodes[model->values[node->inputs[1]].i_producer];
  int64_t own = pare_node_int(dq, "axis", 1);
  if (own < 0) own += value->tensor.shape.rank;
  return own == axis && pare_tensor_count(w->scale) == value->tensor.shape.dims[axis];
}

/* Its scale must be x_scale * w_scale, as the integer operators take for granted. */
static bool read_bias(const pare_model *model, const pare_node *node, const layer *l, int *i_bias) {
  *i_bias = -1;
  if (node->n_inputs < 3 || node->inputs[2] < 0) return true;
  pare_fuse_pair b;
  if (!dequantized(model, node->inputs[2], &b)) return false;
  const pare_value *value = &model->values[b.i_quantized];
  if (!value->is_initializer || value->tensor.dtype != PARE_S32 || value->tensor.shape.rank != 1)
    return false;
  for (int64_t i = 0; b.zero && i < pare_tensor_count(b.zero); i++)
    if (pare_tensor_get_s64(b.zero, i) != 0) return false;
  const int64_t n = pare_tensor_count(b.scale), n_w = pare_tensor_count(l->w.scale);
  if (n > 1 && n_w > 1 && n != n_w) return false;
  for (int64_t i = 0; i < n || i < n_w; i++) {
    const float w_scale = pare_f32(l->w.scale)[n_w == 1 ? 0 : i], have = pare_f32(b.scale)[n == 1 ? 0 : i];
    const float want = *pare_f32(l->x.scale) * w_scale;
    if (fabsf(want - have) > 1e-6f * want) return false;
  }
  *i_bias = b.i_quantized;
  return true;
}

static pare_status fuse_conv(pare_model *model, pare_node *node) {
  layer l;
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (end.q.i_node < 0 || !pare_fuse_activation(model, node->inputs[0], &l.x) ||
      !read_weights(model, node, 0, &l.w) || !read_bias(model, node, &l, &l.i_bias))
    return PARE_OK;
  const int inputs[9] = {l.x.i_quantized, l.x.i_scale,   l.x.i_zero,   l.w.i_quantized, l.w.i_scale,
                         l.w.i_zero,      end.q.i_scale, end.q.i_zero, l.i_bias};
  return pare_fuse_become(model, node, "QLinearConv", "", inputs, l.i_bias < 0 ? 8 : 9, &end, true);
}

static pare_status fuse_gemm(pare_model *model, pare_node *node) {
  layer l;
  const bool trans_b = pare_node_int(node, "transB", 0) != 0;
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (pare_node_int(node, "transA", 0) || pare_node_float(node, "alpha", 1.0f) != 1.0f ||
      !pare_fuse_activation(model, node->inputs[0], &l.x) ||
      !read_weights(model, node, trans_b ? 0 : 1, &l.w) || !read_bias(model, node, &l, &l.i_bias))
    return PARE_OK;
  if (l.i_bias >= 0 && (pare_node_float(node, "beta", 1.0f) != 1.0f ||
                        pare_tensor_count(&model->values[l.i_bias].tensor) !=
                            model->values[l.w.i_quantized].tensor.shape.dims[trans_b ? 0 : 1]))
    return PARE_OK;
  const bool quantized = end.q.i_node >= 0;
  const int inputs[9] = {l.x.i_quantized, l.x.i_scale, l.x.i_zero,    l.w.i_quantized, l.w.i_scale,
                         l.w.i_zero,      l.i_bias,    end.q.i_scale, end.q.i_zero};
  pare_node_remove_attr(node, "beta");
  return pare_fuse_become(model, node, "QGemm", "com.microsoft", inputs, quantized ? 9 : 7, &end, quantized);
}

static pare_status fuse_matmul(pare_model *model, pare_node *node) {
  layer l;
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (!pare_fuse_activation(model, node->inputs[0], &l.x) || !read_weights(model, node, 1, &l.w))
    return PARE_OK;
  if (model->values[l.w.i_quantized].tensor.shape.rank != 2) return PARE_OK;
  if (end.q.i_node >= 0) {
    const int inputs[8] = {l.x.i_quantized, l.x.i_scale, l.x.i_zero,    l.w.i_quantized,
                           l.w.i_scale,     l.w.i_zero,  end.q.i_scale, end.q.i_zero};
    return pare_fuse_become(model, node, "QLinearMatMul", "", inputs, 8, &end, true);
  }
  const int inputs[6] = {l.x.i_quantized, l.w.i_quantized, l.x.i_scale, l.w.i_scale, l.x.i_zero, l.w.i_zero};
  return pare_fuse_become(model, node, "MatMulIntegerToFloat", "com.microsoft", inputs, 6, &end, false);
}

/* ---- operators on values ------------------------------------------------------------------------------------------------------- */
pare_status pare_fuse_binary(pare_model *model, pare_node *node, const char *op) {
  pare_fuse_pair a, b;
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (end.q.i_node < 0 || !pare_fuse_activation(model, node->inputs[0], &a) ||
      !pare_fuse_activation(model, node->inputs[1], &b))
    return PARE_OK;
  if (a.zero->dtype != b.zero->dtype || a.zero->dtype != end.q.zero->dtype) return PARE_OK;
  const int inputs[8] = {a.i_quantized, a.i_scale, a.i_zero,      b.i_quantized,
                         b.i_scale,     b.i_zero,  end.q.i_scale, end.q.i_zero};
  return pare_fuse_become(model, node, op, "com.microsoft", inputs, 8, &end, true);
}

pare_status pare_fuse_unary(pare_model *model, pare_node *node, const char *op) {
  pare_fuse_pair x;
  const pare_fuse_ending end = pare_fuse_ending_of(model, node);
  if (end.q.i_node < 0 || !pare_fuse_activation(model, node->inputs[0], &x) ||
      x.zero->dtype != end.q.zero->dtype)
    return PARE_OK;
  const int inputs[5] = {x.i_quantized, x.i_scale, x.i_zero, end.q.i_scale, end.q.i_zero};
  return pare_fuse_become(model, node, op, "com.microsoft", inputs, 5, &end, true);
}

static bool same_parameters(const pare_fuse_pair *a, const pare_fuse_pair *b) {
  return a->zero->dtype == b->zero->dtype && *pare_f32(a->scale) == *pare_f32(b->scale) &&
         pare_tensor_get_s64(a->zero, 0) == pare_tensor_get_s64(b->zero, 0);
}

pare_status pare_fuse_same(pare_model *model, pare_node *node, int n_data) {
  pare_fuse_pair q, x;
  if (node->n_outputs < 1 || node->outputs[0] < 0) return PARE_OK;
  for (int i = 1; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0) return PARE_OK;
  const int i_q = only_reader(model, node->outputs[0]);
  if (i_q < 0 || !pare_node_is(&model->nodes[i_q], "QuantizeLinear") ||
      !read_pair(model, &model->nodes[i_q], &q) || !is_scalar(&q) || !is_8bit(&q))
    return PARE_OK;
  for (int i = 0; i < n_data; i++)
    if (!pare_fuse_activation(model, node->inputs[i], &x) || !same_parameters(&x, &q)) return PARE_OK;
  int *inputs = pare_arena_array(&model->arena, (size_t)node->n_inputs, sizeof(int));
  if (!inputs) return PARE_OUT_OF_MEMORY;
  memcpy(inputs, node->inputs, (size_t)node->n_inputs * sizeof(int));
  for (int i = 0; i < n_data; i++) {
    pare_fuse_activation(model, node->inputs[i], &x);
    inputs[i] = x.i_quantized;
  }
  node->inputs = inputs;
  node->outputs[0] = model->nodes[i_q].outputs[0];
  model->nodes[i_q].removed = true;
  return PARE_OK;
}

static pare_status fuse_node(pare_model *model, pare_node *node) {
  if (node->domain[0] != 0 || !node->op || node->n_outputs < 1 || node->n_inputs < 1 || node->outputs[0] < 0)
    return PARE_OK;
  if (pare_node_is(node, "Conv")) return fuse_conv(model, node);
  if (pare_node_is(node, "Gemm")) return fuse_gemm(model, node);
  if (pare_node_is(node, "MatMul")) return fuse_matmul(model, node);
  if (pare_node_is(node, "Add")) return pare_fuse_binary(model, node, "QLinearAdd");
  if (pare_node_is(node, "GlobalAveragePool"))
    return pare_fuse_unary(model, node, "QLinearGlobalAveragePool");
  if (pare_node_is(node, "Concat")) return pare_fuse_same(model, node, node->n_inputs);
  return node->op->quant == PARE_QUANT_SAME ? pare_fuse_same(model, node, 1) : PARE_OK;
}

/* A QuantizeLinear right behind a DequantizeLinear of equal parameters gives back what went in. */
static void drop_round_trip(pare_model *model, pare_node *node) {
  pare_fuse_pair x, q;
  if (!pare_node_is(node, "QuantizeLinear") || !read_pair(model, node, &q) || !is_scalar(&q) || !is_8bit(&q))
    return;
  if (!pare_fuse_activation(model, node->inputs[0], &x) || !same_parameters(&x, &q)) return;
  for (int i = 0; i < model->n_outputs; i++)
    if (model->outputs[i] == node->outputs[0]) return; /* a graph output keeps its name */
  pare_model_replace_uses(model, node->outputs[0], x.i_quantized);
  node->removed = true;
}

static bool may_drop(const pare_node *node, bool any) {
  if (node->n_outputs != 1 || node->outputs[0] < 0) return false;
  if (pare_node_is(node, "DequantizeLinear") || pare_node_is(node, "QuantizeLinear")) return true;
  return any && node->op && (node->op->layout == PARE_LAYOUT_ANY || pare_node_is(node, "BatchNormalization"));
}

/* Nodes stand in order: from the end, one walk is enough. */
static pare_status drop_unread(pare_model *model, bool any) {
  int *uses = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof(int));
  if (!uses) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_outputs; i++) uses[model->outputs[i]]++;
  for (int i = model->n_nodes - 1; i >= 0; i--) {
    pare_node *node = &model->nodes[i];
    if (node->removed) continue;
    if (may_drop(node, any) && uses[node->outputs[0]] == 0) {
      node->removed = true;
      continue;
    }
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] >= 0) uses[node->inputs[k]]++;
  }
  pare_free(model->ctx, uses);
  return PARE_OK;
}

pare_status pare_fuse_finish(pare_model *model, bool any) {
  PARE_TRY(drop_unread(model, any));
  return pare_model_finish(model);
}

pare_status pare_fuse_qdq(pare_model *model) {
  bool any = false;
  for (int i = 0; i < model->n_nodes && !any; i++) any = pare_node_is(&model->nodes[i], "DequantizeLinear");
  if (!any) return PARE_OK;
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed) PARE_TRY(fuse_node(model, &model->nodes[i]));
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed) drop_round_trip(model, &model->nodes[i]);
  return pare_fuse_finish(model, false);
}
