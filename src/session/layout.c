/* Channels last: images inside a session stand as [N,H,W,C] where that is faster, so that one output's channels are neighbours and no
 * convolution has to unfold its input. The rule, walking the nodes in order:
 *   PARE_LAYOUT_CHANNELS_LAST  always runs so;
 *   PARE_LAYOUT_FOLLOWS, _ANY  run so when one of their images is there so already;
 *   PARE_LAYOUT_FIXED          gets ONNX's order back.
 * A value changes its order at most once each way, however many read it, and by a mere relabelling where it has one channel or one place. A
 * Transpose of the model's own that does the same is used instead.
 * In training the images of a batch go last instead, [C,H,W,N] (pare_batch_layout), where N is a multiple of 16.
 * Results are the same: the integers', and the f32 operators' whose order of
 * sums does not depend on the layout. */
#include <string.h>

#include "kernels/f32_batch/f32_batch.h"
#include "session/plan.h"

static const int64_t channels_to_last[4] = {0, 2, 3, 1}, channels_to_onnx[4] = {0, 3, 1, 2};
static const int64_t batch_to_last[4] = {1, 2, 3, 0}, batch_to_onnx[4] = {3, 0, 1, 2};

typedef struct layout {
  pare_model *model;
  int n;                /* values before the pass */
  pare_tensor *tensors; /* [n] types and shapes in ONNX's order */
  pare_layout *rules;   /* [n nodes] */
  int *last;            /* [n] the value that holds it channels last; -1: none yet */
  bool *missing;        /* [n] it is made channels last only, so far */
  bool any;
  pare_arena arena;
  bool batch; /* the images of a batch go last, for training */
  const int64_t *to_last, *to_onnx;
} layout;

static bool is_image(const layout *l, int i_value) {
  return i_value >= 0 && l->tensors[i_value].shape.rank == 4;
}

static pare_shape turned(const pare_shape *shape, const int64_t *perm) {
  pare_shape out = *shape;
  for (int i = 0; i < 4; i++) out.dims[i] = shape->dims[perm[i]];
  return out;
}

static pare_status add_last_value(layout *l, int i_value, int *out) {
  pare_model *model = l->model;
  const char *name = pare_arena_printf(&l->arena, "%s_channels_last", model->values[i_value].name);
  if (!name) return PARE_OUT_OF_MEMORY;
  return pare_model_add_value(model, name, l->tensors[i_value].dtype, NULL, out);
}

static pare_status add_relabelling(layout *l, const char *name, int from, int to, const pare_shape *shape) {
  pare_model *model = l->model;
  pare_tensor dims;
  pare_shape four = PARE_SHAPE(4);
  pare_node *node;
  int i_dims;
  PARE_TRY(pare_tensor_new(model->ctx, PARE_S64, &four, &dims));
  memcpy(dims.data, shape->dims, 4 * sizeof(int64_t));
  PARE_TRY(pare_model_add_initializer(model, "channels_last_shape", &dims, &i_dims));
  PARE_TRY(pare_model_add_node(model, "Reshape", "", name, (const int[]){from, i_dims}, 2, &to, 1, &node));
  return pare_node_set_int(model, node, "allowzero", 1);
}

/* A node that makes `to` of `from`; `shape` is from's. */
static pare_status add_turn(layout *l, int from, int to, const pare_shape *shape, const int64_t *perm) {
  pare_model *model = l->model;
  const pare_shape after = turned(shape, perm);
  const int64_t channels = perm == l->to_last ? shape->dims[1] : shape->dims[3];
  const bool same_bytes =
      !l->batch && (channels == 1 || shape->dims[2] * shape->dims[perm == l->to_last ? 3 : 1] == 1);
  const char *name = pare_arena_printf(&l->arena, "%s_order", model->values[to].name);
  if (!name) return PARE_OUT_OF_MEMORY;
  if (same_bytes) return add_relabelling(l, name, from, to, &after);
  pare_node *node;
  PARE_TRY(pare_model_add_node(model, "Transpose", "", name, &from, 1, &to, 1, &node));
  return pare_node_set_ints(model, node, "perm", perm, 4);
}

static bool is_turn(const pare_node *node, const int64_t *perm) {
  size_t n;
  if (!pare_node_is(node, "Transpose")) return false;
  const int64_t *have = pare_node_ints(node, "perm", &n);
  return n == 4 && memcmp(have, perm, sizeof channels_to_last) == 0;
}

/* The value in ONNX's order. */
static pare_status need_onnx(layout *l, int i_value) {
  if (i_value < 0 || i_value >= l->n || !l->missing[i_value]) return PARE_OK;
  l->missing[i_value] = false;
  const pare_shape shape = turned(&l->tensors[i_value].shape, l->to_last);
  return add_turn(l, l->last[i_value], i_value, &shape, l->to_onnx);
}

