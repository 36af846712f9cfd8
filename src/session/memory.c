/* Where values live. A value is alive from the step that makes it to the last that reads it; largest first, each takes the lowest place
 * that no value alive at the same time covers (Pisarchyk and Lee 2020, "Efficient Memory Management for Deep Neural Net Inference",
 * greedy by size). Values whose bytes are another's (Reshape, in-place element-wise) share its place. */
#include "session/plan.h"

#include <stdlib.h>

#define ALIGNMENT 64

typedef struct place {
  int i_value, first, last; /* steps; -1: before the first */
  int root;                 /* index of the place it shares; its own otherwise */
  size_t len_bytes, offset;
  bool fixed; /* graph input or output: nothing may overwrite it in place */
} place;

typedef struct planner {
  pare_session *session;
  place *places;       /* [n_values], by value */
  const place **order; /* by size, then by value */
  int n_order;
} planner;

static place *root_of(planner *plan, int i_value) {
  return &plan->places[plan->places[i_value].root];
}

static void set_lifetimes(planner *plan) {
  pare_session *session = plan->session;
  const pare_model *model = session->model;
  for (int i = 0; i < model->n_values; i++)
    plan->places[i] = (place){.i_value = i, .first = -2, .last = -2, .root = i};
  for (int i = 0; i < model->n_inputs; i++) {
    place *input = &plan->places[model->inputs[i]];
    *input = (place){
        .i_value = input->i_value, .first = -1, .last = session->n_steps, .root = input->root, .fixed = true};
  }
  for (int s = 0; s < session->n_steps; s++) {
    const pare_node *node = session->steps[s].call.node;
    for (int j = 0; j < node->n_outputs; j++)
      if (node->outputs[j] >= 0)
        plan->places[node->outputs[j]].first = plan->places[node->outputs[j]].last = s;
    for (int j = 0; j < node->n_inputs; j++)
      if (node->inputs[j] >= 0 && plan->places[node->inputs[j]].last < s)
        plan->places[node->inputs[j]].last = s;
  }
  for (int i = 0; i < model->n_outputs; i++) {
    plan->places[model->outputs[i]].last = session->n_steps;
    plan->places[model->outputs[i]].fixed = true;
  }
  for (int i = 0; i < model->n_values; i++) {
    plan->places[i].len_bytes = pare_tensor_len_bytes(&session->tensors[i]);
    if (session->options.keep_all) plan->places[i].last = session->n_steps;
  }
}

/* Lets a step's output stand where its first input stands, when that is right. */
static void share(planner *plan, int i_step) {
  pare_session *session = plan->session;
  const pare_node *node = session->steps[i_step].call.node;
  if (!node->n_inputs || !node->n_outputs || node->inputs[0] < 0 || node->outputs[0] < 0) return;
  int from = node->inputs[0], to = node->outputs[0];
  if (session->model->values[from].is_initializer) return;
  place *root = root_of(plan, from), *out = &plan->places[to];
  const pare_tensor *a = &session->tensors[from], *b = &session->tensors[to];
  bool same_bytes = node->op->same_bytes && root->len_bytes == out->len_bytes;
  bool in_place = node->op->in_place && !session->options.keep_all && !root->fixed && root->last <= i_step &&
                  a->dtype == b->dtype && pare_shape_equal(&a->shape, &b->shape);
  for (int j = 1; j < node->n_inputs && in_place;
       j++) /* another operand that is the same memory is still being read */
    if (node->inputs[j] >= 0 && root_of(plan, node->inputs[j]) == root && node->inputs[j] != from)
      in_place = false;
  if (!same_bytes && !in_place) return;
  out->root = root->root;
  if (out->last > root->last) root->last = out->last;
  root->fixed |= out->fixed;
}

static int compare_places(const void *a, const void *b) {
  const place *x = *(const place *const *)a, *y = *(const place *const *)b;
  if (x->len_bytes != y->len_bytes) return x->len_bytes < y->len_bytes ? 1 : -1;
  return x->i_value < y->i_value ? -1 : x->i_value > y->i_value;
}

