/* ONNX in and out: the wire format, tensors in place, what survives a round trip, opset forms both ways. */
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

/* ---- wire format --------------------------------------------------------------------------------------- */

static void varints_of_every_length_come_back(void **state) {
  pare_context *ctx = *state;
  pare_writer out;
  pare_writer_init(&out, ctx);
  for (int bit = 0; bit < 64; bit++) pare_wire_put_int(&out, 1, (int64_t)(1ull << bit));
  pare_wire_put_int(&out, 536870911, -1);
  pare_wire wire = pare_wire_new(ctx, out.data, out.len_bytes);
  pare_wire_field field;
  for (int bit = 0; bit < 64; bit++) {
    assert_int_equal(pare_wire_next(&wire, &field), PARE_OK);
    assert_true(field.value == 1ull << bit);
  }
  assert_int_equal(pare_wire_next(&wire, &field), PARE_OK);
  assert_int_equal(field.number, 536870911);
  assert_true(field.value == UINT64_MAX);
  pare_writer_free(&out);
}

static void messages_of_every_length_class_come_back(void **state) {
  pare_context *ctx = *state;
  static const size_t lengths[] = {0, 1, 127, 128, 16383, 16384, 2097152};
  for (size_t i = 0; i < PARE_COUNT(lengths); i++) {
    uint8_t *content = malloc(lengths[i] + 1);
    for (size_t k = 0; k < lengths[i]; k++) content[k] = (uint8_t)k;
    pare_writer out;
    pare_writer_init(&out, ctx);
    size_t mark = pare_wire_begin(&out, 3);
    pare_writer_put(&out, content, lengths[i]);
    pare_wire_end(&out, mark);
    pare_wire wire = pare_wire_new(ctx, out.data, out.len_bytes);
    pare_wire_field field;
    assert_int_equal(pare_wire_next(&wire, &field), PARE_OK);
    assert_int_equal(field.bytes.len_bytes, lengths[i]);
    assert_memory_equal(field.bytes.data, content, lengths[i]);
    assert_int_equal(pare_wire_next(&wire, &field), PARE_OK);
    assert_int_equal(field.number, 0);
    pare_writer_free(&out);
    free(content);
  }
}

static void broken_fields_name_their_offset(void **state) {
  pare_context *ctx = *state;
  static const struct {
    const char *bytes;
    size_t n;
    const char *message;
  } cases[] = {
      {"\x08", 1, "offset 1: the file or message ends inside a number"},
      {"\x08\x80\x80", 3, "offset 1: the file or message ends inside a number"},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 12, "offset 1: a number of more than 10 bytes"},
      {"\x0a\x05\x01", 3, "offset 1: a field of 5 bytes, but only 1 are left"},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "bytes, but only 0 are left"},
      {"\x0d\x01\x02", 3, "offset 1: the file or message ends inside a 4-byte number"},
      {"\x09\x01\x02", 3, "offset 1: the file or message ends inside a 8-byte number"},
      {"\x00\x00", 2, "offset 0: field number 0"},
      {"\x0b", 1, "offset 0: wire type 3"},
      {"\x0f", 1, "offset 0: wire type 7"},
  };
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_wire wire = pare_wire_new(ctx, cases[i].bytes, cases[i].n);
    pare_wire_field field;
    assert_int_equal(pare_wire_next(&wire, &field), PARE_BAD_MODEL);
    assert_error_has(ctx, cases[i].message);
  }
}

/* ---- tensors ------------------------------------------------------------------------------------------- */

static pare_model *model_with_tensor(pare_context *ctx, int64_t dtype, const int64_t *dims, int rank,
                                     const void *raw, size_t n, const char *padding) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  pare_wire_put_text(&graph, 10, padding); /* a doc_string of some length moves what follows */
  make_tensor(&graph, MAKE_INITIALIZER, "w", dtype, dims, rank, raw, n);
  make_node(&graph, "Identity", "id", "w", "y");
  make_value(&graph, MAKE_OUTPUT, "y", dtype, dims, rank);
  pare_buffer bytes = make_model(&graph, 8, 13);
  return load_for_test(ctx, &bytes);
}

