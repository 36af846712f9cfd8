/* The pass `distill`: training a student with a teacher's help (Hinton, Vinyals and Dean 2015).
 *   loss = alpha T^2 soft(student, teacher, T) + (1 - alpha) cross_entropy(student, labels)
 * T^2 keeps the size of the soft gradients the same whatever the temperature. The teacher answers each
 * batch in an ordinary inference session; it never changes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/distill/losses.h"
#include "compress/train/train_params.h"
#include "train/parameters.h"

typedef struct distill_params {
  pare_train_params train;
  const char *teacher;
  double temperature, alpha;
  int64_t reduction, form;
} distill_params;

typedef struct distiller {
  const pare_pass_env *env;
  const distill_params *params;
  pare_context *ctx;
  pare_session *teacher;
  pare_trainer *trainer;
  pare_arena arena;
  float *scratch;     /* [2, n, c] */
  float *d_soft;      /* [n, c] */
  int64_t n_elements; /* of a batch of samples */
  double soft, hard;  /* losses of the last batch */
  double lowest_soft;
} distiller;

static pare_status find_teacher(const pare_pass_env *env, const char *name, const pare_model **out) {
  *out = NULL;
  if (name != NULL && strcmp(name, "original") == 0) *out = env->original;
  for (int i = 0; env->options != NULL && *out == NULL && i < env->options->n_models; i++) {
    if (name != NULL && strcmp(env->options->models[i].name, name) == 0) *out = env->options->models[i].model;
  }
  if (*out != NULL) return PARE_OK;
  return pare_fail(env->ctx, PARE_BAD_RECIPE, "teacher: no model named '%s' was given to the run",
                   name != NULL ? name : "");
}

static pare_status objective(void *user, const pare_train_batch *batch, double *loss) {
  distiller *d = user;
  const pare_model *planned = d->teacher->model;
  const pare_tensor *input = &d->teacher->tensors[planned->inputs[0]];
  memcpy(input->data, batch->samples, (size_t)d->n_elements * sizeof(float));
  PARE_TRY(pare_session_run(d->teacher));
  double t = d->params->temperature, alpha = d->params->alpha;
  pare_soft_call soft = {
      .student = batch->logits,
      .teacher = pare_f32(&d->teacher->tensors[planned->outputs[0]]),
      .n = batch->n,
      .c = batch->c,
      .temperature = (float)t,
      .reduction = (pare_reduction)d->params->reduction,
      .scratch = d->scratch,
      .d_student = d->d_soft,
  };
  d->soft = pare_soft_loss_at((int)d->params->form)->compute(&soft);
  d->hard = pare_cross_entropy(batch->logits, batch->labels, batch->n, batch->c, batch->d_logits);
  if (d->soft < d->lowest_soft) d->lowest_soft = d->soft;
  float soft_scale = (float)(alpha * t * t), hard_scale = (float)(1 - alpha);
  for (int64_t i = 0; i < batch->n * batch->c; i++) {
    batch->d_logits[i] = hard_scale * batch->d_logits[i] + soft_scale * d->d_soft[i];
  }
  *loss = alpha * t * t * d->soft + (1 - alpha) * d->hard;
  return PARE_OK;
}

/* Plans the teacher for the student's batch and checks that both speak of the same samples and classes. */
static pare_status plan_teacher(distiller *d, const pare_model *teacher) {
  const pare_trainer *trainer = d->trainer;
  if (teacher->n_inputs != 1 || teacher->n_outputs < 1) {
    return pare_fail(d->ctx, PARE_UNSUPPORTED, "the teacher has %d inputs, not one", teacher->n_inputs);
  }
  const pare_value *value = &teacher->values[teacher->inputs[0]];
  if (!value->has_shape || value->shape.rank < 1) {
    return pare_fail(d->ctx, PARE_UNSUPPORTED, "the teacher's input '%s' has no batch dimension",
                     value->name);
  }
  pare_shape shape = value->shape;
  shape.dims[0] = trainer->n_batch;
  PARE_TRY(pare_dataset_fits(trainer->dataset, &shape));
  pare_plan_options options = {
      .batch = trainer->n_batch,
      .input_shapes = &shape,
      .numerics = d->env->options != NULL ? d->env->options->numerics : PARE_EXACT,
      .n_threads = d->env->options != NULL ? d->env->options->n_threads : 1,
      .fuse = true,
  };
  pare_model *logits;
  PARE_TRY(pare_model_logits(teacher, &logits));
  pare_status status = pare_session_plan(logits, &options, &d->teacher);
  pare_model_free(logits);
  PARE_TRY(status);
  const pare_tensor *input = &d->teacher->tensors[d->teacher->model->inputs[0]];
  const pare_tensor *output = &d->teacher->tensors[d->teacher->model->outputs[0]];
  const pare_tensor *samples = &trainer->session->tensors[trainer->session->model->inputs[0]];
  d->n_elements = pare_tensor_count(samples);
  if (input->dtype != PARE_F32 || pare_tensor_count(input) != d->n_elements || output->dtype != PARE_F32 ||
      pare_tensor_count(output) != trainer->n_batch * trainer->n_classes) {
    char theirs[96], ours[96];
    return pare_fail(d->ctx, PARE_BAD_RECIPE, "teacher '%s' gives %s where the student gives %s",
                     d->params->teacher, pare_shape_text(&output->shape, theirs, sizeof(theirs)),
                     pare_shape_text(&trainer->session->tensors[trainer->session->model->outputs[0]].shape,
                                     ours, sizeof(ours)));
  }
  return PARE_OK;
}

