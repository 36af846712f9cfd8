/* Editing a private clone. Arrays grow inside the model's arena: what they leave behind goes with the model. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

/* Room for one more item; `*items` may move. */
static bool grow(pare_arena *arena, void **items, int n, int *capacity, size_t item_bytes) {
  if (n < *capacity) return true;
  int wanted = *capacity < 8 ? 16 : *capacity * 2;
  void *moved = pare_arena_array(arena, (size_t)wanted, item_bytes);
  if (!moved) return false;
  if (n) memcpy(moved, *items, (size_t)n * item_bytes);
  *items = moved;
  *capacity = wanted;
  return true;
}

static const char *unique_name(pare_model *model, const char *name,
                               int (*find)(const pare_model *, const char *)) {
  if (!name || !*name) name = "unnamed";
  if (find(model, name) < 0) return pare_arena_text(&model->arena, name);
  size_t len = strlen(name) + 16;
  char *text = pare_arena_alloc(&model->arena, len);
  for (int i = 1; text; i++) {
    snprintf(text, len, "%s_%d", name, i);
    if (find(model, text) < 0) break;
  }
  return text;
}

pare_status pare_model_add_value(pare_model *model, const char *name, pare_dtype dtype,
                                 const pare_shape *shape, int *out) {
  *out = -1;
  const char *own_name = unique_name(model, name, pare_model_find_value);
  if (!own_name ||
      !grow(&model->arena, (void **)&model->values, model->n_values, &model->cap_values, sizeof(pare_value)))
    return PARE_OUT_OF_MEMORY;
  pare_value *value = &model->values[model->n_values];
  *value = (pare_value){.name = own_name, .dtype = dtype, .i_producer = -1};
  if (shape) {
    value->has_shape = true;
    value->shape = *shape;
  }
  *out = model->n_values++;
  return PARE_OK;
}

pare_status pare_model_add_initializer(pare_model *model, const char *name, pare_tensor *tensor, int *out) {
  pare_status status = pare_model_add_value(model, name, tensor->dtype, &tensor->shape, out);
  if (status == PARE_OK)
    pare_model_set_initializer(model, *out, tensor);
  else
    pare_tensor_release(tensor);
  return status;
}

void pare_model_set_initializer(pare_model *model, int i_value, pare_tensor *tensor) {
  pare_value *value = &model->values[i_value];
  pare_tensor_release(&value->tensor);
  value->tensor = *tensor;
  value->is_initializer = true;
  value->dtype = tensor->dtype;
  value->has_shape = true;
  value->shape = tensor->shape;
  *tensor = (pare_tensor){0};
}

pare_status pare_model_edit_initializer(pare_model *model, int i_value, pare_tensor **out) {
  pare_value *value = &model->values[i_value];
  *out = NULL;
  /* Memory that is only part of a larger block (a model file) is copied too: others may look at the rest. */
  bool alone = value->tensor.owner && value->tensor.owner->n_refs == 1 &&
               value->tensor.data == value->tensor.owner->data;
  if (!alone) {
    pare_tensor copy;
    PARE_TRY(pare_tensor_copy(model->ctx, &value->tensor, &copy));
    pare_model_set_initializer(model, i_value, &copy);
  }
  *out = &model->values[i_value].tensor;
  return PARE_OK;
}

static int *copy_indices(pare_arena *arena, const int *from, int n) {
  int *to = pare_arena_array(arena, (size_t)n, sizeof(int));
  if (to && n) memcpy(to, from, (size_t)n * sizeof(int));
  return to;
}

pare_status pare_model_add_node(pare_model *model, const char *op_type, const char *domain, const char *name,
                                const int *inputs, int n_inputs, const int *outputs, int n_outputs,
                                pare_node **out) {
  *out = NULL;
  pare_node node = {.name = unique_name(model, name && *name ? name : op_type, pare_model_find_node),
                    .op_type = pare_arena_text(&model->arena, op_type),
                    .domain = pare_arena_text(&model->arena, domain),
                    .n_inputs = n_inputs,
                    .n_outputs = n_outputs,
                    .inputs = copy_indices(&model->arena, inputs, n_inputs),
                    .outputs = copy_indices(&model->arena, outputs, n_outputs),
                    .clamp_low = -INFINITY,
                    .clamp_high = INFINITY};
  if (!node.name || !node.op_type || !node.domain || !node.inputs || !node.outputs ||
      !grow(&model->arena, (void **)&model->nodes, model->n_nodes, &model->cap_nodes, sizeof(pare_node)))
    return PARE_OUT_OF_MEMORY;
  node.op = pare_op_find(node.domain, node.op_type);
  model->nodes[model->n_nodes] = node;
  *out = &model->nodes[model->n_nodes++];
  return PARE_OK;
}

