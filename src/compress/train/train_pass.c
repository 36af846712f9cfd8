/* The pass `train`: ordinary supervised training, from fresh weights (after `init`) or as fine-tuning
 * after pruning. Weights that pruning made zero stay zero. */
#include <math.h>
#include <stdio.h>

#include "compress/train/train_params.h"

void pare_train_params_describe(const pare_train_params *params, char *text, size_t size) {
  const pare_train_options *options = &params->options;
  char frozen[48] = "";
  if (params->freeze.n > 0) snprintf(frozen, sizeof(frozen), ", %d layers frozen", params->freeze.n);
  snprintf(text, size, "%lld epoch%s of %s at %g, %s rate, batches of %lld%s", (long long)options->epochs,
           options->epochs == 1 ? "" : "s", pare_optim_name((int)options->optimizer), options->learning_rate,
           pare_schedule_name((int)options->schedule), (long long)options->batch_size, frozen);
}

pare_status pare_train_params_start(const pare_pass_env *env, const pare_train_params *params,
                                    const pare_train_objective *objective, pare_trainer **out) {
  pare_trainer_setup setup = {
      .model = env->model,
      .dataset = env->dataset,
      .run = env->options,
      .options = &params->options,
      .freeze = params->freeze.names,
      .n_freeze = params->freeze.n,
      .seed = env->seed,
      .objective = objective,
  };
  return pare_trainer_new(&setup, out);
}

pare_status pare_train_params_step(pare_trainer *trainer, uint32_t budget_ms, pare_pass_progress *progress,
                                   pare_model **out) {
  *out = NULL;
  pare_status status = pare_trainer_step(trainer, budget_ms);
  progress->done = trainer->state.i_batch;
  progress->total = trainer->n_total;
  progress->loss = trainer->state.i_batch > 0 ? trainer->state.loss : (double)NAN;
  progress->accuracy = pare_trainer_accuracy(trainer);
  if (status != PARE_OK || !pare_trainer_finished(trainer)) return status;
  return pare_trainer_model(trainer, out);
}

static const pare_param params[] = {PARE_TRAIN_PARAM_ROWS(pare_train_params, )};

static void describe(const void *given, char *text, size_t size) {
  int n = snprintf(text, size, "train ");
  if (n > 0 && (size_t)n < size) pare_train_params_describe(given, text + n, size - (size_t)n);
}

static pare_status start(const pare_pass_env *env, void **state) {
  pare_trainer *trainer;
  *state = NULL;
  PARE_TRY(pare_train_params_start(env, env->params, NULL, &trainer));
  *state = trainer;
  return PARE_OK;
}

static pare_status step(void *state, uint32_t budget_ms, pare_pass_progress *progress, pare_model **out,
                        pare_json *details) {
  PARE_TRY(pare_train_params_step(state, budget_ms, progress, out));
  if (*out != NULL && details != NULL) pare_trainer_details(state, details);
  return PARE_OK;
}

static void stop(void *state) {
  pare_trainer_free(state);
}

static pare_status save(void *state, pare_writer *out) {
  pare_trainer_save(state, out);
  return PARE_OK;
}

static pare_status restore(const pare_pass_env *env, pare_span saved, void **state) {
  PARE_TRY(start(env, state));
  pare_status status = pare_trainer_restore(*state, saved);
  if (status != PARE_OK) {
    stop(*state);
    *state = NULL;
  }
  return status;
}

const pare_pass pare_pass_train = {
    .name = "train",
    .title = "Train",
    .help = "Trains the weights on labelled samples; pruned weights stay zero.",
    .kind = "train",
    .needs_running = true,
    .params_bytes = sizeof(pare_train_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .needs_data = true,
    .describe = describe,
    .start = start,
    .step = step,
    .stop = stop,
    .save = save,
    .restore = restore,
};
