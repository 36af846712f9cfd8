/* One form for every operator: opset 18's. Older opsets give as attributes what newer ones take as inputs,
 * and Softmax once meant something else; here, in one table, is which and since when (ONNX changelog,
 * onnx/docs/Changelog.md). Reading turns attributes into initializers (marked from_attr: they are no
 * weights); writing turns them back, as the model's opset wants them. */
#include "onnx/onnx.h"

#include <string.h>

typedef enum attr_form {
  FORM_INTS,       /* s64 [n] */
  FORM_INT_ROW,    /* an int, as s64 [1] */
  FORM_FLOAT,      /* a float, as f32 scalar */
  FORM_FLOAT_LIKE, /* a float, as a scalar of input 0's type */
  FORM_FLOATS      /* f32 [n] */
} attr_form;

/* From opset `since`, what was attribute `attr` is input `i_input`. */
static const struct form_change {
  const char *op;
  int since;
  const char *attr;
  int i_input;
  attr_form form;
} changes[] = {
    {"Clip", 11, "min", 1, FORM_FLOAT_LIKE},       {"Clip", 11, "max", 2, FORM_FLOAT_LIKE},
    {"Dropout", 12, "ratio", 1, FORM_FLOAT},       {"Pad", 11, "pads", 1, FORM_INTS},
    {"Pad", 11, "value", 2, FORM_FLOAT_LIKE},      {"ReduceL1", 18, "axes", 1, FORM_INTS},
    {"ReduceL2", 18, "axes", 1, FORM_INTS},        {"ReduceLogSum", 18, "axes", 1, FORM_INTS},
    {"ReduceLogSumExp", 18, "axes", 1, FORM_INTS}, {"ReduceMax", 18, "axes", 1, FORM_INTS},
    {"ReduceMean", 18, "axes", 1, FORM_INTS},      {"ReduceMin", 18, "axes", 1, FORM_INTS},
    {"ReduceProd", 18, "axes", 1, FORM_INTS},      {"ReduceSum", 13, "axes", 1, FORM_INTS},
    {"ReduceSumSquare", 18, "axes", 1, FORM_INTS}, {"Reshape", 5, "shape", 1, FORM_INTS},
    {"Slice", 10, "starts", 1, FORM_INTS},         {"Slice", 10, "ends", 2, FORM_INTS},
    {"Slice", 10, "axes", 3, FORM_INTS},           {"Split", 13, "split", 1, FORM_INTS},
    {"Squeeze", 13, "axes", 1, FORM_INTS},         {"TopK", 10, "k", 1, FORM_INT_ROW},
    {"Unsqueeze", 13, "axes", 1, FORM_INTS},
};

/* The first opset that has an operator, or an attribute of it, or takes 8-bit integers there. */
static const struct first_opset {
  const char *op, *attr;
  int since;
  bool only_8bit;
} firsts[] = {
#define FIRST(op, attr, since) {op, attr, since, false},
#define FIRST_8BIT(op, since)  {op, NULL, since, true},
#include "onnx/first_opsets.def"
#undef FIRST
#undef FIRST_8BIT
};

static bool coerces_to_matrix(const pare_node *node) {
  return pare_node_is(node, "Softmax") || pare_node_is(node, "LogSoftmax") || pare_node_is(node, "Hardmax");
}
enum { SOFTMAX_SINCE = 13, SPLIT_COUNTS_SINCE = 18 };

/* ---- reading: attributes to inputs --------------------------------------------------------------------- */

static bool is_float(pare_dtype dtype) {
  return dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16;
}

static pare_status tensor_of_attr(const pare_model *model, const pare_node *node, const pare_attr *attr,
                                  attr_form form, pare_tensor *out) {
  pare_shape scalar = {0}, row = {.rank = 1, .dims = {(int64_t)attr->n}};
  if (form == FORM_INTS) {
    PARE_TRY(pare_tensor_new(model->ctx, PARE_S64, &row, out));
    if (attr->n) memcpy(out->data, attr->ints, attr->n * sizeof(int64_t));
    return PARE_OK;
  }
  if (form == FORM_FLOATS) {
    PARE_TRY(pare_tensor_new(model->ctx, PARE_F32, &row, out));
    if (attr->n) memcpy(out->data, attr->floats, attr->n * sizeof(float));
    return PARE_OK;
  }
  if (form == FORM_INT_ROW) {
    row.dims[0] = 1;
    PARE_TRY(pare_tensor_new(model->ctx, PARE_S64, &row, out));
    *pare_s64(out) = attr->i;
    return PARE_OK;
  }
  pare_dtype dtype = PARE_F32;
  if (form == FORM_FLOAT_LIKE && node->n_inputs > 0 && node->inputs[0] >= 0) {
    dtype = model->values[node->inputs[0]].dtype;
    if (!is_float(dtype)) dtype = PARE_F32;
  }
  PARE_TRY(pare_tensor_new(model->ctx, dtype, &scalar, out));
  pare_tensor_set_f64(out, 0, (double)attr->f);
  return PARE_OK;
}