/* A constant of up to four dimensions with its bytes rearranged. */
static pare_status turn_constant(layout *l, int i_value, int *out) {
  const pare_tensor *from = &l->model->values[i_value].tensor;
  const size_t size = pare_dtype_size(from->dtype);
  pare_shape shape = PARE_SHAPE(1, 1, 1, 1);
  for (int i = 0; i < from->shape.rank; i++) shape.dims[4 - from->shape.rank + i] = from->shape.dims[i];
  const pare_shape after = turned(&shape, l->to_last);
  pare_tensor made;
  PARE_TRY(pare_tensor_new(l->model->ctx, from->dtype, &after, &made));
  const int64_t c = shape.dims[1], places = shape.dims[2] * shape.dims[3];
  uint8_t *to = made.data;
  for (int64_t n = 0; n < shape.dims[0]; n++)
    for (int64_t p = 0; p < places; p++)
      for (int64_t i = 0; i < c; i++, to += size)
        memcpy(to, pare_u8(from) + (size_t)((n * c + i) * places + p) * size, size);
  return pare_model_add_initializer(l->model, "channels_last_constant", &made, out);
}

/* The value channels last. */
static pare_status need_last(layout *l, int i_value, int *out) {
  const pare_model *model = l->model;
  if (l->last[i_value] >= 0) {
    *out = l->last[i_value];
    return PARE_OK;
  }
  const pare_value *value = &model->values[i_value];
  if (value->is_initializer) {
    PARE_TRY(turn_constant(l, i_value, out));
  } else if (value->i_producer >= 0 && is_turn(&model->nodes[value->i_producer], l->to_onnx)) {
    *out = model->nodes[value->i_producer].inputs[0]; /* that is where it came from */
    PARE_TRY(need_onnx(l, *out));
  } else {
    PARE_TRY(add_last_value(l, i_value, out));
    PARE_TRY(add_turn(l, i_value, *out, &l->tensors[i_value].shape, l->to_last));
  }
  l->last[i_value] = *out;
  return PARE_OK;
}

/* Whether input `j` is an image, or is spread over one. */
static bool takes_part(const layout *l, const pare_node *node, pare_layout rule, int j) {
  const int i_value = node->inputs[j];
  if (i_value < 0) return false;
  if (rule == PARE_LAYOUT_ANY) return is_image(l, i_value) || pare_tensor_count(&l->tensors[i_value]) != 1;
  return is_image(l, i_value) && (j == 0 || node->op->max_in < 0);
}

/* Whether a node runs on images that stand side by side. Weights are never turned: they are learned. */
static bool runs_batch_last(const layout *l, int i_node) {
  const pare_node *node = &l->model->nodes[i_node];
  const pare_op *op = node->op;
  if (node->n_outputs != 1 || node->n_inputs < 1) return false;
  if (!is_image(l, node->outputs[0]) || !is_image(l, node->inputs[0])) return false;
  const pare_tensor *first = &l->tensors[node->inputs[0]];
  if (first->dtype != PARE_F32 || first->shape.dims[0] % PARE_F32_BATCH_MULTIPLE != 0) return false;
  if (pare_tensor_count(first) > INT32_MAX || pare_tensor_count(&l->tensors[node->outputs[0]]) > INT32_MAX)
    return false;
  if (op->batch_layout == PARE_BATCH_LAST) return true;
  if (op->batch_layout != PARE_BATCH_FOLLOWS && op->layout != PARE_LAYOUT_ANY) return false;
  bool follows = false;
  for (int j = 0; j < node->n_inputs; j++) {
    const int i_value = node->inputs[j];
    if (!takes_part(l, node, l->rules[i_node], j)) continue;
    if (l->model->values[i_value].is_initializer ||
        (op->layout == PARE_LAYOUT_ANY && !pare_shape_equal(&l->tensors[i_value].shape, &first->shape)))
      return false;
    follows |= l->last[i_value] >= 0;
  }
  return follows;
}

static bool runs_last(const layout *l, int i_node) {
  const pare_node *node = &l->model->nodes[i_node];
  if (l->batch) return runs_batch_last(l, i_node);
  const pare_layout rule = l->rules[i_node];
  if (rule == PARE_LAYOUT_FIXED || node->n_outputs != 1 || !is_image(l, node->outputs[0])) return false;
  bool follows = false;
  for (int j = 0; j < node->n_inputs; j++) {
    if (!takes_part(l, node, rule, j)) continue;
    if (!is_image(l, node->inputs[j]) && !l->model->values[node->inputs[j]].is_initializer) return false;
    follows |= l->last[node->inputs[j]] >= 0;
  }
  return follows || (rule == PARE_LAYOUT_CHANNELS_LAST && is_image(l, node->inputs[0]));
}

static pare_status make_last(layout *l, int i_node) {
  for (int j = 0; j < l->model->nodes[i_node].n_inputs; j++) {
    if (!takes_part(l, &l->model->nodes[i_node], l->rules[i_node], j)) {
      PARE_TRY(need_onnx(l, l->model->nodes[i_node].inputs[j]));
      continue;
    }
    int i_last;
    PARE_TRY(need_last(l, l->model->nodes[i_node].inputs[j], &i_last));
    l->model->nodes[i_node].inputs[j] = i_last; /* nodes may have moved */
  }
  pare_node *node = &l->model->nodes[i_node];
  const int i_value = node->outputs[0];
  node->channels_last = true;
  node->batch_last = l->batch;
  l->any = true;
  l->missing[i_value] = true;
  PARE_TRY(add_last_value(l, i_value, &l->last[i_value]));
  node->outputs[0] = l->last[i_value];
  return PARE_OK;
}

