/* Broken and hostile ONNX files: each ends in a clear error or in a model that can be saved, never in a crash
 * (run it under ASan and UBSan: preset native-debug), and an allocator that fails anywhere leaks nothing. */
#include "failing_alloc.h"
#include "onnx_maker.h"
#include "unit.h"

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

/* Loads; what loads must save. Gives the load's status. */
static pare_status try_load(pare_context *ctx, const void *bytes, size_t len_bytes) {
  pare_model *model;
  pare_status status = pare_model_load(ctx, bytes, len_bytes, &model);
  if (status != PARE_OK) {
    assert_null(model);
    assert_true(strlen(pare_error(ctx)) > 0);
    return status;
  }
  pare_buffer saved;
  pare_status save_status = pare_model_save(model, &saved);
  if (save_status != PARE_OK) fail_msg("loaded but not saved: %s", pare_error(ctx));
  pare_buffer_free(ctx, &saved);
  pare_model_free(model);
  return PARE_OK;
}

static void every_truncation_ends_cleanly(void **state) {
  pare_context *ctx = *state;
  pare_buffer file = make_small_model(ctx);
  assert_int_equal(try_load(ctx, file.data, file.len_bytes), PARE_OK);
  for (size_t n = 0; n < file.len_bytes; n++) {
    uint8_t *exact = malloc(n ? n : 1); /* its own block, so that ASan sees a read past the end */
    memcpy(exact, file.data, n);
    pare_status status = try_load(ctx, exact, n);
    assert_true(status == PARE_BAD_MODEL || status == PARE_UNSUPPORTED);
    free(exact);
  }
  pare_buffer_free(ctx, &file);
}

static void every_flipped_bit_ends_cleanly(void **state) {
  pare_context *ctx = *state;
  pare_buffer file = make_small_model(ctx);
  for (size_t bit = 0; bit < 8 * file.len_bytes; bit++) {
    file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    try_load(ctx, file.data, file.len_bytes);
    file.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
  }
  assert_int_equal(try_load(ctx, file.data, file.len_bytes), PARE_OK);
  pare_buffer_free(ctx, &file);
}

static void every_byte_set_to_extremes_ends_cleanly(void **state) {
  pare_context *ctx = *state;
  static const uint8_t extremes[] = {0x00, 0x7F, 0x80, 0xFF};
  pare_buffer file = make_small_model(ctx);
  for (size_t i = 0; i < file.len_bytes; i++) {
    uint8_t before = file.data[i];
    for (size_t k = 0; k < sizeof(extremes); k++) {
      file.data[i] = extremes[k];
      try_load(ctx, file.data, file.len_bytes);
    }
    file.data[i] = before;
  }
  pare_buffer_free(ctx, &file);
}

/* ---- named cases --------------------------------------------------------------------------------------- */

static void expect_failure(pare_context *ctx, pare_buffer bytes, pare_status status, const char *message) {
  assert_int_equal(try_load(ctx, bytes.data, bytes.len_bytes), status);
  assert_error_has(ctx, message);
  pare_buffer_free(ctx, &bytes);
}

static pare_writer new_graph(pare_context *ctx) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){2}, 1);
  return graph;
}

static void a_cycle_is_named(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Add", "one", "x,b", "a");
  make_node(&graph, "Relu", "two", "a", "b");
  make_node(&graph, "Relu", "three", "b", "y");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "cycle");
}

static void a_missing_input_is_named(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Add", "sum", "x,nowhere", "y");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "nowhere");
}

static void a_missing_output_is_named(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Relu", "r", "x", "z");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "'y'");
}

static void a_value_made_twice_is_named(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Relu", "one", "x", "y");
  make_node(&graph, "Abs", "two", "x", "y");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "'y'");
  graph = new_graph(ctx);
  make_node(&graph, "Relu", "one", "x", "x");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "'x'");
}

static void duplicate_names_are_named(void **state) {
  pare_context *ctx = *state;
  const float w[2] = {1, 2};
  pare_writer graph = new_graph(ctx);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2}, 1, w, sizeof(w));
  make_node(&graph, "Add", "sum", "x,w", "y");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "initializer 'w' is there twice");
  graph = new_graph(ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){2}, 1);
  make_node(&graph, "Relu", "r", "x", "y");
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "graph input 'x' is there twice");
}

static void nodes_with_one_name_stay_apart(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Relu", "same", "x", "a");
  make_node(&graph, "Relu", "same", "a", "b");
  make_node(&graph, "Relu", "", "b", "y");
  pare_buffer bytes = make_model(&graph, 8, 13);
  pare_model *model;
  assert_int_equal(pare_model_load_buffer(ctx, &bytes, &model), PARE_OK);
  for (int i = 0; i < 3; i++) {
    assert_true(strlen(model->nodes[i].name) > 0);
    assert_int_equal(pare_model_find_node(model, model->nodes[i].name), i);
  }
  pare_model_free(model);
}

static void deep_nesting_is_refused(void **state) {
  pare_context *ctx = *state;
  pare_writer inner;
  pare_writer_init(&inner, ctx);
  for (int depth = 0; depth < 200; depth++) { /* node { attribute { g { node ... } } } from the inside out */
    pare_writer outer;
    pare_writer_init(&outer, ctx);
    size_t node = pare_wire_begin(&outer, 1);
    pare_wire_put_text(&outer, 4, "If");
    size_t attr = pare_wire_begin(&outer, 5);
    pare_wire_put_text(&outer, 1, "then_branch");
    size_t sub = pare_wire_begin(&outer, 6);
    if (inner.len_bytes) pare_writer_put(&outer, inner.data, inner.len_bytes);
    pare_wire_end(&outer, sub);
    pare_wire_put_int(&outer, 20, 5);
    pare_wire_end(&outer, attr);
    pare_wire_end(&outer, node);
    pare_writer_free(&inner);
    inner = outer;
  }
  expect_failure(ctx, make_model(&inner, 8, 13), PARE_BAD_MODEL, "nested more than 32 deep");
}

