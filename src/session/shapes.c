/* Shapes, constants and folding: what can be known before anything runs. */
#include "session/plan.h"

#include <stdio.h>
#include <string.h>

#define MAX_FOLDED_BYTES ((size_t)64 << 20)
#define MAX_MADE_BYTES   ((size_t)4 << 10) /* in a file */

pare_status pare_plan_fail(const pare_model *model, const pare_node *node, pare_status status) {
  if (status == PARE_OK) return PARE_OK;
  return pare_fail_within(model->ctx, status, "node '%s' (%s)", node->name, node->op_type);
}

pare_status pare_plan_check_operators(const pare_model *model) {
  char text[600];
  size_t used = 0;
  int n_missing = 0;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    if (node->op) continue;
    n_missing++;
    if (used >= sizeof text) continue;
    int n = snprintf(text + used, sizeof text - used, "%s%s%s%s (node '%s')", used ? ", " : "", node->domain,
                     *node->domain ? "." : "", node->op_type, node->name);
    used += n > 0 ? (size_t)n : 0;
  }
  if (!n_missing) return PARE_OK;
  return pare_fail(model->ctx, PARE_UNSUPPORTED, "%d operator%s not there: %s", n_missing,
                   n_missing == 1 ? " is" : "s are", text);
}

pare_status pare_plan_input_shapes(const pare_model *model, const pare_plan_options *options,
                                   pare_shape *shapes) {
  for (int i = 0; i < model->n_inputs; i++) {
    const pare_value *value = &model->values[model->inputs[i]];
    if (value->kind == PARE_KIND_OTHER || value->dtype == PARE_STRING)
      return pare_fail(model->ctx, PARE_UNSUPPORTED, "input '%s' is neither numbers nor a sequence of them",
                       value->name);
    if (options->open || value->kind != PARE_KIND_TENSOR) {
      shapes[i].rank = PARE_OPEN_RANK;
      continue;
    }
    if (options->input_shapes) {
      shapes[i] = options->input_shapes[i];
      continue;
    }
    if (!value->has_shape)
      return pare_fail(model->ctx, PARE_UNSUPPORTED, "input '%s' has no shape in the file: give one",
                       value->name);
    shapes[i] = pare_value_shape_at(value, options->batch > 0 ? options->batch : 1);
    for (int j = 0; j < shapes[i].rank; j++)
      if (shapes[i].dims[j] < 0)
        return pare_fail(model->ctx, PARE_UNSUPPORTED,
                         "input '%s': dimension %d is not fixed in the file: give a shape", value->name, j);
  }
  return PARE_OK;
}

void pare_plan_set_inputs(const pare_model *model, const pare_shape *shapes, pare_tensor *tensors) {
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    tensors[i] = (pare_tensor){.dtype = PARE_NONE};
    if (!value->is_initializer) continue;
    tensors[i] = value->tensor;
    tensors[i].owner = NULL;
  }
  for (int i = 0; i < model->n_inputs; i++) {
    if (!shapes || shapes[i].rank == PARE_OPEN_RANK) continue;
    pare_tensor *tensor = &tensors[model->inputs[i]];
    tensor->dtype = model->values[model->inputs[i]].dtype;
    tensor->shape = shapes[i];
  }
}

pare_status pare_plan_call(const pare_model *model, const pare_node *node, pare_tensor *tensors,
                           const bool *is_const, pare_arena *arena, pare_call *call) {
  size_t n_in = (size_t)node->n_inputs, n_out = (size_t)node->n_outputs;
  pare_tensor **places = pare_arena_array(arena, n_in + n_out, sizeof *places);
  bool *in_is_const = pare_arena_array(arena, n_in, sizeof(bool));
  if (!places || !in_is_const) return PARE_OUT_OF_MEMORY;
  for (size_t i = 0; i < n_in; i++) {
    int value = node->inputs[i];
    places[i] = value < 0 ? NULL : &tensors[value];
    in_is_const[i] = value >= 0 && is_const[value];
  }
  for (size_t i = 0; i < n_out; i++)
    places[n_in + i] = node->outputs[i] < 0 ? NULL : &tensors[node->outputs[i]];
  *call = (pare_call){.ctx = model->ctx,
                      .node = node,
                      .n_in = node->n_inputs,
                      .n_out = node->n_outputs,
                      .in = places,
                      .out = places + n_in,
                      .in_is_const = in_is_const};
  return PARE_OK;
}

