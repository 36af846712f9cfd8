/* Groups of channels from the operators' coupling rules. */
#include "compress/prune/groups.h"

#include <string.h>

#define MAX_SLOTS 64

struct pare_coupler {
  pare_groups *groups;
  const pare_call *call;
  bool touched[MAX_SLOTS][PARE_MAX_RANK];
  uint16_t axis_parent[MAX_SLOTS * PARE_MAX_RANK]; /* axes joined by this node alone */
};

int32_t pare_groups_root(const pare_groups *groups, int64_t element) {
  int32_t at = (int32_t)element;
  while (groups->parent[at] != at) {
    groups->parent[at] = groups->parent[groups->parent[at]];
    at = groups->parent[at];
  }
  return at;
}

/* The smaller element becomes the root: which one does not depend on the order of joining. */
static void join(pare_groups *groups, int64_t a, int64_t b) {
  int32_t x = pare_groups_root(groups, a), y = pare_groups_root(groups, b);
  if (x == y) return;
  if (y < x) {
    int32_t kept = x;
    x = y;
    y = kept;
  }
  groups->parent[y] = x;
  groups->frozen[x] |= groups->frozen[y];
}

/* Places: inputs first, then outputs; -1 when there is no tensor. */
static int slot_of(const pare_call *call, int place) {
  int slot = place >= 0 ? place : call->n_in + (-1 - place);
  bool there =
      place >= 0 ? place < call->n_in && call->in[place] : -1 - place < call->n_out && call->out[-1 - place];
  return there && slot < MAX_SLOTS ? slot : -1;
}

static const pare_tensor *slot_tensor(const pare_call *call, int slot) {
  return slot < call->n_in ? call->in[slot] : call->out[slot - call->n_in];
}

static int slot_value(const pare_call *call, int slot) {
  return slot < call->n_in ? call->node->inputs[slot] : call->node->outputs[slot - call->n_in];
}

static int64_t element_of(const pare_groups *groups, int i_value, int axis, int64_t index) {
  return groups->base[i_value * PARE_MAX_RANK + axis] + index;
}

static uint16_t axis_root(pare_coupler *coupler, int slot, int axis) {
  uint16_t at = (uint16_t)(slot * PARE_MAX_RANK + axis);
  while (coupler->axis_parent[at] != at) at = coupler->axis_parent[at];
  return at;
}

pare_status pare_couple(pare_coupler *coupler, int a, int a_axis, int64_t a_index, int b, int b_axis,
                        int64_t b_index) {
  int x = slot_of(coupler->call, a), y = slot_of(coupler->call, b);
  if (x < 0 || y < 0) return PARE_OK;
  const pare_shape *xs = &slot_tensor(coupler->call, x)->shape, *ys = &slot_tensor(coupler->call, y)->shape;
  if (a_axis < 0 || b_axis < 0 || a_axis >= xs->rank || b_axis >= ys->rank) return PARE_OK;
  if (a_index < 0 || b_index < 0 || a_index >= xs->dims[a_axis] || b_index >= ys->dims[b_axis])
    return PARE_OK;
  coupler->touched[x][a_axis] = coupler->touched[y][b_axis] = true;
  uint16_t p = axis_root(coupler, x, a_axis), q = axis_root(coupler, y, b_axis);
  if (p != q) coupler->axis_parent[q] = p;
  join(coupler->groups, element_of(coupler->groups, slot_value(coupler->call, x), a_axis, a_index),
       element_of(coupler->groups, slot_value(coupler->call, y), b_axis, b_index));
  return PARE_OK;
}

