/* Surgery on initializers, shapes and attributes. */
#include "compress/prune/surgery.h"

#include <string.h>

#include "ops/recurrent.h"
#include "ops/slice.h"

typedef struct surgeon {
  const pare_groups *groups;
  const bool *removed;
  pare_model *model; /* the copy */
} surgeon;

static bool is_removed(const surgeon *s, int i_planned, int axis, int64_t index) {
  return s->removed[pare_groups_root(s->groups, s->groups->base[i_planned * PARE_MAX_RANK + axis] + index)];
}

static int64_t count_removed(const surgeon *s, int i_planned, int axis) {
  const pare_shape *shape = &s->groups->session->tensors[i_planned].shape;
  int64_t n = 0;
  for (int64_t i = 0; axis < shape->rank && i < shape->dims[axis]; i++)
    n += is_removed(s, i_planned, axis, i);
  return n;
}

static pare_status cut_axis(const surgeon *s, int i_planned, int axis, pare_tensor *tensor) {
  pare_shape shape = tensor->shape;
  shape.dims[axis] -= count_removed(s, i_planned, axis);
  if (shape.dims[axis] == tensor->shape.dims[axis]) return PARE_OK;
  pare_tensor cut;
  PARE_TRY(pare_tensor_new(s->model->ctx, tensor->dtype, &shape, &cut));
  int64_t outer = pare_shape_count_range(&shape, 0, axis), n = tensor->shape.dims[axis];
  size_t inner =
      (size_t)pare_shape_count_range(&shape, axis + 1, shape.rank) * pare_dtype_size(tensor->dtype);
  const uint8_t *from = tensor->data;
  uint8_t *to = cut.data;
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < n; i++, from += inner) {
      if (is_removed(s, i_planned, axis, i)) continue;
      memcpy(to, from, inner);
      to += inner;
    }
  pare_tensor_release(tensor);
  *tensor = cut;
  return PARE_OK;
}

static pare_status cut_value(const surgeon *s, int i_planned) {
  const pare_value *planned = &s->groups->session->model->values[i_planned];
  int i_value = pare_model_find_value(s->model, planned->name);
  if (i_value < 0) return PARE_OK;
  pare_value *value = &s->model->values[i_value];
  int rank = s->groups->session->tensors[i_planned].shape.rank;
  if (!value->is_initializer) {
    for (int axis = 0; axis < rank && value->has_shape && value->shape.rank == rank; axis++)
      if (value->shape.dims[axis] > 0) value->shape.dims[axis] -= count_removed(s, i_planned, axis);
    return PARE_OK;
  }
  pare_tensor tensor = pare_tensor_retain(&value->tensor);
  for (int axis = 0; axis < rank; axis++) {
    pare_status status = cut_axis(s, i_planned, axis, &tensor);
    if (status == PARE_OK) continue;
    pare_tensor_release(&tensor);
    return status;
  }
  pare_model_set_initializer(s->model, i_value, &tensor);
  return PARE_OK;
}

/* Only depthwise convolutions couple the channels of a group: one group goes with each input channel. */
static pare_status cut_groups(const surgeon *s) {
  const pare_session *session = s->groups->session;
  for (int i = 0; i < session->n_steps; i++) {
    const pare_node *planned = session->steps[i].call.node;
    int64_t n_groups = pare_node_int(planned, "group", 1);
    if (!pare_node_is(planned, "Conv") || n_groups == 1) continue;
    int64_t n_removed = count_removed(s, planned->inputs[0], 1);
    int i_node = pare_model_find_node(s->model, planned->name);
    if (n_removed && i_node >= 0)
      PARE_TRY(pare_node_set_int(s->model, &s->model->nodes[i_node], "group", n_groups - n_removed));
  }
  return PARE_OK;
}

/* hidden_size follows; states of zeros, which exporters compute with the old size, are left out. */
static pare_status cut_hidden_units(const surgeon *s) {
  const pare_session *session = s->groups->session;
  for (int i = 0; i < session->n_steps; i++) {
    const pare_call *call = &session->steps[i].call;
    const pare_node *planned = call->node;
    if (planned->op->couple != pare_recurrent_couple) continue;
    const int64_t n_removed = count_removed(s, planned->inputs[RECURRENT_R], 2);
    const int i_node = pare_model_find_node(s->model, planned->name);
    if (!n_removed || i_node < 0) continue;
    pare_node *node = &s->model->nodes[i_node];
    PARE_TRY(
        pare_node_set_int(s->model, node, "hidden_size", call->in[RECURRENT_R]->shape.dims[2] - n_removed));
    for (int k = RECURRENT_H0; k <= RECURRENT_H0 + 1 && k < node->n_inputs; k++)
      if (pare_recurrent_zero_state(call, k)) node->inputs[k] = -1;
  }
  return PARE_OK;
}

