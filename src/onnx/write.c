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

static void put_attr(pare_writer *out, const pare_attr *attr) {
  if (attr->type == PARE_ATTR_RAW || attr->raw.len_bytes) {
    pare_wire_put_bytes(out, 5, attr->raw.data, attr->raw.len_bytes);
    return;
  }
  size_t mark = pare_wire_begin(out, 5);
  pare_wire_put_text(out, 1, attr->name);
  put_attr_content(out, attr);
  pare_wire_put_int(out, 20, attr->type);
  pare_wire_end(out, mark);
}

static void put_link(pare_writer *out, uint32_t number, const pare_model *model, int i_value) {
  const char *name = i_value < 0 ? "" : model->values[i_value].name;
  pare_wire_put_bytes(out, number, name, strlen(name)); /* "" keeps the place of an input that is left out */
}

static void put_node(pare_writer *out, const pare_model *model, const pare_node *node) {
  size_t mark = pare_wire_begin(out, 1);
  for (int i = 0; i < node->n_inputs - node->n_captured; i++) put_link(out, 1, model, node->inputs[i]);
  for (int i = 0; i < node->n_outputs; i++) put_link(out, 2, model, node->outputs[i]);
  pare_wire_put_text(out, 3, node->name);
  pare_wire_put_text(out, 4, node->op_type);
  for (int i = 0; i < node->n_attrs; i++) put_attr(out, &node->attrs[i]);
  pare_wire_put_text(out, 6, node->doc);
  pare_wire_put_text(out, 7, node->domain);
  if (node->extra.len_bytes) pare_writer_put(out, node->extra.data, node->extra.len_bytes);
  pare_wire_end(out, mark);
}

/* ---- graph --------------------------------------------------------------------------------------------- */

static bool has_info(const pare_value *value) {
  return !value->is_initializer &&
         (value->dtype != PARE_NONE || value->has_shape || value->extra.len_bytes > 0);
}

static pare_status put_value_infos(pare_writer *out, const pare_model *model) {
  bool *done = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof(*done));
  if (!done) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_inputs; i++) done[model->inputs[i]] = true;
  for (int i = 0; i < model->n_outputs; i++) done[model->outputs[i]] = true;
  for (int i = 0; i < model->n_values; i++) {
    if (!done[i] && has_info(&model->values[i])) put_value(out, 13, &model->values[i]);
  }
  pare_free(model->ctx, done);
  return PARE_OK;
}

static pare_status put_graph(pare_writer *out, const pare_model *model) {
  size_t mark = pare_wire_begin(out, 7);
  for (int i = 0; i < model->n_nodes; i++) {
    if (!model->nodes[i].removed) put_node(out, model, &model->nodes[i]);
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
  PARE_TRY(put_graph(out, model));
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

pare_status pare_model_save(const pare_model *model, pare_buffer *out) {
  pare_model *copy;
  *out = (pare_buffer){0};
  PARE_TRY(pare_model_clone(model, &copy));
  pare_writer writer;
  pare_writer_init(&writer, model->ctx);
  pare_status status = pare_onnx_denormalize(copy);
  if (status == PARE_OK) status = put_model(&writer, copy);
  pare_model_free(copy);
  if (status != PARE_OK) {
    pare_writer_free(&writer);
    return status;
  }
  return pare_writer_finish(&writer, out);
}

pare_status pare_model_save_file(const pare_model *model, const char *path) {
  pare_buffer bytes;
  PARE_TRY(pare_model_save(model, &bytes));
  pare_status status = pare_file_write(model->ctx, path, bytes.data, bytes.len_bytes);
  pare_buffer_free(model->ctx, &bytes);
  return status;
}
