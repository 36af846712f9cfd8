/* Quantization: tensors against PyTorch's and ONNX's, observers, the passes `quantize` and `quantize_dynamic`, and that what they make runs on
 * integer kernels. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compress/quant/quant_plan.h"
#include "session/session.h"
#include "support/failing_alloc.h"
#include "support/golden.h"
#include "support/unit.h"

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

/* ---- tensors ----------------------------------------------------------------------------------------------------------- */
static pare_tensor part(const char *name, const char *what) {
  char path[160];
  snprintf(path, sizeof path, "tests/golden/quant/%s_%s.npy", name, what);
  return golden_npy(ctx, path);
}

/* PyTorch turns what is beyond 2^63 into the least integer (an undefined conversion); Pare saturates. */
static bool beyond_64_bits(float x, float scale) {
  return fabsf(x / scale) >= 9.0e18f;
}

static void check_golden(const char *name, pare_dtype dtype, int axis, pare_rounding rounding,
                         const pare_tensor *x) {
  pare_tensor scale = part(name, "scale"), zero = part(name, "zero");
  pare_tensor want = part(name, rounding == PARE_ROUND_TORCH ? "torch" : "onnx"), have;
  assert_int_equal(pare_tensor_new(ctx, dtype, &x->shape, &have), PARE_OK);
  const pare_shape flat = PARE_SHAPE(1, pare_tensor_count(x));
  assert_int_equal(pare_quantize_affine_axis(ctx, pare_f32(x), axis < 0 ? &flat : &x->shape,
                                             axis < 0 ? 0 : axis, pare_f32(&scale), pare_s32(&zero), dtype,
                                             rounding, have.data),
                   PARE_OK);
  const int64_t columns = x->shape.dims[1];
  for (int64_t i = 0; i < pare_tensor_count(x); i++) {
    const int64_t c = axis < 0 ? 0 : axis == 0 ? i / columns : i % columns;
    if (rounding == PARE_ROUND_TORCH && beyond_64_bits(pare_f32(x)[i], pare_f32(&scale)[c])) continue;
    if (pare_tensor_get_s64(&have, i) != pare_tensor_get_s64(&want, i)) {
      fail_msg("%s, rounding %d: element %lld (%.9g) is %lld, expected %lld", name, rounding, (long long)i,
               (double)pare_f32(x)[i], (long long)pare_tensor_get_s64(&have, i),
               (long long)pare_tensor_get_s64(&want, i));
    }
  }
  pare_tensor_release(&have);
  pare_tensor_release(&want);
  pare_tensor_release(&scale);
  pare_tensor_release(&zero);
}

static void check_dequantized(const char *name, pare_dtype dtype) {
  pare_tensor scale = part(name, "scale"), zero = part(name, "zero"), q = part(name, "torch"),
              want = part(name, "dequantized");
  const int64_t n = pare_tensor_count(&q);
  float *have = pare_alloc_array(ctx, (size_t)n, sizeof *have);
  if (pare_tensor_count(&scale) == 1) {
    pare_dequantize_affine(q.data, dtype, n, *pare_f32(&scale), *pare_s32(&zero), have);
    assert_memory_equal(have, want.data, (size_t)n * sizeof *have);
  }
  pare_free(ctx, have);
  pare_tensor_release(&q);
  pare_tensor_release(&want);
  pare_tensor_release(&scale);
  pare_tensor_release(&zero);
}

