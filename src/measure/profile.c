/* Compute, memory and time of a model at batch 1. Shapes and multiply-accumulates come from an unfused
 * plan, where every node is still there; memory and time from the plan that really runs. Latency is the
 * median over `n_runs` groups of runs, each group long enough for a coarse clock (browsers round theirs),
 * after some runs to warm up. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/rows.h"
#include "onnx/onnx.h"

#define GROUP_MS    2.0 /* a group of runs takes at least about this long */
#define MAX_GROUP   1000
#define MAX_RUNS    64
#define PATIENCE_MS 1000.0 /* slow models get fewer runs, but one at least */

#define WARM_MS 200.0 /* where code gets faster while it runs; most of it has run before, in an evaluation */

#define COARSE_MS          0.02 /* a clock with longer ticks cannot time a step */
#define COARSE_PATIENCE_MS 250.0
#define MAX_COARSE_RUNS    4000

void pare_fill_inputs(pare_session *session) {
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view in = pare_session_input(session, i);
    pare_tensor tensor = {.dtype = in.dtype, .shape = in.shape, .data = in.data};
    bool is_float = in.dtype == PARE_F32 || in.dtype == PARE_F64;
    for (int64_t k = 0, n = pare_shape_count(&in.shape); is_float && k < n; k++)
      pare_tensor_set_f64(&tensor, k, (double)(k * 37 % 251) / 251.0);
  }
}

/* Engines run WebAssembly as it was compiled first, up to four times slower, until their optimizing
 * compiler has caught up in the background. Native code needs no such time. */
pare_status pare_warm_up(pare_session *session, double wasm_ms) {
  double start = pare_now_ms();
#ifndef __wasm__
  wasm_ms = 0;
#endif
  for (int n = 0; n < 2 || pare_now_ms() - start < wasm_ms; n++) PARE_TRY(pare_session_run(session));
  return PARE_OK;
}

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* One group of n runs; ms of a single one. */
static pare_status time_group(pare_session *session, int n, double *ms) {
  double start = pare_now_ms();
  for (int i = 0; i < n; i++) PARE_TRY(pare_session_run(session));
  *ms = (pare_now_ms() - start) / n;
  return PARE_OK;
}

static pare_status measure_latency(pare_session *session, int n_runs, double *latency_ms) {
  double times[MAX_RUNS], warm = 0;
  int n = 0;
  PARE_TRY(pare_warm_up(session, WARM_MS));
  double start = pare_now_ms();
  PARE_TRY(time_group(session, 1, &warm));
  double wanted = warm > 0.001 ? ceil(GROUP_MS / warm) : MAX_GROUP;
  int group = wanted > MAX_GROUP ? MAX_GROUP : (int)wanted;
  if (n_runs > MAX_RUNS) n_runs = MAX_RUNS;
  while (n < n_runs && (n == 0 || pare_now_ms() - start < PATIENCE_MS))
    PARE_TRY(time_group(session, group, &times[n++]));
  qsort(times, (size_t)n, sizeof *times, by_value);
  *latency_ms = n % 2 ? times[n / 2] : (times[n / 2 - 1] + times[n / 2]) / 2;
  return PARE_OK;
}

static pare_layer_report *find_row(pare_model_report *report, const char *name) {
  for (int i = 0; i < report->n_layers; i++)
    if (strcmp(report->layers[i].name, name) == 0) return &report->layers[i];
  return NULL;
}

static double middle_mean(double *times, int n) {
  double sum = 0;
  int first = n / 4, last = n - n / 4;
  qsort(times, (size_t)n, sizeof *times, by_value);
  for (int i = first; i < last; i++) sum += times[i];
  return sum / (last - first);
}

/* How far apart two readings of the clock are at least: browsers round theirs to as much as 0.1 ms. */
static double clock_step_ms(void) {
  double start = pare_now_ms(), now = start;
  for (int i = 0; i < 1000000 && now <= start; i++) now = pare_now_ms();
  return now - start;
}

/* With a clock coarser than the steps, single times are 0 or a whole tick, but their mean over many runs
 * is right all the same. */
static pare_status profile_by_mean(pare_session *session, double patience_ms, double *step_ms) {
  int n = 0;
  for (int i = 0; i < session->n_steps; i++) step_ms[i] = 0;
  PARE_TRY(pare_warm_up(session, WARM_MS));
  double start = pare_now_ms();
  while (n == 0 || (n < MAX_COARSE_RUNS && pare_now_ms() - start < patience_ms)) {
    PARE_TRY(pare_session_run(session));
    for (int i = 0; i < session->n_steps; i++) step_ms[i] += session->steps[i].time_ms;
    n++;
  }
  for (int i = 0; i < session->n_steps; i++) step_ms[i] /= n;
  return PARE_OK;
}

