/* Life and reading of models. */
#include <string.h>

#include "graph/graph.h"
#include "ops/op.h"

pare_status pare_model_new(pare_context *ctx, pare_model **out) {
  *out = NULL;
  pare_model *model = pare_alloc(ctx, sizeof *model);
  if (!model) return PARE_OUT_OF_MEMORY;
  model->ctx = ctx;
  model->n_refs = 1;
  pare_arena_init(&model->arena, ctx);
  model->ir_version = 8;
  model->graph_name = "pare";
  pare_status status = pare_model_set_opset(model, "", 13);
  if (status == PARE_OK)
    *out = model;
  else
    pare_model_free(model);
  return status;
}

pare_model *pare_model_retain(const pare_model *model) {
  pare_model *kept =
      (pare_model *)(uintptr_t)model; /* the count is the one thing that changes in a shared model */
  kept->n_refs++;
  return kept;
}

void pare_attr_release(pare_attr *attr) {
  pare_tensor_release(&attr->tensor);
  for (size_t i = 0; attr->graphs && i < attr->n; i++) pare_model_free(attr->graphs[i]);
  attr->graphs = NULL;
}

void pare_model_free(pare_model *model) {
  if (!model || --model->n_refs > 0) return;
  for (int i = 0; i < model->n_values; i++) pare_tensor_release(&model->values[i].tensor);
  for (int i = 0; i < model->n_nodes; i++)
    for (int j = 0; j < model->nodes[i].n_attrs; j++) pare_attr_release(&model->nodes[i].attrs[j]);
  pare_arena_free(&model->arena);
  pare_free(model->ctx, model);
}

/* ---- clone: the structure is copied, tensor memory shared ------------------------------------------------------------ */

typedef struct copier {
  pare_arena *arena;
  bool failed;
} copier;

static void *copy_bytes(copier *copy, const void *from, size_t count, size_t size) {
  if (!from) return NULL;
  void *to = pare_arena_array(copy->arena, count, size);
  if (!to)
    copy->failed = true;
  else if (count)
    memcpy(to, from, count * size);
  return to;
}

static const char *copy_text(copier *copy, const char *text) {
  return text ? copy_bytes(copy, text, strlen(text) + 1, 1) : NULL;
}

static pare_span copy_span(copier *copy, pare_span span) {
  return (pare_span){copy_bytes(copy, span.data, span.len_bytes, 1), span.len_bytes};
}

static pare_attr copy_attr(copier *copy, const pare_attr *from) {
  pare_attr attr = *from;
  attr.name = copy_text(copy, from->name);
  attr.s = copy_text(copy, from->s);
  attr.floats = copy_bytes(copy, from->floats, from->n, sizeof(float));
  attr.ints = copy_bytes(copy, from->ints, from->n, sizeof(int64_t));
  attr.raw = copy_span(copy, from->raw);
  if (from->strings) {
    attr.strings = copy_bytes(copy, from->strings, from->n, sizeof(char *));
    for (size_t i = 0; attr.strings && i < from->n; i++) attr.strings[i] = copy_text(copy, from->strings[i]);
  }
  attr.tensor = (pare_tensor){0};
  attr.graphs = copy_bytes(copy, from->graphs, from->n, sizeof(pare_model *));
  if (copy->failed) {
    attr.graphs = NULL;
    return attr;
  }
  attr.tensor = pare_tensor_retain(&from->tensor);
  for (size_t i = 0; attr.graphs && i < from->n; i++) pare_model_retain(from->graphs[i]);
  return attr;
}

pare_status pare_attr_copy(pare_model *model, const pare_attr *attr, pare_attr *out) {
  copier copy = {&model->arena, false};
  *out = copy_attr(&copy, attr);
  return copy.failed ? PARE_OUT_OF_MEMORY : PARE_OK;
}

void pare_value_set_type(pare_value *value, const pare_value *from) {
  value->kind = from->kind;
  value->dtype = from->dtype;
  value->has_shape = from->has_shape;
  value->shape = from->shape;
}