static pare_status set_input(pare_model *model, pare_node *node, int i_input, int i_value) {
  if (i_input >= node->n_inputs) {
    int *inputs = pare_arena_array(&model->arena, (size_t)i_input + 1, sizeof(*inputs));
    if (!inputs) return PARE_OUT_OF_MEMORY;
    for (int i = 0; i <= i_input; i++) inputs[i] = i < node->n_inputs ? node->inputs[i] : -1;
    node->inputs = inputs;
    node->n_inputs = i_input + 1;
  }
  node->inputs[i_input] = i_value;
  return PARE_OK;
}

static pare_status attr_to_input(pare_model *model, int i_node, const struct form_change *change) {
  pare_node *node = &model->nodes[i_node];
  const pare_attr *attr = pare_node_attr(node, change->attr);
  if (!attr || node->n_captured) return PARE_OK;
  pare_attr_type want = change->form == FORM_INTS      ? PARE_ATTR_INTS
                        : change->form == FORM_INT_ROW ? PARE_ATTR_INT
                        : change->form == FORM_FLOATS  ? PARE_ATTR_FLOATS
                                                       : PARE_ATTR_FLOAT;
  if (attr->type != want) {
    return pare_fail(model->ctx, PARE_BAD_MODEL, "node '%s' (%s): attribute '%s' has type %d, not %d",
                     node->name, node->op_type, change->attr, (int)attr->type, (int)want);
  }
  pare_tensor tensor;
  PARE_TRY(tensor_of_attr(model, node, attr, change->form, &tensor));
  const char *name = pare_arena_printf(&model->arena, "%s_%s", node->name, change->attr);
  int i_value;
  if (!name) {
    pare_tensor_release(&tensor);
    return PARE_OUT_OF_MEMORY;
  }
  PARE_TRY(pare_model_add_initializer(model, name, &tensor, &i_value));
  model->values[i_value].from_attr = true;
  pare_node_remove_attr(node, change->attr);
  return set_input(model, node, change->i_input, i_value);
}

/* ---- reading: Softmax before opset 13 ------------------------------------------------------------------ */

static int softmax_rank(const pare_node *node, const int *ranks) {
  int rank = node->n_inputs > 0 && node->inputs[0] >= 0 ? ranks[node->inputs[0]] : -1;
  return rank < 0 && node->n_outputs > 0 && node->outputs[0] >= 0 ? ranks[node->outputs[0]] : rank;
}

/* y = Softmax(x) over all axes from `axis` on: Flatten(x, axis), Softmax over the rows, back to x's shape. */
static pare_status flatten_around(pare_model *model, int i_node, int64_t axis) {
  pare_node *node = &model->nodes[i_node];
  const char *name = node->name;
  int x = node->inputs[0], y = node->outputs[0], flat, rows, shape;
  pare_dtype dtype = model->values[x].dtype;
  pare_shape matrix = PARE_SHAPE(-1, -1);
  PARE_TRY(pare_model_add_value(model, model->values[x].name, dtype, &matrix, &flat));
  PARE_TRY(pare_model_add_value(model, model->values[y].name, dtype, &matrix, &rows));
  PARE_TRY(pare_model_add_value(model, model->values[x].name, PARE_NONE, NULL, &shape));
  node->inputs[0] = flat;
  node->outputs[0] = rows;
  PARE_TRY(pare_node_set_int(model, node, "axis", 1));
  const char *names[3];
  static const char *const roles[3] = {"flatten", "shape", "reshape"};
  for (int i = 0; i < 3; i++) {
    names[i] = pare_arena_printf(&model->arena, "%s_%s", name, roles[i]);
    if (!names[i]) return PARE_OUT_OF_MEMORY;
  }
  pare_node *added;
  PARE_TRY(pare_model_add_node(model, "Flatten", "", names[0], &x, 1, &flat, 1, &added));
  PARE_TRY(pare_node_set_int(model, added, "axis", axis));
  PARE_TRY(pare_model_add_node(model, "Shape", "", names[1], &x, 1, &shape, 1, &added));
  return pare_model_add_node(model, "Reshape", "", names[2], (const int[]){rows, shape}, 2, &y, 1, &added);
}

