/* What lies between DequantizeLinear and QuantizeLinear and is no layer: a session that runs it on integers gives the bytes that the operators give
 * as they are written, for every byte there is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "failing_alloc.h"
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
  pare_dtype dtype;
  pare_status status; /* the first that was not OK; everything after it does nothing */
} maker;

static void note(maker *m, pare_status status) {
  if (m->status == PARE_OK) m->status = status;
}

static int constant(maker *m, pare_dtype dtype, pare_shape shape, const void *data) {
  pare_tensor tensor;
  int i_value = 0;
  if (m->status == PARE_OK) note(m, pare_tensor_new(m->model->ctx, dtype, &shape, &tensor));
  if (m->status != PARE_OK) return 0;
  memcpy(tensor.data, data, pare_tensor_len_bytes(&tensor));
  note(m, pare_model_add_initializer(m->model, "c", &tensor, &i_value));
  return i_value;
}

static int number(maker *m, float value) {
  return constant(m, PARE_F32, (pare_shape){0}, &value);
}

static int node(maker *m, const char *op, const int *inputs, int n) {
  pare_node *made;
  int out = 0;
  if (m->status == PARE_OK) note(m, pare_model_add_value(m->model, op, PARE_NONE, NULL, &out));
  if (m->status == PARE_OK) note(m, pare_model_add_node(m->model, op, "", op, inputs, n, &out, 1, &made));
  return out;
}

static pare_node *last_node(maker *m) {
  return &m->model->nodes[m->model->n_nodes - 1];
}

static int unary(maker *m, const char *op, int x) {
  return node(m, op, &x, 1);
}

static int binary(maker *m, const char *op, int a, int b) {
  return node(m, op, (const int[]){a, b}, 2);
}

static maker start_on(pare_context *on, pare_dtype dtype) {
  maker m = {.dtype = dtype};
  note(&m, pare_model_new(on, &m.model));
  if (m.status != PARE_OK) return m;
  m.model->inputs = pare_arena_array(&m.model->arena, 8, sizeof(int));
  m.model->outputs = pare_arena_array(&m.model->arena, 8, sizeof(int));
  if (!m.model->inputs || !m.model->outputs) note(&m, PARE_OUT_OF_MEMORY);
  return m;
}

static int scaled(maker *m, const char *op, int x, float scale, int zero) {
  const uint8_t byte = (uint8_t)(m->dtype == PARE_S8 ? zero - 128 : zero);
  const int inputs[3] = {x, number(m, scale), constant(m, m->dtype, (pare_shape){0}, &byte)};
  return node(m, op, inputs, 3);
}

/* A graph input of 8 bits, dequantized. */
static int input(maker *m, pare_shape shape, float scale, int zero) {
  int i_value = 0;
  if (m->status == PARE_OK) note(m, pare_model_add_value(m->model, "x", m->dtype, &shape, &i_value));
  if (m->status == PARE_OK) m->model->inputs[m->model->n_inputs++] = i_value;
  return scaled(m, "DequantizeLinear", i_value, scale, zero);
}

static void output(maker *m, int i_value) {
  if (m->status == PARE_OK) m->model->outputs[m->model->n_outputs++] = i_value;
}

static void quantized_output(maker *m, int i_value, float scale, int zero) {
  output(m, scaled(m, "QuantizeLinear", i_value, scale, zero));
}