static void quantized_tensors_equal_pytorch_and_onnx(void **state) {
  (void)state;
  pare_tensor x = golden_npy(ctx, "tests/golden/quant/x.npy");
  pare_buffer text;
  assert_int_equal(pare_file_read(ctx, PARE_SOURCE_DIR "/tests/golden/quant/cases.txt", &text), PARE_OK);
  char *copy = pare_alloc(ctx, text.len_bytes + 1), *rest = NULL, *line;
  memcpy(copy, text.data, text.len_bytes);
  int n_cases = 0;
  for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
    char name[64], type[8];
    int axis;
    assert_int_equal(sscanf(line, "%63s %7s %d", name, type, &axis), 3);
    const pare_dtype dtype = strcmp(type, "u8") == 0 ? PARE_U8 : strcmp(type, "s8") == 0 ? PARE_S8 : PARE_S32;
    check_golden(name, dtype, axis, PARE_ROUND_TORCH, &x);
    check_golden(name, dtype, axis, PARE_ROUND_ONNX, &x);
    check_dequantized(name, dtype);
    n_cases++;
  }
  assert_int_equal(n_cases, 15);
  pare_free(ctx, copy);
  pare_buffer_free(ctx, &text);
  pare_tensor_release(&x);
}

static void the_two_roundings_differ_where_the_reciprocal_is_inexact(void **state) {
  (void)state;
  const float x = 0.15f; /* 0.15 / 0.1 is below 1.5 in f32, 0.15 * 10 is 1.5 */
  uint8_t onnx, torch;
  assert_int_equal(pare_quantize_affine(ctx, &x, 1, 0.1f, 0, PARE_U8, PARE_ROUND_ONNX, &onnx), PARE_OK);
  assert_int_equal(pare_quantize_affine(ctx, &x, 1, 0.1f, 0, PARE_U8, PARE_ROUND_TORCH, &torch), PARE_OK);
  assert_int_equal(onnx, (uint8_t)nearbyintf(x / 0.1f));
  assert_int_equal(torch, 2);
  assert_int_equal(pare_quantize_affine(ctx, &x, 1, 0.1f, 0, PARE_F32, PARE_ROUND_ONNX, &onnx),
                   PARE_BAD_ARGUMENT);
}

static void ranges_become_scales_that_hold_zero_exactly(void **state) {
  (void)state;
  pare_affine a = pare_affine_of_range(-1.0f, 1.55f, PARE_U8);
  assert_true(fabsf(a.scale - 0.01f) < 1e-8f);
  assert_int_equal(a.zero, 100);
  a = pare_affine_of_range(0.5f, 2.55f, PARE_S8); /* zero is taken in */
  assert_true(fabsf(a.scale - 0.01f) < 1e-8f);
  assert_int_equal(a.zero, -128);
  a = pare_affine_of_range(-2.55f, -1.0f, PARE_U8);
  assert_int_equal(a.zero, 255);
  a = pare_affine_of_range(0.0f, 0.0f, PARE_U8);
  assert_true(a.scale == PARE_SCALE_MIN);
  assert_int_equal(a.zero, 0);
  assert_true(pare_affine_symmetric(0.0f) == PARE_SCALE_MIN);
  assert_true(pare_affine_symmetric(12.7f) == 12.7f / 127.0f);
}

static void observers_keep_extremes_or_a_moving_average(void **state) {
  (void)state;
  pare_range extremes = {0}, average = {0};
  const float batches[3][2] = {{-1, 1}, {-3, 0.5f}, {0, 2}};
  for (int i = 0; i < 3; i++) {
    pare_observer_minmax.update(&extremes, batches[i][0], batches[i][1], 0.1f);
    pare_observer_moving_average.update(&average, batches[i][0], batches[i][1], 0.1f);
  }
  assert_true(extremes.low == -3.0f && extremes.high == 2.0f);
  golden_close("low", average.low, -1.08, 1e-6, 0);   /* -1, -1.2, -1.08 */
  golden_close("high", average.high, 1.055, 1e-6, 0); /* 1, 0.95, 1.055 */
}