static void weights_are_used_in_place_and_aligned(void **state) {
  pare_context *ctx = *state;
  float data[64];
  for (int i = 0; i < 64; i++) data[i] = (float)i;
  const char *padding = "12345678";
  for (int i = 0; i < 8; i++) {
    pare_model *model =
        model_with_tensor(ctx, PARE_F32, (const int64_t[]){8, 8}, 2, data, sizeof(data), padding + i);
    pare_tensor_view view = pare_model_weight(model, 0);
    assert_int_equal((uintptr_t)view.data % 4, 0);
    assert_memory_equal(view.data, data, sizeof(data));
    const pare_tensor *tensor = &model->values[pare_model_find_value(model, "w")].tensor;
    assert_true(tensor->owner->len_bytes > sizeof(data)); /* the file's own memory */
    pare_model_free(model);
  }
}

static void small_and_eight_byte_tensors_are_right_at_any_offset(void **state) {
  pare_context *ctx = *state;
  const int64_t longs[3] = {1, -2, INT64_MAX};
  const int16_t shorts[3] = {1, -2, 3};
  const uint8_t bytes[3] = {1, 2, 255};
  const char *padding = "12345678";
  for (int i = 0; i < 8; i++) {
    pare_model *model =
        model_with_tensor(ctx, PARE_S64, (const int64_t[]){3}, 1, longs, sizeof(longs), padding + i);
    assert_memory_equal(pare_model_weight(model, 0).data, longs, sizeof(longs));
    assert_int_equal((uintptr_t)pare_model_weight(model, 0).data % 8, 0);
    pare_model_free(model);
    model = model_with_tensor(ctx, PARE_S16, (const int64_t[]){3}, 1, shorts, sizeof(shorts), padding + i);
    assert_memory_equal(pare_model_weight(model, 0).data, shorts, sizeof(shorts));
    pare_model_free(model);
    model = model_with_tensor(ctx, PARE_U8, (const int64_t[]){3}, 1, bytes, sizeof(bytes), padding + i);
    assert_memory_equal(pare_model_weight(model, 0).data, bytes, sizeof(bytes));
    pare_model_free(model);
  }
}

static void empty_and_scalar_tensors_survive(void **state) {
  pare_context *ctx = *state;
  const float one = 1.5f;
  pare_model *model = model_with_tensor(ctx, PARE_F32, (const int64_t[]){0, 3}, 2, "", 0, ""), *again;
  again = reload_for_test(ctx, model);
  pare_tensor_view view = pare_model_weight(again, 0);
  assert_int_equal(view.shape.rank, 2);
  assert_int_equal(view.shape.dims[0], 0);
  assert_int_equal(view.len_bytes, 0);
  pare_model_free(model);
  pare_model_free(again);
  model = model_with_tensor(ctx, PARE_F32, NULL, 0, &one, sizeof(one), "");
  again = reload_for_test(ctx, model);
  assert_int_equal(pare_model_weight(again, 0).shape.rank, 0);
  assert_true(*(float *)pare_model_weight(again, 0).data == 1.5f);
  pare_model_free(model);
  pare_model_free(again);
}

/* TensorProto in each typed field, packed and not. */
static void typed_data_fields_are_decoded(void **state) {
  pare_context *ctx = *state;
  static const struct {
    pare_dtype dtype;
    uint32_t field;
    pare_wire_type type;
    double values[3];
  } cases[] = {
      {PARE_F32, 4, PARE_FIXED32, {1.5, -2, 3}}, {PARE_F64, 10, PARE_FIXED64, {1.5, -2, 3}},
      {PARE_S32, 5, PARE_VARINT, {1, -2, 3}},    {PARE_S8, 5, PARE_VARINT, {1, -2, 127}},
      {PARE_U8, 5, PARE_VARINT, {1, 2, 255}},    {PARE_S64, 7, PARE_VARINT, {1, -2, 3}},
      {PARE_U64, 11, PARE_VARINT, {1, 2, 3}},    {PARE_U32, 11, PARE_VARINT, {1, 2, 3}},
      {PARE_BOOL, 5, PARE_VARINT, {1, 0, 1}},    {PARE_S16, 5, PARE_VARINT, {1, -2, 3}},
  };
  for (size_t c = 0; c < PARE_COUNT(cases); c++) {
    for (int packed = 0; packed < 2; packed++) {
      pare_writer out;
      pare_writer_init(&out, ctx);
      pare_wire_put_int(&out, 1, 3);
      pare_wire_put_int(&out, 2, cases[c].dtype);
      pare_wire_put_text(&out, 8, "t");
      size_t mark = packed ? pare_wire_begin(&out, cases[c].field) : 0;
      for (int i = 0; i < 3; i++) {
        double value = cases[c].values[i];
        float narrow = (float)value;
        if (!packed) pare_wire_put_tag(&out, cases[c].field, cases[c].type);
        if (cases[c].type == PARE_FIXED32)
          pare_writer_put(&out, &narrow, 4);
        else if (cases[c].type == PARE_FIXED64)
          pare_writer_put(&out, &value, 8);
        else
          pare_wire_put_varint(&out, (uint64_t)(int64_t)value);
      }
      if (packed) pare_wire_end(&out, mark);
      pare_tensor tensor;
      pare_buffer name;
      if (pare_onnx_tensor_read(ctx, "t.pb", out.data, out.len_bytes, &tensor, &name) != PARE_OK)
        fail_msg("%s", pare_error(ctx));
      assert_string_equal((const char *)name.data, "t");
      assert_int_equal(tensor.dtype, cases[c].dtype);
      for (int i = 0; i < 3; i++) assert_true(pare_tensor_get_f64(&tensor, i) == cases[c].values[i]);
      pare_tensor_release(&tensor);
      pare_buffer_free(ctx, &name);
      pare_writer_free(&out);
    }
  }
}

