/* See onnx_maker.h. */
#include "onnx_maker.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_names(pare_writer *graph, uint32_t field, const char *names) {
  while (*names) {
    size_t n = strcspn(names, ",");
    pare_wire_put_bytes(graph, field, names, n);
    names += n + (names[n] == ',');
  }
}

size_t make_node_begin(pare_writer *graph, const char *op, const char *name, const char *inputs,
                       const char *outputs) {
  size_t mark = pare_wire_begin(graph, 1);
  put_names(graph, 1, inputs);
  put_names(graph, 2, outputs);
  pare_wire_put_text(graph, 3, name);
  pare_wire_put_text(graph, 4, op);
  return mark;
}

void make_node(pare_writer *graph, const char *op, const char *name, const char *inputs,
               const char *outputs) {
  pare_wire_end(graph, make_node_begin(graph, op, name, inputs, outputs));
}

void make_attr_int(pare_writer *graph, const char *name, int64_t value) {
  size_t mark = pare_wire_begin(graph, 5);
  pare_wire_put_text(graph, 1, name);
  pare_wire_put_int(graph, 3, value);
  pare_wire_put_int(graph, 20, PARE_ATTR_INT);
  pare_wire_end(graph, mark);
}

void make_attr_float(pare_writer *graph, const char *name, float value) {
  size_t mark = pare_wire_begin(graph, 5);
  pare_wire_put_text(graph, 1, name);
  pare_wire_put_f32(graph, 2, value);
  pare_wire_put_int(graph, 20, PARE_ATTR_FLOAT);
  pare_wire_end(graph, mark);
}

void make_attr_ints(pare_writer *graph, const char *name, const int64_t *values, size_t n) {
  size_t mark = pare_wire_begin(graph, 5);
  pare_wire_put_text(graph, 1, name);
  for (size_t i = 0; i < n; i++) pare_wire_put_int(graph, 8, values[i]);
  pare_wire_put_int(graph, 20, PARE_ATTR_INTS);
  pare_wire_end(graph, mark);
}

void make_value(pare_writer *graph, uint32_t field, const char *name, int64_t dtype, const int64_t *dims,
                int rank) {
  size_t info = pare_wire_begin(graph, field);
  pare_wire_put_text(graph, 1, name);
  size_t type = pare_wire_begin(graph, 2), tensor = pare_wire_begin(graph, 1);
  pare_wire_put_int(graph, 1, dtype);
  size_t shape = pare_wire_begin(graph, 2);
  for (int i = 0; i < rank; i++) {
    size_t dim = pare_wire_begin(graph, 1);
    if (dims[i] >= 0)
      pare_wire_put_int(graph, 1, dims[i]);
    else
      pare_wire_put_text(graph, 2, "N");
    pare_wire_end(graph, dim);
  }
  pare_wire_end(graph, shape);
  pare_wire_end(graph, tensor);
  pare_wire_end(graph, type);
  pare_wire_end(graph, info);
}

void make_tensor(pare_writer *graph, uint32_t field, const char *name, int64_t dtype, const int64_t *dims,
                 int rank, const void *raw, size_t len_bytes) {
  size_t mark = pare_wire_begin(graph, field);
  for (int i = 0; i < rank; i++) pare_wire_put_int(graph, 1, dims[i]);
  pare_wire_put_int(graph, 2, dtype);
  pare_wire_put_text(graph, 8, name);
  pare_wire_put_bytes(graph, 9, raw, len_bytes);
  pare_wire_end(graph, mark);
}

pare_buffer make_model(pare_writer *graph, int64_t ir, int64_t opset) {
  pare_writer model;
  pare_writer_init(&model, graph->ctx);
  pare_wire_put_int(&model, 1, ir);
  pare_wire_put_text(&model, 2, "test");
  size_t mark = pare_wire_begin(&model, 7);
  pare_writer_put(&model, graph->data, graph->len_bytes);
  pare_wire_put_text(&model, 2, "g");
  pare_wire_end(&model, mark);
  mark = pare_wire_begin(&model, 8);
  pare_wire_put_int(&model, 2, opset);
  pare_wire_end(&model, mark);
  pare_writer_free(graph);
  pare_buffer out = {0};
  pare_writer_finish(&model, &out);
  return out;
}

pare_buffer make_small_model(pare_context *ctx) {
  static const float w[6] = {1, -2, 3, -4, 5, -6}, b[2] = {0.5f, -0.5f}, c[1] = {2};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t node = make_node_begin(&graph, "Gemm", "fc", "x,w,b", "h");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Clip", "clip", "h", "k");
  make_attr_float(&graph, "min", 0);
  make_attr_float(&graph, "max", 6);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Constant", "two", "", "c");
  size_t attr = pare_wire_begin(&graph, 5);
  pare_wire_put_text(&graph, 1, "value");
  make_tensor(&graph, 5, "t", PARE_F32, (const int64_t[]){1}, 1, c, sizeof(c));
  pare_wire_put_int(&graph, 20, PARE_ATTR_TENSOR);
  pare_wire_end(&graph, attr);
  pare_wire_end(&graph, node);
  make_node(&graph, "Mul", "scale", "k,c", "y");
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_F32, (const int64_t[]){2, 3}, 2, w, sizeof(w));
  make_tensor(&graph, MAKE_INITIALIZER, "b", PARE_F32, (const int64_t[]){2}, 1, b, sizeof(b));
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3}, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 2}, 2);
  return make_model(&graph, 8, 9);
}

