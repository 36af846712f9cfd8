/* Reads a GraphProto, the model's or a node's. The graph's fields may stand in any order, so they are gone through once per kind; what
 * is not understood is kept encoded and written back. */
#include "onnx/onnx.h"

#include <stdio.h>
#include <string.h>

enum {
  GRAPH_NODE = 1,
  GRAPH_NAME = 2,
  GRAPH_INITIALIZER = 5,
  GRAPH_INPUT = 11,
  GRAPH_OUTPUT = 12,
  GRAPH_VALUE = 13,
  GRAPH_SPARSE = 15
};

static pare_status push_index(pare_arena *arena, int **list, int *n, int *capacity, int index) {
  if (*n == *capacity) {
    int bigger_capacity = *capacity ? 2 * *capacity : 8;
    int *bigger = pare_arena_array(arena, (size_t)bigger_capacity, sizeof(*bigger));
    if (!bigger) return PARE_OUT_OF_MEMORY;
    if (*n) memcpy(bigger, *list, (size_t)*n * sizeof(*bigger));
    *list = bigger;
    *capacity = bigger_capacity;
  }
  (*list)[(*n)++] = index;
  return PARE_OK;
}

pare_status pare_onnx_add_input(pare_onnx_reader *reader, int i_value) {
  return push_index(&reader->model->arena, &reader->model->inputs, &reader->model->n_inputs,
                    &reader->cap_inputs, i_value);
}

pare_status pare_onnx_add_output(pare_onnx_reader *reader, int i_value) {
  return push_index(&reader->model->arena, &reader->model->outputs, &reader->model->n_outputs,
                    &reader->cap_outputs, i_value);
}

static pare_status read_input(pare_onnx_reader *reader, const pare_wire *message) {
  int before = reader->model->n_values, i_value;
  PARE_TRY(pare_onnx_read_value(reader, message, false, &i_value));
  if (i_value < before) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "graph input '%s' is there twice",
                     reader->model->values[i_value].name);
  }
  return pare_onnx_add_input(reader, i_value);
}

static pare_status read_output(pare_onnx_reader *reader, const pare_wire *message) {
  int i_value;
  PARE_TRY(pare_onnx_read_value(reader, message, false, &i_value));
  return pare_onnx_add_output(reader, i_value);
}

static pare_status read_value_info(pare_onnx_reader *reader, const pare_wire *message) {
  int i_value;
  return pare_onnx_read_value(reader, message, true, &i_value);
}

static pare_status initializer_name(pare_onnx_reader *reader, const pare_tensor_proto *proto,
                                    const char **out) {
  size_t offset = pare_wire_offset(&proto->message, proto->message.at);
  if (proto->name.len_bytes == 0) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: an initializer has no name", offset);
  }
  if (!pare_onnx_is_text(proto->name)) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: an initializer's name is not UTF-8 text",
                     offset);
  }
  *out = pare_arena_text_n(&reader->model->arena, proto->name.data, proto->name.len_bytes);
  return *out ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static pare_status read_initializer(pare_onnx_reader *reader, const pare_wire *message) {
  pare_tensor_proto proto;
  const char *name = NULL;
  PARE_TRY(pare_onnx_tensor_scan(message, &proto));
  PARE_TRY(initializer_name(reader, &proto, &name));
  int before = reader->model->n_values, i_value;
  PARE_TRY(pare_onnx_value(reader, name, &i_value));
  pare_value *value = &reader->model->values[i_value];
  if (value->is_initializer)
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "initializer '%s' is there twice", name);
  char what[160];
  snprintf(what, sizeof(what), "initializer '%.100s'", name);
  PARE_TRY(pare_onnx_load(reader, &proto, what, &value->tensor));
  value->is_initializer = true;
  value->listed_input = i_value < before;
  value->dtype = value->tensor.dtype;
  value->has_shape = true;
  value->shape = value->tensor.shape;
  value->extra =
      (pare_span){0}; /* what its listing as an input says of the type: the tensor says it better */
  return PARE_OK;
}

/* Calls `read` for each message of this kind. */
static pare_status each(pare_onnx_reader *reader, const pare_wire *graph, uint32_t number,
                        pare_status (*read)(pare_onnx_reader *, const pare_wire *)) {
  pare_wire wire = *graph;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number != number) continue;
    pare_wire message;
    PARE_TRY(pare_wire_enter(&wire, &field, &message));
    PARE_TRY(read(reader, &message));
  }
}

/* Initializers that are listed as inputs too, as files before IR 4 had to, are no inputs here. */
static void drop_initializer_inputs(pare_model *model) {
  int n = 0;
  for (int i = 0; i < model->n_inputs; i++) {
    if (!model->values[model->inputs[i]].is_initializer) model->inputs[n++] = model->inputs[i];
  }
  model->n_inputs = n;
}

pare_status pare_onnx_read_graph(pare_onnx_reader *reader, const pare_wire *graph) {
  static const struct {
    uint32_t number;
    pare_status (*read)(pare_onnx_reader *, const pare_wire *);
  } kinds[] = {{GRAPH_SPARSE, pare_onnx_read_sparse}, {GRAPH_INPUT, read_input},
               {GRAPH_INITIALIZER, read_initializer}, {GRAPH_OUTPUT, read_output},
               {GRAPH_NODE, pare_onnx_read_node},     {GRAPH_VALUE, read_value_info}};
  uint64_t known = PARE_FIELD_BIT(GRAPH_NAME);
  for (size_t i = 0; i < PARE_COUNT(kinds); i++) {
    PARE_TRY(each(reader, graph, kinds[i].number, kinds[i].read));
    known |= PARE_FIELD_BIT(kinds[i].number);
  }
  drop_initializer_inputs(reader->model);
  pare_wire wire = *graph;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number == GRAPH_NAME)
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "the graph's name", &reader->model->graph_name));
  }
  return pare_onnx_keep(reader, graph, known, &reader->model->graph_extra);
}