static void wrong_tensors_name_themselves_and_both_sizes(void **state) {
  pare_context *ctx = *state;
  static const struct {
    int64_t dtype;
    int64_t dims[2];
    size_t n;
    pare_status status;
    const char *message;
  } cases[] = {
      {PARE_F32,
       {2, 3},
       20,
       PARE_BAD_MODEL,
       "initializer 'w': f32 [2,3] needs 24 bytes, but its data has 20"},
      {PARE_F32, {2, -3}, 24, PARE_BAD_MODEL, "initializer 'w': dimension 1 is negative (-3)"},
      {PARE_F32, {INT64_MAX, INT64_MAX}, 24, PARE_BAD_MODEL, "initializer 'w'"},
      {PARE_U8, {1ll << 33, 1ll << 31}, 24, PARE_BAD_MODEL, "initializer 'w'"},
      {PARE_STRING, {2, 3}, 24, PARE_UNSUPPORTED, "initializer 'w': element type 8 (string)"},
      {14, {2, 3}, 24, PARE_UNSUPPORTED, "initializer 'w': element type 14"},
      {0, {2, 3}, 24, PARE_UNSUPPORTED, "initializer 'w': element type 0"},
  };
  const uint8_t data[24] = {0};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_writer graph;
    pare_writer_init(&graph, ctx);
    make_tensor(&graph, MAKE_INITIALIZER, "w", cases[i].dtype, cases[i].dims, 2, data, cases[i].n);
    pare_buffer bytes = make_model(&graph, 8, 13);
    pare_model *model;
    assert_int_equal(pare_model_load_buffer(ctx, &bytes, &model), cases[i].status);
    assert_null(model);
    assert_error_has(ctx, cases[i].message);
  }
}

static void external_data_is_refused_by_name(void **state) {
  pare_context *ctx = *state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t mark = pare_wire_begin(&graph, MAKE_INITIALIZER);
  pare_wire_put_int(&graph, 1, 4);
  pare_wire_put_int(&graph, 2, PARE_F32);
  pare_wire_put_text(&graph, 8, "big");
  size_t entry = pare_wire_begin(&graph, 13);
  pare_wire_put_text(&graph, 1, "location");
  pare_wire_put_text(&graph, 2, "weights.bin");
  pare_wire_end(&graph, entry);
  pare_wire_put_int(&graph, 14, 1);
  pare_wire_end(&graph, mark);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model;
  assert_int_equal(pare_model_load_buffer(ctx, &bytes, &model), PARE_UNSUPPORTED);
  assert_error_has(ctx, "initializer 'big': its data is in another file ('weights.bin')");
}

/* ---- round trips --------------------------------------------------------------------------------------- */

static const char *const examples[] = {"lenet5",  "lenet300",     "lenet5_caffe", "dscnn",
                                       "resnet8", "lstm_teacher", "lstm_student"};

