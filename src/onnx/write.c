/* Writes an ONNX model: fields in the order of their numbers, initializers as raw_data, carried fields last,
 * so equal models give equal bytes. Nodes go out in the forms of the model's opset (normalize.c). */
#include "onnx/onnx.h"

#include <string.h>

static void put_shape(pare_writer *out, const pare_value *value) {
  size_t shape = pare_wire_begin(out, 2);
  for (int i = 0; i < value->shape.rank; i++) {
    size_t dim = pare_wire_begin(out, 1);
    if (value->shape.dims[i] >= 0)
      pare_wire_put_int(out, 1, value->shape.dims[i]);
    else
      pare_wire_put_text(out, 2, value->dim_names[i]);
    pare_wire_end(out, dim);
  }
  pare_wire_end(out, shape);
}

/* ValueInfoProto: name, type { tensor_type { elem_type, shape { dim } } } */
static void put_value(pare_writer *out, uint32_t number, const pare_value *value) {
  size_t info = pare_wire_begin(out, number);
  pare_wire_put_text(out, 1, value->name);
  if (value->dtype != PARE_NONE || value->has_shape) {
    size_t type = pare_wire_begin(out, 2), tensor = pare_wire_begin(out, 1);
    pare_wire_put_int(out, 1, value->dtype);
    if (value->has_shape) put_shape(out, value);
    pare_wire_end(out, tensor);
    pare_wire_end(out, type);
  }
  if (value->extra.len_bytes) pare_writer_put(out, value->extra.data, value->extra.len_bytes);
  pare_wire_end(out, info);
}

void pare_onnx_tensor_write(pare_writer *out, const char *name, const pare_tensor *tensor) {
  for (int i = 0; i < tensor->shape.rank; i++) pare_wire_put_int(out, 1, tensor->shape.dims[i]);
  pare_wire_put_int(out, 2, tensor->dtype);
  pare_wire_put_text(out, 8, name);
  pare_wire_put_bytes(out, 9, tensor->data, pare_tensor_len_bytes(tensor));
}

void pare_onnx_tensor_put(pare_writer *out, uint32_t number, const char *name, const pare_tensor *tensor) {
  size_t mark = pare_wire_begin(out, number);
  pare_onnx_tensor_write(out, name, tensor);
  pare_wire_end(out, mark);
}

/* ---- nodes --------------------------------------------------------------------------------------------- */

static void put_attr_content(pare_writer *out, const pare_attr *attr) {
  switch (attr->type) {
  case PARE_ATTR_FLOAT: pare_wire_put_f32(out, 2, attr->f); break;
  case PARE_ATTR_INT: pare_wire_put_int(out, 3, attr->i); break;
  case PARE_ATTR_STRING: pare_wire_put_bytes(out, 4, attr->s, strlen(attr->s)); break;
  case PARE_ATTR_TENSOR: pare_onnx_tensor_put(out, 5, NULL, &attr->tensor); break;
  case PARE_ATTR_FLOATS:
    for (size_t i = 0; i < attr->n; i++) pare_wire_put_f32(out, 7, attr->floats[i]);
    break;
  case PARE_ATTR_INTS:
    for (size_t i = 0; i < attr->n; i++) pare_wire_put_int(out, 8, attr->ints[i]);
    break;
  case PARE_ATTR_STRINGS:
    for (size_t i = 0; i < attr->n; i++)
      pare_wire_put_bytes(out, 9, attr->strings[i], strlen(attr->strings[i]));
    break;
  default: break;
  }
}

/* Whether what was read of a node's graphs still says what they say: they are in the model's opset, and what they capture has kept its
 * name. */
static bool graphs_as_read(const pare_model *model, const pare_node *node, const pare_attr *attr) {
  if (!attr->raw.len_bytes) return false;
  for (size_t g = 0; g < attr->n; g++) {
    const pare_model *graph = attr->graphs[g];
    int first = pare_node_first_captured(node, attr, g), n_formal = graph->n_inputs - graph->n_captured;
    if (pare_model_opset(graph, "") != pare_model_opset(model, "")) return false;
    for (int i = 0; i < graph->n_captured; i++) {
      const char *inner = graph->values[graph->inputs[n_formal + i]].name;
      if (strcmp(inner, model->values[node->inputs[first + i]].name) != 0) return false;
    }
  }
  return true;
}

static pare_status put_graph(pare_writer *out, uint32_t number, const pare_model *model);

/* Another value of that name makes way. */
static pare_status rename_value(pare_model *graph, int i_value, const char *name) {
  int other = pare_model_find_value(graph, name);
  if (other >= 0 && other != i_value) {
    const char *moved = name;
    for (int i = 1; moved && pare_model_find_value(graph, moved) >= 0; i++)
      moved = pare_arena_printf(&graph->arena, "%s_%d", name, i);
    if (!moved) return PARE_OUT_OF_MEMORY;
    graph->values[other].name = moved;
  }
  graph->values[i_value].name = pare_arena_text(&graph->arena, name);
  return graph->values[i_value].name ? PARE_OK : PARE_OUT_OF_MEMORY;
}

