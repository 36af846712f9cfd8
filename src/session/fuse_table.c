/* What lies between DequantizeLinear and QuantizeLinear and computes element by element from one 8-bit tensor and constants is a function of one
 * byte: HardSwish, Clip, x * Sigmoid(x), a GELU written out, another scale. It becomes a table of 256 (ops/byte_table.c), made by running those very
 * operators on every byte: the same integers, whatever they are. A BatchNormalization, perhaps with a Relu or Clip, becomes one pass over the bytes
 * (ops/byte_norm.c) that computes what the operators would. */
#include <string.h>

#include "session/fuse.h"

enum { MAX_NODES = 24 };

/* The part of the graph in front of a QuantizeLinear. */
typedef struct region {
  int i_nodes[MAX_NODES], n; /* the QuantizeLinear is the first */
  int i_leaf;                /* the 8-bit value; -1: none yet */
  int rank;                  /* largest of a constant */
  bool fails;
} region;

typedef struct tabler {
  pare_model *model;
  pare_tensor *tensors; /* [n_values before]: constants, and what a region computes */
  bool *is_const;
  pare_numerics numerics;
  pare_arena arena; /* of one table */
} tabler;

static bool is_f32_scalar(const pare_tensor *tensor) {
  return tensor->dtype == PARE_F32 && pare_tensor_count(tensor) == 1 && tensor->shape.rank <= 4;
}

/* Scale and zero point: constants, one for all. */
static bool is_whole_pair(const pare_model *model, const pare_node *node) {
  const pare_tensor *scale = pare_model_const_input(model, node, 1);
  const pare_tensor *zero = node->n_inputs > 2 ? pare_model_const_input(model, node, 2) : NULL;
  return scale && zero && is_f32_scalar(scale) && pare_tensor_count(zero) == 1 &&
         (zero->dtype == PARE_U8 || zero->dtype == PARE_S8);
}

static void visit(const pare_model *model, region *r, int i_value);

static void visit_inputs(const pare_model *model, region *r, const pare_node *node) {
  for (int k = 0; k < node->n_inputs && !r->fails; k++) {
    if (node->inputs[k] < 0) continue;
    const pare_value *value = &model->values[node->inputs[k]];
    if (!value->is_initializer) {
      visit(model, r, node->inputs[k]);
      continue;
    }
    r->fails |= !is_f32_scalar(&value->tensor);
    if (value->tensor.shape.rank > r->rank) r->rank = value->tensor.shape.rank;
  }
}

static void visit_leaf(region *r, const pare_model *model, const pare_node *node) {
  r->fails |= !is_whole_pair(model, node) || model->values[node->inputs[0]].is_initializer ||
              (r->i_leaf >= 0 && r->i_leaf != node->inputs[0]);
  r->i_leaf = node->inputs[0];
}

bool pare_is_pointwise(const pare_node *node) {
  return node->op && node->op->layout == PARE_LAYOUT_ANY && node->op->quant != PARE_QUANT_SAME;
}

static void visit(const pare_model *model, region *r, int i_value) {
  const int i_node = model->values[i_value].i_producer;
  const pare_node *node = i_node >= 0 ? &model->nodes[i_node] : NULL;
  if (!node || node->removed || node->n_outputs != 1 || r->n == MAX_NODES) {
    r->fails = true;
    return;
  }
  for (int i = 0; i < r->n; i++)
    if (r->i_nodes[i] == i_node) return;
  r->i_nodes[r->n++] = i_node;
  if (pare_node_is(node, "DequantizeLinear") && node->inputs[0] >= 0)
    visit_leaf(r, model, node);
  else if (pare_is_pointwise(node))
    visit_inputs(model, r, node);
  else
    r->fails = true;
}

/* Nodes stand in topological order in the model. */
static void sort_nodes(region *r) {
  for (int i = 1; i < r->n; i++)
    for (int k = i; k > 0 && r->i_nodes[k] < r->i_nodes[k - 1]; k--) {
      const int swapped = r->i_nodes[k];
      r->i_nodes[k] = r->i_nodes[k - 1];
      r->i_nodes[k - 1] = swapped;
    }
}

/* The operator itself on every byte. */
static pare_status run_node(tabler *t, const pare_node *node, const pare_shape *shape) {
  pare_call call;
  size_t len_bytes;
  PARE_TRY(pare_plan_call(t->model, node, t->tensors, t->is_const, &t->arena, &call));
  call.numerics = t->numerics;
  call.arena = &t->arena;
  PARE_TRY(pare_plan_infer(&call));
  if (!pare_shape_equal(&call.out[0]->shape, shape)) return PARE_UNSUPPORTED;
  PARE_TRY(pare_tensor_bytes(call.ctx, call.out[0]->dtype, shape, &len_bytes));
  call.out[0]->data = pare_arena_alloc(&t->arena, len_bytes);
  if (!call.out[0]->data) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_call_prepare(&call));
  call.scratch = pare_arena_alloc(&t->arena, call.scratch_bytes);
  return call.scratch ? pare_call_run(&call) : PARE_OUT_OF_MEMORY;
}