/* The attribute of that name, new or emptied. */
static pare_attr *attr_slot(pare_model *model, pare_node *node, const char *name) {
  pare_node_remove_attr(node, name);
  pare_attr *attrs = pare_arena_array(&model->arena, (size_t)node->n_attrs + 1, sizeof(pare_attr));
  const char *own_name = pare_arena_text(&model->arena, name);
  if (!attrs || !own_name) return NULL;
  if (node->n_attrs) memcpy(attrs, node->attrs, (size_t)node->n_attrs * sizeof(pare_attr));
  node->attrs = attrs;
  attrs[node->n_attrs] = (pare_attr){.name = own_name};
  return &attrs[node->n_attrs++];
}

pare_status pare_node_set_int(pare_model *model, pare_node *node, const char *name, int64_t value) {
  pare_attr *attr = attr_slot(model, node, name);
  if (!attr) return PARE_OUT_OF_MEMORY;
  attr->type = PARE_ATTR_INT;
  attr->i = value;
  return PARE_OK;
}

pare_status pare_node_set_float(pare_model *model, pare_node *node, const char *name, float value) {
  pare_attr *attr = attr_slot(model, node, name);
  if (!attr) return PARE_OUT_OF_MEMORY;
  attr->type = PARE_ATTR_FLOAT;
  attr->f = value;
  return PARE_OK;
}

pare_status pare_node_set_string(pare_model *model, pare_node *node, const char *name, const char *value) {
  const char *text = pare_arena_text(&model->arena, value);
  pare_attr *attr = text ? attr_slot(model, node, name) : NULL;
  if (!attr) return PARE_OUT_OF_MEMORY;
  attr->type = PARE_ATTR_STRING;
  attr->s = text;
  return PARE_OK;
}

pare_status pare_node_set_ints(pare_model *model, pare_node *node, const char *name, const int64_t *values,
                               size_t n) {
  int64_t *ints = pare_arena_array(&model->arena, n, sizeof(int64_t));
  if (!ints) return PARE_OUT_OF_MEMORY;
  if (n)
    memcpy(ints, values, n * sizeof(int64_t)); /* before the old attribute goes: `values` may be its own */
  pare_attr *attr = attr_slot(model, node, name);
  if (!attr) return PARE_OUT_OF_MEMORY;
  attr->type = PARE_ATTR_INTS;
  attr->ints = ints;
  attr->n = n;
  return PARE_OK;
}

void pare_node_remove_attr(pare_node *node, const char *name) {
  for (int i = 0; i < node->n_attrs; i++) {
    if (strcmp(node->attrs[i].name, name) != 0) continue;
    pare_attr_release(&node->attrs[i]);
    memmove(&node->attrs[i], &node->attrs[i + 1], (size_t)(node->n_attrs - i - 1) * sizeof(pare_attr));
    node->n_attrs--;
    return;
  }
}

void pare_model_replace_uses(pare_model *model, int from, int to) {
  for (int i = 0; i < model->n_nodes; i++)
    for (int j = 0; j < model->nodes[i].n_inputs; j++)
      if (model->nodes[i].inputs[j] == from) model->nodes[i].inputs[j] = to;
  for (int i = 0; i < model->n_outputs; i++)
    if (model->outputs[i] == from) model->outputs[i] = to;
}

pare_status pare_model_set_opset(pare_model *model, const char *domain, int64_t version) {
  for (int i = 0; i < model->n_opsets; i++) {
    if (strcmp(model->opsets[i].domain, domain) != 0) continue;
    model->opsets[i].version = version;
    return PARE_OK;
  }
  int capacity = model->n_opsets;
  const char *text = pare_arena_text(&model->arena, domain);
  if (!text || !grow(&model->arena, (void **)&model->opsets, model->n_opsets, &capacity, sizeof(pare_opset)))
    return PARE_OUT_OF_MEMORY;
  model->opsets[model->n_opsets++] = (pare_opset){text, version};
  return PARE_OK;
}

pare_status pare_model_set_metadata(pare_model *model, const char *key, const char *value) {
  const char *text = pare_arena_text(&model->arena, value);
  if (!text) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_metadata; i++) {
    if (strcmp(model->metadata[i].key, key) != 0) continue;
    model->metadata[i].value = text;
    return PARE_OK;
  }
  int capacity = model->n_metadata;
  const char *own_key = pare_arena_text(&model->arena, key);
  if (!own_key ||
      !grow(&model->arena, (void **)&model->metadata, model->n_metadata, &capacity, sizeof(pare_text_pair)))
    return PARE_OUT_OF_MEMORY;
  model->metadata[model->n_metadata++] = (pare_text_pair){own_key, text};
  return PARE_OK;
}