/* `graph` is a clone of its own. */
static pare_status fit_graph(const pare_model *model, const pare_node *node, int first, pare_model *graph) {
  int n_formal = graph->n_inputs - graph->n_captured;
  int64_t opset = pare_model_opset(model, "");
  for (int i = 0; i < graph->n_captured; i++)
    PARE_TRY(rename_value(graph, graph->inputs[n_formal + i], model->values[node->inputs[first + i]].name));
  PARE_TRY(pare_model_set_opset(graph, "", opset));
  PARE_TRY(pare_onnx_denormalize(graph));
  if (pare_model_opset(graph, "") == opset) return PARE_OK;
  return pare_fail(graph->ctx, PARE_UNSUPPORTED, "node '%s' (%s): its graphs cannot be written in opset %lld",
                   node->name, node->op_type, (long long)opset);
}

static pare_status put_graphs(pare_writer *out, const pare_model *model, const pare_node *node,
                              const pare_attr *attr) {
  for (size_t g = 0; g < attr->n; g++) {
    pare_model *graph;
    PARE_TRY(pare_model_clone(attr->graphs[g], &graph));
    pare_status status = fit_graph(model, node, pare_node_first_captured(node, attr, g), graph);
    graph->n_inputs -= graph->n_captured; /* they stay behind the inputs, unwritten */
    if (status == PARE_OK) status = put_graph(out, attr->type == PARE_ATTR_GRAPH ? 6 : 11, graph);
    pare_model_free(graph);
    PARE_TRY(status);
  }
  return PARE_OK;
}

static pare_status put_attr(pare_writer *out, const pare_model *model, const pare_node *node,
                            const pare_attr *attr) {
  bool has_graphs = pare_attr_has_graphs(attr);
  if (attr->type == PARE_ATTR_RAW || (has_graphs && graphs_as_read(model, node, attr))) {
    pare_wire_put_bytes(out, 5, attr->raw.data, attr->raw.len_bytes);
    return PARE_OK;
  }
  size_t mark = pare_wire_begin(out, 5);
  pare_wire_put_text(out, 1, attr->name);
  if (has_graphs) PARE_TRY(put_graphs(out, model, node, attr));
  put_attr_content(out, attr);
  pare_wire_put_int(out, 20, attr->type);
  pare_wire_end(out, mark);
  return PARE_OK;
}

static void put_link(pare_writer *out, uint32_t number, const pare_model *model, int i_value) {
  const char *name = i_value < 0 ? "" : model->values[i_value].name;
  pare_wire_put_bytes(out, number, name, strlen(name)); /* "" keeps the place of an input that is left out */
}

static pare_status put_node(pare_writer *out, const pare_model *model, const pare_node *node) {
  size_t mark = pare_wire_begin(out, 1);
  for (int i = 0; i < node->n_inputs - node->n_captured; i++) put_link(out, 1, model, node->inputs[i]);
  for (int i = 0; i < node->n_outputs; i++) put_link(out, 2, model, node->outputs[i]);
  pare_wire_put_text(out, 3, node->name);
  pare_wire_put_text(out, 4, node->op_type);
  for (int i = 0; i < node->n_attrs; i++) PARE_TRY(put_attr(out, model, node, &node->attrs[i]));
  pare_wire_put_text(out, 6, node->doc);
  pare_wire_put_text(out, 7, node->domain);
  if (node->extra.len_bytes) pare_writer_put(out, node->extra.data, node->extra.len_bytes);
  pare_wire_end(out, mark);
  return PARE_OK;
}

/* ---- graph --------------------------------------------------------------------------------------------- */

static bool has_info(const pare_value *value) {
  return !value->is_initializer &&
         (value->dtype != PARE_NONE || value->has_shape || value->extra.len_bytes > 0);
}

/* In the order of the nodes, which is the same when the file has been read again; that of values, some of which reading may have added, is not. */
static pare_status put_value_infos(pare_writer *out, const pare_model *model) {
  int n_outer = model->n_captured; /* of a node's graph: not its own to tell of */
  bool *done = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof(*done));
  if (!done) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_inputs + n_outer; i++) done[model->inputs[i]] = true;
  for (int i = 0; i < model->n_outputs; i++) done[model->outputs[i]] = true;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int k = 0; k < node->n_outputs && !node->removed; k++) {
      const int i_value = node->outputs[k];
      if (i_value >= 0 && !done[i_value] && has_info(&model->values[i_value]))
        put_value(out, 13, &model->values[i_value]);
    }
  }
  pare_free(model->ctx, done);
  return PARE_OK;
}

