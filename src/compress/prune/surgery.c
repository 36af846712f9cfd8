/* Surgery on initializers, shapes and attributes. */
#include "compress/prune/surgery.h"

#include <string.h>

#include "ops/recurrent.h"

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

static pare_status operate(const surgeon *s) {
  PARE_TRY(cut_groups(s));
  PARE_TRY(cut_hidden_units(s));
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