pare_status pare_profile_steps(pare_session *session, int n_runs, double patience_ms, double *step_ms) {
  size_t n_steps = (size_t)session->n_steps, n_times = 0;
  if (n_runs < 1) n_runs = 1;
  if (clock_step_ms() > COARSE_MS)
    return profile_by_mean(session, patience_ms < COARSE_PATIENCE_MS ? patience_ms : COARSE_PATIENCE_MS,
                           step_ms);
  if (!pare_mul_size(n_steps + 1, (size_t)n_runs, &n_times))
    return pare_out_of_memory(session->ctx, SIZE_MAX);
  double *times = pare_alloc_array(session->ctx, n_times, sizeof *times); /* [n_steps, n_runs] */
  if (times == NULL) return PARE_OUT_OF_MEMORY;
  pare_status status = pare_warm_up(session, WARM_MS);
  double start = pare_now_ms();
  int n = 0;
  while (status == PARE_OK && n < n_runs && (n == 0 || pare_now_ms() - start < patience_ms)) {
    status = pare_session_run(session);
    for (size_t i = 0; i < n_steps; i++) times[i * (size_t)n_runs + (size_t)n] = session->steps[i].time_ms;
    n++;
  }
  for (size_t i = 0; status == PARE_OK && i < n_steps; i++)
    step_ms[i] = middle_mean(times + i * (size_t)n_runs, n);
  pare_free(session->ctx, times);
  return status;
}

/* The row that a step's time belongs to, or NULL. */
static pare_layer_report *row_of_step(const pare_model *model, const int *owner, const char *name,
                                      pare_model_report *report) {
  int i_node = pare_model_find_node(model, name);
  if (i_node < 0 || owner[i_node] == i_node) {
    pare_layer_report *row = find_row(report, name);
    if (row != NULL || i_node < 0) return row;
  }
  char *group = pare_group_name(&report->arena, &model->nodes[owner[i_node]]);
  return group == NULL ? NULL : find_row(report, group);
}

/* Time of each step, onto the row of its node. What was fused away has no time of its own. */
static pare_status measure_steps(const pare_model *model, pare_session *session, int n_runs, const int *owner,
                                 pare_model_report *report) {
  double *step_ms = pare_arena_array(&report->arena, (size_t)session->n_steps + 1, sizeof *step_ms);
  if (step_ms == NULL) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_profile_steps(session, n_runs, PATIENCE_MS, step_ms));
  for (int i = 0; i < session->n_steps; i++) {
    const pare_node *node = session->steps[i].call.node;
    pare_layer_report *row = row_of_step(model, owner, node->name, report);
    if (row == NULL) continue;
    bool is_first = isnan(row->time_ms) || row->kernel[0] == '\0' || strstr(node->op_type, "Integer") != NULL;
    row->time_ms = (isnan(row->time_ms) ? 0 : row->time_ms) + step_ms[i];
    const bool sparse = session->steps[i].call.sparse;
    if (is_first)
      row->kernel = pare_arena_printf(&report->arena, "%s%s", node->op_type, sparse ? " (sparse)" : "");
    if (row->kernel == NULL) return PARE_OUT_OF_MEMORY;
  }
  return PARE_OK;
}

static pare_plan_options plan_of(const pare_run_options *options, bool fuse) {
  pare_plan_options plan = {.batch = 1, .fuse = fuse};
  if (options != NULL) {
    plan.numerics = options->numerics;
    plan.n_threads = options->n_threads;
  }
  return plan;
}

static pare_status measure_graph(const pare_model *model, const pare_run_options *options,
                                 pare_model_report *out) {
  pare_plan_options plan = plan_of(options, false);
  pare_session *session = NULL;
  pare_steps steps;
  PARE_TRY(pare_session_plan(model, &plan, &session));
  pare_status status = pare_steps_index(session, &steps);
  if (status == PARE_OK) {
    status = pare_measure_rows(model, &steps, out);
    pare_steps_free(&steps);
  }
  pare_session_free(session);
  return status;
}

static pare_status measure_run(const pare_model *model, const pare_run_options *options, int n_runs,
                               pare_model_report *out) {
  pare_plan_options plan = plan_of(options, true);
  pare_session *session = NULL;
  PARE_TRY(pare_session_plan(model, &plan, &session));
  out->peak_bytes = pare_session_peak_bytes(session);
  pare_fill_inputs(session);
  pare_status status = n_runs > 0 ? measure_latency(session, n_runs, &out->latency_ms) : PARE_OK;
  /* What such a network does with made-up inputs, which may be shapes or indices, says nothing of it. */
  bool refused = session->dynamic && status != PARE_OK && status != PARE_OUT_OF_MEMORY;
  pare_session_free(session);
  if (refused) {
    out->latency_ms = NAN;
    return PARE_OK;
  }
  if (status != PARE_OK || n_runs <= 0) return status;
  plan.profile = true;
  PARE_TRY(pare_session_plan(model, &plan, &session));
  pare_fill_inputs(session);
  int *owner = NULL;
  status = pare_groups_find(model, &owner);
  if (status == PARE_OK) status = measure_steps(model, session, n_runs * 2, owner, out);
  pare_free(model->ctx, owner);
  pare_session_free(session);
  return status;
}

pare_status pare_measure_model(const pare_model *model, const pare_run_options *options, int n_runs,
                               pare_model_report *out) {
  *out = (pare_model_report){.latency_ms = NAN};
  pare_arena_init(&out->arena, model->ctx);
  pare_status status = measure_graph(model, options, out);
  if (status == PARE_OK) status = pare_onnx_file_bytes(model, &out->file_bytes);
  if (status == PARE_OK) status = measure_run(model, options, n_runs, out);
  if (status != PARE_OK) pare_model_report_free(out);
  return status;
}
