/* The pass `half`: weights and values become f16. With keep_io_types casts stand behind the inputs and in front of the outputs. Numbers too large for
 * f16 become its largest, and numbers too small its smallest: nothing becomes infinite or zero that was not. ONNX Runtime computes such a file in f32
 * where its processor has no f16 (it puts casts around each operator), and so does Pare: the gain is the file's size, and speed elsewhere. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/pass.h"
#include "ops/op.h"

typedef struct half_params {
  bool keep_io_types;
} half_params;

typedef struct halver {
  pare_model *model;
  bool keep_io_types;
  bool *pinned;          /* [n_values]: read where an operator takes f32 only */
  int n_values, n_nodes; /* before anything was added */
  int n_saturated;
} halver;

#define MOST  65504.0f
#define LEAST 0x1p-24f

/* Inputs that are f32 whatever the others are. */
static bool takes_f32_only(const pare_node *node, int i_input) {
  if (*node->domain || !node->op) return true;
  return (pare_node_is(node, "Resize") && (i_input == 1 || i_input == 2)) ||
         pare_node_is(node, "NonMaxSuppression");
}

static float fitted(halver *h, float x) {
  if (fabsf(x) > MOST && !isinf(x)) {
    h->n_saturated++;
    return copysignf(MOST, x);
  }
  return x != 0.0f && fabsf(x) < LEAST ? copysignf(LEAST, x) : x;
}

static pare_status halved(halver *h, const pare_tensor *from, pare_tensor *out) {
  PARE_TRY(pare_tensor_new(h->model->ctx, PARE_F16, &from->shape, out));
  const int64_t n = pare_tensor_count(from);
  for (int64_t i = 0; i < n; i++) ((uint16_t *)out->data)[i] = pare_f32_to_f16(fitted(h, pare_f32(from)[i]));
  return PARE_OK;
}

static pare_status add_cast(halver *h, int from, int to, pare_dtype dtype) {
  const char *name = pare_arena_printf(&h->model->arena, "%s_Cast", h->model->values[to].name);
  pare_node *node;
  if (!name) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_model_add_node(h->model, "Cast", "", name, &from, 1, &to, 1, &node));
  return pare_node_set_int(h->model, node, "to", dtype);
}

static pare_status add_like(halver *h, int i_value, const char *suffix, pare_dtype dtype, int *out) {
  const pare_value *value = &h->model->values[i_value];
  const pare_shape shape = value->shape;
  const char *name = pare_arena_printf(&h->model->arena, "%s%s", value->name, suffix);
  if (!name) return PARE_OUT_OF_MEMORY;
  return pare_model_add_value(h->model, name, dtype, value->has_shape ? &shape : NULL, out);
}

/* ---- refusing what cannot be converted --------------------------------------------------------------------------- */

static bool is_quantized(const pare_node *node) {
  return strstr(node->op_type, "QuantizeLinear") || strstr(node->op_type, "Integer") ||
         strncmp(node->op_type, "QLinear", 7) == 0 || strncmp(node->op_type, "QGemm", 5) == 0 ||
         strstr(node->op_type, "DequantizeLinear") || strstr(node->op_type, "NBits") ||
         strncmp(node->op_type, "DynamicQuantize", 15) == 0;
}

/* Nodes that are only carried along keep their types, where those are known. */
static pare_status check_carried(const halver *h, const pare_node *node) {
  for (int i = 0; i < node->n_inputs + node->n_outputs; i++) {
    const int i_value = i < node->n_inputs ? node->inputs[i] : node->outputs[i - node->n_inputs];
    if (i_value >= 0 && h->model->values[i_value].dtype == PARE_NONE)
      return pare_fail(h->model->ctx, PARE_UNSUPPORTED,
                       "node '%s' (%s) is not known, and the file does not say the type of '%s'", node->name,
                       node->op_type, h->model->values[i_value].name);
  }
  return PARE_OK;
}

static pare_status check_node(const halver *h, const pare_node *node) {
  if (is_quantized(node))
    return pare_fail(h->model->ctx, PARE_BAD_RECIPE,
                     "node '%s' (%s): a quantized network does not become f16", node->name, node->op_type);
  for (int i = 0; i < node->n_attrs; i++)
    if (pare_attr_has_graphs(&node->attrs[i]) ||
        (node->attrs[i].type == PARE_ATTR_RAW && node->op && !*node->domain))
      return pare_fail(h->model->ctx, PARE_UNSUPPORTED, "node '%s' (%s) has a part that cannot be converted",
                       node->name, node->op_type);
  return node->op ? PARE_OK : check_carried(h, node);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static bool stands_in(const int *list, int n, int i_value) {
  for (int i = 0; i < n; i++)
    if (list[i] == i_value) return true;
  return false;
}

/* Every reader among the old nodes, but those that take f32 only, reads `to`. */
static void move_readers(halver *h, int from, int to, bool f32_only) {
  for (int i = 0; i < h->n_nodes; i++) {
    pare_node *node = &h->model->nodes[i];
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] == from && takes_f32_only(node, k) == f32_only) node->inputs[k] = to;
  }
}

/* An f32 input: its readers read its cast. */
static pare_status halve_input(halver *h, int i_value) {
  int half;
  if (!h->keep_io_types) {
    h->model->values[i_value].dtype = PARE_F16;
    return PARE_OK;
  }
  PARE_TRY(add_like(h, i_value, "_f16", PARE_F16, &half));
  move_readers(h, i_value, half, false);
  return add_cast(h, i_value, half, PARE_F16);
}