pare_status pare_plan_infer(pare_call *call) {
  const pare_node *node = call->node;
  const pare_op *op = node->op;
  int n_in = call->n_in - node->n_captured;
  if (n_in < op->min_in || (op->max_in >= 0 && n_in > op->max_in))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%d inputs; it takes %d to %d", n_in, op->min_in, op->max_in);
  if (call->n_out < op->min_out || (op->max_out >= 0 && call->n_out > op->max_out))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%d outputs; it gives %d to %d", call->n_out, op->min_out,
                     op->max_out);
  for (int i = 0; i < op->min_in; i++)
    if (!call->in[i]) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is left out", i);
  /* Where any number of outputs is given, each may be left out: there the operator itself looks. */
  for (int i = 0; i < op->min_out && op->max_out >= 0; i++)
    if (!call->out[i]) return pare_fail(call->ctx, PARE_BAD_MODEL, "output %d is left out", i);
  for (int i = 0; op->shape_from_data && i < call->n_in; i++)
    if (call->in[i]) PARE_TRY(pare_op_need_data(call, i));
  PARE_TRY(pare_call_infer(call));
  if (op->own_outputs) return PARE_OK;
  for (int i = 0; i < call->n_out; i++) {
    size_t len_bytes;
    if (call->out[i])
      PARE_TRY(pare_tensor_bytes(call->ctx, call->out[i]->dtype, &call->out[i]->shape, &len_bytes));
  }
  return PARE_OK;
}

/* ---- folding ----------------------------------------------------------------------------------------------------------- */

typedef struct folder {
  pare_model *model;
  pare_fold_rule rule;
  pare_tensor *tensors;
  bool *is_const, *is_open; /* open: not even the shape is known before data is there */
  bool any_open, inlined, keeps_branches;
  pare_arena arena;
} folder;

/* A file must not grow: what is folded is small, or no larger than the constants that go. What is drawn at random stays so. */
static bool may_fold_in_file(const folder *fold, const pare_call *call, size_t made_bytes) {
  if (call->node->op->random) return false;
  size_t gone_bytes = MAX_MADE_BYTES;
  for (int i = 0; i < call->n_in; i++) {
    if (!call->in[i] || fold->model->values[call->node->inputs[i]].n_uses > 1) continue;
    gone_bytes += call->in_is_const[i] ? pare_tensor_len_bytes(call->in[i]) : 0;
  }
  return made_bytes <= gone_bytes;
}

static bool may_fold(const folder *fold, const pare_call *call) {
  const pare_node *node = call->node;
  const bool keeps_dequantize = fold->rule == PARE_FOLD_KEEP_DEQUANTIZE || fold->rule == PARE_FOLD_FOR_FILE;
  if (keeps_dequantize && pare_node_is(node, "DequantizeLinear")) return false;
  if (pare_node_is(node, "Shape") || pare_node_is(node, "Size"))
    return true; /* shapes are known, whatever the values */
  for (int i = 0; i < call->n_in; i++) {
    if (!call->in[i]) continue;
    if (!call->in_is_const[i]) return false;
    /* weights that training may change stay where they are */
    if (fold->rule == PARE_FOLD_FOR_TRAINING && fold->model->values[node->inputs[i]].is_initializer &&
        call->in[i]->dtype == PARE_F32 && pare_tensor_count(call->in[i]) > 1)
      return false;
  }
  size_t total = 0;
  for (int i = 0; i < call->n_out; i++)
    if (call->out[i]) total += pare_tensor_len_bytes(call->out[i]);
  if (fold->rule == PARE_FOLD_FOR_FILE && !may_fold_in_file(fold, call, total)) return false;
  return total <= MAX_FOLDED_BYTES;
}

static pare_status run_folded(pare_call *call, pare_arena *arena) {
  pare_context *ctx = call->ctx;
  call->arena = arena;
  PARE_TRY(pare_call_prepare(call));
  call->scratch = pare_alloc(ctx, call->scratch_bytes);
  if (!call->scratch) return PARE_OUT_OF_MEMORY;
  pare_status status = pare_call_run(call);
  pare_free(ctx, call->scratch);
  return status;
}

/* The outputs become initializers of the same value. */
static pare_status fold_node(folder *fold, int i_node, pare_call *call) {
  pare_model *model = fold->model;
  pare_node *node = &model->nodes[i_node];
  pare_status status = PARE_OK;
  for (int i = 0; i < call->n_out && status == PARE_OK; i++) {
    if (!call->out[i]) continue;
    pare_tensor made;
    status = pare_tensor_new(model->ctx, call->out[i]->dtype, &call->out[i]->shape, &made);
    if (status != PARE_OK) break;
    call->out[i]->data = made.data;
    pare_model_set_initializer(model, node->outputs[i], &made);
    fold->is_const[node->outputs[i]] = true;
  }
  if (status == PARE_OK) status = run_folded(call, &fold->arena);
  node->removed = true;
  return status;
}

/* An If whose condition is known gives way to its branch: the branch's nodes, and Identity where it names its results. */
static pare_status inline_branch(folder *fold, int i_node, const pare_tensor *condition) {
  const pare_node *node = &fold->model->nodes[i_node];
  const char *taken = *pare_u8(condition) ? "then_branch" : "else_branch";
  const pare_attr *attr = pare_node_attr(node, taken);
  if (!attr || attr->type != PARE_ATTR_GRAPH) return PARE_OK; /* running it says what is wrong */
  const pare_model *graph = attr->graphs[0];
  if (graph->n_outputs != node->n_outputs || graph->n_inputs != graph->n_captured) return PARE_OK;
  PARE_TRY(pare_model_inline(fold->model, graph, node->inputs + pare_node_first_captured(node, attr, 0),
                             node->outputs));
  fold->model->nodes[i_node].removed = true;
  fold->inlined = true;
  return PARE_OK;
}

