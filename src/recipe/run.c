/* Running a recipe: a state machine over steps and, in each, over stages: the pass itself, the evaluation
 * of its result, its measurement. The original goes first, without a pass. Progress counts estimated work
 * in units of "one evaluated sample"; the sum is fixed at the start and a stage's share grows with the
 * stage's own progress, so it never goes back. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/unshare.h"
#include "recipe/recipe.h"

#define LATENCY_RUNS   15
#define SQNR_SAMPLES   256
#define WORK_MEASURE   1000 /* about what measuring takes, in evaluated samples */
#define WORK_PASS      500
#define WORK_CALIBRATE 2000
#define WORK_TRAIN     4 /* training on a sample costs about four evaluations */
#define WORK_MOST      (1ull << 50)

static bool has_data(const pare_run *run) {
  return run->dataset != NULL && run->dataset->test.n > 0;
}

/* ---- progress ---------------------------------------------------------------------------- */
static const int64_t *int_param(const pare_recipe_step *step, const char *name) {
  for (int i = 0; i < step->pass->n_params; i++)
    if (step->pass->params[i].type == PARE_PARAM_INT && strcmp(step->pass->params[i].name, name) == 0)
      return (const int64_t *)(const void *)((const uint8_t *)step->params + step->pass->params[i].offset);
  return NULL;
}

static uint64_t work_of_pass(const pare_run *run, int i_step) {
  const pare_recipe_step *step = &run->recipe.steps[i_step - 1];
  const int64_t *epochs = int_param(step, "epochs");
  if (step->pass->apply != NULL && step->pass->start == NULL) return WORK_PASS;
  if (epochs == NULL || run->dataset == NULL || *epochs < 0) return WORK_CALIBRATE;
  int64_t n = run->dataset->train.n;
  if (run->options.limit_train > 0 && run->options.limit_train < n) n = run->options.limit_train;
  uint64_t work = 0;
  if (__builtin_mul_overflow((uint64_t)n * WORK_TRAIN, (uint64_t)*epochs, &work) || work > WORK_MOST)
    return WORK_MOST;
  return work + WORK_PASS;
}

uint64_t pare_run_work(const pare_run *run, int i_step, pare_stage stage) {
  if (stage == PARE_STAGE_MEASURE) return WORK_MEASURE;
  if (stage == PARE_STAGE_PASS) return i_step == 0 ? 0 : work_of_pass(run, i_step);
  if (stage != PARE_STAGE_EVALUATE || !has_data(run)) return 0;
  int64_t n = run->dataset->test.n, limit = run->options.limit_test;
  return (uint64_t)(limit > 0 && limit < n ? limit : n);
}

static uint64_t work_of_step(const pare_run *run, int i_step) {
  uint64_t work = 0;
  for (int stage = PARE_STAGE_PASS; stage < PARE_STAGE_END; stage++)
    work += pare_run_work(run, i_step, (pare_stage)stage);
  return work;
}

void pare_run_count_done(pare_run *run) {
  run->total = run->done_before = 0;
  for (int i = 0; i <= run->recipe.n_steps; i++) {
    run->total += work_of_step(run, i);
    if (i < run->i_step) run->done_before += work_of_step(run, i);
  }
  for (int stage = PARE_STAGE_PASS; stage < (int)run->stage; stage++)
    run->done_before += pare_run_work(run, run->i_step, (pare_stage)stage);
  run->latest = run->done_before;
}

/* `share` of the current stage is done. Never goes back, never reaches the end before the end. */
static void advance(pare_run *run, double share) {
  uint64_t work = pare_run_work(run, run->i_step, run->stage);
  if (!(share > 0)) share = 0;
  if (share > 1) share = 1;
  uint64_t now = run->done_before + (uint64_t)((double)work * share * 0.999);
  if (now > run->latest) run->latest = now;
}

static void next_stage(pare_run *run) {
  run->done_before += pare_run_work(run, run->i_step, run->stage);
  if (run->done_before > run->latest) run->latest = run->done_before;
  run->stage = (pare_stage)(run->stage + 1);
  if (run->stage == PARE_STAGE_EVALUATE && !has_data(run)) run->stage = PARE_STAGE_MEASURE;
  if (run->stage != PARE_STAGE_END) return;
  run->i_step++;
  run->stage = PARE_STAGE_PASS;
}

static bool finished(const pare_run *run) {
  return run->i_step > run->recipe.n_steps;
}

