/* External data: weights in files beside the model, and what a location may not name. */
#include "unit.h"

#include "onnx_maker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pare_context *ctx;
static char folder[64];

static char *path_of(const char *name) {
  static char path[128];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static const float numbers[6] = {9, 1, 2, 3, 4, 9};

static int set_up(void **state) {
  (void)state;
  snprintf(folder, sizeof folder, "/tmp/pare_external_XXXXXX");
  if (!mkdtemp(folder) || pare_context_new(NULL, &ctx) != PARE_OK) return -1;
  if (mkdir(path_of("sub"), 0700) != 0) return -1;
  pare_file_write(ctx, path_of("w.bin"), numbers, sizeof numbers);
  pare_file_write(ctx, path_of("sub/w.bin"), numbers, sizeof numbers);
  if (symlink("/etc/hostname", path_of("link.bin")) != 0) return -1;
  return symlink("/etc", path_of("away"));
}

static int tear_down(void **state) {
  (void)state;
  static const char *const names[] = {"m.onnx", "w.bin", "sub/w.bin", "sub", "link.bin", "away"};
  for (size_t i = 0; i < PARE_COUNT(names); i++) remove(path_of(names[i]));
  remove(folder);
  pare_context_free(ctx);
  return 0;
}

static void put_entry(pare_writer *tensor, const char *key, const char *value) {
  if (!value) return;
  size_t mark = pare_wire_begin(tensor, 13);
  pare_wire_put_text(tensor, 1, key);
  pare_wire_put_text(tensor, 2, value);
  pare_wire_end(tensor, mark);
}

/* y = x + w [4], with w elsewhere */
static pare_buffer model_with(const char *location, const char *offset, const char *length) {
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t tensor = pare_wire_begin(&graph, MAKE_INITIALIZER);
  pare_wire_put_int(&graph, 1, 4);
  pare_wire_put_int(&graph, 2, PARE_F32);
  pare_wire_put_text(&graph, 8, "w");
  put_entry(&graph, "location", location);
  put_entry(&graph, "offset", offset);
  put_entry(&graph, "length", length);
  pare_wire_put_int(&graph, 14, 1);
  pare_wire_end(&graph, tensor);
  make_node(&graph, "Add", "add", "x,w", "y");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){4}, 1);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){4}, 1);
  return make_model(&graph, 8, 13);
}

static void expect_weights(const pare_model *model) {
  assert_int_equal(pare_model_n_weights(model), 1);
  assert_memory_equal(pare_model_weight(model, 0).data, numbers + 1, 4 * sizeof(float));
}

static pare_status load_from_folder(const char *location, const char *offset, const char *length,
                                    pare_model **out) {
  pare_buffer bytes = model_with(location, offset, length);
  assert_int_equal(pare_file_write(ctx, path_of("m.onnx"), bytes.data, bytes.len_bytes), PARE_OK);
  pare_buffer_free(ctx, &bytes);
  return pare_model_load_file(ctx, path_of("m.onnx"), out);
}

static void weights_beside_the_model_are_read(void **state) {
  (void)state;
  static const char *const places[] = {"w.bin", "sub/w.bin"};
  for (size_t i = 0; i < PARE_COUNT(places); i++) {
    pare_model *model;
    if (load_from_folder(places[i], "4", i ? "16" : NULL, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
    expect_weights(model);
    pare_model *again = reload_for_test(ctx, model); /* written inside */
    expect_weights(again);
    pare_model_free(again);
    pare_model_free(model);
  }
}

static void nothing_outside_the_folder_is_read(void **state) {
  (void)state;
  static const struct {
    const char *location, *offset, *length;
    pare_status status;
    const char *message;
  } cases[] = {
      {"../w.bin", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"sub/../../w.bin", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"/etc/hostname", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"./w.bin", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"c:w.bin", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"sub\\w.bin", NULL, NULL, PARE_BAD_MODEL, "only files of the model's own folder"},
      {"link.bin", NULL, NULL, PARE_BAD_MODEL, "is a link"},
      {"away/hostname", NULL, NULL, PARE_BAD_MODEL, "is a link"},
      {"missing.bin", NULL, NULL, PARE_IO, "missing.bin: cannot be opened"},
      {"w.bin", "12", NULL, PARE_BAD_MODEL, "16 bytes at offset 12 are wanted, but the file has 24"},
      {"w.bin", "18446744073709551615", NULL, PARE_BAD_MODEL, "are wanted, but the file has 24"},
      {"w.bin", "99999999999999999999", NULL, PARE_BAD_MODEL, "is no number"},
      {"w.bin", "-4", NULL, PARE_BAD_MODEL, "is no number"},
      {"w.bin", NULL, "12", PARE_BAD_MODEL, "its length does not fit its shape"},
  };
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_model *model;
    pare_status status = load_from_folder(cases[i].location, cases[i].offset, cases[i].length, &model);
    if (status != cases[i].status) fail_msg("%s: %s", cases[i].location, pare_error(ctx));
    assert_error_has(ctx, "initializer 'w'");
    assert_error_has(ctx, cases[i].message);
  }
}

static pare_status load_with(const char *location, const char *offset, const char *name, pare_model **out) {
  pare_buffer bytes = model_with(location, offset, NULL);
  pare_data_file file = {.name = name};
  assert_int_equal(pare_buffer_new(ctx, sizeof numbers, &file.bytes), PARE_OK);
  memcpy(file.bytes.data, numbers, sizeof numbers);
  pare_status status = pare_model_load_parts(ctx, &bytes, &file, 1, out);
  assert_null(file.bytes.data); /* taken over */
  return status;
}

static void files_that_are_given_are_used(void **state) {
  (void)state;
  pare_model *model;
  if (load_with("sub/w.bin", "4", "w.bin", &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  expect_weights(model);
  pare_model_free(model);
  assert_int_equal(load_with("w.bin", "4", "other.bin", &model), PARE_UNSUPPORTED);
  assert_error_has(ctx, "initializer 'w': its data is in another file ('w.bin'): give that file too");
  assert_int_equal(load_with("w.bin", "12", "w.bin", &model), PARE_BAD_MODEL);
  assert_error_has(ctx, "too short");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  const struct CMUnitTest tests[] = {
      T(weights_beside_the_model_are_read),
      T(nothing_outside_the_folder_is_read),
      T(files_that_are_given_are_used),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
