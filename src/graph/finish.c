/* Makes an edited model whole again: removed nodes and unused values go, nodes are sorted (Kahn 1962, first come first served, so an order
 * that is right already stays), producers and uses are counted anew, operators looked up, names and edges checked. */
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

static void drop_removed(pare_model *model) {
  int kept = 0;
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    if (node->removed) {
      for (int j = 0; j < node->n_attrs; j++) pare_attr_release(&node->attrs[j]);
    } else {
      if (kept != i) model->nodes[kept] = *node;
      kept++;
    }
  }
  model->n_nodes = kept;
}

static pare_status check_index(pare_model *model, int i_value, const pare_node *node) {
  if (i_value >= -1 && i_value < model->n_values) return PARE_OK;
  return pare_fail(model->ctx, PARE_BAD_MODEL, "node '%s' (%s) refers to a value that is not there",
                   node->name, node->op_type);
}

static pare_status link_producers(pare_model *model) {
  for (int i = 0; i < model->n_values; i++) {
    model->values[i].i_producer = -1;
    model->values[i].n_uses = 0;
  }
  for (int i = 0; i < model->n_inputs; i++) model->values[model->inputs[i]].i_producer = -2;
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    node->op = pare_op_find(node->domain, node->op_type);
    for (int j = 0; j < node->n_inputs; j++) {
      PARE_TRY(check_index(model, node->inputs[j], node));
      if (node->inputs[j] >= 0) model->values[node->inputs[j]].n_uses++;
    }
    for (int j = 0; j < node->n_outputs; j++) {
      PARE_TRY(check_index(model, node->outputs[j], node));
      if (node->outputs[j] < 0) continue;
      pare_value *value = &model->values[node->outputs[j]];
      if (value->i_producer != -1 || value->is_initializer)
        return pare_fail(model->ctx, PARE_BAD_MODEL,
                         "value '%s' is made twice: the second time by node '%s' (%s)", value->name,
                         node->name, node->op_type);
      value->i_producer = i;
    }
  }
  for (int i = 0; i < model->n_outputs; i++) model->values[model->outputs[i]].n_uses++;
  return PARE_OK;
}

static pare_status check_sources(const pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int j = 0; j < node->n_inputs; j++) {
      if (node->inputs[j] < 0) continue;
      const pare_value *value = &model->values[node->inputs[j]];
      if (value->i_producer == -1 && !value->is_initializer)
        return pare_fail(model->ctx, PARE_BAD_MODEL,
                         "node '%s' (%s): input '%s' is made by no node, input or initializer", node->name,
                         node->op_type, value->name);
    }
  }
  for (int i = 0; i < model->n_outputs; i++) {
    const pare_value *value = &model->values[model->outputs[i]];
    if (value->i_producer == -1 && !value->is_initializer)
      return pare_fail(model->ctx, PARE_BAD_MODEL, "graph output '%s' is made by no node", value->name);
  }
  return PARE_OK;
}

typedef struct sorter {
  int *n_waiting;     /* [n_nodes]: inputs not made yet */
  int *first, *users; /* users of node i: users[first[i] .. first[i + 1]) */
  int *heap;          /* ready nodes, smallest index first */
  int n_heap;
  int *order;
} sorter;

static void heap_push(sorter *sort, int node) {
  int at = sort->n_heap++;
  while (at > 0 && sort->heap[(at - 1) / 2] > node) {
    sort->heap[at] = sort->heap[(at - 1) / 2];
    at = (at - 1) / 2;
  }
  sort->heap[at] = node;
}

static int heap_pop(sorter *sort) {
  int top = sort->heap[0], last = sort->heap[--sort->n_heap], at = 0;
  for (;;) {
    int child = 2 * at + 1;
    if (child >= sort->n_heap) break;
    if (child + 1 < sort->n_heap && sort->heap[child + 1] < sort->heap[child]) child++;
    if (sort->heap[child] >= last) break;
    sort->heap[at] = sort->heap[child];
    at = child;
  }
  sort->heap[at] = last;
  return top;
}

static void count_edges(const pare_model *model, sorter *sort, bool fill) {
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int j = 0; j < node->n_inputs; j++) {
      int producer = node->inputs[j] < 0 ? -1 : model->values[node->inputs[j]].i_producer;
      if (producer < 0) continue;
      if (fill) {
        sort->users[sort->first[producer]++] = i;
      } else {
        sort->first[producer + 1]++;
        sort->n_waiting[i]++;
      }
    }
  }
}