static pare_status normalize_softmax(pare_model *model, int i_node, const int *ranks) {
  pare_node *node = &model->nodes[i_node];
  if (node->n_inputs < 1 || node->n_outputs < 1 || node->inputs[0] < 0 || node->outputs[0] < 0)
    return PARE_OK;
  int64_t axis = pare_node_int(node, "axis", 1);
  int rank = softmax_rank(node, ranks);
  if (axis == -1 || (rank > 0 && axis == rank - 1)) return pare_node_set_int(model, node, "axis", axis);
  return flatten_around(model, i_node, axis);
}

static pare_status normalize_softmaxes(pare_model *model) {
  int n_nodes = model->n_nodes; /* what is added is in the new form */
  int *ranks = pare_onnx_ranks(model);
  pare_status status = ranks ? PARE_OK : PARE_OUT_OF_MEMORY;
  for (int i = 0; i < n_nodes && status == PARE_OK; i++) {
    if (coerces_to_matrix(&model->nodes[i])) status = normalize_softmax(model, i, ranks);
  }
  pare_free(model->ctx, ranks);
  return status;
}

/* ---- reading: Upsample, and Resize of opset 10 ---------------------------------------------------------- */

static const struct form_change upsample_scales = {"Upsample", 9, "scales", 1, FORM_FLOATS};

/* (x, scales) to Resize's (x, roi, scales, sizes); both took x_out / scale as the place to read. */
static pare_status resize_of_old(pare_model *model, int i_node, int64_t opset) {
  pare_node *node = &model->nodes[i_node];
  bool old_resize = opset == 10 && pare_node_is(node, "Resize");
  bool old_upsample = pare_node_is(node, "Upsample");
  if (old_upsample && opset < 9 && node->n_inputs == 1)
    PARE_TRY(attr_to_input(model, i_node, &upsample_scales));
  if ((!old_upsample && !old_resize) || node->n_inputs != 2 || node->n_captured) return PARE_OK;
  int i_scales = node->inputs[1];
  node->op_type = "Resize";
  node->inputs[1] = -1;
  PARE_TRY(set_input(model, node, 2, i_scales));
  if (i_scales >= 0) model->values[i_scales].from_attr = false; /* a Resize has no attribute for it */
  PARE_TRY(pare_node_set_string(model, node, "coordinate_transformation_mode", "asymmetric"));
  return pare_node_set_string(model, node, "nearest_mode", "floor");
}

pare_status pare_onnx_normalize(pare_model *model) {
  int64_t opset = pare_model_opset(model, "");
  bool is_old = opset >= 1 && opset < 7;
  if (is_old) PARE_TRY(pare_onnx_raise_old(model));
  for (int i = 0; i < model->n_nodes; i++) {
    for (size_t k = 0; k < PARE_COUNT(changes); k++) {
      if (opset < changes[k].since && pare_node_is(&model->nodes[i], changes[k].op)) {
        PARE_TRY(attr_to_input(model, i, &changes[k]));
      }
    }
    /* Gone from opset 9; 1 is what its absence means. */
    if (pare_node_is(&model->nodes[i], "BatchNormalization") &&
        pare_node_int(&model->nodes[i], "spatial", 1) == 1) {
      pare_node_remove_attr(&model->nodes[i], "spatial");
    }
    PARE_TRY(resize_of_old(model, i, opset));
    if (opset < 16 && pare_node_is(&model->nodes[i], "RoiAlign")) /* half pixels came with the attribute */
      PARE_TRY(pare_node_set_string(model, &model->nodes[i], "coordinate_transformation_mode",
                                    "output_half_pixel"));
    if (pare_node_is(&model->nodes[i], "Scatter"))
      model->nodes[i].op_type = "ScatterElements"; /* its new name */
    model->nodes[i].batched_scan = opset < 9 && pare_node_is(&model->nodes[i], "Scan");
  }
  if (is_old) PARE_TRY(pare_model_set_opset(model, "", 7));
  return opset < SOFTMAX_SINCE ? normalize_softmaxes(model) : PARE_OK;
}