static const pare_tensor *known_condition(const folder *fold, const pare_node *node) {
  if (fold->keeps_branches || !pare_node_is(node, "If") || node->n_inputs < 1 || node->inputs[0] < 0)
    return NULL;
  const pare_tensor *condition = &fold->tensors[node->inputs[0]];
  bool is_known = fold->is_const[node->inputs[0]] && condition->data && condition->dtype == PARE_BOOL &&
                  pare_tensor_count(condition) == 1;
  return is_known ? condition : NULL;
}

static void leave_open(folder *fold, const pare_node *node) {
  fold->any_open = true;
  for (int i = 0; i < node->n_outputs; i++)
    if (node->outputs[i] >= 0) fold->is_open[node->outputs[i]] = true;
}

static bool has_open_input(const folder *fold, const pare_node *node) {
  for (int i = 0; i < node->n_inputs; i++)
    if (node->inputs[i] >= 0 && fold->is_open[node->inputs[i]]) return true;
  return false;
}

static void record_outputs(pare_model *model, const pare_node *node, const pare_call *call) {
  for (int i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] < 0) continue;
    pare_value *value = &model->values[node->outputs[i]];
    value->dtype = call->out[i]->dtype;
    value->shape = call->out[i]->shape;
    value->has_shape = true;
  }
}

static pare_status fold_one(folder *fold, int i_node) {
  pare_model *model = fold->model;
  const pare_node *node = &model->nodes[i_node];
  const pare_tensor *condition = known_condition(fold, node);
  if (condition) PARE_TRY(inline_branch(fold, i_node, condition));
  node = &model->nodes[i_node]; /* the array may have moved */
  if (node->removed || !node->op || node->op->own_outputs || has_open_input(fold, node)) {
    leave_open(fold, node);
    return PARE_OK;
  }
  pare_call call;
  PARE_TRY(pare_plan_call(model, node, fold->tensors, fold->is_const, &fold->arena, &call));
  pare_status status = pare_plan_infer(&call);
  if (status != PARE_OK && call.wants_data) {
    leave_open(fold, node);
    return PARE_OK;
  }
  if (status == PARE_OK && fold->rule == PARE_FOLD_FOR_FILE) record_outputs(model, node, &call);
  if (status == PARE_OK && may_fold(fold, &call)) status = fold_node(fold, i_node, &call);
  return pare_plan_fail(model, node, status);
}

static pare_status fold_all(folder *fold, const pare_shape *shapes) {
  pare_model *model = fold->model;
  size_t n = (size_t)model->n_values;
  fold->tensors = pare_arena_array(&fold->arena, n, sizeof(pare_tensor));
  fold->is_const = pare_arena_array(&fold->arena, n, sizeof(bool));
  fold->is_open = pare_arena_array(&fold->arena, n, sizeof(bool));
  if (!fold->tensors || !fold->is_const || !fold->is_open) return PARE_OUT_OF_MEMORY;
  pare_plan_set_inputs(model, shapes, fold->tensors);
  for (int i = 0; i < model->n_values; i++) fold->is_const[i] = model->values[i].is_initializer;
  for (int i = 0; i < model->n_inputs; i++)
    fold->is_open[model->inputs[i]] = !shapes || shapes[i].rank == PARE_OPEN_RANK;
  fold->any_open = fold->inlined = false;
  for (int i = 0, n_nodes = model->n_nodes; i < n_nodes; i++) PARE_TRY(fold_one(fold, i));
  return pare_model_finish(model);
}

pare_status pare_plan_fold(pare_model *model, const pare_shape *input_shapes, pare_fold_rule rule,
                           bool *dynamic) {
  const bool keeps_branches = rule == PARE_FOLD_FOR_FILE && input_shapes;
  folder fold = {.model = model, .rule = rule, .keeps_branches = keeps_branches};
  pare_status status = PARE_OK;
  do { /* again when a branch's nodes have come */
    pare_arena_init(&fold.arena, model->ctx);
    status = fold_all(&fold, input_shapes);
    pare_arena_free(&fold.arena);
    if (status == PARE_OK && fold.inlined && rule != PARE_FOLD_FOR_FILE)
      status = pare_plan_check_operators(model);
  } while (status == PARE_OK && fold.inlined);
  if (dynamic) *dynamic = fold.any_open;
  return status;
}

pare_status pare_fold_for_file(pare_model *model, const pare_shape *input_shapes) {
  return pare_plan_fold(model, input_shapes, PARE_FOLD_FOR_FILE, NULL);
}
