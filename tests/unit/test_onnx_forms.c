/* Forms of operators in older opsets: read into the one form that is used inside, written back as the file's
 * opset wants them. */
#include "onnx_maker.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int open_context(void **state) {
  pare_context *ctx = NULL;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return -1;
  *state = ctx;
  return 0;
}

static int close_context(void **state) {
  pare_context_free(*state);
  return 0;
}

/* One model with an old form of each operator in the table. */
static pare_model *old_forms(pare_context *ctx, int64_t opset) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  static const int64_t two[] = {0, 2}, ends[] = {1, 9}, pads[] = {0, 0, 0, 1, 0, 0, 0, 1}, halves[] = {1, 2};
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3, 4, 4}, 4);
  size_t node = make_node_begin(&graph, "Clip", "clip", "x", "a");
  make_attr_float(&graph, "max", 6);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Slice", "slice", "a", "b");
  make_attr_ints(&graph, "axes", two, 2);
  make_attr_ints(&graph, "starts", (const int64_t[]){0, 0}, 2);
  make_attr_ints(&graph, "ends", ends, 2);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Pad", "pad", "b", "c");
  make_attr_ints(&graph, "pads", pads, 8);
  make_attr_float(&graph, "value", 1);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Dropout", "drop", "c", "d");
  make_attr_float(&graph, "ratio", 0.25f);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "ReduceMean", "mean", "d", "e");
  make_attr_ints(&graph, "axes", (const int64_t[]){2, 3}, 2);
  make_attr_int(&graph, "keepdims", 1);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Squeeze", "squeeze", "e", "f");
  make_attr_ints(&graph, "axes", (const int64_t[]){2, 3}, 2);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Split", "split", "f", "g,h");
  make_attr_int(&graph, "axis", 1);
  make_attr_ints(&graph, "split", halves, 2);
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "g", PARE_F32, (const int64_t[]){-1, 1}, 2);
  make_value(&graph, MAKE_OUTPUT, "h", PARE_F32, (const int64_t[]){-1, 2}, 2);
  pare_buffer bytes = make_model(&graph, 4, opset);
  return load_for_test(ctx, &bytes);
}

static void old_attributes_become_inputs(void **state) {
  pare_context *ctx = *state;
  pare_model *model = old_forms(ctx, 9);
  const pare_node *node = node_for_test(model, "clip");
  assert_int_equal(node->n_attrs, 0);
  assert_int_equal(node->n_inputs, 3);
  assert_int_equal(node->inputs[1], -1);
  assert_true(*pare_f32(pare_model_const_input(model, node, 2)) == 6.0f);
  node = node_for_test(model, "slice");
  assert_int_equal(node->n_inputs, 4);
  assert_int_equal(pare_s64(pare_model_const_input(model, node, 2))[1], 9);
  assert_int_equal(pare_s64(pare_model_const_input(model, node, 3))[1], 2);
  node = node_for_test(model, "pad");
  assert_int_equal(pare_s64(pare_model_const_input(model, node, 1))[7], 1);
  assert_true(*pare_f32(pare_model_const_input(model, node, 2)) == 1.0f);
  node = node_for_test(model, "mean");
  assert_int_equal(pare_s64(pare_model_const_input(model, node, 1))[1], 3);
  assert_int_equal(pare_node_int(node, "keepdims", 0), 1);
  assert_int_equal(pare_model_n_weights(model), 0); /* attributes are no weights */
  pare_model_free(model);
}

static void saving_gives_the_forms_of_the_models_opset(void **state) {
  pare_context *ctx = *state;
  pare_model *model = old_forms(ctx, 9);
  saved_model raw = save_for_test(ctx, model);
  assert_int_equal(raw.opset, 9);
  assert_saved(ctx, &raw, "clip", "x|max");
  assert_saved(ctx, &raw, "slice", "a|starts,ends,axes");
  assert_saved(ctx, &raw, "pad", "b|pads,value");
  assert_saved(ctx, &raw, "drop", "c|ratio");
  assert_saved(ctx, &raw, "mean", "d|keepdims,axes");
  assert_saved(ctx, &raw, "squeeze", "e|axes");
  assert_saved(ctx, &raw, "split", "f|axis,split");
  pare_buffer_free(ctx, &raw.bytes);
  /* Someone raises the opset to 13: newer forms for all but ReduceMean, whose axes became an input in 18. */
  pare_model *copy;
  assert_int_equal(pare_model_clone(model, &copy), PARE_OK);
  assert_int_equal(pare_model_set_opset(copy, "", 13), PARE_OK);
  raw = save_for_test(ctx, copy);
  assert_int_equal(raw.opset, 13);
  assert_saved(ctx, &raw, "clip", "x,,clip_max|");
  assert_saved(ctx, &raw, "pad", "b,pad_pads,pad_value|");
  assert_saved(ctx, &raw, "mean", "d|keepdims,axes");
  assert_saved(ctx, &raw, "squeeze", "e,squeeze_axes|");
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(copy);
  pare_model_free(model);
}

static void a_node_without_an_old_form_raises_the_opset(void **state) {
  pare_context *ctx = *state;
  pare_model *model = old_forms(ctx, 9), *copy;
  assert_int_equal(pare_model_clone(model, &copy), PARE_OK);
  int y = pare_model_find_value(copy, "g"), out;
  pare_node *node;
  assert_int_equal(pare_model_add_value(copy, "q", PARE_F32, NULL, &out), PARE_OK);
  assert_int_equal(pare_model_add_node(copy, "HardSwish", "", "hs", &y, 1, &out, 1, &node), PARE_OK);
  copy->outputs[0] = out;
  assert_int_equal(pare_model_finish(copy), PARE_OK);
  saved_model raw = save_for_test(ctx, copy);
  assert_int_equal(raw.opset, 14);
  assert_saved(ctx, &raw, "split", "f,split_split|axis");
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(copy);
  pare_model_free(model);
}