static pare_status put_graph(pare_writer *out, uint32_t number, const pare_model *model) {
  size_t mark = pare_wire_begin(out, number);
  for (int i = 0; i < model->n_nodes; i++) {
    if (!model->nodes[i].removed) PARE_TRY(put_node(out, model, &model->nodes[i]));
  }
  pare_wire_put_text(out, 2, model->graph_name);
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (value->is_initializer && !pare_onnx_stays_sparse(value))
      pare_onnx_tensor_put(out, 5, value->name, &value->tensor);
  }
  for (int i = 0; i < model->n_inputs; i++) put_value(out, 11, &model->values[model->inputs[i]]);
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (value->is_initializer && (value->listed_input || model->ir_version < 4)) put_value(out, 11, value);
  }
  for (int i = 0; i < model->n_outputs; i++) put_value(out, 12, &model->values[model->outputs[i]]);
  PARE_TRY(put_value_infos(out, model));
  for (int i = 0; i < model->n_values; i++) {
    if (pare_onnx_stays_sparse(&model->values[i])) pare_onnx_sparse_put(out, 15, &model->values[i]);
  }
  if (model->graph_extra.len_bytes)
    pare_writer_put(out, model->graph_extra.data, model->graph_extra.len_bytes);
  pare_wire_end(out, mark);
  return PARE_OK;
}

/* ---- model --------------------------------------------------------------------------------------------- */

static void put_pair(pare_writer *out, const char *key, const char *value) {
  size_t mark = pare_wire_begin(out, 14);
  pare_wire_put_text(out, 1, key);
  pare_wire_put_text(out, 2, value);
  pare_wire_end(out, mark);
}

static void put_pruned(pare_writer *out, const pare_model *model) {
  size_t pair = 0, text = 0;
  bool any = false;
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (!value->is_initializer || !value->pruned) continue;
    if (!any) {
      pair = pare_wire_begin(out, 14);
      pare_wire_put_text(out, 1, PARE_ONNX_PRUNED_KEY);
      text = pare_wire_begin(out, 2);
    }
    if (any) pare_writer_put(out, ",", 1);
    any = true;
    for (const char *at = value->name; *at; at++) {
      if (*at == ',' || *at == '\\') pare_writer_put(out, "\\", 1);
      pare_writer_put(out, at, 1);
    }
  }
  if (!any) return;
  pare_wire_end(out, text);
  pare_wire_end(out, pair);
}

static pare_status put_model(pare_writer *out, const pare_model *model) {
  pare_wire_put_int(out, 1, model->ir_version);
  pare_wire_put_text(out, 2, model->producer_name);
  pare_wire_put_text(out, 3, model->producer_version);
  pare_wire_put_text(out, 4, model->domain);
  if (model->model_version) pare_wire_put_int(out, 5, model->model_version);
  pare_wire_put_text(out, 6, model->doc);
  PARE_TRY(put_graph(out, 7, model));
  for (int i = 0; i < model->n_opsets; i++) {
    size_t mark = pare_wire_begin(out, 8);
    pare_wire_put_text(out, 1, model->opsets[i].domain);
    pare_wire_put_int(out, 2, model->opsets[i].version);
    pare_wire_end(out, mark);
  }
  for (int i = 0; i < model->n_metadata; i++) put_pair(out, model->metadata[i].key, model->metadata[i].value);
  put_pruned(out, model);
  if (model->extra.len_bytes) pare_writer_put(out, model->extra.data, model->extra.len_bytes);
  return PARE_OK;
}

static pare_status write_model(const pare_model *model, pare_writer *writer) {
  pare_model *copy;
  PARE_TRY(pare_model_clone(model, &copy));
  pare_status status = pare_onnx_denormalize(copy);
  if (status == PARE_OK) status = put_model(writer, copy);
  pare_model_free(copy);
  return status;
}

pare_status pare_model_save(const pare_model *model, pare_buffer *out) {
  pare_writer writer;
  *out = (pare_buffer){0};
  pare_writer_init(&writer, model->ctx);
  pare_status status = write_model(model, &writer);
  if (status == PARE_OK) return pare_writer_finish(&writer, out);
  pare_writer_free(&writer);
  return status;
}

pare_status pare_onnx_file_bytes(const pare_model *model, uint64_t *file_bytes) {
  pare_writer writer;
  pare_writer_init(&writer, model->ctx);
  writer.counting = true;
  PARE_TRY(write_model(model, &writer));
  *file_bytes = writer.len_bytes;
  return PARE_OK;
}

pare_status pare_model_save_file(const pare_model *model, const char *path) {
  pare_buffer bytes;
  PARE_TRY(pare_model_save(model, &bytes));
  pare_status status = pare_file_write(model->ctx, path, bytes.data, bytes.len_bytes);
  pare_buffer_free(model->ctx, &bytes);
  return status;
}
