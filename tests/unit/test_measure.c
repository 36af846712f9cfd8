/* Sizes, compute, entropy, evaluation and error of models whose numbers are known. */
#include "unit.h"

#include "graph/graph.h"
#include "little_mlp.h"
#include "measure/measure.h"
#include "measure/stored.h"
#include "onnx_maker.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) == PARE_OK ? 0 : 1;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

static void must(pare_status status) {
  if (status != PARE_OK) fail_msg("%s: %s", pare_status_name(status), pare_error(ctx));
}

static pare_model *load(const char *name) {
  char path[512];
  pare_model *model = NULL;
  snprintf(path, sizeof path, "%s/examples/models/%s.onnx", PARE_SOURCE_DIR, name);
  must(pare_model_load_file(ctx, path, &model));
  return model;
}

static const pare_layer_report *row(const pare_model_report *report, const char *name) {
  for (int i = 0; i < report->n_layers; i++)
    if (strcmp(report->layers[i].name, name) == 0) return &report->layers[i];
  fail_msg("there is no layer '%s'", name);
  return NULL;
}

static void lenet5_has_its_known_parameters_and_compute(void **state) {
  (void)state;
  pare_model_report report;
  pare_model *model = load("lenet5");
  must(pare_measure_model(model, NULL, 2, &report));
  assert_int_equal(report.n_layers, 12);
  assert_int_equal(report.parameters, 61706);
  assert_true(report.nonzeros > 61600 && report.nonzeros <= 61706);
  assert_int_equal(report.bytes, 4 * 61706);
  assert_int_equal(report.macs, 416520);
  assert_true(report.entropy_bytes > 4 * 61706 / 2 && report.entropy_bytes < 4 * 61706);
  assert_true(report.file_bytes > 4 * 61706 && report.file_bytes < 4 * 61706 + 4000);
  assert_true(report.peak_bytes > 4 * 28 * 28);
  assert_true(report.latency_ms > 0);
  const pare_layer_report *conv = row(&report, "/3/Conv");
  assert_string_equal(conv->op_type, "Conv");
  assert_int_equal(conv->parameters, 16 * 6 * 25 + 16);
  assert_int_equal(conv->macs, 240000);
  assert_true(conv->effective_macs <= conv->macs && conv->effective_macs > 239000);
  assert_true(conv->bits == 32);
  assert_true(conv->time_ms >= 0);
  assert_int_equal(conv->output.rank, 4);
  assert_int_equal(conv->output.dims[1], 16);
  assert_int_equal(conv->output.dims[3], 10);
  assert_int_equal(row(&report, "/1/Relu")->parameters, 0);
  assert_true(isnan(conv->sqnr_db));
  pare_model_report_free(&report);
  pare_model_free(model);
}

static void shape_arithmetic_is_no_layer(void **state) {
  (void)state;
  pare_model_report report;
  pare_model *model = load("lstm_student");
  must(pare_measure_model(model, NULL, 0, &report));
  assert_int_equal(report.parameters, 5434);
  for (int i = 0; i < report.n_layers; i++) {
    assert_string_not_equal(report.layers[i].op_type, "Shape");
    assert_string_not_equal(report.layers[i].op_type, "Constant");
    assert_string_not_equal(report.layers[i].op_type, "Concat");
  }
  /* 28 steps of 4 gates: 24 units of 28 inputs and 24 states */
  assert_int_equal(row(&report, "/lstm/LSTM")->macs, 28 * 4 * 24 * (28 + 24));
  assert_true(isnan(report.latency_ms));
  pare_model_report_free(&report);
  pare_model_free(model);
}

static void every_bundled_model_has_its_recorded_parameters(void **state) {
  (void)state;
  static const struct {
    const char *name;
    uint64_t parameters, macs;
  } cases[] = {{"lenet300", 266610, 266200}, {"lenet5_caffe", 431080, 2293000}, {"resnet8", 77418, 9345920}};
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_model_report report;
    pare_model *model = load(cases[i].name);
    must(pare_measure_model(model, NULL, 0, &report));
    assert_int_equal(report.parameters, cases[i].parameters);
    assert_int_equal(report.macs, cases[i].macs);
    pare_model_report_free(&report);
    pare_model_free(model);
  }
}

/* Entropy and non-zeros of hand-made tensors. */
static pare_stored stored_of(pare_tensor *tensor, pare_tensor *zero_point, int axis) {
  return (pare_stored){.tensor = tensor, .zero_point = zero_point, .axis = axis, .is_parameter = true};
}