/* ---- writing: inputs to attributes --------------------------------------------------------------------- */

static bool has_input(const pare_node *node, int i_input) {
  return i_input < node->n_inputs - node->n_captured && node->inputs[i_input] >= 0;
}

static bool softmax_fits(const pare_node *node, const int *ranks, int64_t opset) {
  int64_t axis = pare_node_int(node, "axis", -1);
  int rank = softmax_rank(node, ranks);
  return (axis == -1 && opset >= 11) || (rank > 0 && (axis == rank - 1 || axis == -1));
}

static bool is_8bit(const pare_model *model, const pare_node *node) {
  if (node->n_inputs < 1 || node->inputs[0] < 0) return false;
  pare_dtype dtype = model->values[node->inputs[0]].dtype;
  return dtype == PARE_U8 || dtype == PARE_S8;
}

static int64_t first_opset(const pare_model *model, const pare_node *node) {
  int64_t first = 1;
  for (size_t k = 0; k < PARE_COUNT(firsts); k++) {
    if (firsts[k].since <= first || !pare_node_is(node, firsts[k].op)) continue;
    if (firsts[k].attr && !pare_node_attr(node, firsts[k].attr)) continue;
    if (!firsts[k].only_8bit || is_8bit(model, node)) first = firsts[k].since;
  }
  return first;
}

/* Parts of unequal size without a list of sizes: only num_outputs says that. */
static bool uneven_split(const pare_model *model, const pare_node *node) {
  if (!pare_node_is(node, "Split") || !pare_node_attr(node, "num_outputs") || has_input(node, 1))
    return false;
  const pare_value *x = &model->values[node->inputs[0]];
  int64_t axis = pare_node_int(node, "axis", 0);
  if (axis < 0) axis += x->shape.rank;
  if (!x->has_shape || axis < 0 || axis >= x->shape.rank || x->shape.dims[axis] < 0) return true;
  return x->shape.dims[axis] % node->n_outputs != 0;
}

/* What a node's graphs need: they are written in the model's opset. */
static int64_t needed_inside(const pare_node *node, int64_t opset) {
  for (int i = 0; i < node->n_attrs; i++) {
    const pare_attr *attr = &node->attrs[i];
    for (size_t g = 0; pare_attr_has_graphs(attr) && g < attr->n; g++) {
      const pare_model *graph = attr->graphs[g];
      int *ranks = pare_onnx_ranks(graph);
      for (int k = 0; ranks && k < graph->n_nodes; k++)
        opset = pare_onnx_needed_opset(graph, &graph->nodes[k], ranks, opset);
      pare_free(graph->ctx, ranks);
    }
  }
  return opset;
}

int64_t pare_onnx_needed_opset(const pare_model *model, const pare_node *node, const int *ranks,
                               int64_t opset) {
  opset = needed_inside(node, opset);
  if (*node->domain) return opset;
  int64_t first = first_opset(model, node);
  if (opset < first) opset = first;
  for (size_t k = 0; k < PARE_COUNT(changes); k++) {
    if (opset >= changes[k].since || !pare_node_is(node, changes[k].op)) continue;
    bool computed =
        has_input(node, changes[k].i_input) && !pare_model_const_input(model, node, changes[k].i_input);
    if (computed) opset = changes[k].since;
  }
  bool newer_slice = pare_node_is(node, "Slice") && has_input(node, 4); /* steps came with the inputs */
  if (newer_slice && opset < 10) opset = 10;
  bool newer_pad = pare_node_is(node, "Pad") && has_input(node, 3); /* axes */
  if (newer_pad && opset < 18) opset = 18;
  if (opset < SPLIT_COUNTS_SINCE && uneven_split(model, node)) opset = SPLIT_COUNTS_SINCE;
  if (opset < SOFTMAX_SINCE && coerces_to_matrix(node) && !softmax_fits(node, ranks, opset))
    opset = SOFTMAX_SINCE;
  return opset;
}