/* ---- running a pass ---------------------------------------------------------------------------------------------------- */
static pare_status run_pass(pare_context *on, const pare_model *model, const pare_dataset *data,
                            const char *step, pare_model **out) {
  pare_json_doc *doc = NULL;
  pare_arena arena;
  *out = NULL;
  PARE_TRY(pare_json_parse(on, step, strlen(step), PARE_BAD_RECIPE, &doc));
  const pare_pass *pass = pare_pass_find(pare_json_get_text(doc, pare_json_member(doc, 0, "pass")));
  assert_non_null(pass);
  pare_arena_init(&arena, on);
  void *params = pare_arena_alloc(&arena, pass->params_bytes), *work = NULL;
  pare_status status = params ? pare_params_read(&arena, pass, doc, 0, 1, params) : PARE_OUT_OF_MEMORY;
  const pare_run_options options = {0};
  const pare_pass_env env = {on, model, model, data, &options, 7, params};
  pare_pass_progress progress = {0};
  if (status == PARE_OK && pass->apply) {
    status = pass->apply(&env, out, NULL);
  } else if (status == PARE_OK) {
    status = pass->start(&env, &work);
    while (status == PARE_OK && !*out) {
      const uint64_t before = progress.done;
      status = pass->step(work, 0, &progress, out, NULL);
      if (status == PARE_OK && !*out) assert_true(progress.done > before && progress.done <= progress.total);
    }
    pass->stop(work);
  }
  pare_arena_free(&arena);
  pare_json_doc_free(doc);
  return status;
}

static pare_dataset *fashion;

static pare_model *example(const char *name) {
  char path[160];
  snprintf(path, sizeof path, "examples/models/%s.onnx", name);
  if (!fashion) assert_int_equal(pare_dataset_open(ctx, "fashion-mnist", &fashion), PARE_OK);
  return golden_model(ctx, path);
}

static pare_model *quantized(const char *name, const char *step) {
  pare_model *model = example(name), *out;
  if (run_pass(ctx, model, fashion, step, &out) != PARE_OK) fail_msg("%s: %s", name, pare_error(ctx));
  pare_model_free(model);
  return out;
}

static pare_session *plan(const pare_model *model, int64_t batch, bool fuse) {
  pare_session *session;
  const pare_shape shape = PARE_SHAPE(batch, 1, 28, 28);
  const pare_plan_options options = {.batch = batch, .input_shapes = &shape, .fuse = fuse};
  if (pare_session_plan(model, &options, &session) != PARE_OK) fail_msg("%s", pare_error(ctx));
  return session;
}

/* Logits of the first test images; freed by the caller. */
static float *logits(const pare_model *model, int64_t batch, bool fuse) {
  pare_session *session = plan(model, batch, fuse);
  pare_dataset_gather(fashion, &fashion->test, NULL, 0, batch, pare_session_input(session, 0).data, NULL);
  assert_int_equal(pare_session_run(session), PARE_OK);
  const pare_tensor_view out = pare_session_output(session, 0);
  float *copy = pare_alloc(ctx, out.len_bytes);
  memcpy(copy, out.data, out.len_bytes);
  pare_session_free(session);
  return copy;
}

static int count_op(const pare_model *model, const char *op) {
  int n = 0;
  for (int i = 0; i < model->n_nodes; i++) n += strcmp(model->nodes[i].op_type, op) == 0;
  return n;
}

/* Largest difference, in units of the largest value. */
static double difference(const float *a, const float *b, int64_t n) {
  double most = 0, scale = 0;
  for (int64_t i = 0; i < n; i++) {
    most = fmax(most, fabs((double)a[i] - (double)b[i]));
    scale = fmax(scale, fabs((double)a[i]));
  }
  return most / scale;
}

/* ---- static ------------------------------------------------------------------------------------------------------------ */
static const char *const networks[] = {"lenet5", "lenet5_caffe", "lenet300", "resnet8", "dscnn"};