pare_status pare_couple_axes(pare_coupler *coupler, int a, int a_axis, int b, int b_axis) {
  int x = slot_of(coupler->call, a), y = slot_of(coupler->call, b);
  if (x < 0 || y < 0) return PARE_OK;
  const pare_shape *xs = &slot_tensor(coupler->call, x)->shape, *ys = &slot_tensor(coupler->call, y)->shape;
  if (a_axis < 0 || b_axis < 0 || a_axis >= xs->rank || b_axis >= ys->rank ||
      xs->dims[a_axis] != ys->dims[b_axis])
    return PARE_OK;
  for (int64_t i = 0; i < xs->dims[a_axis]; i++) PARE_TRY(pare_couple(coupler, a, a_axis, i, b, b_axis, i));
  return PARE_OK;
}

static void freeze_axis(pare_groups *groups, int i_value, int axis) {
  int64_t first = groups->base[i_value * PARE_MAX_RANK + axis],
          end = groups->base[i_value * PARE_MAX_RANK + axis + 1];
  for (int64_t i = first; i < end; i++) groups->frozen[pare_groups_root(groups, i)] = true;
}

pare_status pare_couple_freeze(pare_coupler *coupler, int a, int a_axis) {
  int x = slot_of(coupler->call, a);
  if (x >= 0 && a_axis >= 0 && a_axis < slot_tensor(coupler->call, x)->shape.rank)
    freeze_axis(coupler->groups, slot_value(coupler->call, x), a_axis);
  return PARE_OK;
}

/* An axis of a weight that this node joins with an axis of an output holds filters. */
static void mark_filters(pare_coupler *coupler) {
  const pare_call *call = coupler->call;
  const pare_model *model = coupler->groups->session->model;
  int n_slots = call->n_in + call->n_out;
  for (int slot = 0; slot < call->n_in; slot++) {
    if (!call->in[slot] || !model->values[slot_value(call, slot)].is_initializer ||
        call->in[slot]->shape.rank < 2)
      continue;
    for (int axis = 0; axis < call->in[slot]->shape.rank; axis++)
      for (int out = call->n_in; out < n_slots; out++)
        for (int k = 0; slot_tensor(call, out) && k < slot_tensor(call, out)->shape.rank; k++)
          if (axis_root(coupler, slot, axis) == axis_root(coupler, out, k))
            coupler->groups->is_filter[slot_value(call, slot) * PARE_MAX_RANK + axis] = true;
  }
}

static pare_status couple_step(pare_groups *groups, pare_coupler *coupler, const pare_call *call) {
  int n_slots = call->n_in + call->n_out;
  memset(coupler, 0, sizeof *coupler);
  coupler->groups = groups;
  coupler->call = call;
  for (int i = 0; i < MAX_SLOTS * PARE_MAX_RANK; i++) coupler->axis_parent[i] = (uint16_t)i;
  if (call->node->op->couple && n_slots <= MAX_SLOTS) {
    PARE_TRY(call->node->op->couple(call, coupler));
    mark_filters(coupler);
  }
  for (int slot = 0; slot < n_slots; slot++) {
    const pare_tensor *tensor = slot_tensor(call, slot);
    for (int axis = 0; tensor && axis < tensor->shape.rank; axis++)
      if (slot >= MAX_SLOTS || !coupler->touched[slot][axis])
        freeze_axis(groups, slot_value(call, slot), axis);
  }
  return PARE_OK;
}

static void freeze_value(pare_groups *groups, int i_value) {
  for (int axis = 0; axis < PARE_MAX_RANK; axis++) freeze_axis(groups, i_value, axis);
}

/* What folding computed is in no file, and what it computed with must go on giving that. */
static void freeze_folded(pare_groups *groups, const pare_model *source) {
  const pare_model *model = groups->session->model;
  for (int i = 0; i < source->n_nodes; i++) {
    const pare_node *node = &source->nodes[i];
    if (pare_model_find_node(model, node->name) >= 0) continue;
    for (int k = 0; k < node->n_inputs; k++) {
      if (node->inputs[k] < 0) continue;
      const int i_value = pare_model_find_value(model, source->values[node->inputs[k]].name);
      if (i_value >= 0 && model->values[i_value].is_initializer) freeze_value(groups, i_value);
    }
  }
}

