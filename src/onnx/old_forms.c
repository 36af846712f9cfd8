/* Opsets 1 to 6 (ONNX changelog, onnx/docs/Changelog.md): what an operator there said otherwise than in opset 7, turned into
 * opset 7's form when reading. Two-operand operators broadcast only when `broadcast` was 1, from `axis` on: here the second
 * operand gets trailing axes of length 1. BatchNormalization and Dropout told their mode by `is_test`; Cast named its type;
 * Concat joined along axis 1; `consumed_inputs` allowed running in place. A model read so is one of opset 7 from then on. */
#include "onnx/onnx.h"

#include <string.h>

static pare_status refuse(const pare_model *model, const pare_node *node, const char *why) {
  return pare_fail(model->ctx, PARE_UNSUPPORTED, "node '%s' (%s): %s", node->name, node->op_type, why);
}

static bool is_any(const pare_node *node, const char *const *names) {
  for (; *names; names++)
    if (pare_node_is(node, *names)) return true;
  return false;
}

/* ---- broadcasting -------------------------------------------------------------------------------------- */

/* B [n, ..] that stood at `axis` of A gets `n_trailing` axes of length 1 behind its own. */
static pare_status add_trailing_axes(pare_model *model, int i_node, int b_rank, int n_trailing) {
  pare_shape row = {.rank = 1, .dims = {n_trailing}};
  pare_tensor axes;
  int i_axes, wider;
  PARE_TRY(pare_tensor_new(model->ctx, PARE_S64, &row, &axes));
  for (int i = 0; i < n_trailing; i++) pare_s64(&axes)[i] = b_rank + i;
  const pare_node *node = &model->nodes[i_node];
  const char *name = pare_arena_printf(&model->arena, "%s_axes", node->name);
  const char *unsqueeze = pare_arena_printf(&model->arena, "%s_unsqueeze", node->name);
  if (!name || !unsqueeze) {
    pare_tensor_release(&axes);
    return PARE_OUT_OF_MEMORY;
  }
  int b = node->inputs[1];
  PARE_TRY(pare_model_add_initializer(model, name, &axes, &i_axes));
  model->values[i_axes].from_attr = true;
  PARE_TRY(pare_model_add_value(model, model->values[b].name, model->values[b].dtype, NULL, &wider));
  model->nodes[i_node].inputs[1] = wider;
  pare_node *added;
  return pare_model_add_node(model, "Unsqueeze", "", unsqueeze, (const int[]){b, i_axes}, 2, &wider, 1,
                             &added);
}

static pare_status old_broadcast(pare_model *model, int i_node, const int *ranks) {
  pare_node *node = &model->nodes[i_node];
  bool broadcasts = pare_node_int(node, "broadcast", 0) != 0;
  bool has_axis = pare_node_attr(node, "axis") != NULL;
  int64_t axis = pare_node_int(node, "axis", 0);
  pare_node_remove_attr(node, "broadcast");
  pare_node_remove_attr(node, "axis");
  if (!broadcasts || !has_axis) return PARE_OK;
  if (node->n_inputs != 2 || node->inputs[0] < 0 || node->inputs[1] < 0)
    return pare_fail(model->ctx, PARE_BAD_MODEL, "node '%s' (%s): it takes two inputs", node->name,
                     node->op_type);
  int a_rank = ranks[node->inputs[0]], b_rank = ranks[node->inputs[1]];
  if (a_rank < 0 || b_rank < 0)
    return refuse(model, node, "it broadcasts from an axis, but ranks are not known");
  if (axis < 0) axis += a_rank;
  if (axis < 0 || axis + b_rank > a_rank)
    return pare_fail(model->ctx, PARE_BAD_MODEL, "node '%s' (%s): it broadcasts from axis %lld of rank %d",
                     node->name, node->op_type, (long long)axis, a_rank);
  int n_trailing = a_rank - b_rank - (int)axis;
  return n_trailing && b_rank ? add_trailing_axes(model, i_node, b_rank, n_trailing) : PARE_OK;
}

/* PRelu's slope [C] was one per channel, whatever the axes behind. */
static pare_status old_slope(pare_model *model, int i_node, const int *ranks) {
  const pare_node *node = &model->nodes[i_node];
  if (node->n_inputs != 2 || node->inputs[0] < 0 || node->inputs[1] < 0) return PARE_OK;
  int x_rank = ranks[node->inputs[0]], slope_rank = ranks[node->inputs[1]];
  return slope_rank == 1 && x_rank > 2 ? add_trailing_axes(model, i_node, 1, x_rank - 2) : PARE_OK;
}