static bool alive_together(const place *a, const place *b) {
  return a->first <= b->last && b->first <= a->last;
}

static size_t aligned(size_t size) {
  return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static int compare_offsets(const void *a, const void *b) {
  const place *x = *(const place *const *)a, *y = *(const place *const *)b;
  return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* `placed` [n_placed] is sorted by offset. */
static size_t lowest_gap(const place *wanted, const place *const *placed, int n_placed) {
  size_t offset = 0;
  for (int i = 0; i < n_placed; i++) {
    if (!alive_together(wanted, placed[i])) continue;
    if (placed[i]->offset >= offset + wanted->len_bytes) break;
    size_t end = aligned(placed[i]->offset + placed[i]->len_bytes);
    if (end > offset) offset = end;
  }
  return offset;
}

static pare_status assign_offsets(planner *plan, const place **placed, size_t *total) {
  size_t end = 0, sum = 0;
  for (int i = 0; i < plan->n_order; i++)
    if (!pare_add_size(sum, aligned(plan->order[i]->len_bytes), &sum) || sum / 16 > PARE_MAX_MEMORY_BYTES)
      return pare_fail(plan->session->ctx, PARE_OUT_OF_MEMORY, "the model's values do not fit in memory");
  for (int i = 0; i < plan->n_order; i++) {
    place *wanted = &plan->places[plan->order[i]->i_value];
    wanted->offset = lowest_gap(wanted, placed, i);
    placed[i] = wanted;
    for (int j = i; j > 0 && compare_offsets(&placed[j - 1], &placed[j]) > 0; j--) {
      const place *kept = placed[j];
      placed[j] = placed[j - 1];
      placed[j - 1] = kept;
    }
    if (wanted->offset + wanted->len_bytes > end) end = wanted->offset + wanted->len_bytes;
  }
  *total = aligned(end);
  if (*total <= PARE_MAX_MEMORY_BYTES) return PARE_OK;
  return pare_fail(plan->session->ctx, PARE_OUT_OF_MEMORY, "the session would need %zu bytes for its values",
                   *total);
}

static pare_status lay_out(planner *plan, const place **placed) {
  pare_session *session = plan->session;
  const pare_model *model = session->model;
  set_lifetimes(plan);
  for (int s = 0; s < session->n_steps; s++) share(plan, s);
  for (int i = 0; i < model->n_values; i++)
    if (!model->values[i].is_initializer && plan->places[i].first >= -1 && plan->places[i].root == i)
      plan->order[plan->n_order++] = &plan->places[i];
  qsort(plan->order, (size_t)plan->n_order, sizeof *plan->order, compare_places);
  PARE_TRY(assign_offsets(plan, placed, &session->memory_bytes));
  session->memory = pare_alloc(session->ctx, session->memory_bytes + ALIGNMENT);
  if (!session->memory) return PARE_OUT_OF_MEMORY;
  uint8_t *base = (uint8_t *)(((uintptr_t)session->memory + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1));
  for (int i = 0; i < model->n_values; i++)
    if (!model->values[i].is_initializer && plan->places[i].first >= -1)
      session->tensors[i].data = base + root_of(plan, i)->offset;
  return PARE_OK;
}

pare_status pare_plan_memory(pare_session *session) {
  size_t n = (size_t)session->model->n_values;
  planner plan = {.session = session};
  plan.places = pare_alloc_array(session->ctx, n, sizeof(place));
  plan.order = pare_alloc_array(session->ctx, n, sizeof(place *));
  const place **placed = pare_alloc_array(session->ctx, n, sizeof(place *));
  pare_status status = plan.places && plan.order && placed ? lay_out(&plan, placed) : PARE_OUT_OF_MEMORY;
  pare_free(session->ctx, plan.places);
  pare_free(session->ctx, plan.order);
  pare_free(session->ctx, placed);
  return status;
}