/* ---- stages ---------------------------------------------------------------------------- */
pare_status pare_run_set_env(pare_run *run) {
  if (run->i_input != run->i_step) {
    pare_model_free(run->input);
    run->i_input = 0;
    PARE_TRY(pare_unshare(run->models[run->i_step - 1], &run->input));
    run->i_input = run->i_step;
  }
  const pare_recipe_step *step = &run->recipe.steps[run->i_step - 1];
  run->env = (pare_pass_env){.ctx = run->job.ctx,
                             .model = run->input,
                             .original = run->models[0],
                             .dataset = run->dataset,
                             .options = &run->options,
                             .seed = step->seed,
                             .params = step->params};
  return PARE_OK;
}

static void details_begin(pare_run *run) {
  if (run->has_details) return;
  pare_json_init(&run->details, run->job.ctx);
  pare_json_object(&run->details);
  run->has_details = true;
}

static void details_drop(pare_run *run) {
  if (run->has_details) pare_json_free(&run->details);
  run->has_details = false;
}

static pare_status run_long_pass(pare_run *run, const pare_pass *pass, uint32_t budget_ms) {
  pare_pass_progress progress = {.loss = NAN, .accuracy = NAN};
  if (run->state == NULL) {
    PARE_TRY(pass->start(&run->env, &run->state));
    return PARE_OK; /* starting may take long: say so before going on */
  }
  PARE_TRY(pass->step(run->state, budget_ms, &progress, &run->pending, &run->details));
  run->loss = progress.loss;
  run->accuracy = progress.accuracy;
  if (progress.total > 0) advance(run, (double)progress.done / (double)progress.total);
  if (run->pending == NULL) return PARE_OK;
  pass->stop(run->state);
  run->state = NULL;
  return PARE_OK;
}

static pare_status stage_pass(pare_run *run, uint32_t budget_ms) {
  if (run->i_step == 0) {
    run->pending = pare_model_retain(run->models[0]);
    next_stage(run);
    return PARE_OK;
  }
  const pare_pass *pass = run->recipe.steps[run->i_step - 1].pass;
  double start = pare_now_ms();
  PARE_TRY(pare_run_set_env(run));
  details_begin(run);
  pare_status status = pass->start != NULL ? run_long_pass(run, pass, budget_ms)
                                           : pass->apply(&run->env, &run->pending, &run->details);
  run->seconds += (pare_now_ms() - start) / 1000;
  if (status == PARE_OK && run->pending != NULL) next_stage(run);
  return status;
}

static pare_status keep_evaluation(pare_run *run) {
  pare_json json;
  pare_buffer text;
  pare_json_init(&json, run->job.ctx);
  pare_evaluation_json(pare_evaluator_result(run->evaluator), &json);
  PARE_TRY(pare_json_finish(&json, &text));
  pare_free(run->job.ctx, run->evaluation);
  run->evaluation = (char *)text.data;
  pare_evaluator_free(run->evaluator);
  run->evaluator = NULL;
  return PARE_OK;
}

/* A network with an operator that is not there has no accuracy, but sizes and weights. */
static bool can_run(const pare_run *run) {
  return pare_model_has_every_operator(run->pending);
}

static pare_status stage_evaluate(pare_run *run, uint32_t budget_ms) {
  int64_t done = 0, total = 0;
  if (!can_run(run)) {
    next_stage(run);
    return PARE_OK;
  }
  if (run->evaluator == NULL)
    PARE_TRY(pare_evaluator_new(run->pending, run->dataset, &run->options, &run->evaluator));
  PARE_TRY(pare_evaluator_step(run->evaluator, budget_ms, &done, &total));
  const pare_evaluation *result = pare_evaluator_result(run->evaluator);
  run->loss = result->loss;
  run->accuracy = (double)result->right / (double)result->total;
  advance(run, (double)done / (double)total);
  if (done < total) return PARE_OK;
  PARE_TRY(keep_evaluation(run));
  next_stage(run);
  return PARE_OK;
}

/* What quantizing did to each layer: against the model that the step got. */
static pare_status measure_error(pare_run *run, pare_model_report *report) {
  if (run->i_step == 0 || !has_data(run)) return PARE_OK;
  if (strcmp(run->recipe.steps[run->i_step - 1].pass->kind, "quantize") != 0) return PARE_OK;
  pare_status status =
      pare_measure_sqnr(run->models[run->i_step - 1], run->pending, run->dataset, SQNR_SAMPLES, report);
  return status == PARE_OUT_OF_MEMORY ? status : PARE_OK; /* a comparison that cannot be made is no failure */
}