static void every_example_comes_back_with_the_same_weights_and_nodes(void **state) {
  pare_context *ctx = *state;
  for (size_t e = 0; e < PARE_COUNT(examples); e++) {
    char path[300];
    snprintf(path, sizeof(path), "%s/examples/models/%s.onnx", PARE_SOURCE_DIR, examples[e]);
    pare_model *model, *again;
    if (pare_model_load_file(ctx, path, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
    again = reload_for_test(ctx, model);
    assert_int_equal(model->n_nodes, again->n_nodes);
    for (int i = 0; i < model->n_nodes; i++) {
      assert_string_equal(model->nodes[i].name, again->nodes[i].name);
      assert_string_equal(model->nodes[i].op_type, again->nodes[i].op_type);
      assert_int_equal(model->nodes[i].n_attrs, again->nodes[i].n_attrs);
      assert_int_equal(model->nodes[i].n_inputs, again->nodes[i].n_inputs);
    }
    assert_int_equal(pare_model_n_weights(model), pare_model_n_weights(again));
    char before[65], after[65];
    assert_int_equal(pare_model_weights_sha256(model, before), PARE_OK);
    assert_int_equal(pare_model_weights_sha256(again, after), PARE_OK);
    assert_string_equal(before, after);
    assert_int_equal(pare_model_opset(again, ""), 13);
    pare_buffer first, second;
    assert_int_equal(pare_model_save(model, &first), PARE_OK);
    assert_int_equal(pare_model_save(again, &second), PARE_OK);
    assert_int_equal(first.len_bytes, second.len_bytes);
    assert_memory_equal(first.data, second.data, first.len_bytes);
    pare_buffer_free(ctx, &first);
    pare_buffer_free(ctx, &second);
    pare_model_free(model);
    pare_model_free(again);
  }
}

static void what_is_not_understood_comes_back_out(void **state) {
  pare_context *ctx = *state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t node = make_node_begin(&graph, "Mystery", "m", "x,,x", "y");
  pare_wire_put_text(&graph, 7, "com.example");
  pare_wire_put_text(&graph, 6, "about the node");
  size_t attr = pare_wire_begin(&graph, 5); /* a list of types: nobody reads it */
  pare_wire_put_text(&graph, 1, "types");
  pare_wire_put_bytes(&graph, 15, "", 0);
  pare_wire_put_int(&graph, 20, 14);
  pare_wire_end(&graph, attr);
  make_attr_float(&graph, "f", 2.5f);
  pare_wire_put_text(&graph, 40, "node field of the future");
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3}, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1}, 1);
  pare_wire_put_text(&graph, 10, "about the graph");
  pare_wire_put_text(&graph, 50, "graph field of the future");
  pare_writer whole;
  pare_writer_init(&whole, ctx);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_writer_put(&whole, bytes.data, bytes.len_bytes);
  pare_buffer_free(ctx, &bytes);
  size_t opset = pare_wire_begin(&whole, 8);
  pare_wire_put_text(&whole, 1, "com.example");
  pare_wire_put_int(&whole, 2, 3);
  pare_wire_end(&whole, opset);
  size_t pair = pare_wire_begin(&whole, 14);
  pare_wire_put_text(&whole, 1, "author");
  pare_wire_put_text(&whole, 2, "somebody");
  pare_wire_end(&whole, pair);
  pare_wire_put_text(&whole, 60, "model field of the future");
  assert_int_equal(pare_writer_finish(&whole, &bytes), PARE_OK);
  pare_model *model = load_for_test(ctx, &bytes), *again = reload_for_test(ctx, model);
  assert_string_equal(pare_model_metadata(again, "author"), "somebody");
  assert_int_equal(pare_model_opset(again, "com.example"), 3);
  const pare_node *m = node_for_test(again, "m");
  assert_string_equal(m->domain, "com.example");
  assert_string_equal(m->doc, "about the node");
  assert_int_equal(m->n_inputs, 3);
  assert_int_equal(m->inputs[1], -1);
  assert_true(pare_node_float(m, "f", 0) == 2.5f);
  assert_int_equal(pare_node_attr(m, "types")->type, PARE_ATTR_RAW);
  assert_string_equal(again->values[again->inputs[0]].dim_names[0], "N");
  assert_int_equal(pare_model_save(again, &bytes), PARE_OK);
  static const char *const kept[] = {"node field of the future", "graph field of the future",
                                     "model field of the future", "about the graph"};
  for (size_t i = 0; i < PARE_COUNT(kept); i++) {
    bool found = false;
    for (size_t k = 0; k + strlen(kept[i]) <= bytes.len_bytes; k++)
      found = found || !memcmp(bytes.data + k, kept[i], strlen(kept[i]));
    assert_true(found);
  }
  pare_buffer_free(ctx, &bytes);
  pare_model_free(model);
  pare_model_free(again);
}

static void initializers_listed_as_inputs_are_weights_and_stay_listed(void **state) {
  pare_context *ctx = *state;
  const float w[2] = {1, 2};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "w", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_node(&graph, "Add", "add", "x,w", "y");
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &bytes), *again = reload_for_test(ctx, model);
  assert_int_equal(again->n_inputs, 1);
  assert_string_equal(again->values[again->inputs[0]].name, "x");
  assert_true(again->values[pare_model_find_value(again, "w")].listed_input);
  pare_model_free(model);
  pare_model_free(again);
}