static pare_status halve_initializer(halver *h, int i_value) {
  pare_tensor tensor;
  PARE_TRY(halved(h, &h->model->values[i_value].tensor, &tensor));
  if (!h->pinned[i_value]) {
    pare_model_set_initializer(h->model, i_value, &tensor);
    return PARE_OK;
  }
  const char *name = pare_arena_printf(&h->model->arena, "%s_f16", h->model->values[i_value].name);
  int half;
  if (!name) {
    pare_tensor_release(&tensor);
    return PARE_OUT_OF_MEMORY;
  }
  PARE_TRY(pare_model_add_initializer(h->model, name, &tensor, &half));
  move_readers(h, i_value, half, false);
  return PARE_OK;
}

/* A computed value is f16 by its inputs. Where f32 is wanted, or made by a node that is only carried along, a cast stands. */
static pare_status halve_computed(halver *h, int i_value) {
  pare_value *value = &h->model->values[i_value];
  const pare_node *producer = &h->model->nodes[value->i_producer];
  int other;
  if (!producer->op || *producer->domain) {
    PARE_TRY(add_like(h, i_value, "_f16", PARE_F16, &other));
    move_readers(h, i_value, other, false);
    return add_cast(h, i_value, other, PARE_F16);
  }
  if (stands_in(h->model->outputs, h->model->n_outputs, i_value) && h->keep_io_types) {
    const int i_producer = value->i_producer;
    PARE_TRY(add_like(h, i_value, "_f16", PARE_F16, &other));
    move_readers(h, i_value, other, false);
    pare_node *node = &h->model->nodes[i_producer];
    for (int k = 0; k < node->n_outputs; k++)
      if (node->outputs[k] == i_value) node->outputs[k] = other;
    return add_cast(h, other, i_value, PARE_F32);
  }
  value->dtype = value->dtype == PARE_F32 ? PARE_F16 : value->dtype;
  if (!h->pinned[i_value]) return PARE_OK;
  PARE_TRY(add_like(h, i_value, "_f32", PARE_F32, &other));
  move_readers(h, i_value, other, true);
  return add_cast(h, i_value, other, PARE_F32);
}

/* Types that nodes name: of constants, and of casts. */
static pare_status halve_attrs(halver *h, int i_node) {
  pare_node *node = &h->model->nodes[i_node];
  if (!node->op || *node->domain) return PARE_OK;
  if (pare_node_is(node, "ConstantOfShape") && !pare_node_attr(node, "value"))
    return pare_fail(h->model->ctx, PARE_UNSUPPORTED, "node '%s' (ConstantOfShape) does not say its value",
                     node->name);
  for (int i = 0; i < node->n_attrs; i++) {
    pare_attr *attr = &node->attrs[i];
    const bool is_type = strcmp(attr->name, "to") == 0 || strcmp(attr->name, "dtype") == 0;
    if (attr->type == PARE_ATTR_INT && is_type && attr->i == PARE_F32) attr->i = PARE_F16;
    if (attr->type != PARE_ATTR_TENSOR || attr->tensor.dtype != PARE_F32) continue;
    pare_tensor tensor;
    PARE_TRY(halved(h, &attr->tensor, &tensor));
    pare_tensor_release(&attr->tensor);
    attr->tensor = tensor;
  }
  return PARE_OK;
}

static bool may_be_f32(const pare_value *value) {
  return value->dtype == PARE_F32 || value->dtype == PARE_NONE;
}

static pare_status halve(halver *h) {
  pare_model *model = h->model;
  for (int i = 0; i < h->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    PARE_TRY(check_node(h, node));
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] >= 0 && takes_f32_only(node, k)) h->pinned[node->inputs[k]] = true;
  }
  for (int i = 0; i < h->n_nodes; i++) PARE_TRY(halve_attrs(h, i));
  for (int i = 0; i < h->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (!may_be_f32(value)) continue;
    if (value->is_initializer && value->dtype == PARE_F32)
      PARE_TRY(halve_initializer(h, i));
    else if (stands_in(model->inputs, model->n_inputs, i) && value->dtype == PARE_F32)
      PARE_TRY(halve_input(h, i));
    else if (value->i_producer >= 0)
      PARE_TRY(halve_computed(h, i));
  }
  return pare_model_finish(model);
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  const half_params *params = env->params;
  halver h = {.keep_io_types = params->keep_io_types};
  *out = NULL;
  PARE_TRY(pare_model_clone(env->model, &h.model));
  h.n_values = h.model->n_values;
  h.n_nodes = h.model->n_nodes;
  h.pinned = pare_arena_array(&h.model->arena, (size_t)h.n_values, sizeof *h.pinned);
  const pare_status status = h.pinned ? halve(&h) : PARE_OUT_OF_MEMORY;
  if (status != PARE_OK) {
    pare_model_free(h.model);
    return status;
  }
  if (details) pare_json_put_int(details, "saturated_weights", h.n_saturated);
  *out = h.model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  const half_params *p = given;
  snprintf(text, size, "f16 weights and values%s", p->keep_io_types ? ", f32 inputs and outputs" : "");
}

static const pare_param params[] = {
    {.name = "keep_io_types",
     .type = PARE_PARAM_BOOL,
     .offset = offsetof(half_params, keep_io_types),
     .fallback = 1,
     .unit = "",
     .help = "Inputs and outputs stay f32, with casts beside them."},
};

const pare_pass pare_pass_half = {
    .name = "half",
    .title = "Half precision",
    .help = "Stores weights and values as 16-bit floats: half the file; where a processor has no such "
            "arithmetic, f32 "
            "is computed.",
    .kind = "quantize",
    .params_bytes = sizeof(half_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