static void quantized_networks_run_on_integers_from_input_to_logits(void **state) {
  (void)state;
  for (size_t i = 0; i < PARE_COUNT(networks); i++) {
    pare_model *model = quantized(networks[i], "{\"pass\": \"quantize\", \"samples\": 64}");
    pare_session *session = plan(model, 2, true);
    const pare_model *planned = session->model;
    assert_int_equal(count_op(planned, "QuantizeLinear"), 1); /* of the image */
    assert_int_equal(count_op(planned, "DequantizeLinear"), 0);
    static const char *const f32_ops[] = {"Conv", "Gemm", "MatMul", "Add", "GlobalAveragePool",
                                          "Relu", "Clip"};
    for (size_t k = 0; k < PARE_COUNT(f32_ops); k++) assert_int_equal(count_op(planned, f32_ops[k]), 0);
    for (int s = 0; s < session->n_steps; s++) {
      const pare_call *call = &session->steps[s].call;
      if (strcmp(call->node->op_type, "MaxPool") == 0) assert_int_equal(call->in[0]->dtype, PARE_U8);
    }
    pare_session_free(session);
    pare_model_free(model);
  }
}

static void integer_execution_is_close_to_the_simulation_and_to_f32(void **state) {
  (void)state;
  for (size_t i = 0; i < PARE_COUNT(networks); i++) {
    pare_model *original = example(networks[i]);
    for (int s8 = 0; s8 < 2; s8++) {
      pare_model *model =
          quantized(networks[i], s8 ? "{\"pass\": \"quantize\", \"samples\": 128, \"activations\": \"s8\"}"
                                    : "{\"pass\": \"quantize\", \"samples\": 128}");
      float *integer = logits(model, 50, true), *simulated = logits(model, 50, false),
            *exact = logits(original, 50, true);
      if (!(difference(simulated, integer, 500) < 0.03))
        fail_msg("%s: %g", networks[i], difference(simulated, integer, 500));
      if (!(difference(exact, integer, 500) < 0.12))
        fail_msg("%s f32: %g", networks[i], difference(exact, integer, 500));
      assert_true(difference(exact, integer, 500) > 0); /* it is int8, after all */
      pare_free(ctx, integer);
      pare_free(ctx, simulated);
      pare_free(ctx, exact);
      pare_model_free(model);
    }
    pare_model_free(original);
  }
}

static const pare_tensor *initializer(const pare_model *model, const char *name) {
  const int i = pare_model_find_value(model, name);
  if (i < 0) fail_msg("there is no '%s'", name);
  assert_true(model->values[i].is_initializer);
  return &model->values[i].tensor;
}

static void the_graph_is_qdq_with_the_documented_names(void **state) {
  (void)state;
  pare_model *model = quantized("lenet5_caffe", "{\"pass\": \"quantize\", \"samples\": 64}");
  assert_int_equal(count_op(model, "Conv"), 2);
  assert_int_equal(count_op(model, "Gemm"), 2);
  assert_true(pare_model_opset(model, "") >= 13);
  const pare_tensor *w = initializer(model, "2.weight_quantized");
  assert_int_equal(w->dtype, PARE_S8);
  assert_int_equal(pare_tensor_count(initializer(model, "2.weight_scale")), 50);
  assert_int_equal(initializer(model, "2.weight_zero_point")->dtype, PARE_S8);
  assert_int_equal(initializer(model, "2.bias_quantized")->dtype, PARE_S32);
  const float x_scale = *pare_f32(initializer(model, "/1/MaxPool_output_0_scale"));
  for (int i = 0; i < 50; i++) {
    assert_true(pare_f32(initializer(model, "2.bias_scale"))[i] ==
                x_scale * pare_f32(initializer(model, "2.weight_scale"))[i]);
  }
  /* pooling keeps the scale of its input */
  assert_true(*pare_f32(initializer(model, "/0/Conv_output_0_scale")) == x_scale);
  for (int64_t i = 0; i < pare_tensor_count(w); i++) assert_true(pare_s8(w)[i] >= -127);
  assert_true(pare_model_find_value(model, "/6/Relu_output_0_dequantized") >= 0);
  assert_true(pare_model_find_value(model, "/5/Gemm_output_0_dequantized") <
              0); /* nothing between Gemm and Relu */
  assert_true(pare_model_find_value(model, "logits_quantized") < 0);
  assert_true(pare_model_find_value(model, "2.weight") < 0);
  pare_model_free(model);
}