static void masks_are_kept_by_name_with_commas_escaped(void **state) {
  pare_context *ctx = *state;
  const float w[2] = {1, 2};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_tensor(&graph, MAKE_INITIALIZER, "plain", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_tensor(&graph, MAKE_INITIALIZER, "other", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_tensor(&graph, MAKE_INITIALIZER, "a\\b", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_tensor(&graph, MAKE_INITIALIZER, "p,q", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  size_t node = make_node_begin(&graph, "Sum", "add", "x,plain,other,a\\b", "y");
  pare_wire_put_text(&graph, 1, "p,q");
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &bytes);
  model->values[pare_model_find_value(model, "plain")].pruned = true;
  model->values[pare_model_find_value(model, "a\\b")].pruned = true;
  model->values[pare_model_find_value(model, "p,q")].pruned = true;
  pare_model *again = reload_for_test(ctx, model);
  assert_true(again->values[pare_model_find_value(again, "plain")].pruned);
  assert_true(again->values[pare_model_find_value(again, "a\\b")].pruned);
  assert_true(again->values[pare_model_find_value(again, "p,q")].pruned);
  assert_false(again->values[pare_model_find_value(again, "other")].pruned);
  assert_null(pare_model_metadata(again, PARE_ONNX_PRUNED_KEY));
  pare_model_free(model);
  pare_model_free(again);
}

static void values_read_by_subgraphs_stay(void **state) {
  pare_context *ctx = *state;
  const float w[2] = {1, 2};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_value(&graph, MAKE_INPUT, "c", PARE_BOOL, NULL, 0);
  size_t node = make_node_begin(&graph, "If", "if", "c", "y");
  for (int branch = 0; branch < 2; branch++) {
    size_t attr = pare_wire_begin(&graph, 5);
    pare_wire_put_text(&graph, 1, branch ? "then_branch" : "else_branch");
    size_t sub = pare_wire_begin(&graph, 6);
    make_node(&graph, branch ? "Neg" : "Abs", "n", "w", "z");
    make_value(&graph, MAKE_OUTPUT, "z", PARE_F32, (const int64_t[]){2}, 1);
    pare_wire_end(&graph, sub);
    pare_wire_put_int(&graph, 20, 5);
    pare_wire_end(&graph, attr);
  }
  pare_wire_end(&graph, node);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model = load_for_test(ctx, &bytes), *again = reload_for_test(ctx, model);
  assert_int_equal(pare_model_n_weights(again), 1);
  assert_int_equal(node_for_test(again, "if")->n_captured, 2); /* by each branch */
  saved_model raw = save_for_test(ctx, again);
  assert_saved(ctx, &raw, "if", "c|else_branch,then_branch");
  pare_buffer_free(ctx, &raw.bytes);
  pare_model_free(model);
  pare_model_free(again);
}

/* ---- other programs ------------------------------------------------------------------------------------ */

static void onnx_checker_accepts_what_is_saved(void **state) {
  pare_context *ctx = *state;
  if (!have_onnx_checker()) skip();
  for (size_t e = 0; e < PARE_COUNT(examples); e++) {
    char path[300];
    pare_model *model;
    snprintf(path, sizeof(path), "%s/examples/models/%s.onnx", PARE_SOURCE_DIR, examples[e]);
    assert_int_equal(pare_model_load_file(ctx, path, &model), PARE_OK);
    assert_true(onnx_checker_accepts(model));
    pare_model_free(model);
  }
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_context, close_context)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(varints_of_every_length_come_back),
      T(messages_of_every_length_class_come_back),
      T(broken_fields_name_their_offset),
      T(weights_are_used_in_place_and_aligned),
      T(small_and_eight_byte_tensors_are_right_at_any_offset),
      T(empty_and_scalar_tensors_survive),
      T(typed_data_fields_are_decoded),
      T(wrong_tensors_name_themselves_and_both_sizes),
      T(external_data_is_refused_by_name),
      T(every_example_comes_back_with_the_same_weights_and_nodes),
      T(what_is_not_understood_comes_back_out),
      T(initializers_listed_as_inputs_are_weights_and_stay_listed),
      T(masks_are_kept_by_name_with_commas_escaped),
      T(values_read_by_subgraphs_stay),
      T(onnx_checker_accepts_what_is_saved),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
