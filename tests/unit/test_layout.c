/* Images channels last: a session computes the same bytes as one that keeps ONNX's order, and turns as few images as it must. */
#include <string.h>

#include "base/rng.h"
#include "session/session.h"
#include "unit.h"

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

typedef struct maker {
  pare_model *model;
  pare_rng rng;
  int scale, zero;
} maker;

static int constant(maker *m, pare_dtype dtype, pare_shape shape, const void *data) {
  pare_tensor tensor;
  int i_value;
  assert_int_equal(pare_tensor_new(ctx, dtype, &shape, &tensor), PARE_OK);
  if (data)
    memcpy(tensor.data, data, pare_tensor_len_bytes(&tensor));
  else
    for (size_t i = 0; i < pare_tensor_len_bytes(&tensor); i++)
      pare_u8(&tensor)[i] = (uint8_t)pare_rng_u32(&m->rng);
  assert_int_equal(pare_model_add_initializer(m->model, "c", &tensor, &i_value), PARE_OK);
  return i_value;
}

static int input(maker *m, const char *name, pare_shape shape) {
  int i_value;
  assert_int_equal(pare_model_add_value(m->model, name, PARE_U8, &shape, &i_value), PARE_OK);
  m->model->inputs[m->model->n_inputs++] = i_value;
  return i_value;
}

static void output(maker *m, int i_value) {
  m->model->outputs[m->model->n_outputs++] = i_value;
}

static pare_node *last_node(maker *m) {
  return &m->model->nodes[m->model->n_nodes - 1];
}

static int node(maker *m, const char *domain, const char *op, const int *inputs, int n) {
  pare_node *made;
  int out;
  assert_int_equal(pare_model_add_value(m->model, "v", PARE_NONE, NULL, &out), PARE_OK);
  assert_int_equal(pare_model_add_node(m->model, op, domain, op, inputs, n, &out, 1, &made), PARE_OK);
  return out;
}

static void set_ints(maker *m, const char *name, const int64_t *values, size_t n) {
  assert_int_equal(pare_node_set_ints(m->model, last_node(m), name, values, n), PARE_OK);
}

static maker start(void) {
  static const uint8_t zero = 120;
  static const float scale = 0.02f;
  maker m = {.rng = pare_rng_new(5, "layout")};
  assert_int_equal(pare_model_new(ctx, &m.model), PARE_OK);
  m.model->inputs = pare_arena_array(&m.model->arena, 4, sizeof(int));
  m.model->outputs = pare_arena_array(&m.model->arena, 16, sizeof(int));
  m.scale = constant(&m, PARE_F32, PARE_SHAPE(1), &scale);
  m.zero = constant(&m, PARE_U8, PARE_SHAPE(1), &zero);
  return m;
}

static int conv(maker *m, int x, int64_t o, int64_t c, int64_t kernel) {
  const int8_t zero = 0;
  const int64_t pad = kernel / 2;
  const int w = constant(m, PARE_S8, PARE_SHAPE(o, c, kernel, kernel), NULL);
  const int w_zero = constant(m, PARE_S8, PARE_SHAPE(1), &zero);
  const int inputs[8] = {x, m->scale, m->zero, w, m->scale, w_zero, m->scale, m->zero};
  const int y = node(m, "", "QLinearConv", inputs, 8);
  set_ints(m, "pads", (const int64_t[]){pad, pad, pad, pad}, 4);
  return y;
}

static int add(maker *m, int a, int b) {
  const int inputs[8] = {a, m->scale, m->zero, b, m->scale, m->zero, m->scale, m->zero};
  return node(m, "com.microsoft", "QLinearAdd", inputs, 8);
}

static int pool(maker *m, const char *op, int x) {
  const int y = node(m, "", op, &x, 1);
  set_ints(m, "kernel_shape", (const int64_t[]){3, 2}, 2);
  set_ints(m, "strides", (const int64_t[]){1, 1}, 2);
  set_ints(m, "pads", (const int64_t[]){1, 0, 1, 1}, 4);
  return y;
}

static int turn(maker *m, int x, const int64_t *perm) {
  const int y = node(m, "", "Transpose", &x, 1);
  set_ints(m, "perm", perm, 4);
  return y;
}

static void fill(pare_session *session) {
  pare_rng rng = pare_rng_new(6, "inputs");
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    const pare_tensor_view x = pare_session_input(session, i);
    for (size_t k = 0; k < x.len_bytes; k++) ((uint8_t *)x.data)[k] = (uint8_t)pare_rng_u32(&rng);
  }
}