/* ---- attributes ---------------------------------------------------------------------------------------- */

static pare_status cast_type(pare_model *model, pare_node *node) {
  static const struct {
    const char *name;
    pare_dtype dtype;
  } types[] = {{"FLOAT", PARE_F32}, {"UINT8", PARE_U8},    {"INT8", PARE_S8},    {"UINT16", PARE_U16},
               {"INT16", PARE_S16}, {"INT32", PARE_S32},   {"INT64", PARE_S64},  {"STRING", PARE_STRING},
               {"BOOL", PARE_BOOL}, {"FLOAT16", PARE_F16}, {"DOUBLE", PARE_F64}, {"UINT32", PARE_U32},
               {"UINT64", PARE_U64}};
  const char *to = pare_node_string(node, "to", NULL);
  for (size_t i = 0; to && i < PARE_COUNT(types); i++)
    if (strcmp(types[i].name, to) == 0) return pare_node_set_int(model, node, "to", types[i].dtype);
  return to ? refuse(model, node, "its type has an unknown name") : PARE_OK;
}

static void rename_attr(pare_node *node, const char *from, const char *to) {
  for (int i = 0; i < node->n_attrs; i++)
    if (strcmp(node->attrs[i].name, from) == 0) node->attrs[i].name = to;
}

/* [height_scale, width_scale] of opset 1 as the scales of four axes. */
static pare_status upsample_scales(pare_model *model, pare_node *node) {
  const pare_attr *height = pare_node_attr(node, "height_scale"),
                  *width = pare_node_attr(node, "width_scale");
  if (!height || !width || height->type != PARE_ATTR_FLOAT || width->type != PARE_ATTR_FLOAT) return PARE_OK;
  float *scales = pare_arena_array(&model->arena, 4, sizeof *scales);
  if (!scales) return PARE_OUT_OF_MEMORY;
  scales[0] = scales[1] = 1;
  scales[2] = height->f;
  scales[3] = width->f;
  pare_attr made = {.name = "scales", .type = PARE_ATTR_FLOATS, .floats = scales, .n = 4};
  node->attrs[height - node->attrs] = made;
  pare_node_remove_attr(node, "width_scale");
  return PARE_OK;
}

static pare_status old_attributes(pare_model *model, pare_node *node, int64_t opset) {
  static const char *const recurrent[] = {"RNN", "GRU", "LSTM", NULL};
  pare_node_remove_attr(node, "consumed_inputs");
  if (pare_node_is(node, "BatchNormalization") && pare_node_int(node, "is_test", 0) == 0)
    PARE_TRY(pare_node_set_int(model, node, "training_mode", 1));
  pare_node_remove_attr(node, "is_test");
  if (pare_node_is(node, "Gemm")) pare_node_remove_attr(node, "broadcast");
  if (is_any(node, recurrent)) pare_node_remove_attr(node, "output_sequence");
  if (pare_node_is(node, "Pad")) rename_attr(node, "paddings", "pads");
  if (pare_node_is(node, "Concat") && !pare_node_attr(node, "axis"))
    PARE_TRY(pare_node_set_int(model, node, "axis", 1));
  if (pare_node_is(node, "Upsample")) PARE_TRY(upsample_scales(model, node));
  if (pare_node_is(node, "Tile") && opset < 6) return refuse(model, node, "Tile of opset 1 along one axis");
  return pare_node_is(node, "Cast") ? cast_type(model, node) : PARE_OK;
}

static pare_status old_nodes(pare_model *model, const int *ranks) {
  static const char *const broadcasting[] = {"Add", "Sub", "Mul",     "Div",  "Pow",   "And",
                                             "Or",  "Xor", "Greater", "Less", "Equal", NULL};
  int n_nodes = model->n_nodes; /* what is added is in the new form */
  int64_t opset = pare_model_opset(model, "");
  for (int i = 0; i < n_nodes; i++) {
    if (*model->nodes[i].domain) continue;
    PARE_TRY(old_attributes(model, &model->nodes[i], opset));
    if (is_any(&model->nodes[i], broadcasting)) PARE_TRY(old_broadcast(model, i, ranks));
    if (pare_node_is(&model->nodes[i], "PRelu")) PARE_TRY(old_slope(model, i, ranks));
  }
  return PARE_OK;
}

pare_status pare_onnx_raise_old(pare_model *model) {
  int *ranks = pare_onnx_ranks(model);
  if (!ranks) return PARE_OUT_OF_MEMORY;
  pare_status status = old_nodes(model, ranks);
  pare_free(model->ctx, ranks);
  return status;
}