static pare_status find_order(pare_model *model, sorter *sort) {
  int n = model->n_nodes, n_sorted = 0;
  count_edges(model, sort, false);
  for (int i = 0; i < n; i++) sort->first[i + 1] += sort->first[i];
  count_edges(model, sort, true); /* first[i] moves on to first[i + 1]'s old place */
  for (int i = 0; i < n; i++)
    if (!sort->n_waiting[i]) heap_push(sort, i);
  while (sort->n_heap) {
    int i = heap_pop(sort);
    sort->order[n_sorted++] = i;
    for (int k = i ? sort->first[i - 1] : 0; k < sort->first[i]; k++)
      if (--sort->n_waiting[sort->users[k]] == 0) heap_push(sort, sort->users[k]);
  }
  if (n_sorted == n) return PARE_OK;
  for (int i = 0; i < n; i++)
    if (sort->n_waiting[i])
      return pare_fail(model->ctx, PARE_BAD_MODEL, "the graph has a cycle through node '%s' (%s)",
                       model->nodes[i].name, model->nodes[i].op_type);
  return PARE_OK;
}

static pare_status sort_nodes(pare_model *model) {
  size_t n = (size_t)model->n_nodes, n_edges = 0;
  for (size_t i = 0; i < n; i++) n_edges += (size_t)model->nodes[i].n_inputs;
  int *memory = pare_alloc_array(model->ctx, 4 * n + 1 + n_edges, sizeof(int));
  pare_node *sorted = pare_alloc_array(model->ctx, n, sizeof(pare_node));
  pare_status status = memory && sorted ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    sorter sort = {.n_waiting = memory,
                   .first = memory + n,
                   .heap = memory + 2 * n + 1,
                   .order = memory + 3 * n + 1,
                   .users = memory + 4 * n + 1};
    status = find_order(model, &sort);
    for (size_t i = 0; i < n && status == PARE_OK; i++) sorted[i] = model->nodes[sort.order[i]];
    if (status == PARE_OK && n) memcpy(model->nodes, sorted, n * sizeof(pare_node));
  }
  pare_free(model->ctx, memory);
  pare_free(model->ctx, sorted);
  return status;
}

/* Values that nothing makes and nothing reads go; graph inputs stay. `moved` [n_values]. */
static void drop_unused(pare_model *model, int *moved) {
  int kept = 0;
  for (int i = 0; i < model->n_values; i++) {
    pare_value *value = &model->values[i];
    bool keep = value->n_uses > 0 || value->i_producer >= 0 || value->i_producer == -2;
    moved[i] = keep ? kept : -1;
    if (!keep) {
      pare_tensor_release(&value->tensor);
      continue;
    }
    if (kept != i) model->values[kept] = *value;
    kept++;
  }
  model->n_values = kept;
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    for (int j = 0; j < node->n_inputs; j++)
      if (node->inputs[j] >= 0) node->inputs[j] = moved[node->inputs[j]];
    for (int j = 0; j < node->n_outputs; j++)
      if (node->outputs[j] >= 0) node->outputs[j] = moved[node->outputs[j]];
  }
  for (int i = 0; i < model->n_inputs; i++) model->inputs[i] = moved[model->inputs[i]];
  for (int i = 0; i < model->n_outputs; i++) model->outputs[i] = moved[model->outputs[i]];
}

static int compare_names(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* `names` [max(n_values, n_nodes)] */
static pare_status check_names(pare_model *model, const char **names) {
  for (int i = 0; i < model->n_values; i++) names[i] = model->values[i].name;
  qsort(names, (size_t)model->n_values, sizeof *names, compare_names);
  for (int i = 1; i < model->n_values; i++)
    if (strcmp(names[i - 1], names[i]) == 0)
      return pare_fail(model->ctx, PARE_BAD_MODEL, "two values are named '%s'", names[i]);
  return PARE_OK;
}

pare_status pare_model_finish(pare_model *model) {
  drop_removed(model);
  PARE_TRY(link_producers(model));
  PARE_TRY(check_sources(model));
  PARE_TRY(sort_nodes(model));
  size_t n = (size_t)model->n_values;
  int *moved = pare_alloc_array(model->ctx, n, sizeof(int));
  const char **names = pare_alloc_array(model->ctx, n, sizeof(char *));
  pare_status status = moved && names ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    drop_unused(model, moved);
    status = check_names(model, names);
  }
  if (status == PARE_OK) status = link_producers(model);
  for (int i = 0; i < model->n_inputs && status == PARE_OK; i++)
    model->values[model->inputs[i]].i_producer = -1;
  pare_free(model->ctx, moved);
  pare_free(model->ctx, names);
  return status;
}