static void threads_change_nothing(void **state) {
  (void)state;
  for (size_t i = 0; i < PARE_COUNT(networks); i++) {
    pare_model *model = quantized(networks[i], "{\"pass\": \"quantize\", \"samples\": 16}");
    float *alone = logits(model, 20, true);
    pare_session *session;
    const pare_session_options options = {.batch = 20, .n_threads = 3};
    assert_int_equal(pare_session_new(model, &options, &session), PARE_OK);
    pare_dataset_gather(fashion, &fashion->test, NULL, 0, 20, pare_session_input(session, 0).data, NULL);
    assert_int_equal(pare_session_run(session), PARE_OK);
    assert_memory_equal(alone, pare_session_output(session, 0).data, 200 * sizeof *alone);
    pare_session_free(session);
    pare_free(ctx, alone);
    pare_model_free(model);
  }
}

static void a_named_layer_stays_f32(void **state) {
  (void)state;
  pare_model *model =
      quantized("lenet5_caffe", "{\"pass\": \"quantize\", \"samples\": 64, \"exclude\": [\"/2/Conv\"]}");
  assert_int_equal(initializer(model, "2.weight")->dtype, PARE_F32);
  assert_int_equal(initializer(model, "5.weight_quantized")->dtype, PARE_S8);
  pare_session *session = plan(model, 1, true);
  assert_int_equal(count_op(session->model, "Conv"), 1);
  assert_int_equal(count_op(session->model, "QLinearConv"), 1);
  assert_int_equal(count_op(session->model, "QGemm"), 2);
  pare_session_free(session);
  pare_model_free(model);
  model = quantized("lenet5_caffe", "{\"pass\": \"quantize\", \"samples\": 64, \"layers\": [\"/5/Gemm\"]}");
  assert_int_equal(initializer(model, "2.weight")->dtype, PARE_F32);
  assert_int_equal(initializer(model, "5.weight_quantized")->dtype, PARE_S8);
  pare_model_free(model);
}

static void per_tensor_weights_have_one_scale(void **state) {
  (void)state;
  pare_model *model =
      quantized("lenet300", "{\"pass\": \"quantize\", \"samples\": 64, \"weights\": \"s8_per_tensor\", "
                            "\"observer\": \"moving_average\"}");
  assert_int_equal(initializer(model, "1.weight_scale")->shape.rank, 0);
  assert_int_equal(pare_tensor_count(initializer(model, "1.bias_scale")), 1);
  pare_session *session = plan(model, 1, true);
  assert_int_equal(count_op(session->model, "QGemm"), 3);
  pare_session_free(session);
  pare_model_free(model);
}

static void a_channel_of_zeros_keeps_its_bias(void **state) {
  (void)state;
  pare_model *original = example("lenet5_caffe"), *model, *out;
  assert_int_equal(pare_model_clone(original, &model), PARE_OK);
  pare_tensor *w, *b;
  assert_int_equal(pare_model_edit_initializer(model, pare_model_find_value(model, "0.weight"), &w), PARE_OK);
  assert_int_equal(pare_model_edit_initializer(model, pare_model_find_value(model, "0.bias"), &b), PARE_OK);
  for (int i = 0; i < 25; i++) pare_f32(w)[i] = 0.0f;
  pare_f32(b)[0] = 50.0f;
  if (run_pass(ctx, model, fashion, "{\"pass\": \"quantize\", \"samples\": 64}", &out) != PARE_OK)
    fail_msg("%s", pare_error(ctx));
  const float scale = *pare_f32(initializer(out, "0.bias_scale"));
  assert_true(*pare_f32(initializer(out, "0.weight_scale")) > 0.0f);
  assert_true(scale > 0.0f);
  golden_close("bias", (double)*pare_s32(initializer(out, "0.bias_quantized")) * (double)scale, 50.0, 1e-5,
               0);
  pare_model_free(out);
  pare_model_free(model);
  pare_model_free(original);
}