static int64_t count_kept(const surgeon *s, int i_planned, int axis, int64_t first, int64_t end) {
  int64_t n = 0;
  for (int64_t i = first; i < end; i++) n += !is_removed(s, i_planned, axis, i);
  return n;
}

/* Input i of the node becomes a list of its own. */
static pare_status set_list(const surgeon *s, int i_node, int i_input, const int64_t *values, int n) {
  const pare_shape shape = PARE_SHAPE(n);
  pare_tensor list;
  int i_list;
  PARE_TRY(pare_tensor_new(s->model->ctx, PARE_S64, &shape, &list));
  if (n > 0) memcpy(list.data, values, (size_t)n * sizeof *values);
  PARE_TRY(pare_model_add_initializer(s->model, s->model->nodes[i_node].name, &list, &i_list));
  pare_node *node = &s->model->nodes[i_node];
  if (i_input >= node->n_inputs) {
    int *inputs = pare_arena_array(&s->model->arena, (size_t)i_input + 1, sizeof *inputs);
    if (!inputs) return PARE_OUT_OF_MEMORY;
    for (int i = 0; i <= i_input; i++) inputs[i] = i < node->n_inputs ? node->inputs[i] : -1;
    node->inputs = inputs;
    node->n_inputs = i_input + 1;
  }
  node->inputs[i_input] = i_list;
  return PARE_OK;
}

static pare_status cut_split(const surgeon *s, const pare_call *call, int i_node) {
  const int i_in = call->node->inputs[0], rank = call->in[0]->shape.rank;
  const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), rank);
  if (!count_removed(s, i_in, axis)) return PARE_OK;
  int64_t *lengths = pare_arena_array(&s->model->arena, (size_t)call->n_out, sizeof *lengths), at = 0;
  if (!lengths) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < call->n_out; i++) {
    if (!call->out[i]) return PARE_OK; /* a piece that nobody reads: its length is not known here */
    const int64_t length = call->out[i]->shape.dims[axis];
    lengths[i] = count_kept(s, i_in, axis, at, at + length);
    at += length;
  }
  pare_node_remove_attr(&s->model->nodes[i_node], "num_outputs");
  return set_list(s, i_node, 1, lengths, call->n_out);
}

static pare_status cut_slice(const surgeon *s, const pare_call *call, int i_node) {
  const int i_in = call->node->inputs[0];
  int64_t starts[PARE_MAX_RANK], ends[PARE_MAX_RANK];
  const int n = (int)pare_op_ints(call, 1, starts, PARE_MAX_RANK);
  bool changed = false;
  pare_op_ints(call, 2, ends, PARE_MAX_RANK);
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++) {
    int64_t first, step;
    const int k = pare_slice_axis(call, axis, &first, &step);
    if (k < 0 || step != 1 || !count_removed(s, i_in, axis)) continue;
    starts[k] = count_kept(s, i_in, axis, 0, first);
    ends[k] = starts[k] + count_kept(s, i_in, axis, first, first + call->out[0]->shape.dims[axis]);
    changed = true;
  }
  if (!changed) return PARE_OK;
  PARE_TRY(set_list(s, i_node, 1, starts, n));
  return set_list(s, i_node, 2, ends, n);
}

/* Where pieces begin and end. */
static pare_status cut_pieces(const surgeon *s) {
  for (int i = 0; i < s->groups->session->n_steps; i++) {
    const pare_call *call = &s->groups->session->steps[i].call;
    const int i_node = pare_model_find_node(s->model, call->node->name);
    if (i_node < 0) continue;
    if (pare_node_is(call->node, "Split")) PARE_TRY(cut_split(s, call, i_node));
    if (pare_node_is(call->node, "Slice")) PARE_TRY(cut_slice(s, call, i_node));
  }
  return PARE_OK;
}

static pare_status operate(const surgeon *s) {
  PARE_TRY(cut_groups(s));
  PARE_TRY(cut_hidden_units(s));
  PARE_TRY(cut_pieces(s));
  for (int i = 0; i < s->groups->session->model->n_values; i++) PARE_TRY(cut_value(s, i));
  PARE_TRY(pare_model_finish(s->model));
  pare_session *session;
  pare_plan_options options = {.batch = 1};
  pare_status status = pare_session_plan(s->model, &options, &session);
  if (status != PARE_OK) return pare_fail_within(s->model->ctx, status, "the model without these channels");
  pare_session_free(session);
  return PARE_OK;
}

pare_status pare_remove_channels(const pare_model *source, const pare_groups *groups, const bool *removed,
                                 pare_model **out) {
  *out = NULL;
  surgeon s = {groups, removed, NULL};
  PARE_TRY(pare_model_clone(source, &s.model));
  pare_status status = operate(&s);
  if (status == PARE_OK)
    *out = s.model;
  else
    pare_model_free(s.model);
  return status;
}