/* Runs the model both ways (all outputs must agree) and frees it; how many nodes `op` the faster one has, and run channels last. */
static void run_both_ways(maker *m, int *n_turns, int *n_last) {
  pare_plan_options options = {.batch = 1, .fuse = true, .onnx_order = true};
  pare_session *want, *have;
  assert_int_equal(pare_model_finish(m->model), PARE_OK);
  assert_int_equal(pare_session_plan(m->model, &options, &want), PARE_OK);
  options.onnx_order = false;
  assert_int_equal(pare_session_plan(m->model, &options, &have), PARE_OK);
  fill(want);
  fill(have);
  assert_int_equal(pare_session_run(want), PARE_OK);
  assert_int_equal(pare_session_run(have), PARE_OK);
  for (int i = 0; i < pare_session_n_outputs(want); i++) {
    const pare_tensor_view a = pare_session_output(want, i), b = pare_session_output(have, i);
    assert_string_equal(a.name, b.name);
    assert_true(pare_shape_equal(&a.shape, &b.shape));
    assert_int_equal(a.dtype, b.dtype);
    assert_memory_equal(a.data, b.data, a.len_bytes);
  }
  *n_turns = *n_last = 0;
  for (int i = 0; i < have->n_steps; i++) {
    *n_turns += pare_node_is(have->steps[i].call.node, "Transpose");
    *n_last += have->steps[i].call.node->channels_last;
  }
  for (int i = 0; i < want->n_steps; i++) assert_false(want->steps[i].call.node->channels_last);
  pare_session_free(want);
  pare_session_free(have);
  pare_model_free(m->model);
}

static void every_operator_gives_the_same_bytes_channels_last(void **state) {
  (void)state;
  maker m = start();
  int n_turns, n_last;
  static const int64_t pads[8] = {0, 1, 2, 0, 0, 2, 0, 1};
  const int a = conv(&m, input(&m, "x", PARE_SHAPE(2, 3, 9, 8)), 8, 3, 3);
  const int b = pool(&m, "MaxPool", a);
  const int d = add(&m, b, conv(&m, b, 8, 8, 1));
  const int e = add(&m, d, constant(&m, PARE_U8, PARE_SHAPE(8, 1, 1), NULL));
  const int f =
      node(&m, "", "Concat", (const int[]){d, e, constant(&m, PARE_U8, PARE_SHAPE(2, 3, 9, 8), NULL)}, 3);
  assert_int_equal(pare_node_set_int(m.model, last_node(&m), "axis", -3), PARE_OK);
  const int g = node(&m, "", "Pad", (const int[]){f, constant(&m, PARE_S64, PARE_SHAPE(8), pads), m.zero}, 3);
  const int h = node(&m, "", "DequantizeLinear", (const int[]){g, m.scale, m.zero}, 3);
  const int r = pool(&m, "AveragePool", node(&m, "", "Relu", &h, 1));
  const int t = pool(&m, "MaxPool", r);
  const int scales =
      constant(&m, PARE_F32, PARE_SHAPE(22),
               (const float[22]){1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4});
  const int zeros = constant(&m, PARE_S8, PARE_SHAPE(22), NULL);
  output(&m, node(&m, "", "QuantizeLinear", (const int[]){t, scales, zeros}, 3));
  const int mean = node(&m, "", "GlobalAveragePool", &t, 1);
  output(&m, node(&m, "", "Flatten", (const int[]){node(&m, "", "Mul", (const int[]){t, mean}, 2)}, 1));
  const int q_mean[5] = {g, m.scale, m.zero, m.scale, m.zero};
  output(&m, node(&m, "com.microsoft", "QLinearGlobalAveragePool", q_mean, 5));
  output(&m, t);
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_last, 15);
  /* the input; the outputs QuantizeLinear, Mul and t. The means are relabelled. */
  assert_int_equal(n_turns, 4);
}

static void what_fewer_networks_need_runs_channels_last_too(void **state) {
  (void)state;
  maker m = start();
  int n_turns, n_last;
  float p[70];
  for (int i = 0; i < 70; i++) p[i] = 0.5f + (float)i * 0.01f;
  const int a = conv(&m, input(&m, "x", PARE_SHAPE(2, 3, 9, 8)), 35, 3, 3);
  const int b =
      node(&m, "pare", "ByteTable", (const int[]){a, constant(&m, PARE_U8, PARE_SHAPE(256), NULL)}, 2);
  const float half = 0.01f;
  const int finer = constant(&m, PARE_F32, PARE_SHAPE(1), &half);
  const int parts[8] = {m.scale, m.zero, a, m.scale, m.zero, b, finer, m.zero};
  const int c = node(&m, "com.microsoft", "QLinearConcat", parts, 8);
  assert_int_equal(pare_node_set_int(m.model, last_node(&m), "axis", 1), PARE_OK);
  const int of_c = constant(&m, PARE_F32, PARE_SHAPE(70), p);
  const int norm[9] = {c, m.scale, m.zero, of_c, of_c, of_c, of_c, m.scale, m.zero};
  const int d = node(&m, "pare", "ByteNorm", norm, 9);
  const int q[5] = {d, m.scale, m.zero, finer, m.zero};
  const int mean = node(&m, "com.microsoft", "QLinearGlobalAveragePool", q, 5);
  const int gate[5] = {mean, m.scale, m.zero, finer, m.zero};
  const int factors[8] = {d,     m.scale, m.zero,  node(&m, "com.microsoft", "QLinearSigmoid", gate, 5),
                          finer, m.zero,  m.scale, m.zero};
  const int product[5] = {node(&m, "com.microsoft", "QLinearMul", factors, 8), m.scale, m.zero, finer,
                          m.zero};
  const int y = node(&m, "com.microsoft", "QLinearAveragePool", product, 5);
  set_ints(&m, "kernel_shape", (const int64_t[]){3, 2}, 2);
  set_ints(&m, "pads", (const int64_t[]){1, 0, 1, 1}, 4);
  output(&m, y);
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_last, 8);
  assert_int_equal(n_turns, 2); /* the input and the output */
}