pare_status pare_node_copy_attrs(pare_model *model, pare_node *node, const pare_node *from) {
  copier copy = {&model->arena, false};
  node->attrs = pare_arena_array(&model->arena, (size_t)from->n_attrs, sizeof(pare_attr));
  node->n_attrs = 0;
  if (!node->attrs) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < from->n_attrs && !copy.failed; i++)
    node->attrs[node->n_attrs++] = copy_attr(&copy, &from->attrs[i]);
  return copy.failed ? PARE_OUT_OF_MEMORY : PARE_OK;
}

static void copy_node(copier *copy, const pare_node *from, pare_node *to) {
  pare_node node = *from;
  node.name = copy_text(copy, from->name);
  node.op_type = copy_text(copy, from->op_type);
  node.domain = copy_text(copy, from->domain);
  node.doc = copy_text(copy, from->doc);
  node.inputs = copy_bytes(copy, from->inputs, (size_t)from->n_inputs, sizeof(int));
  node.outputs = copy_bytes(copy, from->outputs, (size_t)from->n_outputs, sizeof(int));
  node.extra = copy_span(copy, from->extra);
  node.attrs = pare_arena_array(copy->arena, (size_t)from->n_attrs, sizeof(pare_attr));
  node.n_attrs = 0;
  if (!node.attrs) copy->failed = true;
  for (int i = 0; i < from->n_attrs && !copy->failed; i++)
    node.attrs[node.n_attrs++] = copy_attr(copy, &from->attrs[i]);
  *to = node;
}

static void copy_value(copier *copy, const pare_value *from, pare_value *to) {
  *to = *from;
  to->tensor = pare_tensor_retain(&from->tensor);
  to->name = copy_text(copy, from->name);
  to->extra = copy_span(copy, from->extra);
  for (int i = 0; i < PARE_MAX_RANK; i++) to->dim_names[i] = copy_text(copy, from->dim_names[i]);
}

static void copy_pairs(copier *copy, const pare_model *from, pare_model *to) {
  to->opsets = copy_bytes(copy, from->opsets, (size_t)from->n_opsets, sizeof(pare_opset));
  for (int i = 0; i < from->n_opsets && !copy->failed; i++)
    to->opsets[i].domain = copy_text(copy, from->opsets[i].domain);
  to->metadata = copy_bytes(copy, from->metadata, (size_t)from->n_metadata, sizeof(pare_text_pair));
  for (int i = 0; i < from->n_metadata && !copy->failed; i++) {
    to->metadata[i].key = copy_text(copy, from->metadata[i].key);
    to->metadata[i].value = copy_text(copy, from->metadata[i].value);
  }
}

static void copy_graph(copier *copy, const pare_model *from, pare_model *to) {
  to->values = pare_arena_array(copy->arena, (size_t)from->n_values, sizeof(pare_value));
  to->nodes = pare_arena_array(copy->arena, (size_t)from->n_nodes, sizeof(pare_node));
  to->inputs = copy_bytes(copy, from->inputs, (size_t)from->n_inputs, sizeof(int));
  to->outputs = copy_bytes(copy, from->outputs, (size_t)from->n_outputs, sizeof(int));
  if (!to->values || !to->nodes) copy->failed = true;
  for (; to->n_values < from->n_values && !copy->failed; to->n_values++)
    copy_value(copy, &from->values[to->n_values], &to->values[to->n_values]);
  for (; to->n_nodes < from->n_nodes && !copy->failed; to->n_nodes++)
    copy_node(copy, &from->nodes[to->n_nodes], &to->nodes[to->n_nodes]);
}

pare_status pare_model_clone(const pare_model *model, pare_model **out) {
  *out = NULL;
  pare_model *clone = pare_alloc(model->ctx, sizeof *clone);
  if (!clone) return PARE_OUT_OF_MEMORY;
  *clone = *model;
  clone->n_refs = 1;
  clone->n_values = clone->n_nodes = 0;
  pare_arena_init(&clone->arena, model->ctx);
  copier copy = {&clone->arena, false};
  clone->graph_name = copy_text(&copy, model->graph_name);
  clone->producer_name = copy_text(&copy, model->producer_name);
  clone->producer_version = copy_text(&copy, model->producer_version);
  clone->domain = copy_text(&copy, model->domain);
  clone->doc = copy_text(&copy, model->doc);
  clone->extra = copy_span(&copy, model->extra);
  clone->graph_extra = copy_span(&copy, model->graph_extra);
  copy_pairs(&copy, model, clone);
  copy_graph(&copy, model, clone);
  clone->cap_values = clone->n_values;
  clone->cap_nodes = clone->n_nodes;
  if (!copy.failed) {
    *out = clone;
    return PARE_OK;
  }
  pare_model_free(clone);
  return PARE_OUT_OF_MEMORY;
}