static pare_status set_up(distiller *d) {
  const pare_model *teacher;
  PARE_TRY(find_teacher(d->env, d->params->teacher, &teacher));
  pare_train_objective with_teacher = {.compute = objective, .user = d};
  PARE_TRY(pare_train_params_start(d->env, &d->params->train, &with_teacher, &d->trainer));
  pare_status status = plan_teacher(d, teacher);
  if (status != PARE_OK) return pare_fail_within(d->ctx, status, "teacher '%s'", d->params->teacher);
  size_t count = (size_t)(d->trainer->n_batch * d->trainer->n_classes);
  d->scratch = pare_arena_array(&d->arena, count, 2 * sizeof(float));
  d->d_soft = pare_arena_array(&d->arena, count, sizeof(float));
  return d->scratch != NULL && d->d_soft != NULL ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static void stop(void *state) {
  distiller *d = state;
  if (d == NULL) return;
  pare_trainer_free(d->trainer);
  pare_session_free(d->teacher);
  pare_arena_free(&d->arena);
  pare_free(d->ctx, d);
}

static pare_status start(const pare_pass_env *env, void **state) {
  *state = NULL;
  distiller *d = pare_alloc(env->ctx, sizeof(*d));
  if (d == NULL) return PARE_OUT_OF_MEMORY;
  d->env = env;
  d->params = env->params;
  d->ctx = env->ctx;
  pare_arena_init(&d->arena, env->ctx);
  pare_status status = set_up(d);
  if (status != PARE_OK) {
    stop(d);
    return status;
  }
  *state = d;
  return PARE_OK;
}

static pare_status step(void *state, uint32_t budget_ms, pare_pass_progress *progress, pare_model **out,
                        pare_json *details) {
  distiller *d = state;
  PARE_TRY(pare_train_params_step(d->trainer, budget_ms, progress, out));
  if (*out == NULL || details == NULL) return PARE_OK;
  const char *warning = pare_soft_loss_at((int)d->params->form)->warning;
  pare_trainer_details(d->trainer, details);
  pare_json_put_text(details, "teacher", d->params->teacher);
  pare_json_put_text(details, "form", pare_soft_loss_name((int)d->params->form));
  pare_json_put_text(details, "reduction", pare_reduction_name((int)d->params->reduction));
  pare_json_put_number(details, "soft_loss", d->soft);
  pare_json_put_number(details, "hard_loss", d->hard);
  pare_json_put_number(details, "lowest_soft_loss", d->lowest_soft);
  if (warning != NULL) pare_json_put_text(details, "warning", warning);
  return PARE_OK;
}

static pare_status save(void *state, pare_writer *out) {
  distiller *d = state;
  pare_writer_put(out, &d->lowest_soft, sizeof(d->lowest_soft));
  pare_trainer_save(d->trainer, out);
  return PARE_OK;
}

static pare_status restore(const pare_pass_env *env, pare_span saved, void **state) {
  double lowest;
  if (saved.len_bytes < sizeof(lowest))
    return pare_fail(env->ctx, PARE_BAD_ARGUMENT, "the checkpoint is cut off");
  memcpy(&lowest, saved.data, sizeof(lowest));
  PARE_TRY(start(env, state));
  distiller *d = *state;
  d->lowest_soft = lowest;
  pare_span rest = {saved.data + sizeof(lowest), saved.len_bytes - sizeof(lowest)};
  pare_status status = pare_trainer_restore(d->trainer, rest);
  if (status != PARE_OK) {
    stop(d);
    *state = NULL;
  }
  return status;
}

static void describe(const void *given, char *text, size_t size) {
  const distill_params *params = given;
  char rest[128];
  pare_train_params_describe(&params->train, rest, sizeof(rest));
  snprintf(text, size, "learn from '%s': %g of the soft answers at temperature %g%s, %s", params->teacher,
           params->alpha, params->temperature,
           strcmp(pare_soft_loss_name((int)params->form), "raw_logits") == 0 ? " (raw logits)" : "", rest);
}

static const pare_param params[] = {
    {.name = "teacher",
     .type = PARE_PARAM_MODEL,
     .offset = offsetof(distill_params, teacher),
     .fallback_text = "original",
     .unit = "",
     .help = "Whose answers the student learns: \"original\" (the model the recipe began with) or a model "
             "given by name."},
    {.name = "temperature",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(distill_params, temperature),
     .minimum = 0.01,
     .maximum = 100,
     .fallback = 4,
     .unit = "",
     .help = "Softens both sides' answers, so that the order of the wrong classes shows."},
    {.name = "alpha",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(distill_params, alpha),
     .minimum = 0,
     .maximum = 1,
     .fallback = 0.9,
     .unit = "",
     .help = "Weight of the soft part; the labels get the rest."},
    {.name = "reduction",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(distill_params, reduction),
     .fallback = PARE_BATCHMEAN,
     .choice = pare_reduction_name,
     .unit = "",
     .help = "What the sum of the soft loss is divided by: the batch, all elements, or nothing (as "
             "torch.nn.KLDivLoss)."},
    {.name = "form",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(distill_params, form),
     .fallback = 0,
     .choice = pare_soft_loss_name,
     .unit = "",
     .help = "log_probabilities, or raw_logits: the common mistake, to see what it does."},
    PARE_TRAIN_PARAM_ROWS(distill_params, train.),
};

const pare_pass pare_pass_distill = {
    .name = "distill",
    .title = "Distil",
    .help = "Trains this model to give a teacher's answers as well as the labels.",
    .kind = "distill",
    .needs_running = true,
    .params_bytes = sizeof(distill_params),
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