static pare_model *softmax_model(pare_context *ctx, int64_t opset, int rank, int64_t axis) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2, 3, 4}, rank);
  size_t node = make_node_begin(&graph, "Softmax", "soft", "x", "y");
  if (axis != -99) make_attr_int(&graph, "axis", axis);
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2, 3, 4}, rank);
  pare_buffer bytes = make_model(&graph, 4, opset);
  return load_for_test(ctx, &bytes);
}

static void old_softmax_keeps_its_meaning(void **state) {
  pare_context *ctx = *state;
  pare_model *model = softmax_model(ctx, 9, 2, -99); /* rows of a matrix: the default axis 1 is the last */
  assert_int_equal(model->n_nodes, 1);
  assert_int_equal(pare_node_int(node_for_test(model, "soft"), "axis", -1), 1);
  saved_model raw = save_for_test(ctx, model);
  assert_int_equal(raw.opset, 9);
  assert_saved(ctx, &raw, "soft", "x|axis");
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(model);
  model = softmax_model(ctx, 9, 3, -99); /* over both last axes at once */
  assert_int_equal(model->n_nodes, 4);
  assert_int_equal(pare_node_int(node_for_test(model, "soft_flatten"), "axis", -1), 1);
  assert_int_equal(pare_node_int(node_for_test(model, "soft"), "axis", -1), 1);
  raw = save_for_test(ctx, model);
  assert_int_equal(raw.opset, 9); /* on a matrix both meanings agree */
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(model);
  model = softmax_model(ctx, 9, 3, 2);
  assert_int_equal(model->n_nodes, 1);
  pare_model_free(model);
  model = softmax_model(ctx, 13, 3, 1);
  assert_int_equal(model->n_nodes, 1);
  assert_int_equal(pare_node_int(node_for_test(model, "soft"), "axis", -1), 1);
  pare_model_free(model);
}

static void onnx_checker_accepts_old_forms(void **state) {
  pare_context *ctx = *state;
  if (!have_onnx_checker()) skip();
  pare_model *models[] = {old_forms(ctx, 9), softmax_model(ctx, 9, 3, 1), softmax_model(ctx, 9, 3, 2)};
  for (size_t i = 0; i < PARE_COUNT(models); i++) {
    assert_true(onnx_checker_accepts(models[i]));
    pare_model_free(models[i]);
  }
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_context, close_context)

/* ---- opsets 1 to 6 --------------------------------------------------------------------------------------- */

static void opset_6_broadcasts_from_its_axis(void **state) {
  pare_context *ctx = *state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const float b[3] = {10, 20, 30};
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){1, 3, 2}, 3);
  make_tensor(&graph, MAKE_INITIALIZER, "b", PARE_F32, (const int64_t[]){3}, 1, b, sizeof(b));
  size_t node = make_node_begin(&graph, "Add", "add", "x,b", "s");
  make_attr_int(&graph, "broadcast", 1);
  make_attr_int(&graph, "axis", 1);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Reshape", "flat", "s", "y");
  make_attr_ints(&graph, "shape", (const int64_t[]){0, -1}, 2);
  make_attr_ints(&graph, "consumed_inputs", (const int64_t[]){0}, 1);
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){1, 6}, 2);
  pare_buffer bytes = make_model(&graph, 3, 4);
  pare_model *read = load_for_test(ctx, &bytes), *model = reload_for_test(ctx, read);
  assert_int_equal(pare_model_opset(model, ""), 7);
  assert_int_equal(node_for_test(model, "flat")->n_attrs, 0);
  pare_session *session;
  assert_int_equal(pare_session_new(model, NULL, &session), PARE_OK);
  for (int i = 0; i < 6; i++) ((float *)pare_session_input(session, 0).data)[i] = (float)i;
  assert_int_equal(pare_session_run(session), PARE_OK);
  static const float want[6] = {10, 11, 22, 23, 34, 35};
  assert_memory_equal(pare_session_output(session, 0).data, want, sizeof(want));
  pare_session_free(session);
  pare_model_free(read);
  pare_model_free(model);
}

static void upsample_becomes_a_resize(void **state) {
  pare_context *ctx = *state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){1, 1, 2, 2}, 4);
  size_t node = make_node_begin(&graph, "Upsample", "up", "x", "y");
  make_attr_float(&graph, "height_scale", 2);
  make_attr_float(&graph, "width_scale", 3);
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){1, 1, 4, 6}, 4);
  pare_buffer bytes = make_model(&graph, 3, 1);
  pare_model *read = load_for_test(ctx, &bytes), *model = reload_for_test(ctx, read);
  const pare_node *up = node_for_test(model, "up");
  assert_string_equal(up->op_type, "Resize");
  assert_int_equal(up->n_inputs, 3);
  assert_int_equal(up->inputs[1], -1);
  assert_true(pare_f32(pare_model_const_input(model, up, 2))[2] == 2.0f);
  assert_true(pare_f32(pare_model_const_input(model, up, 2))[3] == 3.0f);
  assert_string_equal(pare_node_string(up, "coordinate_transformation_mode", ""), "asymmetric");
  assert_int_equal(pare_model_opset(model, ""), 11); /* the first that can say so */
  pare_model_free(read);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      T(old_attributes_become_inputs),
      T(saving_gives_the_forms_of_the_models_opset),
      T(a_node_without_an_old_form_raises_the_opset),
      T(old_softmax_keeps_its_meaning),
      T(opset_6_broadcasts_from_its_axis),
      T(upsample_becomes_a_resize),
      T(onnx_checker_accepts_old_forms),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