static void finish_step(pare_run *run, char *report) {
  run->reports[run->n_finished] = report;
  if (run->i_step > 0)
    run->models[run->i_step] = run->pending;
  else
    pare_model_free(run->pending);
  run->pending = NULL;
  run->n_finished++;
  pare_free(run->job.ctx, run->evaluation);
  run->evaluation = NULL;
  run->seconds = 0;
  run->loss = run->accuracy = NAN;
}

static pare_status stage_measure(pare_run *run) {
  pare_model_report report;
  pare_buffer text = {NULL, 0};
  if (can_run(run))
    PARE_TRY(pare_measure_model(run->pending, &run->options, LATENCY_RUNS, &report));
  else
    PARE_TRY(pare_measure_weights(run->pending, &report));
  pare_status status = measure_error(run, &report);
  if (status == PARE_OK) status = pare_run_step_json(run, &report, &text);
  pare_model_report_free(&report);
  if (status != PARE_OK) return status;
  finish_step(run, (char *)text.data);
  next_stage(run);
  return PARE_OK;
}

/* ---- the job ---------------------------------------------------------------------------- */
static const char *stage_verb(const pare_run *run) {
  if (run->stage == PARE_STAGE_EVALUATE) return "evaluate";
  if (run->stage == PARE_STAGE_MEASURE) return "measure";
  return run->recipe.steps[run->i_step - 1].name;
}

static const char *describe_stage(pare_run *run) {
  int n = run->recipe.n_steps;
  if (finished(run))
    snprintf(run->stage_text, sizeof run->stage_text, "done");
  else if (run->i_step == 0)
    snprintf(run->stage_text, sizeof run->stage_text, "0/%d %s the original", n,
             run->stage == PARE_STAGE_MEASURE ? "measure" : "evaluate");
  else if (run->stage == PARE_STAGE_PASS)
    snprintf(run->stage_text, sizeof run->stage_text, "%d/%d %.60s", run->i_step, n, stage_verb(run));
  else
    snprintf(run->stage_text, sizeof run->stage_text, "%d/%d %.40s: %s", run->i_step, n,
             run->recipe.steps[run->i_step - 1].name, stage_verb(run));
  return run->stage_text;
}

static void keep_failure(pare_run *run, pare_status status) {
  if (run->i_step == 0)
    pare_fail_within(run->job.ctx, status, "the original");
  else
    pare_fail_within(run->job.ctx, status, PARE_STEP_PLACE, run->i_step,
                     run->recipe.steps[run->i_step - 1].pass->name);
  run->failed = status;
  snprintf(run->failure, sizeof run->failure, "%s", pare_error(run->job.ctx));
}

static pare_status one_stage(pare_run *run, uint32_t budget_ms) {
  switch (run->stage) {
  case PARE_STAGE_PASS: return stage_pass(run, budget_ms);
  case PARE_STAGE_EVALUATE: return stage_evaluate(run, budget_ms);
  default: break;
  }
  pare_status status = stage_measure(run);
  if (status == PARE_OK) details_drop(run);
  return status;
}

static pare_status run_step(pare_job *job, uint32_t budget_ms, pare_progress *progress) {
  pare_run *run = (pare_run *)job;
  double until = pare_now_ms() + (double)budget_ms, now = 0;
  if (run->failed != PARE_OK) return pare_fail(job->ctx, run->failed, "%s", run->failure);
  do {
    if (finished(run)) break;
    now = pare_now_ms();
    pare_status status = one_stage(run, now < until ? (uint32_t)(until - now) : 0);
    if (status != PARE_OK) {
      keep_failure(run, status);
      return status;
    }
  } while (pare_now_ms() < until);
  *progress = (pare_progress){.done = finished(run) ? run->total : run->latest,
                              .total = run->total,
                              .loss = run->loss,
                              .accuracy = run->accuracy,
                              .stage = describe_stage(run),
                              .finished = finished(run)};
  return PARE_OK;
}

static pare_status run_model(const pare_job *job, int i_step, pare_model **out) {
  const pare_run *run = (const pare_run *)job;
  int newest = run->n_finished > 0 ? run->n_finished - 1 : 0;
  if (i_step < -1 || i_step > newest)
    return pare_fail(job->ctx, PARE_BAD_ARGUMENT, "step %d is not finished", i_step);
  *out = pare_model_retain(run->models[i_step < 0 ? newest : i_step]);
  return PARE_OK;
}