/* What the model turns to channels last itself, and stands so. */
static bool was_turned(const layout *l, const pare_node *node) {
  return is_turn(node, l->to_last) && node->inputs[0] >= 0 && l->last[node->inputs[0]] >= 0;
}

static pare_status visit(layout *l, int i_node) {
  pare_node *node = &l->model->nodes[i_node];
  if (runs_last(l, i_node)) return make_last(l, i_node);
  if (was_turned(l, node)) {
    node->op_type = "Identity";
    node->n_attrs = 0;
    node->inputs[0] = l->last[node->inputs[0]];
    return PARE_OK;
  }
  for (int j = 0; j < node->n_inputs; j++) {
    PARE_TRY(need_onnx(l, node->inputs[j]));
    node = &l->model->nodes[i_node];
  }
  return PARE_OK;
}

/* Transposes of the model that nothing reads any more. */
static pare_status drop_unread(layout *l) {
  pare_model *model = l->model;
  int *uses = pare_arena_array(&l->arena, (size_t)model->n_values, sizeof(int));
  if (!uses) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_outputs; i++) uses[model->outputs[i]]++;
  for (int i = 0; i < model->n_nodes; i++)
    for (int j = 0; j < model->nodes[i].n_inputs; j++)
      if (model->nodes[i].inputs[j] >= 0) uses[model->nodes[i].inputs[j]]++;
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    if (is_turn(node, l->to_onnx) && node->outputs[0] >= 0 && uses[node->outputs[0]] == 0)
      node->removed = true;
  }
  return PARE_OK;
}

static pare_status infer_all(layout *l, const pare_shape *input_shapes) {
  pare_model *model = l->model;
  bool *is_const = pare_arena_array(&l->arena, (size_t)l->n, sizeof(bool));
  if (!l->tensors || !l->last || !l->missing || !l->rules || !is_const) return PARE_OUT_OF_MEMORY;
  pare_plan_set_inputs(model, input_shapes, l->tensors);
  for (int i = 0; i < l->n; i++) {
    l->last[i] = -1;
    is_const[i] = model->values[i].is_initializer;
  }
  for (int i = 0; i < model->n_nodes; i++) {
    pare_call call;
    PARE_TRY(pare_plan_call(model, &model->nodes[i], l->tensors, is_const, &l->arena, &call));
    PARE_TRY(pare_plan_fail(model, &model->nodes[i], pare_plan_infer(&call)));
    const pare_op *op = model->nodes[i].op;
    l->rules[i] = op->layout;
    call.arena = &l->arena;
    if (op->choose_layout && !l->batch)
      PARE_TRY(pare_plan_fail(model, &model->nodes[i], op->choose_layout(&call, &l->rules[i])));
  }
  return PARE_OK;
}

static pare_status run_pass(layout *l, const pare_shape *input_shapes) {
  PARE_TRY(infer_all(l, input_shapes));
  const int n_nodes = l->model->n_nodes;
  for (int i = 0; i < n_nodes; i++) PARE_TRY(visit(l, i));
  if (!l->any) return PARE_OK;
  for (int i = 0; i < l->model->n_outputs; i++) PARE_TRY(need_onnx(l, l->model->outputs[i]));
  PARE_TRY(drop_unread(l));
  return pare_model_finish(l->model);
}

static pare_status turn_images(pare_model *model, const pare_shape *input_shapes, bool batch) {
  layout l = {.model = model, .n = model->n_values, .batch = batch};
  l.to_last = batch ? batch_to_last : channels_to_last;
  l.to_onnx = batch ? batch_to_onnx : channels_to_onnx;
  pare_arena_init(&l.arena, model->ctx);
  l.tensors = pare_arena_array(&l.arena, (size_t)l.n, sizeof *l.tensors);
  l.last = pare_arena_array(&l.arena, (size_t)l.n, sizeof *l.last);
  l.rules = pare_arena_array(&l.arena, (size_t)model->n_nodes, sizeof *l.rules);
  l.missing = pare_arena_array(&l.arena, (size_t)l.n, sizeof *l.missing);
  pare_status status = run_pass(&l, input_shapes);
  pare_arena_free(&l.arena);
  return status;
}

pare_status pare_plan_layout(pare_model *model, const pare_shape *input_shapes) {
  bool wanted = false;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_op *op = model->nodes[i].op;
    wanted |= op->layout == PARE_LAYOUT_CHANNELS_LAST || op->choose_layout;
  }
  return wanted ? turn_images(model, input_shapes, false) : PARE_OK;
}

pare_status pare_plan_batch_layout(pare_model *model, const pare_shape *input_shapes) {
  bool wanted = false;
  for (int i = 0; i < model->n_nodes; i++) wanted |= model->nodes[i].op->batch_layout == PARE_BATCH_LAST;
  return wanted ? turn_images(model, input_shapes, true) : PARE_OK;
}
