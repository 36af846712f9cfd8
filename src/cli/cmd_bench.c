/* pare bench MODEL: the time of one run, and each step's share, slowest first. */
#include <math.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "measure/rows.h"

#define DEFAULT_RUNS 30
#define MAX_RUNS     10000
#define WARM_MS      500.0

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

typedef struct bench {
  double median_ms, best_ms;
  uint64_t macs;
  size_t peak_bytes;
  int n_runs;
  double *step_ms; /* [session->n_steps] */
} bench;

static pare_status plan(const pare_model *model, const cli_options *options, bool profile,
                        pare_session **out) {
  pare_run_options run = cli_run_options(options);
  pare_plan_options wanted = {.batch = options->batch > 0 ? options->batch : 1,
                              .numerics = run.numerics,
                              .n_threads = run.n_threads,
                              .fuse = true,
                              .profile = profile};
  return pare_session_plan(model, &wanted, out);
}

static pare_status time_runs(pare_context *ctx, pare_session *session, bench *out) {
  double *times = pare_alloc_array(ctx, (size_t)out->n_runs, sizeof *times);
  if (times == NULL) return PARE_OUT_OF_MEMORY;
  pare_status status = pare_warm_up(session, WARM_MS);
  for (int i = 0; status == PARE_OK && i < out->n_runs; i++) {
    double start = pare_now_ms();
    status = pare_session_run(session);
    times[i] = pare_now_ms() - start;
  }
  qsort(times, (size_t)out->n_runs, sizeof *times, by_value);
  out->median_ms = times[out->n_runs / 2];
  out->best_ms = times[0];
  pare_free(ctx, times);
  return status;
}

static pare_status time_steps(pare_context *ctx, pare_session *session, bench *out) {
  out->step_ms = pare_alloc_array(ctx, (size_t)session->n_steps + 1, sizeof *out->step_ms);
  if (out->step_ms == NULL) return PARE_OUT_OF_MEMORY;
  return pare_profile_steps(session, out->n_runs, INFINITY, out->step_ms);
}

static uint64_t macs_of(const pare_step *step) {
  pare_cost cost = {0, 0};
  if (step->call.node->op != NULL && step->call.node->op->cost != NULL)
    step->call.node->op->cost(&step->call, &cost);
  return cost.macs;
}

static void put_json(const bench *b, const pare_session *session, pare_json *json) {
  int64_t batch = session->options.batch;
  pare_json_object(json);
  pare_json_put_int(json, "batch", batch);
  pare_json_put_int(json, "runs", b->n_runs);
  pare_json_put_number(json, "latency_ms", b->median_ms);
  pare_json_put_number(json, "best_ms", b->best_ms);
  pare_json_put_number(json, "samples_per_second", (double)batch * 1000 / b->median_ms);
  pare_json_put_int(json, "macs", (int64_t)b->macs);
  pare_json_put_number(json, "gmacs_per_second", (double)b->macs / b->median_ms / 1e6);
  pare_json_put_int(json, "peak_bytes", (int64_t)b->peak_bytes);
  pare_json_key(json, "steps");
  pare_json_array(json);
  for (int i = 0; i < session->n_steps; i++) {
    const pare_step *step = &session->steps[i];
    pare_json_object(json);
    pare_json_put_text(json, "name", step->call.node->name);
    pare_json_put_text(json, "op", step->call.node->op_type);
    pare_json_put_bool(json, "sparse", step->call.sparse);
    if (step->call.n_out > 0 && step->call.out[0] != NULL)
      pare_json_put_shape(json, "shape", &step->call.out[0]->shape);
    pare_json_put_number(json, "time_ms", b->step_ms[i]);
    pare_json_put_int(json, "macs", (int64_t)macs_of(step));
    pare_json_end(json, '}');
  }
  pare_json_end(json, ']');
  pare_json_end(json, '}');
}

static void print_steps(const bench *b, const pare_session *session) {
  double sum = 0;
  bool *shown = calloc((size_t)session->n_steps + 1, sizeof *shown);
  for (int i = 0; i < session->n_steps; i++) sum += b->step_ms[i];
  printf("\n%-34s %-20s %-18s %9s %7s %8s\n", "step", "operator", "output", "ms", "share", "GMAC/s");
  for (int k = 0; shown != NULL && k < session->n_steps; k++) {
    int slowest = -1;
    for (int i = 0; i < session->n_steps; i++)
      if (!shown[i] && (slowest < 0 || b->step_ms[i] > b->step_ms[slowest])) slowest = i;
    const pare_step *step = &session->steps[slowest];
    char shape[64] = "", op[64];
    double macs = (double)macs_of(step);
    shown[slowest] = true;
    if (step->call.n_out > 0 && step->call.out[0] != NULL)
      pare_shape_text(&step->call.out[0]->shape, shape, sizeof shape);
    snprintf(op, sizeof op, "%s%s", step->call.node->op_type, step->call.sparse ? " (sparse)" : "");
    printf("%-34.34s %-20.20s %-18.18s %9.4f %5.1f %% %8.2f\n", step->call.node->name, op, shape,
           b->step_ms[slowest], sum > 0 ? 100 * b->step_ms[slowest] / sum : 0,
           b->step_ms[slowest] > 0 ? macs / b->step_ms[slowest] / 1e6 : 0);
  }
  free(shown);
}

static pare_status show(pare_context *ctx, const cli_options *options, const bench *b,
                        const pare_session *session) {
  char cell[CLI_CELL];
  if (options->json) {
    pare_json json;
    pare_buffer text;
    pare_json_init(&json, ctx);
    put_json(b, session, &json);
    PARE_TRY(pare_json_finish(&json, &text));
    cli_print_buffer(ctx, &text);
    return PARE_OK;
  }
  printf("latency     %.4f ms at batch %lld (median of %d runs; best %.4f ms)\n", b->median_ms,
         (long long)session->options.batch, b->n_runs, b->best_ms);
  printf("throughput  %.0f samples/s, %.2f GMAC/s\n", (double)session->options.batch * 1000 / b->median_ms,
         (double)b->macs / b->median_ms / 1e6);
  printf("memory      %s\n", cli_bytes((double)b->peak_bytes, cell));
  if (!options->quiet) print_steps(b, session);
  return PARE_OK;
}

static pare_status measure(pare_context *ctx, const cli_options *options, const pare_model *model) {
  bench b = {.n_runs = options->runs > 0 ? (int)options->runs : DEFAULT_RUNS};
  pare_session *session = NULL;
  if (b.n_runs > MAX_RUNS) b.n_runs = MAX_RUNS;
  PARE_TRY(plan(model, options, false, &session));
  pare_fill_inputs(session);
  b.peak_bytes = pare_session_peak_bytes(session);
  for (int i = 0; i < session->n_steps; i++) b.macs += macs_of(&session->steps[i]);
  pare_status status = time_runs(ctx, session, &b);
  pare_session_free(session);
  PARE_TRY(status);
  PARE_TRY(plan(model, options, true, &session));
  pare_fill_inputs(session);
  status = time_steps(ctx, session, &b);
  if (status == PARE_OK) status = show(ctx, options, &b, session);
  pare_free(ctx, b.step_ms);
  pare_session_free(session);
  return status;
}

int cli_run_bench(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  pare_status status = cli_load_model(ctx, options->arguments.items[0], &model);
  if (status == PARE_OK) status = measure(ctx, options, model);
  pare_model_free(model);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
