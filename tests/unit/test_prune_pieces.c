/* Channels that leave through Split and Slice, and hidden units of a GRU: what is left gives the same answers when only
 * zeros left. */
#include "onnx_maker.h"
#include "unit.h"

#include <string.h>

#include "compress/prune/surgery.h"
#include "session/session.h"

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) != PARE_OK;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

static void put_f32(pare_writer *graph, const char *name, const int64_t *dims, int rank,
                    const float *values) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++) n *= dims[i];
  make_tensor(graph, MAKE_INITIALIZER, name, PARE_F32, dims, rank, values, (size_t)n * sizeof *values);
}

static void put_s64(pare_writer *graph, const char *name, const int64_t *values, int64_t n) {
  make_tensor(graph, MAKE_INITIALIZER, name, PARE_S64, &n, 1, values, (size_t)n * sizeof *values);
}

static pare_model *load(pare_writer *graph) {
  pare_buffer file = make_model(graph, 8, 13);
  return load_for_test(ctx, &file);
}

/* Removes the groups of elements `indices` of axis `axis` of a weight. */
static pare_model *without(pare_model *model, const char *weight, int axis, const int *indices, int n) {
  pare_groups *groups;
  pare_model *out;
  if (pare_groups_new(model, &groups) != PARE_OK) fail_msg("%s", pare_error(ctx));
  bool *removed = pare_alloc_array(ctx, (size_t)groups->n_elements, sizeof *removed);
  assert_non_null(removed);
  const int i_value = pare_model_find_value(groups->session->model, weight);
  assert_true(i_value >= 0);
  for (int i = 0; i < n; i++) {
    const int32_t root = pare_groups_root(groups, groups->base[i_value * PARE_MAX_RANK + axis] + indices[i]);
    assert_false(groups->frozen[root]);
    removed[root] = true;
  }
  if (pare_remove_channels(model, groups, removed, &out) != PARE_OK) fail_msg("%s", pare_error(ctx));
  pare_free(ctx, removed);
  pare_groups_free(groups);
  pare_model_free(model);
  return out;
}

static void answer(const pare_model *model, float y[4]) {
  pare_session *session;
  if (pare_session_new(model, NULL, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  const pare_tensor_view x = pare_session_input(session, 0), out = pare_session_output(session, 0);
  for (size_t i = 0; i < x.len_bytes / 4; i++) ((float *)x.data)[i] = (float)i - 1.5f;
  assert_int_equal(pare_session_run(session), PARE_OK);
  assert_int_equal(out.len_bytes, 4 * sizeof(float));
  memcpy(y, out.data, 4 * sizeof(float));
  pare_session_free(session);
}

/* x [1,1,4] -> Conv 6, of which channels 1, 2 and 5 are zero -> pieces of 4 and 2 -> Conv 1 each -> their sum. */
static pare_model *pieces(bool by_slice) {
  static const float w[] = {1, 0, 0, 2, 3, 0}, a[] = {1, 2, 3, 4}, b[] = {5, 6};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  make_node(&graph, "Conv", "first", "x,w", "h");
  if (by_slice) {
    put_s64(&graph, "zero", (const int64_t[]){0}, 1);
    put_s64(&graph, "four", (const int64_t[]){4}, 1);
    put_s64(&graph, "end", (const int64_t[]){INT64_MAX}, 1);
    put_s64(&graph, "one", (const int64_t[]){1}, 1);
    make_node(&graph, "Slice", "low", "h,zero,four,one", "p");
    make_node(&graph, "Slice", "high", "h,four,end,one", "q");
  } else {
    put_s64(&graph, "lengths", (const int64_t[]){4, 2}, 2);
    const size_t mark = make_node_begin(&graph, "Split", "split", "h,lengths", "p,q");
    make_attr_int(&graph, "axis", 1);
    pare_wire_end(&graph, mark);
  }
  make_node(&graph, "Conv", "left", "p,a", "l");
  make_node(&graph, "Conv", "right", "q,b", "r");
  make_node(&graph, "Add", "sum", "l,r", "y");
  put_f32(&graph, "w", (const int64_t[]){6, 1, 1}, 3, w);
  put_f32(&graph, "a", (const int64_t[]){1, 4, 1}, 3, a);
  put_f32(&graph, "b", (const int64_t[]){1, 2, 1}, 3, b);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){1, 1, 4}, 3);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){1, 1, 4}, 3);
  return load(&graph);
}

static void channels_leave_their_pieces(void **state) {
  (void)state;
  for (int by_slice = 0; by_slice < 2; by_slice++) {
    float before[4], after[4];
    pare_model *model = pieces(by_slice != 0);
    answer(model, before);
    model = without(model, "w", 0, (const int[]){1, 2, 5}, 3);
    answer(model, after);
    assert_memory_equal(before, after, sizeof before);
    assert_int_equal(model->values[pare_model_find_value(model, "w")].tensor.shape.dims[0], 3);
    assert_int_equal(model->values[pare_model_find_value(model, "a")].tensor.shape.dims[1], 2);
    assert_int_equal(model->values[pare_model_find_value(model, "b")].tensor.shape.dims[1], 1);
    pare_model_free(model);
  }
}

/* x [4,1,1] -> GRU of 3 hidden units, the second without weights, from a state of zeros -> MatMul. */
static void a_hidden_unit_leaves(void **state) {
  (void)state;
  float w[9], r[27], zeros[3] = {0}, before[4], after[4];
  for (int i = 0; i < 9; i++) w[i] = i % 3 == 1 ? 0.0f : 0.3f + 0.1f * (float)i;
  for (int i = 0; i < 27; i++) r[i] = i / 3 % 3 == 1 || i % 3 == 1 ? 0.0f : 0.5f - 0.05f * (float)i;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  const size_t mark = make_node_begin(&graph, "GRU", "gru", "x,w,r,,,h0", "h");
  make_attr_int(&graph, "hidden_size", 3);
  pare_wire_end(&graph, mark);
  make_node(&graph, "MatMul", "sum", "h,m", "y");
  put_f32(&graph, "m", (const int64_t[]){3, 1}, 2, w + 6);
  put_f32(&graph, "w", (const int64_t[]){1, 9, 1}, 3, w);
  put_f32(&graph, "r", (const int64_t[]){1, 9, 3}, 3, r);
  put_f32(&graph, "h0", (const int64_t[]){1, 1, 3}, 3, zeros);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){4, 1, 1}, 3);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){4, 1, 1, 1}, 4);
  pare_model *model = load(&graph);
  answer(model, before);
  model = without(model, "r", 2, (const int[]){1}, 1);
  answer(model, after);
  assert_memory_equal(before, after, sizeof before);
  const pare_node *node = &model->nodes[pare_model_find_node(model, "gru")];
  assert_int_equal(pare_node_int(node, "hidden_size", 0), 2);
  assert_int_equal(model->values[node->inputs[1]].tensor.shape.dims[1], 6);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(channels_leave_their_pieces, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_hidden_unit_leaves, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