static void entropy_of_known_bytes_is_known(void **state) {
  (void)state;
  int8_t same[16], two[16], all[256];
  float floats[8] = {1, 1, 1, 1, -1, -1, -1, -1}; /* only the last byte plane differs: 8 bits in all */
  for (int i = 0; i < 16; i++) same[i] = 5, two[i] = (int8_t)(i % 2);
  for (int i = 0; i < 256; i++) all[i] = (int8_t)(i - 128);
  pare_tensor a = {.dtype = PARE_S8, .shape = {1, {16}}, .data = same};
  pare_tensor b = {.dtype = PARE_S8, .shape = {1, {16}}, .data = two};
  pare_tensor c = {.dtype = PARE_S8, .shape = {1, {256}}, .data = all};
  pare_tensor d = {.dtype = PARE_F32, .shape = {1, {8}}, .data = floats};
  pare_stored s = stored_of(&a, NULL, 0);
  assert_int_equal(pare_stored_entropy_bytes(&s), 0);
  s = stored_of(&b, NULL, 0);
  assert_int_equal(pare_stored_entropy_bytes(&s), 2);
  s = stored_of(&c, NULL, 0);
  assert_int_equal(pare_stored_entropy_bytes(&s), 256);
  s = stored_of(&d, NULL, 0);
  assert_int_equal(pare_stored_entropy_bytes(&s), 1);
}

static void a_quantized_weight_is_zero_at_its_zero_point(void **state) {
  (void)state;
  uint8_t w[6] = {3, 4, 3, 7, 7, 0}, zero[1] = {3}, per_row[2] = {3, 7};
  pare_tensor weight = {.dtype = PARE_U8, .shape = {2, {2, 3}}, .data = w};
  pare_tensor one = {.dtype = PARE_U8, .shape = {0, {0}}, .data = zero};
  pare_tensor rows = {.dtype = PARE_U8, .shape = {1, {2}}, .data = per_row};
  pare_stored s = stored_of(&weight, NULL, 0);
  assert_int_equal(pare_stored_nonzeros(&s), 5);
  s = stored_of(&weight, &one, 0);
  assert_int_equal(pare_stored_nonzeros(&s), 4);
  s = stored_of(&weight, &rows, 0);
  assert_int_equal(pare_stored_nonzeros(&s), 2);
}

/* fc1 of little_mlp with its weight as s8 behind DequantizeLinear. */
static pare_model *quantized_gemm(void) {
  static const int8_t w[6] = {1, 0, -3, 0, 0, 127}, zero[2] = {0, 0};
  static const float scale[2] = {0.5f, 0.25f}, bias[2] = {1, 2};
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t node = make_node_begin(&graph, "DequantizeLinear", "dq", "w,s,z", "wf");
  make_attr_int(&graph, "axis", 0);
  pare_wire_end(&graph, node);
  node = make_node_begin(&graph, "Gemm", "fc", "x,wf,b", "y");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, node);
  make_tensor(&graph, MAKE_INITIALIZER, "w", PARE_S8, (const int64_t[]){2, 3}, 2, w, sizeof w);
  make_tensor(&graph, MAKE_INITIALIZER, "s", PARE_F32, (const int64_t[]){2}, 1, scale, sizeof scale);
  make_tensor(&graph, MAKE_INITIALIZER, "z", PARE_S8, (const int64_t[]){2}, 1, zero, sizeof zero);
  make_tensor(&graph, MAKE_INITIALIZER, "b", PARE_F32, (const int64_t[]){2}, 1, bias, sizeof bias);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3}, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 2}, 2);
  pare_buffer file = make_model(&graph, 8, 13);
  pare_model *model = NULL;
  must(pare_model_load(ctx, file.data, file.len_bytes, &model));
  pare_buffer_free(ctx, &file);
  return model;
}

static void a_weight_behind_dequantize_counts_as_its_integers(void **state) {
  (void)state;
  pare_model_report report;
  pare_model *model = quantized_gemm();
  must(pare_measure_weights(model, &report));
  assert_int_equal(report.n_layers, 1);
  const pare_layer_report *fc = row(&report, "fc");
  assert_int_equal(fc->parameters, 8);
  assert_int_equal(fc->nonzeros, 3 + 2);
  assert_true(fc->bits == 8);
  assert_int_equal(fc->bytes, 6 + 2 * 4 + 2 + 2 * 4);
  pare_model_report_free(&report);
  pare_model_free(model);
}