static pare_status input_to_attr(pare_model *model, pare_node *node, const struct form_change *change) {
  if (!has_input(node, change->i_input)) return PARE_OK;
  const pare_tensor *tensor = pare_model_const_input(model, node, change->i_input);
  int64_t n = tensor ? pare_tensor_count(tensor) : 0;
  if (!tensor || (change->form != FORM_INTS && n != 1)) {
    return pare_fail(model->ctx, PARE_BAD_MODEL,
                     "node '%s' (%s): input %d cannot be written as attribute '%s'", node->name,
                     node->op_type, change->i_input, change->attr);
  }
  if (change->form == FORM_INTS) {
    int64_t *ints = pare_arena_array(&model->arena, (size_t)n, sizeof(*ints));
    if (!ints) return PARE_OUT_OF_MEMORY;
    for (int64_t i = 0; i < n; i++) ints[i] = pare_tensor_get_s64(tensor, i);
    PARE_TRY(pare_node_set_ints(model, node, change->attr, ints, (size_t)n));
  } else if (change->form == FORM_INT_ROW) {
    PARE_TRY(pare_node_set_int(model, node, change->attr, pare_tensor_get_s64(tensor, 0)));
  } else {
    PARE_TRY(pare_node_set_float(model, node, change->attr, (float)pare_tensor_get_f64(tensor, 0)));
  }
  node->inputs[change->i_input] = -1;
  return PARE_OK;
}

/* From opset 18 a Split without sizes says how many parts it makes; before, its outputs did. */
static pare_status denormalize_split(pare_model *model, pare_node *node, int64_t opset) {
  if (!pare_node_is(node, "Split")) return PARE_OK;
  if (opset >= SPLIT_COUNTS_SINCE && !has_input(node, 1) && !pare_node_attr(node, "num_outputs"))
    return pare_node_set_int(model, node, "num_outputs", node->n_outputs);
  if (opset < SPLIT_COUNTS_SINCE) pare_node_remove_attr(node, "num_outputs");
  return PARE_OK;
}

static pare_status denormalize_node(pare_model *model, pare_node *node, const int *ranks, int64_t opset) {
  PARE_TRY(denormalize_split(model, node, opset));
  bool changed = false;
  if (opset > 8 && node->batched_scan)
    return pare_fail(model->ctx, PARE_UNSUPPORTED,
                     "node '%s' (Scan): the form of opset 8 has none in opset %lld", node->name,
                     (long long)opset);
  for (size_t k = 0; k < PARE_COUNT(changes); k++) {
    if (opset >= changes[k].since || !pare_node_is(node, changes[k].op)) continue;
    PARE_TRY(input_to_attr(model, node, &changes[k]));
    changed = true;
  }
  while (changed && node->n_captured == 0 && node->n_inputs > 0 && node->inputs[node->n_inputs - 1] < 0)
    node->n_inputs--;
  if (opset >= SOFTMAX_SINCE || !coerces_to_matrix(node)) return PARE_OK;
  int64_t axis = pare_node_int(node, "axis", -1);
  if (axis == -1 && opset < 11) axis = softmax_rank(node, ranks) - 1;
  return pare_node_set_int(model, node, "axis", axis); /* its absence meant 1 */
}

/* Initializers that are attributes again are not written. */
static pare_status drop_unused(pare_model *model) {
  bool *used = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof(*used));
  if (!used) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    for (int k = 0; k < node->n_inputs; k++) {
      if (node->inputs[k] >= 0) used[node->inputs[k]] = true;
    }
  }
  for (int i = 0; i < model->n_outputs; i++) used[model->outputs[i]] = true;
  for (int i = 0; i < model->n_values; i++) {
    pare_value *value = &model->values[i];
    if (!value->from_attr || used[i]) continue;
    pare_tensor_release(&value->tensor);
    *value = (pare_value){.name = value->name, .i_producer = -1};
  }
  pare_free(model->ctx, used);
  return PARE_OK;
}

static pare_status denormalize_nodes(pare_model *model, const int *ranks) {
  int64_t before = pare_model_opset(model, ""), opset = before;
  for (int i = 0; i < model->n_nodes; i++)
    opset = pare_onnx_needed_opset(model, &model->nodes[i], ranks, opset);
  if (opset != before) PARE_TRY(pare_model_set_opset(model, "", opset));
  for (int i = 0; i < model->n_nodes; i++) {
    if (*model->nodes[i].domain == 0) PARE_TRY(denormalize_node(model, &model->nodes[i], ranks, opset));
  }
  return drop_unused(model);
}

pare_status pare_onnx_denormalize(pare_model *model) {
  int *ranks = pare_onnx_ranks(model);
  if (!ranks) return PARE_OUT_OF_MEMORY;
  pare_status status = denormalize_nodes(model, ranks);
  pare_free(model->ctx, ranks);
  return status;
}
