/* The native contestants of the benchmark, driven from tests/bench/native.mjs: commands on standard input, one answer line each.
 *   load ID BATCH exact|fast MODEL    a session; answers the report's head (which build and kernels run)
 *   input ID FILE                     f32 as raw bytes into the first input
 *   run ID N                          N inferences; answers their ms
 *   answer ID                         the first output
 *   train ID BATCH exact|fast MODEL   SGD with momentum on Fashion-MNIST, from the model's weights
 *   step ID N                         N batches; answers their ms
 *   loss ID                           of the last batch
 * An answer is "ok ..." or "error MESSAGE". */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "train/schedule.h"
#include "train/trainer.h"

#define MAX_CONTESTANTS 32
#define MAX_LINE        1024

typedef struct contestant {
  char id[64];
  pare_session *session;
  pare_tensor_view input, output;
  void *given; /* written to the input before each run */
  pare_trainer *trainer;
} contestant;

static struct {
  pare_context *ctx;
  contestant all[MAX_CONTESTANTS];
  pare_dataset *dataset;
} bench;

static contestant *find(const char *id) {
  for (int i = 0; i < MAX_CONTESTANTS; i++)
    if (strcmp(bench.all[i].id, id) == 0) return &bench.all[i];
  return NULL;
}

static pare_status unknown(const char *id) {
  return pare_fail(bench.ctx, PARE_BAD_ARGUMENT, "there is no contestant '%s'", id);
}

static void clear(contestant *c) {
  pare_session_free(c->session);
  pare_trainer_free(c->trainer);
  pare_free(bench.ctx, c->given);
  *c = (contestant){.session = NULL};
}

/* The place of `id`, emptied. */
static contestant *place(const char *id) {
  contestant *c = find(id);
  if (!c) c = find("");
  if (!c) return NULL;
  clear(c);
  snprintf(c->id, sizeof c->id, "%s", id);
  return c;
}

static pare_status print_head(const pare_model *model, pare_numerics numerics) {
  const pare_run_options options = {.numerics = numerics};
  pare_job *job;
  pare_buffer report;
  PARE_TRY(pare_job_start_recipe(model, NULL, "{\"steps\":[]}", &options, &job));
  pare_status status = pare_job_report(job, &report);
  if (status == PARE_OK) printf("ok %.*s\n", (int)report.len_bytes, (const char *)report.data);
  pare_buffer_free(bench.ctx, &report);
  pare_job_free(job);
  return status;
}

static pare_status load(contestant *c, int batch, pare_numerics numerics, const char *path) {
  const pare_session_options options = {.batch = batch, .numerics = numerics};
  pare_model *model;
  PARE_TRY(pare_model_load_file(bench.ctx, path, &model));
  pare_status status = pare_session_new(model, &options, &c->session);
  if (status == PARE_OK) {
    c->input = pare_session_input(c->session, 0);
    c->output = pare_session_output(c->session, 0);
    c->given = pare_alloc(bench.ctx, c->input.len_bytes);
    status = c->given ? print_head(model, numerics) : PARE_OUT_OF_MEMORY;
  }
  pare_model_free(model);
  return status;
}

static pare_status train(contestant *c, int batch, pare_numerics numerics, const char *path) {
  const pare_train_options options = {.epochs = 1000,
                                      .batch_size = batch,
                                      .learning_rate = 0.05,
                                      .settings = {.momentum = 0.9f},
                                      .schedule = 0,
                                      .shuffle = true};
  const pare_run_options run = {.numerics = numerics};
  pare_model *model;
  if (!bench.dataset) PARE_TRY(pare_dataset_open(bench.ctx, "fashion-mnist", &bench.dataset));
  PARE_TRY(pare_model_load_file(bench.ctx, path, &model));
  const pare_trainer_setup setup = {
      .model = model, .dataset = bench.dataset, .run = &run, .options = &options, .seed = 1};
  pare_status status = pare_trainer_new(&setup, &c->trainer);
  if (status == PARE_OK) status = print_head(model, numerics);
  pare_model_free(model);
  return status;
}