static pare_session *session_of(const maker *m, bool fuse) {
  const pare_plan_options options = {.batch = 1, .fuse = fuse};
  pare_session *session;
  if (pare_session_plan(m->model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    const pare_tensor_view x = pare_session_input(session, i);
    for (size_t k = 0; k < x.len_bytes; k++) ((uint8_t *)x.data)[k] = (uint8_t)(k * (i ? 37 : 1) + k / 256);
  }
  assert_int_equal(pare_session_run(session), PARE_OK);
  return session;
}

static int count_steps(const pare_session *session, const char *op) {
  int n = 0;
  for (int i = 0; i < session->n_steps; i++) n += strcmp(session->steps[i].call.node->op_type, op) == 0;
  return n;
}

/* Runs it as it is written and on integers, of which `op` must be all `n_steps` steps; bytes may differ by `steps`. Frees the model. */
static void check(maker *m, const char *op, int n_steps, int steps) {
  assert_int_equal(m->status, PARE_OK);
  assert_int_equal(pare_model_finish(m->model), PARE_OK);
  pare_session *want = session_of(m, false), *have = session_of(m, true);
  assert_int_equal(count_steps(have, op), n_steps);
  assert_int_equal(have->n_steps, n_steps);
  for (int i = 0; i < pare_session_n_outputs(want); i++) {
    const pare_tensor_view a = pare_session_output(want, i), b = pare_session_output(have, i);
    assert_true(pare_shape_equal(&a.shape, &b.shape));
    assert_int_equal(a.dtype, b.dtype);
    for (size_t k = 0; k < a.len_bytes; k++) {
      const int x = ((const uint8_t *)a.data)[k], y = ((const uint8_t *)b.data)[k];
      const int distance = a.dtype == PARE_S8 ? abs((int8_t)x - (int8_t)y) : abs(x - y);
      if (distance > steps) fail_msg("%s: output %d, byte %zu is %d, not %d", op, i, k, y, x);
    }
  }
  pare_session_free(want);
  pare_session_free(have);
  pare_model_free(m->model);
}

/* ---- functions of one byte ----------------------------------------------------------------------------------------------- */
static int hard_swish(maker *m, int x) {
  return unary(m, "HardSwish", x);
}
static int silu(maker *m, int x) {
  return binary(m, "Mul", x, unary(m, "Sigmoid", x));
}
static int hard_swish_written_out(maker *m, int x) {
  return binary(m, "Mul", unary(m, "HardSigmoid", x), x);
}
static int gelu_written_out(maker *m, int x) {
  const int erf = unary(m, "Erf", binary(m, "Div", x, number(m, 1.4142135f)));
  return binary(m, "Mul", binary(m, "Mul", x, binary(m, "Add", erf, number(m, 1.0f))), number(m, 0.5f));
}
static int tanh_of_elu(maker *m, int x) {
  return unary(m, "Tanh", unary(m, "Elu", x));
}
static int clip(maker *m, int x) {
  return node(m, "Clip", (const int[]){x, number(m, -0.7f), number(m, 1.1f)}, 3);
}
static int relu(maker *m, int x) {
  return unary(m, "Relu", x);
}
static int another_scale(maker *m, int x) {
  (void)m;
  return x;
}

static int (*const functions[])(maker *, int) = {
    hard_swish, silu, hard_swish_written_out, gelu_written_out, tanh_of_elu, clip, relu, another_scale};

static void a_function_of_one_byte_is_one_table(void **state) {
  (void)state;
  for (size_t i = 0; i < PARE_COUNT(functions); i++) {
    for (int s8 = 0; s8 < 2; s8++) {
      maker m = start_on(ctx, s8 ? PARE_S8 : PARE_U8);
      const int x = input(&m, PARE_SHAPE(2, 131), 0.031f, 118);
      quantized_output(&m, functions[i](&m, x), 0.017f, 61);
      check(&m, "ByteTable", 1, 0);
    }
  }
}

static void constants_of_a_higher_rank_give_theirs(void **state) {
  (void)state;
  maker m = start_on(ctx, PARE_U8);
  const float half = 0.5f;
  const int x = input(&m, PARE_SHAPE(256), 0.031f, 118);
  const int y = binary(&m, "Mul", x, constant(&m, PARE_F32, PARE_SHAPE(1, 1, 1), &half));
  quantized_output(&m, unary(&m, "Abs", y), 0.017f, 61);
  check(&m, "ByteTable", 1, 0);
}

static void what_others_read_in_between_is_still_computed(void **state) {
  (void)state;
  maker m = start_on(ctx, PARE_U8);
  const int x = input(&m, PARE_SHAPE(256), 0.031f, 118), y = unary(&m, "HardSwish", x);
  quantized_output(&m, y, 0.017f, 61);
  output(&m, y);
  assert_int_equal(pare_model_finish(m.model), PARE_OK);
  pare_session *want = session_of(&m, false), *have = session_of(&m, true);
  assert_int_equal(count_steps(have, "ByteTable"), 1);
  assert_int_equal(count_steps(have, "HardSwish"), 1);
  for (int i = 0; i < 2; i++) {
    const pare_tensor_view a = pare_session_output(want, i), b = pare_session_output(have, i);
    assert_memory_equal(a.data, b.data, a.len_bytes);
  }
  pare_session_free(want);
  pare_session_free(have);
  pare_model_free(m.model);
}

/* No step is a table, and the bytes are those of the operators as they are written. Frees the model. */
static void check_without_table(maker *m) {
  assert_int_equal(m->status, PARE_OK);
  assert_int_equal(pare_model_finish(m->model), PARE_OK);
  pare_session *want = session_of(m, false), *have = session_of(m, true);
  assert_int_equal(count_steps(have, "ByteTable"), 0);
  const pare_tensor_view a = pare_session_output(want, 0), b = pare_session_output(have, 0);
  assert_memory_equal(a.data, b.data, a.len_bytes);
  pare_session_free(want);
  pare_session_free(have);
  pare_model_free(m->model);
}

/* Two tensors, or a constant for each place: no function of one byte. */
static void what_is_no_function_of_one_byte_runs_as_it_is_written(void **state) {
  (void)state;
  for (int i = 0; i < 2; i++) {
    static const float many[2] = {0.5f, 2.0f};
    maker m = start_on(ctx, PARE_U8);
    const int x = input(&m, PARE_SHAPE(128, 2), 0.031f, 118);
    const int other =
        i ? constant(&m, PARE_F32, PARE_SHAPE(2), many) : input(&m, PARE_SHAPE(128, 2), 0.02f, 7);
    quantized_output(&m, unary(&m, "Abs", binary(&m, "Max", x, other)), 0.017f, 61);
    check_without_table(&m);
  }
}

static void sixteen_bits_are_no_byte(void **state) {
  (void)state;
  const pare_shape shape = PARE_SHAPE(64, 2);
  const uint16_t zero = 300;
  maker m = start_on(ctx, PARE_U8);
  int x = 0;
  note(&m, pare_model_add_value(m.model, "x", PARE_U16, &shape, &x));
  m.model->inputs[m.model->n_inputs++] = x;
  const int inputs[3] = {x, number(&m, 0.001f), constant(&m, PARE_U16, (pare_shape){0}, &zero)};
  quantized_output(&m, unary(&m, "Abs", node(&m, "DequantizeLinear", inputs, 3)), 0.017f, 61);
  check_without_table(&m);
}

/* With DequantizeLinear and QuantizeLinear, 22 operators are the most that a table is looked for behind. */
static void a_chain_may_be_so_long(void **state) {
  (void)state;
  for (int n = 22; n < 25; n++) {
    maker m = start_on(ctx, PARE_U8);
    int y = input(&m, PARE_SHAPE(256), 0.031f, 118);
    for (int i = 0; i < n; i++) y = unary(&m, "Neg", y);
    quantized_output(&m, y, 0.017f, 61);
    if (n == 22)
      check(&m, "ByteTable", 1, 0);
    else
      check_without_table(&m);
  }
}

static void a_normalisation_is_one_pass(void **state) {
  (void)state;
  for (int i = 0; i < 8; i++) {
    const int64_t c = i & 4 ? 70 : 3;
    float p[4][70];
    maker m = start_on(ctx, i & 1 ? PARE_S8 : PARE_U8);
    for (int k = 0; k < 4; k++)
      for (int j = 0; j < 70; j++) p[k][j] = 0.6f + 0.3f * sinf((float)(k * 70 + j)) - (k == 2 ? 0.5f : 0.0f);
    const int x = input(&m, i & 4 ? PARE_SHAPE(300, c) : PARE_SHAPE(2, c, 9, 30), 0.031f, 118);
    int inputs[5] = {x};
    for (int k = 0; k < 4; k++) inputs[k + 1] = constant(&m, PARE_F32, PARE_SHAPE(c), p[k]);
    int y = node(&m, "BatchNormalization", inputs, 5);
    assert_int_equal(pare_node_set_float(m.model, last_node(&m), "epsilon", 0.01f), PARE_OK);
    if (i & 2) y = clip(&m, y);
    quantized_output(&m, y, 0.017f, 61);
    check(&m, "ByteNorm", 1, 0);
  }
}

/* ---- operators of their own ------------------------------------------------------------------------------------------------ */
static void parts_of_other_scales_are_joined_exactly(void **state) {
  (void)state;
  for (int s8 = 0; s8 < 2; s8++) {
    maker m = start_on(ctx, s8 ? PARE_S8 : PARE_U8);
    const int a = input(&m, PARE_SHAPE(2, 100, 3), 0.031f, 118),
              b = input(&m, PARE_SHAPE(2, 50, 3), 0.02f, 61);
    const int y = node(&m, "Concat", (const int[]){a, b, a}, 3);
    assert_int_equal(pare_node_set_int(m.model, last_node(&m), "axis", -2), PARE_OK);
    quantized_output(&m, y, 0.02f, 61);
    check(&m, "QLinearConcat", 1, 0);
  }
}

/* As exporters write it before an AveragePool. */
static void a_pad_by_nothing_moves_bytes(void **state) {
  (void)state;
  static const int64_t nothing[4];
  maker m = start_on(ctx, PARE_U8);
  const int x = input(&m, PARE_SHAPE(8, 32), 0.031f, 118);
  const int inputs[3] = {x, constant(&m, PARE_S64, PARE_SHAPE(4), nothing), number(&m, 0.0f)};
  quantized_output(&m, node(&m, "Pad", inputs, 3), 0.031f, 118);
  check(&m, "Pad", 1, 0);
}

static void sigmoids_and_leaky_relus_are_exact(void **state) {
  (void)state;
  for (int i = 0; i < 4; i++) {
    maker m = start_on(ctx, i & 1 ? PARE_S8 : PARE_U8);
    const int x = input(&m, PARE_SHAPE(256), 0.031f, 118);
    const int y = unary(&m, i & 2 ? "LeakyRelu" : "Sigmoid", x);
    quantized_output(&m, y, 0.017f, 61);
    check(&m, i & 2 ? "QLinearLeakyRelu" : "QLinearSigmoid", 1, 0);
  }
}

/* These round the quotient with the zero point, as ONNX Runtime does: half a step may go the other way. */
static void products_and_means_are_a_step_away_at_most(void **state) {
  (void)state;
  for (int s8 = 0; s8 < 2; s8++) {
    const pare_dtype dtype = s8 ? PARE_S8 : PARE_U8;
    maker m = start_on(ctx, dtype);
    const int a = input(&m, PARE_SHAPE(2, 8, 9, 7), 0.031f, 118),
              b = input(&m, PARE_SHAPE(2, 8, 1, 1), 0.02f, 61);
    quantized_output(&m, binary(&m, "Mul", a, b), 0.05f, 90);
    check(&m, "QLinearMul", 1, 1);

    m = start_on(ctx, dtype);
    int y = unary(&m, "AveragePool", input(&m, PARE_SHAPE(2, 8, 9, 7), 0.031f, 118));
    assert_int_equal(pare_node_set_ints(m.model, last_node(&m), "kernel_shape", (const int64_t[]){3, 2}, 2),
                     PARE_OK);
    assert_int_equal(pare_node_set_ints(m.model, last_node(&m), "pads", (const int64_t[]){1, 0, 1, 1}, 4),
                     PARE_OK);
    quantized_output(&m, y, 0.02f, 90);
    check(&m, "QLinearAveragePool", 1, 1);

    static const int64_t axes[2] = {-1, 2};
    m = start_on(ctx, dtype);
    const int x = input(&m, PARE_SHAPE(2, 8, 9, 7), 0.031f, 118);
    quantized_output(&m, binary(&m, "ReduceMean", x, constant(&m, PARE_S64, PARE_SHAPE(2), axes)), 0.02f, 90);
    check(&m, "QLinearGlobalAveragePool", 1, 1);
  }
}

static void a_mean_without_its_axes_is_flat(void **state) {
  (void)state;
  static const int64_t axes[2] = {2, 3};
  maker m = start_on(ctx, PARE_U8);
  const int x = input(&m, PARE_SHAPE(2, 8, 9, 7), 0.031f, 118);
  const int y = binary(&m, "ReduceMean", x, constant(&m, PARE_S64, PARE_SHAPE(2), axes));
  assert_int_equal(pare_node_set_int(m.model, last_node(&m), "keepdims", 0), PARE_OK);
  quantized_output(&m, y, 0.02f, 90);
  assert_int_equal(pare_model_finish(m.model), PARE_OK);
  pare_session *want = session_of(&m, false), *have = session_of(&m, true);
  assert_int_equal(count_steps(have, "QLinearGlobalAveragePool"), 1);
  const pare_tensor_view a = pare_session_output(want, 0), b = pare_session_output(have, 0);
  assert_true(pare_shape_equal(&a.shape, &b.shape));
  for (size_t k = 0; k < a.len_bytes; k++)
    assert_in_range(((const uint8_t *)a.data)[k] + 1 - ((const uint8_t *)b.data)[k], 0, 2);
  pare_session_free(want);
  pare_session_free(have);
  pare_model_free(m.model);
}

/* ---- memory ------------------------------------------------------------------------------------------------------------- */
static pare_status make_and_run(pare_context *on) {
  maker m = start_on(on, PARE_U8);
  pare_session *session = NULL;
  const int x = input(&m, PARE_SHAPE(1, 2, 4, 4), 0.03f, 118);
  const int y = scaled(&m, "QuantizeLinear", silu(&m, x), 0.017f, 61);
  const int z = scaled(&m, "DequantizeLinear", y, 0.017f, 61);
  quantized_output(&m, binary(&m, "Concat", z, x), 0.02f, 3);
  if (m.status == PARE_OK) m.status = pare_node_set_int(m.model, &m.model->nodes[5], "axis", 1);
  if (m.status == PARE_OK) m.status = pare_model_finish(m.model);
  if (m.status == PARE_OK) m.status = pare_session_new(m.model, NULL, &session);
  if (m.status == PARE_OK) m.status = pare_session_run(session);
  pare_session_free(session);
  pare_model_free(m.model);
  return m.status;
}

static void failing_allocations_leak_nothing(void **state) {
  (void)state;
  for (size_t fail_at = 0;; fail_at++) {
    pare_context *on = failing_context(fail_at);
    if (on) {
      const pare_status status = make_and_run(on);
      if (status != (failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK))
        fail_msg("allocation %zu: %s: %s", fail_at, pare_status_name(status), pare_error(on));
      pare_context_free(on);
    }
    assert_int_equal(failing_live_bytes(), 0);
    if (!failing_happened()) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_function_of_one_byte_is_one_table),
      cmocka_unit_test(constants_of_a_higher_rank_give_theirs),
      cmocka_unit_test(what_others_read_in_between_is_still_computed),
      cmocka_unit_test(what_is_no_function_of_one_byte_runs_as_it_is_written),
      cmocka_unit_test(sixteen_bits_are_no_byte),
      cmocka_unit_test(a_chain_may_be_so_long),
      cmocka_unit_test(a_normalisation_is_one_pass),
      cmocka_unit_test(parts_of_other_scales_are_joined_exactly),
      cmocka_unit_test(a_pad_by_nothing_moves_bytes),
      cmocka_unit_test(sigmoids_and_leaky_relus_are_exact),
      cmocka_unit_test(products_and_means_are_a_step_away_at_most),
      cmocka_unit_test(a_mean_without_its_axes_is_flat),
      cmocka_unit_test(failing_allocations_leak_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