static void wrong_names_and_models_without_layers_are_refused(void **state) {
  (void)state;
  pare_model *model = example("lenet5"), *out;
  assert_int_equal(run_pass(ctx, model, fashion, "{\"pass\": \"quantize\", \"exclude\": [\"nobody\"]}", &out),
                   PARE_BAD_RECIPE);
  assert_error_has(ctx, "exclude: there is no layer 'nobody'");
  assert_int_equal(
      run_pass(ctx, model, fashion, "{\"pass\": \"quantize_dynamic\", \"layers\": [\"/0/Conv\"]}", &out),
      PARE_BAD_RECIPE);
  assert_error_has(ctx, "there is no layer to quantize");
  pare_model *once;
  assert_int_equal(run_pass(ctx, model, fashion, "{\"pass\": \"quantize\", \"samples\": 8}", &once), PARE_OK);
  assert_int_equal(run_pass(ctx, once, fashion, "{\"pass\": \"quantize\", \"samples\": 8}", &out),
                   PARE_BAD_RECIPE);
  pare_model_free(once);
  pare_model_free(model);
}

/* ---- dynamic ----------------------------------------------------------------------------------------------------------- */
static void dynamic_quantization_rewrites_linear_layers_and_lstms(void **state) {
  (void)state;
  pare_model *original = example("lstm_student");
  static const char *const steps[] = {"{\"pass\": \"quantize_dynamic\"}",
                                      "{\"pass\": \"quantize_dynamic\", \"weights\": \"s8_per_tensor\"}"};
  for (int i = 0; i < 2; i++) {
    pare_model *model;
    if (run_pass(ctx, original, NULL, steps[i], &model) != PARE_OK) fail_msg("%s", pare_error(ctx));
    assert_int_equal(count_op(model, "LSTM"), 0);
    assert_int_equal(count_op(model, "DynamicQuantizeLSTM"), 1);
    assert_int_equal(count_op(model, "MatMulInteger"), 1);
    assert_int_equal(count_op(model, "Gemm"), 0);
    assert_int_equal(pare_model_opset(model, "com.microsoft"), 1);
    assert_int_equal(initializer(model, "onnx::LSTM_121_quantized")->dtype, PARE_S8);
    float *have = logits(model, 50, true), *exact = logits(original, 50, true);
    if (!(difference(exact, have, 500) < 0.1)) fail_msg("%s: %g", steps[i], difference(exact, have, 500));
    assert_true(difference(exact, have, 500) > 0);
    pare_free(ctx, have);
    pare_free(ctx, exact);
    pare_model_free(model);
  }
  pare_model_free(original);
}

/* ---- failing memory ---------------------------------------------------------------------------------------------------- */
static float weight_at(int64_t i) {
  return (float)((i * 37) % 19 - 9) / 10.0f;
}

static pare_status add_f32(pare_model *model, const char *name, pare_shape shape, int *out) {
  pare_tensor tensor;
  PARE_TRY(pare_tensor_new(model->ctx, PARE_F32, &shape, &tensor));
  for (int64_t i = 0; i < pare_tensor_count(&tensor); i++) pare_f32(&tensor)[i] = weight_at(i);
  return pare_model_add_initializer(model, name, &tensor, out);
}