static void evaluation_counts_what_the_confusion_matrix_says(void **state) {
  (void)state;
  pare_model *model = little_mlp(ctx);
  pare_dataset *data = NULL;
  pare_evaluator *evaluator = NULL;
  int64_t done = 0, total = 0;
  assert_non_null(model);
  must(pare_dataset_open(ctx, "spirals", &data));
  pare_run_options options = {.answers = true};
  must(pare_evaluator_new(model, data, &options, &evaluator));
  must(pare_evaluator_step(evaluator, 0, &done, &total));
  assert_int_equal(done, 64); /* one batch a step when there is no time */
  assert_int_equal(total, 1000);
  while (done < total) must(pare_evaluator_step(evaluator, 5, &done, &total));
  const pare_evaluation *e = pare_evaluator_result(evaluator);
  int64_t diagonal = 0, sum = 0, right = 0;
  for (int i = 0; i < 3; i++) {
    diagonal += e->confusion[i * 3 + i];
    for (int k = 0; k < 3; k++) sum += e->confusion[i * 3 + k];
  }
  for (int64_t i = 0; i < 1000; i++) right += e->answers[i] == data->test.labels[i];
  assert_int_equal(e->total, 1000);
  assert_int_equal(sum, 1000);
  assert_int_equal(e->right, diagonal);
  assert_int_equal(e->right, right);
  assert_true(e->loss > 0.5 && e->loss < 3);
  pare_evaluator_free(evaluator);
  options = (pare_run_options){.limit_test = 70};
  must(pare_evaluator_new(model, data, &options, &evaluator));
  must(pare_evaluator_step(evaluator, 10000, &done, &total));
  assert_int_equal(done, 70);
  assert_int_equal(pare_evaluator_result(evaluator)->total, 70);
  pare_evaluator_free(evaluator);
  pare_dataset_free(data);
  pare_model_free(model);
}

static pare_status evaluate_range(const pare_model *model, const pare_dataset *data, int64_t first,
                                  int64_t limit, pare_evaluation *out) {
  const pare_run_options options = {.first_test = first, .limit_test = limit};
  pare_evaluator *evaluator = NULL;
  int64_t done = 0, total = 0;
  PARE_TRY(pare_evaluator_new(model, data, &options, &evaluator));
  while (done < total || total == 0) must(pare_evaluator_step(evaluator, 5, &done, &total));
  *out = *pare_evaluator_result(evaluator); /* its numbers; the lists go with the evaluator */
  pare_evaluator_free(evaluator);
  return PARE_OK;
}

static void chunks_of_an_evaluation_add_up_to_the_whole_bit_for_bit(void **state) {
  (void)state;
  pare_dataset *data = NULL;
  pare_model *model = little_mlp(ctx);
  must(pare_dataset_open(ctx, "spirals", &data));
  pare_evaluation whole, part;
  must(evaluate_range(model, data, 0, 0, &whole));
  int64_t right = 0;
  double loss_sum = 0;
  for (int64_t first = 0; first < 1000; first += PARE_EVALUATION_CHUNK) {
    must(evaluate_range(model, data, first, PARE_EVALUATION_CHUNK, &part));
    right += part.right;
    loss_sum += part.loss_sum;
  }
  assert_int_equal(right, whole.right);
  assert_memory_equal(&loss_sum, &whole.loss_sum, sizeof loss_sum);
  must(evaluate_range(model, data, 999, 0, &part));
  assert_int_equal(part.total, 1);
  assert_int_equal(evaluate_range(model, data, 1000, 0, &part), PARE_BAD_ARGUMENT);
  assert_int_equal(evaluate_range(model, data, -1, 0, &part), PARE_BAD_ARGUMENT);
  pare_dataset_free(data);
  pare_model_free(model);
}

static void data_that_does_not_fit_is_refused(void **state) {
  (void)state;
  pare_model *model = load("lenet5");
  pare_dataset *data = NULL;
  pare_job *job = NULL;
  must(pare_dataset_open(ctx, "spirals", &data));
  assert_int_equal(pare_job_start_evaluate(model, data, NULL, &job), PARE_BAD_DATA);
  assert_null(job);
  assert_int_equal(pare_job_start_evaluate(model, NULL, NULL, &job), PARE_BAD_DATA);
  pare_dataset_free(data);
  pare_model_free(model);
}