/* ---- looking at what was saved */

pare_model *load_for_test(pare_context *ctx, pare_buffer *bytes) {
  pare_model *model = NULL;
  if (pare_model_load(ctx, bytes->data, bytes->len_bytes, &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_buffer_free(ctx, bytes);
  return model;
}

pare_model *reload_for_test(pare_context *ctx, const pare_model *model) {
  pare_buffer bytes;
  if (pare_model_save(model, &bytes) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return load_for_test(ctx, &bytes);
}

const pare_node *node_for_test(const pare_model *model, const char *name) {
  int i = pare_model_find_node(model, name);
  if (i < 0) fail_msg("no node '%s'", name);
  return &model->nodes[i];
}

saved_model save_for_test(pare_context *ctx, const pare_model *model) {
  saved_model raw = {0};
  if (pare_model_save(model, &raw.bytes) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_wire wire = pare_wire_new(ctx, raw.bytes.data, raw.bytes.len_bytes);
  for (;;) {
    pare_wire_field field, version;
    assert_int_equal(pare_wire_next(&wire, &field), PARE_OK);
    if (field.number == 0) return raw;
    if (field.number != 8) continue;
    pare_wire opset;
    assert_int_equal(pare_wire_enter(&wire, &field, &opset), PARE_OK);
    do assert_int_equal(pare_wire_next(&opset, &version), PARE_OK);
    while (version.number != 2);
    raw.opset = version.value;
  }
}

/* Inputs and attributes of a node by name in the file, as "x,w|transB". */
void describe_saved_node(pare_context *ctx, const saved_model *raw, const char *name, char *out,
                         size_t size) {
  pare_wire model = pare_wire_new(ctx, raw->bytes.data, raw->bytes.len_bytes), graph, node, attr;
  pare_wire_field field, part;
  do assert_int_equal(pare_wire_next(&model, &field), PARE_OK);
  while (field.number != 7);
  assert_int_equal(pare_wire_enter(&model, &field, &graph), PARE_OK);
  for (;;) {
    assert_int_equal(pare_wire_next(&graph, &field), PARE_OK);
    if (field.number == 0) fail_msg("no node '%s' in the file", name);
    if (field.number != 1) continue;
    assert_int_equal(pare_wire_enter(&graph, &field, &node), PARE_OK);
    char inputs[256] = "", attrs[256] = "";
    bool found = false, first = true;
    for (;;) {
      assert_int_equal(pare_wire_next(&node, &part), PARE_OK);
      if (part.number == 0) break;
      if (part.number == 3) {
        found = part.bytes.len_bytes == strlen(name) && memcmp(part.bytes.data, name, strlen(name)) == 0;
      }
      if (part.number == 1) {
        size_t n = strlen(inputs);
        snprintf(inputs + n, sizeof(inputs) - n, "%s%.*s", first ? "" : ",", (int)part.bytes.len_bytes,
                 part.bytes.data);
        first = false;
      }
      if (part.number == 5) {
        pare_wire_field key;
        assert_int_equal(pare_wire_enter(&node, &part, &attr), PARE_OK);
        assert_int_equal(pare_wire_next(&attr, &key), PARE_OK);
        size_t n = strlen(attrs);
        snprintf(attrs + n, sizeof(attrs) - n, "%s%.*s", n ? "," : "", (int)key.bytes.len_bytes,
                 key.bytes.data);
      }
    }
    if (!found) continue;
    snprintf(out, size, "%s|%s", inputs, attrs);
    return;
  }
}

bool have_onnx_checker(void) {
  return system("/usr/bin/python3 -c 'import onnx' >/dev/null 2>&1") == 0;
}

bool onnx_checker_accepts(const pare_model *model) {
  static int n_files; /* tests of one program run one after another */
  const char *folder = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
  char path[300], command[700];
  snprintf(path, sizeof(path), "%s/pare_%p_%d.onnx", folder, (const void *)model, n_files++);
  if (pare_model_save_file(model, path) != PARE_OK) fail_msg("%s", pare_error(model->ctx));
  snprintf(command, sizeof(command),
           "/usr/bin/python3 -c 'import onnx,sys; onnx.checker.check_model(onnx.load(sys.argv[1]), True)' %s",
           path);
  bool accepted = system(command) == 0;
  remove(path);
  return accepted;
}