void pare_run_free(pare_job *job) {
  pare_run *run = (pare_run *)job;
  pare_context *ctx = job->ctx;
  if (run->state != NULL) run->recipe.steps[run->i_step - 1].pass->stop(run->state);
  pare_evaluator_free(run->evaluator);
  details_drop(run);
  pare_free(ctx, run->evaluation);
  pare_model_free(run->pending);
  for (int i = 0; run->models != NULL && i <= run->recipe.n_steps; i++) pare_model_free(run->models[i]);
  pare_model_free(run->input);
  for (int i = 0; i < run->n_finished; i++) pare_free(ctx, run->reports[i]);
  for (int i = 0; run->named != NULL && i < run->options.n_models; i++)
    pare_model_free((pare_model *)(uintptr_t)run->named[i].model);
  pare_dataset_free(run->dataset);
  pare_recipe_free(&run->recipe);
  pare_free(ctx, run);
}

static const pare_job_kind recipe_kind = {.step = run_step,
                                          .report = pare_run_report,
                                          .model = run_model,
                                          .checkpoint = pare_run_checkpoint,
                                          .free = pare_run_free};

/* The caller's names and models live as long as the run does. */
static pare_status copy_options(pare_run *run, const pare_run_options *options) {
  if (options == NULL) return PARE_OK;
  int n = options->n_models;
  run->options = *options;
  run->options.first_test = 0;
  run->options.n_models = 0;
  run->named = pare_arena_array(&run->recipe.arena, (size_t)n + 1, sizeof *run->named);
  if (run->named == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < n; i++) {
    run->named[i].name = pare_arena_text(&run->recipe.arena, options->models[i].name);
    if (run->named[i].name == NULL) return PARE_OUT_OF_MEMORY;
    run->named[i].model = pare_model_retain(options->models[i].model);
    run->options.n_models = i + 1;
  }
  run->options.models = run->named;
  return PARE_OK;
}

static bool trains(const pare_recipe *recipe) {
  for (int i = 0; i < recipe->n_steps; i++)
    if (recipe->steps[i].pass->needs_data) return true;
  return false;
}

static pare_status fill_run(pare_run *run, const pare_model *original, const pare_dataset *dataset,
                            const pare_run_options *options) {
  size_t n = (size_t)run->recipe.n_steps + 1;
  run->models = pare_arena_array(&run->recipe.arena, n, sizeof *run->models);
  run->reports = pare_arena_array(&run->recipe.arena, n, sizeof *run->reports);
  if (run->models == NULL || run->reports == NULL) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_model_for_data(original, dataset, &run->models[0]));
  PARE_TRY(copy_options(run, options));
  PARE_TRY(pare_recipe_check(&run->recipe, dataset, options));
  if (dataset == NULL) return PARE_OK;
  if (trains(&run->recipe)) return pare_dataset_for_training(dataset, &run->dataset);
  run->dataset = pare_dataset_retain(dataset);
  return PARE_OK;
}

pare_status pare_run_new(pare_context *ctx, const pare_model *original, const pare_dataset *dataset,
                         const char *recipe, size_t len_bytes, const pare_run_options *options,
                         pare_run **out) {
  *out = NULL;
  pare_run *run = pare_alloc(ctx, sizeof *run);
  if (run == NULL) return PARE_OUT_OF_MEMORY;
  run->job = (pare_job){.ctx = ctx, .kind = &recipe_kind};
  run->loss = run->accuracy = NAN;
  pare_status status = pare_recipe_read(ctx, recipe, len_bytes, &run->recipe);
  if (status == PARE_OK) status = fill_run(run, original, dataset, options);
  if (status != PARE_OK) {
    pare_run_free(&run->job);
    return status;
  }
  pare_run_count_done(run);
  *out = run;
  return PARE_OK;
}

pare_status pare_job_start_recipe(const pare_model *model, const pare_dataset *dataset, const char *recipe,
                                  const pare_run_options *options, pare_job **out) {
  pare_run *run = NULL;
  *out = NULL;
  PARE_TRY(pare_run_new(model->ctx, model, dataset, recipe, strlen(recipe), options, &run));
  *out = &run->job;
  return PARE_OK;
}