static pare_status read_input(contestant *c, const char *path) {
  if (!c->session) return unknown(c->id);
  FILE *file = fopen(path, "rb");
  if (!file) return pare_fail(bench.ctx, PARE_IO, "%s cannot be opened", path);
  const size_t n = fread(c->given, 1, c->input.len_bytes, file);
  fclose(file);
  if (n != c->input.len_bytes) return pare_fail(bench.ctx, PARE_BAD_DATA, "%s is too short", path);
  printf("ok\n");
  return PARE_OK;
}

static pare_status run(contestant *c, int n) {
  if (!c->session) return unknown(c->id);
  const double start = pare_now_ms();
  for (int i = 0; i < n; i++) {
    memcpy(c->input.data, c->given, c->input.len_bytes);
    PARE_TRY(pare_session_run(c->session));
  }
  printf("ok %.6f\n", pare_now_ms() - start);
  return PARE_OK;
}

static pare_status step(contestant *c, int n) {
  if (!c->trainer) return unknown(c->id);
  const double start = pare_now_ms();
  for (int i = 0; i < n; i++) PARE_TRY(pare_trainer_step(c->trainer, 0));
  printf("ok %.6f\n", pare_now_ms() - start);
  return PARE_OK;
}

static pare_status answer(contestant *c) {
  if (!c->session) return unknown(c->id);
  printf("ok");
  for (size_t i = 0; i < c->output.len_bytes / sizeof(float); i++)
    printf(" %.9g", (double)((const float *)c->output.data)[i]);
  printf("\n");
  return PARE_OK;
}

static pare_status loss(contestant *c) {
  if (!c->trainer) return unknown(c->id);
  printf("ok %.9g\n", c->trainer->state.loss);
  return PARE_OK;
}

static pare_status obey(char *line) {
  char verb[16], id[64], numerics[16];
  int n = 0, at = 0;
  if (sscanf(line, "%15s %63s%n", verb, id, &at) < 2)
    return pare_fail(bench.ctx, PARE_BAD_ARGUMENT, "what is this: %s", line);
  char *rest = line + at + strspn(line + at, " ");
  const bool loads = strcmp(verb, "load") == 0;
  if (loads || strcmp(verb, "train") == 0) {
    contestant *c = place(id);
    if (!c) return pare_fail(bench.ctx, PARE_BAD_ARGUMENT, "more than %d contestants", MAX_CONTESTANTS);
    if (sscanf(rest, "%d %15s %n", &n, numerics, &at) < 2) return unknown(id);
    const pare_numerics chosen = strcmp(numerics, "fast") == 0 ? PARE_FAST : PARE_EXACT;
    return loads ? load(c, n, chosen, rest + at) : train(c, n, chosen, rest + at);
  }
  contestant *c = find(id);
  if (!c) return unknown(id);
  if (strcmp(verb, "input") == 0) return read_input(c, rest);
  if (strcmp(verb, "run") == 0) return run(c, atoi(rest));
  if (strcmp(verb, "step") == 0) return step(c, atoi(rest));
  if (strcmp(verb, "answer") == 0) return answer(c);
  if (strcmp(verb, "loss") == 0) return loss(c);
  return pare_fail(bench.ctx, PARE_BAD_ARGUMENT, "there is no command '%s'", verb);
}

int main(void) {
  char line[MAX_LINE];
  if (pare_context_new(NULL, &bench.ctx) != PARE_OK) return 1;
  while (fgets(line, sizeof line, stdin)) {
    line[strcspn(line, "\n")] = 0;
    if (obey(line) != PARE_OK) printf("error %s\n", pare_error(bench.ctx));
    fflush(stdout);
  }
  for (int i = 0; i < MAX_CONTESTANTS; i++) clear(&bench.all[i]);
  pare_dataset_free(bench.dataset);
  pare_context_free(bench.ctx);
  return 0;
}