static void a_model_has_no_error_against_itself(void **state) {
  (void)state;
  pare_model *model = little_mlp(ctx);
  pare_dataset *data = NULL;
  pare_model_report report;
  must(pare_dataset_open(ctx, "spirals", &data));
  must(pare_measure_model(model, NULL, 0, &report));
  must(pare_measure_sqnr(model, model, data, 100, &report));
  for (int i = 0; i < report.n_layers; i++) assert_true(report.layers[i].sqnr_db == 200);
  pare_model_report_free(&report);
  pare_dataset_free(data);
  pare_model_free(model);
}

/* y = x w with w off by one part in ten: noise is a hundredth of the signal, 20 dB. */
static void error_is_told_in_decibels(void **state) {
  (void)state;
  pare_model *model = little_mlp(ctx), *off = NULL;
  pare_dataset *data = NULL;
  pare_model_report report;
  pare_tensor *bias = NULL;
  must(pare_model_clone(model, &off));
  for (int i = 0; i < 2; i++) {
    must(pare_model_edit_initializer(off, pare_model_find_value(off, i == 0 ? "w1" : "b1"), &bias));
    for (int64_t k = 0; k < pare_tensor_count(bias); k++) pare_f32(bias)[k] *= 1.1f;
  }
  must(pare_model_finish(off));
  must(pare_dataset_open(ctx, "spirals", &data));
  must(pare_measure_model(off, NULL, 0, &report));
  must(pare_measure_sqnr(model, off, data, 100, &report));
  assert_true(fabs(row(&report, "fc1")->sqnr_db - 20) < 0.01);
  pare_model_report_free(&report);
  pare_dataset_free(data);
  pare_model_free(off);
  pare_model_free(model);
}

static pare_json_doc *parse(pare_buffer *buffer) {
  pare_json_doc *doc = NULL;
  must(pare_json_parse(ctx, (const char *)buffer->data, buffer->len_bytes, PARE_BAD_ARGUMENT, &doc));
  pare_buffer_free(ctx, buffer);
  return doc;
}

static void info_names_inputs_with_their_symbols(void **state) {
  (void)state;
  pare_model *model = load("lenet5");
  pare_buffer info;
  double number = 0;
  must(pare_model_info(model, &info));
  pare_json_doc *doc = parse(&info);
  int input = pare_json_item(doc, pare_json_member(doc, 0, "inputs"), 0);
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, input, "name")), "image");
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, input, "dtype")), "f32");
  int shape = pare_json_member(doc, input, "shape"), dims = pare_json_member(doc, input, "dims");
  assert_int_equal(pare_json_count(doc, shape), 4);
  assert_true(pare_json_get_number(doc, pare_json_item(doc, shape, 0), &number));
  assert_true(number == -1);
  assert_non_null(pare_json_get_text(doc, pare_json_item(doc, dims, 0)));
  assert_true(pare_json_get_number(doc, pare_json_member(doc, 0, "parameters"), &number));
  assert_true(number == 61706);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "layers")), 12);
  assert_int_equal(pare_json_count(doc, pare_json_member(doc, 0, "unsupported")), 0);
  pare_json_doc_free(doc);
  pare_model_free(model);
}

static void info_of_a_model_that_cannot_run_says_why(void **state) {
  (void)state;
  pare_writer graph;
  pare_model *model = NULL;
  pare_writer_init(&graph, ctx);
  make_node(&graph, "Conjure", "magic", "x", "y");
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 3}, 2);
  make_value(&graph, MAKE_OUTPUT, "y", PARE_F32, (const int64_t[]){-1, 2}, 2);
  pare_buffer file = make_model(&graph, 8, 13), info;
  must(pare_model_load(ctx, file.data, file.len_bytes, &model));
  pare_buffer_free(ctx, &file);
  must(pare_model_info(model, &info));
  pare_json_doc *doc = parse(&info);
  int missing = pare_json_item(doc, pare_json_member(doc, 0, "unsupported"), 0);
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, missing, "op")), "Conjure");
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, missing, "node")), "magic");
  assert_non_null(strstr(pare_json_get_text(doc, pare_json_member(doc, 0, "problem")), "Conjure"));
  pare_json_doc_free(doc);
  must(pare_model_graph(model, &info));
  doc = parse(&info);
  bool supported = true;
  const int node = pare_json_item(doc, pare_json_member(doc, 0, "nodes"), 0);
  assert_true(pare_json_get_bool(doc, pare_json_member(doc, node, "supported"), &supported) && !supported);
  pare_json_doc_free(doc);
  pare_model_free(model);
}