/* x [N,2] -> Gemm -> Relu -> Gemm -> y [N,k]. */
static pare_status fill_mlp(pare_model *model, int64_t k) {
  const pare_shape x_shape = PARE_SHAPE(-1, 2), h_shape = PARE_SHAPE(-1, 6), y_shape = PARE_SHAPE(-1, k);
  int x, h, a, y, w1, b1, w2, b2;
  pare_node *node;
  PARE_TRY(pare_model_add_value(model, "x", PARE_F32, &x_shape, &x));
  PARE_TRY(pare_model_add_value(model, "h", PARE_F32, &h_shape, &h));
  PARE_TRY(pare_model_add_value(model, "a", PARE_F32, &h_shape, &a));
  PARE_TRY(pare_model_add_value(model, "y", PARE_F32, &y_shape, &y));
  PARE_TRY(add_f32(model, "w1", PARE_SHAPE(2, 6), &w1));
  PARE_TRY(add_f32(model, "b1", PARE_SHAPE(6), &b1));
  PARE_TRY(add_f32(model, "w2", PARE_SHAPE(6, k), &w2));
  PARE_TRY(add_f32(model, "b2", PARE_SHAPE(k), &b2));
  const int first[3] = {x, w1, b1}, second[3] = {a, w2, b2};
  PARE_TRY(pare_model_add_node(model, "Gemm", "", "one", first, 3, &h, 1, &node));
  PARE_TRY(pare_model_add_node(model, "Relu", "", "relu", &h, 1, &a, 1, &node));
  PARE_TRY(pare_model_add_node(model, "Gemm", "", "two", second, 3, &y, 1, &node));
  model->inputs = pare_arena_array(&model->arena, 1, sizeof(int));
  model->outputs = pare_arena_array(&model->arena, 1, sizeof(int));
  if (!model->inputs || !model->outputs) return PARE_OUT_OF_MEMORY;
  model->inputs[0] = x;
  model->outputs[0] = y;
  model->n_inputs = model->n_outputs = 1;
  return pare_model_finish(model);
}

static pare_status quantize_and_run(pare_context *on, const char *step) {
  pare_dataset *data = NULL;
  pare_model *model = NULL, *out = NULL;
  pare_session *session = NULL;
  pare_status status = pare_dataset_open(on, "spirals", &data);
  if (status == PARE_OK) status = pare_model_new(on, &model);
  if (status == PARE_OK) status = fill_mlp(model, 3);
  if (status == PARE_OK) status = run_pass(on, model, data, step, &out);
  if (status == PARE_OK) status = pare_session_new(out, NULL, &session);
  if (status == PARE_OK) status = pare_session_run(session);
  pare_session_free(session);
  pare_model_free(out);
  pare_model_free(model);
  pare_dataset_free(data);
  return status;
}

static void failing_allocations_leak_nothing(void **state) {
  (void)state;
  static const char *const steps[] = {"{\"pass\": \"quantize\", \"samples\": 20, \"batch\": 8}",
                                      "{\"pass\": \"quantize_dynamic\"}"};
  for (int i = 0; i < 2; i++) {
    for (size_t fail_at = 0;; fail_at++) {
      pare_context *on = failing_context(fail_at);
      if (on) {
        const pare_status status = quantize_and_run(on, steps[i]);
        if (status != (failing_happened() ? PARE_OUT_OF_MEMORY : PARE_OK))
          fail_msg("allocation %zu: %s: %s", fail_at, pare_status_name(status), pare_error(on));
        pare_context_free(on);
      }
      assert_int_equal(failing_live_bytes(), 0);
      if (!failing_happened()) break;
    }
  }
}

static int free_data(void **state) {
  pare_dataset_free(fashion);
  fashion = NULL;
  return tear_down(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(quantized_tensors_equal_pytorch_and_onnx),
      cmocka_unit_test(the_two_roundings_differ_where_the_reciprocal_is_inexact),
      cmocka_unit_test(ranges_become_scales_that_hold_zero_exactly),
      cmocka_unit_test(observers_keep_extremes_or_a_moving_average),
      cmocka_unit_test(quantized_networks_run_on_integers_from_input_to_logits),
      cmocka_unit_test(integer_execution_is_close_to_the_simulation_and_to_f32),
      cmocka_unit_test(the_graph_is_qdq_with_the_documented_names),
      cmocka_unit_test(threads_change_nothing),
      cmocka_unit_test(a_named_layer_stays_f32),
      cmocka_unit_test(per_tensor_weights_have_one_scale),
      cmocka_unit_test(a_channel_of_zeros_keeps_its_bias),
      cmocka_unit_test(wrong_names_and_models_without_layers_are_refused),
      cmocka_unit_test(dynamic_quantization_rewrites_linear_layers_and_lstms),
      cmocka_unit_test(failing_allocations_leak_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, free_data);
}