/* ---- graphs inside nodes --------------------------------------------------------------------------------- */

/* `made` [n_values]: what the graph itself gives. */
static void find_made(const pare_model *model, bool *made) {
  for (int i = 0; i < model->n_values; i++) made[i] = model->values[i].is_initializer;
  for (int i = 0; i < model->n_inputs; i++) made[model->inputs[i]] = true;
  for (int i = 0; i < model->n_nodes; i++)
    for (int k = 0; k < model->nodes[i].n_outputs; k++)
      if (model->nodes[i].outputs[k] >= 0) made[model->nodes[i].outputs[k]] = true;
}

static pare_status capture(pare_onnx_reader *inner, int i_value, bool *made) {
  if (i_value < 0 || made[i_value]) return PARE_OK;
  made[i_value] = true;
  PARE_TRY(pare_onnx_add_input(inner, i_value));
  inner->model->n_captured++;
  return PARE_OK;
}

static pare_status capture_all(pare_onnx_reader *inner, bool *made) {
  const pare_model *model = inner->model;
  find_made(model, made);
  for (int i = 0; i < model->n_nodes; i++)
    for (int k = 0; k < model->nodes[i].n_inputs; k++)
      PARE_TRY(capture(inner, model->nodes[i].inputs[k], made));
  for (int i = 0; i < model->n_outputs; i++) PARE_TRY(capture(inner, model->outputs[i], made));
  return PARE_OK;
}

static pare_status find_captured(pare_onnx_reader *outer, const pare_model *model, int **captured) {
  *captured = pare_arena_array(&outer->model->arena, (size_t)model->n_captured, sizeof(int));
  if (!*captured) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_captured; i++) {
    const pare_value *value = &model->values[model->inputs[model->n_inputs - model->n_captured + i]];
    const char *name = pare_arena_text(&outer->model->arena, value->name);
    if (!name) return PARE_OUT_OF_MEMORY;
    PARE_TRY(pare_onnx_value(outer, name, &(*captured)[i]));
  }
  return PARE_OK;
}

static pare_status read_inner(pare_onnx_reader *inner, const pare_wire *graph, int **captured) {
  pare_model *model = inner->model;
  const pare_model *outer = inner->outer->model;
  model->n_opsets = 0;
  for (int i = 0; i < outer->n_opsets; i++)
    PARE_TRY(pare_model_set_opset(model, outer->opsets[i].domain, outer->opsets[i].version));
  PARE_TRY(pare_onnx_read_graph(inner, graph));
  bool *made = pare_alloc_array(inner->ctx, (size_t)model->n_values, sizeof(bool));
  pare_status status = made ? capture_all(inner, made) : PARE_OUT_OF_MEMORY;
  pare_free(inner->ctx, made);
  return status == PARE_OK ? find_captured(inner->outer, model, captured) : status;
}

pare_status pare_onnx_read_inner(pare_onnx_reader *outer, const pare_wire *graph, pare_model **out,
                                 int **captured) {
  pare_onnx_reader inner = *outer;
  inner.outer = outer;
  inner.values = inner.nodes = (pare_names){.ctx = outer->ctx};
  inner.cap_inputs = inner.cap_outputs = 0;
  *out = NULL;
  PARE_TRY(pare_model_new(outer->ctx, &inner.model));
  pare_status status = read_inner(&inner, graph, captured);
  pare_names_free(&inner.values);
  pare_names_free(&inner.nodes);
  if (status == PARE_OK)
    *out = inner.model;
  else
    pare_model_free(inner.model);
  return status;
}

/* What is known of an outer value's type holds inside. */
static void tell_types(const pare_model *model, const pare_node *node, const pare_attr *attr,
                       size_t i_graph) {
  const pare_model *graph = attr->graphs[i_graph];
  int first = pare_node_first_captured(node, attr, i_graph);
  for (int i = 0; i < graph->n_captured; i++) {
    int i_inner = graph->inputs[graph->n_inputs - graph->n_captured + i];
    pare_value_set_type(&graph->values[i_inner], &model->values[node->inputs[first + i]]);
  }
}

pare_status pare_onnx_finish(pare_model *model, pare_onnx_functions *functions) {
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int k = 0; k < node->n_attrs; k++) {
      const pare_attr *attr = &node->attrs[k];
      for (size_t g = 0; pare_attr_has_graphs(attr) && g < attr->n; g++) {
        tell_types(model, node, attr, g);
        pare_status status = pare_onnx_finish(attr->graphs[g], functions);
        if (status != PARE_OK)
          return pare_fail_within(model->ctx, status, "node '%s' (%s), graph '%s'", node->name, node->op_type,
                                  attr->name);
      }
    }
  }
  PARE_TRY(pare_onnx_normalize(model));
  PARE_TRY(pare_onnx_expand(model, functions));
  return pare_model_finish(model);
}