/* Inputs and outputs of the graph keep their shape. */
static void freeze_ends(pare_groups *groups, const pare_model *source) {
  const pare_model *model = groups->session->model;
  for (int i = 0; i < model->n_inputs; i++) freeze_value(groups, model->inputs[i]);
  for (int i = 0; i < model->n_outputs; i++) freeze_value(groups, model->outputs[i]);
  for (int i = 0; i < model->n_values; i++) {
    if (!model->values[i].is_initializer) continue;
    int i_source = pare_model_find_value(source, model->values[i].name);
    if (i_source < 0 || !source->values[i_source].is_initializer) freeze_value(groups, i);
  }
}

static pare_status number_elements(pare_groups *groups) {
  const pare_model *model = groups->session->model;
  int64_t n = 0;
  for (int i = 0; i < model->n_values; i++) {
    const pare_shape *shape = &groups->session->tensors[i].shape;
    for (int axis = 0; axis < PARE_MAX_RANK; axis++) {
      groups->base[i * PARE_MAX_RANK + axis] = n;
      if (axis < shape->rank) n += shape->dims[axis];
    }
  }
  groups->base[(int64_t)model->n_values * PARE_MAX_RANK] = n;
  if (n >= INT32_MAX)
    return pare_fail(groups->ctx, PARE_UNSUPPORTED, "structured pruning of a model with 2^31 channels");
  groups->n_elements = n;
  groups->parent = pare_alloc_array(groups->ctx, (size_t)n, sizeof *groups->parent);
  groups->frozen = pare_alloc_array(groups->ctx, (size_t)n, sizeof *groups->frozen);
  if (!groups->parent || !groups->frozen) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < n; i++) groups->parent[i] = (int32_t)i;
  return PARE_OK;
}

static pare_status build(pare_groups *groups, const pare_model *source) {
  pare_plan_options options = {.batch = 1, .keep_all = true};
  PARE_TRY(pare_session_plan(source, &options, &groups->session));
  if (groups->session->dynamic)
    return pare_fail(groups->ctx, PARE_UNSUPPORTED,
                     "channels cannot be followed through control flow, or where shapes depend on data");
  size_t n_axes = (size_t)groups->session->model->n_values * PARE_MAX_RANK;
  groups->base = pare_alloc_array(groups->ctx, n_axes + 1, sizeof *groups->base);
  groups->is_filter = pare_alloc_array(groups->ctx, n_axes, sizeof *groups->is_filter);
  pare_coupler *coupler = pare_alloc(groups->ctx, sizeof *coupler);
  pare_status status =
      groups->base && groups->is_filter && coupler ? number_elements(groups) : PARE_OUT_OF_MEMORY;
  for (int i = 0; i < groups->session->n_steps && status == PARE_OK; i++)
    status = couple_step(groups, coupler, &groups->session->steps[i].call);
  if (status == PARE_OK) {
    freeze_ends(groups, source);
    freeze_folded(groups, source);
  }
  pare_free(groups->ctx, coupler);
  return status;
}

pare_status pare_groups_new(const pare_model *model, pare_groups **out) {
  *out = NULL;
  pare_groups *groups = pare_alloc(model->ctx, sizeof *groups);
  if (!groups) return PARE_OUT_OF_MEMORY;
  groups->ctx = model->ctx;
  pare_status status = build(groups, model);
  if (status == PARE_OK)
    *out = groups;
  else
    pare_groups_free(groups);
  return status;
}

void pare_groups_free(pare_groups *groups) {
  if (!groups) return;
  pare_session_free(groups->session);
  pare_free(groups->ctx, groups->base);
  pare_free(groups->ctx, groups->parent);
  pare_free(groups->ctx, groups->frozen);
  pare_free(groups->ctx, groups->is_filter);
  pare_free(groups->ctx, groups);
}