static void the_models_own_transposes_are_used(void **state) {
  (void)state;
  static const int64_t to_onnx[4] = {0, 3, 1, 2}, to_last[4] = {0, 2, 3, 1};
  maker m = start();
  int n_turns, n_last;
  const int x = input(&m, "x", PARE_SHAPE(2, 9, 8, 3));
  const int y = conv(&m, turn(&m, x, to_onnx), 8, 3, 3);
  output(&m, turn(&m, y, to_last));
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_turns, 0);
  assert_int_equal(n_last, 1);
}

static void one_channel_or_one_place_is_only_relabelled(void **state) {
  (void)state;
  maker m = start();
  int n_turns, n_last;
  const int y = conv(&m, input(&m, "x", PARE_SHAPE(2, 1, 5, 7)), 4, 1, 3);
  const int q_mean[5] = {y, m.scale, m.zero, m.scale, m.zero};
  output(&m, conv(&m, node(&m, "com.microsoft", "QLinearGlobalAveragePool", q_mean, 5), 6, 4, 1));
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_turns, 0);
  assert_int_equal(n_last, 3);
}

static void other_ranks_and_other_axes_keep_their_order(void **state) {
  (void)state;
  maker m = start();
  int n_turns, n_last;
  const int x = input(&m, "x", PARE_SHAPE(1, 2, 4, 6));
  const int y = conv(&m, x, 3, 2, 1);
  const int soft = node(&m, "", "DequantizeLinear", (const int[]){y, m.scale, m.zero}, 3);
  output(&m, node(&m, "", "Softmax", &soft, 1));
  output(&m, pool(&m, "MaxPool", x)); /* its input stands channels last too, as the convolution wants it */
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_turns, 3);
  assert_int_equal(n_last, 3);
}

/* A convolution to `c` channels of u8 or s8, and a MaxPool of any window over it, or of 2x2 places beside each other. */
static void check_pool(pare_rng *rng, int64_t c, bool two_by_two) {
  static const int8_t zero = -3;
  maker m = start();
  int n_turns, n_last;
  int64_t kernel[2], strides[2], dilations[2], pads[4], in[2];
  for (int i = 0; i < 2; i++) {
    kernel[i] = 1 + pare_rng_below(rng, 3);
    strides[i] = 1 + pare_rng_below(rng, 3);
    dilations[i] = 1 + pare_rng_below(rng, 2);
    pads[i] = pare_rng_below(rng, (uint32_t)kernel[i]);
    pads[i + 2] = pare_rng_below(rng, (uint32_t)kernel[i]);
    in[i] = (kernel[i] - 1) * dilations[i] + 1 + pare_rng_below(rng, 9);
    if (!two_by_two) continue;
    kernel[i] = strides[i] = 2;
    dilations[i] = 1;
    pads[i] = pads[i + 2] = 0;
    in[i] = 2 + pare_rng_below(rng, 20);
  }
  const int x = conv(&m, input(&m, "x", PARE_SHAPE(1 + pare_rng_below(rng, 2), 2, in[0], in[1])), c, 2, 1);
  if (pare_rng_below(rng, 2)) last_node(&m)->inputs[7] = constant(&m, PARE_S8, PARE_SHAPE(1), &zero);
  const int y = node(&m, "", "MaxPool", &x, 1);
  set_ints(&m, "kernel_shape", kernel, 2);
  set_ints(&m, "strides", strides, 2);
  set_ints(&m, "dilations", dilations, 2);
  set_ints(&m, "pads", pads, 4);
  output(&m, y);
  run_both_ways(&m, &n_turns, &n_last);
  assert_int_equal(n_last, 2);
}

static void a_max_pool_of_any_window_and_channels_gives_the_same_bytes(void **state) {
  (void)state;
  pare_rng rng = pare_rng_new(7, "pool");
  for (int64_t c = 1; c <= 50; c++)
    for (int round = 0; round < 6; round++) check_pool(&rng, c, round >= 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_operator_gives_the_same_bytes_channels_last),
      cmocka_unit_test(what_fewer_networks_need_runs_channels_last_too),
      cmocka_unit_test(the_models_own_transposes_are_used),
      cmocka_unit_test(one_channel_or_one_place_is_only_relabelled),
      cmocka_unit_test(a_max_pool_of_any_window_and_channels_gives_the_same_bytes),
      cmocka_unit_test(other_ranks_and_other_axes_keep_their_order),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