static int value_called(const pare_json_doc *doc, const char *name) {
  const int values = pare_json_member(doc, 0, "values");
  for (int i = 0; i < pare_json_count(doc, values); i++) {
    const int value = pare_json_item(doc, values, i);
    if (strcmp(pare_json_get_text(doc, pare_json_member(doc, value, "name")), name) == 0) return value;
  }
  fail_msg("no value '%s'", name);
  return -1;
}

static void a_graph_names_what_each_node_reads_and_makes(void **state) {
  (void)state;
  pare_model *model = load("resnet8");
  pare_buffer graph;
  must(pare_model_graph(model, &graph));
  pare_json_doc *doc = parse(&graph);
  const int nodes = pare_json_member(doc, 0, "nodes"), first = pare_json_item(doc, nodes, 0);
  assert_int_equal(pare_json_count(doc, nodes), model->n_nodes);
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, first, "op")), "Conv");
  const int inputs = pare_json_member(doc, first, "inputs"),
            outputs = pare_json_member(doc, first, "outputs");
  assert_string_equal(pare_json_get_text(doc, pare_json_item(doc, inputs, 0)), "image");
  const int weight = value_called(doc, pare_json_get_text(doc, pare_json_item(doc, inputs, 1)));
  const int made = value_called(doc, pare_json_get_text(doc, pare_json_item(doc, outputs, 0)));
  bool constant = false;
  assert_true(pare_json_get_bool(doc, pare_json_member(doc, weight, "constant"), &constant) && constant);
  assert_true(pare_json_get_bool(doc, pare_json_member(doc, made, "constant"), &constant) && !constant);
  const double dims[] = {1, 16, 28, 28}; /* at batch 1, though the file leaves the batch open */
  for (int i = 0; i < 4; i++) {
    double number = 0;
    assert_true(
        pare_json_get_number(doc, pare_json_item(doc, pare_json_member(doc, made, "shape"), i), &number));
    assert_true(number == dims[i]);
  }
  pare_json_doc_free(doc);
  pare_model_free(model);
}

static void a_trace_has_an_event_for_each_step(void **state) {
  (void)state;
  pare_model *model = little_mlp(ctx);
  pare_buffer trace;
  const char *phases[] = {"M", "X", "X"};
  pare_named_model named = {"first", model};
  must(pare_profile_trace(&named, 1, NULL, &trace));
  pare_json_doc *doc = parse(&trace);
  int events = pare_json_member(doc, 0, "traceEvents");
  assert_in_range(pare_json_count(doc, events), 3, 4); /* with or without Relu on its own */
  for (int i = 0; i < 3; i++) {
    int event = pare_json_item(doc, events, i);
    assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, event, "ph")), phases[i]);
  }
  assert_string_equal(pare_json_get_text(doc, pare_json_member(doc, pare_json_item(doc, events, 1), "name")),
                      "fc1");
  pare_json_doc_free(doc);
  pare_model_free(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(lenet5_has_its_known_parameters_and_compute),
      cmocka_unit_test(shape_arithmetic_is_no_layer),
      cmocka_unit_test(every_bundled_model_has_its_recorded_parameters),
      cmocka_unit_test(entropy_of_known_bytes_is_known),
      cmocka_unit_test(a_quantized_weight_is_zero_at_its_zero_point),
      cmocka_unit_test(a_weight_behind_dequantize_counts_as_its_integers),
      cmocka_unit_test(evaluation_counts_what_the_confusion_matrix_says),
      cmocka_unit_test(chunks_of_an_evaluation_add_up_to_the_whole_bit_for_bit),
      cmocka_unit_test(data_that_does_not_fit_is_refused),
      cmocka_unit_test(a_model_has_no_error_against_itself),
      cmocka_unit_test(error_is_told_in_decibels),
      cmocka_unit_test(info_names_inputs_with_their_symbols),
      cmocka_unit_test(info_of_a_model_that_cannot_run_says_why),
      cmocka_unit_test(a_graph_names_what_each_node_reads_and_makes),
      cmocka_unit_test(a_trace_has_an_event_for_each_step),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