static void versions_that_are_not_there_are_refused_with_the_range(void **state) {
  pare_context *ctx = *state;
  static const struct {
    int64_t ir, opset;
    pare_status status;
    const char *message;
  } cases[] = {{8, 0, PARE_UNSUPPORTED, "opset 0 is not supported: 1 to 21 are"},
               {8, 22, PARE_UNSUPPORTED, "opset 22 is not supported: 1 to 21 are"},
               {8, -1, PARE_UNSUPPORTED, "opset -1 is not supported: 1 to 21 are"},
               {11, 13, PARE_UNSUPPORTED, "IR version 11 is not supported: up to 10 is"},
               {0, 13, PARE_BAD_MODEL, "ir_version"}};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_writer graph = new_graph(ctx);
    make_node(&graph, "Relu", "r", "x", "y");
    expect_failure(ctx, make_model(&graph, cases[i].ir, cases[i].opset), cases[i].status, cases[i].message);
  }
}

static void other_files_are_told_apart(void **state) {
  pare_context *ctx = *state;
  static const char *const files[] = {"", "\x89PNG\r\n\x1a\n and more", "{\"json\": true}",
                                      "PK\x03\x04 a zip file", "\x08\x08"};
  for (size_t i = 0; i < PARE_COUNT(files); i++) {
    assert_int_equal(try_load(ctx, files[i], strlen(files[i])), PARE_BAD_MODEL);
  }
  assert_int_equal(try_load(ctx, "\x08\x08", 2), PARE_BAD_MODEL);
  assert_error_has(ctx, "no graph: not an ONNX model?");
  pare_model *model;
  assert_int_equal(pare_model_load_file(ctx, "/no/such/model.onnx", &model), PARE_IO);
  assert_error_has(ctx, "/no/such/model.onnx");
}

static void text_that_is_not_utf8_is_refused(void **state) {
  pare_context *ctx = *state;
  static const char *const names[] = {"\xff", "\xc0\x80", "\xed\xa0\x80", "\xf5\x80\x80\x80", "\xe2\x82"};
  for (size_t i = 0; i < PARE_COUNT(names); i++) {
    pare_writer graph = new_graph(ctx);
    make_node(&graph, "Relu", names[i], "x", "y");
    expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "is not UTF-8 text");
  }
  pare_writer graph = new_graph(ctx);
  make_node(&graph, "Relu", "\xe6\xbf\x80\xe6\xb4\xbb \xf0\x9f\x99\x82", "x", "y");
  pare_buffer bytes = make_model(&graph, 8, 13);
  assert_int_equal(try_load(ctx, bytes.data, bytes.len_bytes), PARE_OK);
  pare_buffer_free(ctx, &bytes);
}

static void wrong_types_of_old_attributes_are_named(void **state) {
  pare_context *ctx = *state;
  pare_writer graph = new_graph(ctx);
  size_t node = make_node_begin(&graph, "Clip", "clip", "x", "y");
  make_attr_int(&graph, "min", 0);
  pare_wire_end(&graph, node);
  expect_failure(ctx, make_model(&graph, 8, 9), PARE_BAD_MODEL, "node 'clip' (Clip): attribute 'min'");
}

static void lying_dims_of_graph_values_are_refused(void **state) {
  pare_context *ctx = *state;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){1ll << 40, 1ll << 40}, 2);
  expect_failure(ctx, make_model(&graph, 8, 13), PARE_BAD_MODEL, "value 'x'");
}

static void a_failing_allocator_leaks_nothing(void **state) {
  pare_context *plain = *state;
  pare_buffer file = make_small_model(plain);
  size_t fail_at = 0;
  for (;; fail_at++) {
    pare_context *ctx = failing_context(fail_at);
    if (ctx) {
      pare_model *model;
      pare_buffer saved = {0};
      pare_status status = pare_model_load(ctx, file.data, file.len_bytes, &model);
      if (status == PARE_OK) status = pare_model_save(model, &saved);
      assert_int_equal(status, failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK);
      pare_buffer_free(ctx, &saved);
      pare_model_free(model);
      pare_context_free(ctx);
    }
    assert_int_equal(failing_live_bytes(), 0);
    assert_int_equal(failing_wrong_sizes(), 0);
    if (!failing_happened()) break;
  }
  assert_true(fail_at > 5);
  pare_buffer_free(plain, &file);
}

#define T(test) cmocka_unit_test_setup_teardown(test, open_context, close_context)

int main(void) {
  const struct CMUnitTest tests[] = {
      T(every_truncation_ends_cleanly),
      T(every_flipped_bit_ends_cleanly),
      T(every_byte_set_to_extremes_ends_cleanly),
      T(a_cycle_is_named),
      T(a_missing_input_is_named),
      T(a_missing_output_is_named),
      T(a_value_made_twice_is_named),
      T(duplicate_names_are_named),
      T(nodes_with_one_name_stay_apart),
      T(deep_nesting_is_refused),
      T(versions_that_are_not_there_are_refused_with_the_range),
      T(other_files_are_told_apart),
      T(text_that_is_not_utf8_is_refused),
      T(wrong_types_of_old_attributes_are_named),
      T(lying_dims_of_graph_values_are_refused),
      T(a_failing_allocator_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