/* ---- reading --------------------------------------------------------------------------------------------------------- */

pare_shape pare_value_shape_at(const pare_value *value, int64_t batch) {
  pare_shape shape = value->shape;
  for (int i = 0; i < shape.rank; i++) {
    if (shape.dims[i] >= 0) continue;
    shape.dims[i] = i == 0 ? batch : value->assumed[i] > 0 ? value->assumed[i] : -1;
  }
  return shape;
}

int pare_model_find_value(const pare_model *model, const char *name) {
  for (int i = 0; i < model->n_values; i++)
    if (strcmp(model->values[i].name, name) == 0) return i;
  return -1;
}

int pare_model_find_node(const pare_model *model, const char *name) {
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed && strcmp(model->nodes[i].name, name) == 0) return i;
  return -1;
}

const pare_attr *pare_node_attr(const pare_node *node, const char *name) {
  for (int i = 0; i < node->n_attrs; i++)
    if (strcmp(node->attrs[i].name, name) == 0) return &node->attrs[i];
  return NULL;
}

static bool graphs_have_every_operator(const pare_attr *attr) {
  for (size_t g = 0; pare_attr_has_graphs(attr) && g < attr->n; g++)
    if (!pare_model_has_every_operator(attr->graphs[g])) return false;
  return true;
}

bool pare_model_has_every_operator(const pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    if (!node->op) return false;
    for (int k = 0; k < node->n_attrs; k++)
      if (!graphs_have_every_operator(&node->attrs[k])) return false;
  }
  return true;
}

int pare_node_first_captured(const pare_node *node, const pare_attr *attr, size_t i_graph) {
  int first = node->n_inputs - node->n_captured;
  for (const pare_attr *a = node->attrs; a <= attr; a++)
    for (size_t i = 0; pare_attr_has_graphs(a) && i < (a == attr ? i_graph : a->n); i++)
      first += a->graphs[i]->n_captured;
  return first;
}

static const pare_attr *typed_attr(const pare_node *node, const char *name, pare_attr_type type) {
  const pare_attr *attr = pare_node_attr(node, name);
  return attr && attr->type == type ? attr : NULL;
}

int64_t pare_node_int(const pare_node *node, const char *name, int64_t fallback) {
  const pare_attr *attr = typed_attr(node, name, PARE_ATTR_INT);
  return attr ? attr->i : fallback;
}

float pare_node_float(const pare_node *node, const char *name, float fallback) {
  const pare_attr *attr = typed_attr(node, name, PARE_ATTR_FLOAT);
  return attr ? attr->f : fallback;
}

const char *pare_node_string(const pare_node *node, const char *name, const char *fallback) {
  const pare_attr *attr = typed_attr(node, name, PARE_ATTR_STRING);
  return attr && attr->s ? attr->s : fallback;
}

const int64_t *pare_node_ints(const pare_node *node, const char *name, size_t *n) {
  const pare_attr *attr = typed_attr(node, name, PARE_ATTR_INTS);
  *n = attr ? attr->n : 0;
  return attr ? attr->ints : NULL;
}

const pare_tensor *pare_model_const_input(const pare_model *model, const pare_node *node, int i) {
  if (i >= node->n_inputs || node->inputs[i] < 0) return NULL;
  const pare_value *value = &model->values[node->inputs[i]];
  return value->is_initializer ? &value->tensor : NULL;
}

int64_t pare_model_opset(const pare_model *model, const char *domain) {
  for (int i = 0; i < model->n_opsets; i++)
    if (strcmp(model->opsets[i].domain, domain) == 0) return model->opsets[i].version;
  return 0;
}

const char *pare_model_metadata(const pare_model *model, const char *key) {
  for (int i = 0; i < model->n_metadata; i++)
    if (strcmp(model->metadata[i].key, key) == 0) return model->metadata[i].value;
  return NULL;
}