/* In four dimensions, so that constants of up to as many fit. */
static pare_status run_region(tabler *t, region *r, int i_output, pare_tensor *table) {
  const pare_shape shape = PARE_SHAPE(256, 1, 1, 1), row = PARE_SHAPE(256);
  uint8_t bytes[256];
  for (int i = 0; i < 256; i++) bytes[i] = (uint8_t)i;
  const pare_node *first = &t->model->nodes[r->i_nodes[0]];
  if (!pare_node_is(first, "DequantizeLinear")) return PARE_UNSUPPORTED;
  const pare_dtype dtype = pare_model_const_input(t->model, first, 2)->dtype;
  t->tensors[r->i_leaf] = (pare_tensor){.dtype = dtype, .shape = shape, .data = bytes};
  for (int i = 0; i < r->n; i++) PARE_TRY(run_node(t, &t->model->nodes[r->i_nodes[i]], &shape));
  const pare_tensor *made = &t->tensors[i_output];
  PARE_TRY(pare_tensor_new(t->model->ctx, made->dtype, &row, table));
  memcpy(table->data, made->data, 256);
  return PARE_OK;
}

static pare_status become_table(pare_model *model, int i_node, const region *r, pare_tensor *table) {
  int *inputs = pare_arena_array(&model->arena, 2, sizeof *inputs);
  if (!inputs) {
    pare_tensor_release(table);
    return PARE_OUT_OF_MEMORY;
  }
  inputs[0] = r->i_leaf;
  PARE_TRY(pare_model_add_initializer(model, "byte_table", table, &inputs[1]));
  pare_node *node = &model->nodes[i_node];
  node->op_type = "ByteTable";
  node->domain = "pare";
  node->inputs = inputs;
  node->n_inputs = 2;
  node->n_attrs = 0;
  return r->rank > 0 ? pare_node_set_int(model, node, "rank", r->rank) : PARE_OK;
}

/* ---- DequantizeLinear, BatchNormalization, perhaps Relu or Clip, QuantizeLinear -------------------------------------------------------------- */
static const pare_node *producer_of(const pare_model *model, const pare_node *node) {
  const int i = node->inputs[0] >= 0 ? model->values[node->inputs[0]].i_producer : -1;
  return i >= 0 && model->nodes[i].n_inputs > 0 && model->nodes[i].n_outputs == 1 ? &model->nodes[i] : NULL;
}

/* Scale, bias, mean and variance are constant. */
static bool is_fixed_norm(const pare_model *model, const pare_node *node) {
  if (!pare_node_is(node, "BatchNormalization") || pare_node_int(node, "training_mode", 0) != 0) return false;
  for (int k = 1; k < 5; k++)
    if (node->n_inputs < 5 || !pare_model_const_input(model, node, k)) return false;
  return true;
}

static pare_status fuse_norm(pare_model *model, int i_node) {
  pare_node *q = &model->nodes[i_node];
  float low, high;
  const pare_node *norm = producer_of(model, q);
  const bool clamps = norm && pare_fuse_read_clamp(model, norm, &low, &high);
  if (clamps) norm = producer_of(model, norm);
  if (!norm || !is_fixed_norm(model, norm)) return PARE_OK;
  const pare_node *dq = producer_of(model, norm);
  if (!dq || !pare_node_is(dq, "DequantizeLinear") || !is_whole_pair(model, dq)) return PARE_OK;
  int *inputs = pare_arena_array(&model->arena, 9, sizeof *inputs);
  if (!inputs) return PARE_OUT_OF_MEMORY;
  for (int k = 0; k < 3; k++) inputs[k] = dq->inputs[k];
  for (int k = 1; k < 5; k++) inputs[2 + k] = norm->inputs[k];
  for (int k = 1; k < 3; k++) inputs[6 + k] = q->inputs[k];
  q->op_type = "ByteNorm";
  q->domain = "pare";
  q->inputs = inputs;
  q->n_inputs = 9;
  q->n_attrs = 0;
  if (clamps) {
    q->clamp_low = low;
    q->clamp_high = high;
  }
  return pare_node_set_float(model, q, "epsilon", pare_node_float(norm, "epsilon", 1e-5f));
}

static pare_status fuse(tabler *t, int i_node) {
  pare_model *model = t->model;
  const pare_node *node = &model->nodes[i_node];
  if (!pare_node_is(node, "QuantizeLinear") || !is_whole_pair(model, node) || node->inputs[0] < 0)
    return PARE_OK;
  region r = {.i_nodes = {i_node}, .n = 1, .i_leaf = -1};
  visit(model, &r, node->inputs[0]);
  if (r.fails || r.i_leaf < 0) return fuse_norm(model, i_node);
  sort_nodes(&r);
  pare_tensor table;
  pare_arena_init(&t->arena, model->ctx);
  pare_status status = run_region(t, &r, node->outputs[0], &table);
  pare_arena_free(&t->arena);
  if (status == PARE_OK) return become_table(model, i_node, &r, &table);
  return status == PARE_OUT_OF_MEMORY ? status : PARE_OK; /* it runs as it is written */
}

pare_status pare_fuse_tables(pare_model *model, pare_numerics numerics) {
  tabler t = {.model = model, .numerics = numerics};
  pare_arena arena;
  pare_arena_init(&arena, model->ctx);
  const int n_values = model->n_values, n_nodes = model->n_nodes;
  t.tensors = pare_arena_array(&arena, (size_t)n_values, sizeof *t.tensors);
  t.is_const = pare_arena_array(&arena, (size_t)n_values, sizeof *t.is_const);
  pare_status status = t.tensors && t.is_const ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) pare_plan_set_inputs(model, NULL, t.tensors);
  for (int i = 0; i < n_values && status == PARE_OK; i++) t.is_const[i] = model->values[i].is_initializer;
  for (int i = 0; i < n_nodes && status == PARE_OK; i++) status = fuse(&t, i);
  pare_arena_free(&arena);
  return status == PARE_OK ? pare_fuse_finish(model, true) : status;
}
