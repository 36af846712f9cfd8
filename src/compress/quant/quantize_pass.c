/* The pass `quantize`: static int8. BatchNormalization is folded, ranges of activations are observed on training samples, and the model is written
 * in ONNX's QDQ form: u8 or s8 activations with a zero point, s8 symmetric weights, s32 biases. A session runs it on integer kernels
 * (session/fuse_qdq.c), and so does ONNX Runtime. */
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "compress/quant/quant_plan.h"
#include "compress/unshare.h"
#include "session/session.h"

typedef struct quantize_params {
  int64_t samples, batch, observer, activations, weights;
  double averaging_constant;
  pare_layer_choice choice;
} quantize_params;

typedef struct quantizer {
  const quantize_params *params;
  pare_context *ctx;
  const pare_pass_env *env;
  pare_arena arena;
  pare_model *model;
  pare_quant_plan plan;
  pare_dataset *dataset;
  pare_session *session;
  int64_t session_batch;
  pare_tensor **observed; /* [n_values] of the session, or NULL */
  uint32_t *indices;      /* which training samples */
  int64_t n_samples, done;
} quantizer;

static void stop(void *state) {
  quantizer *q = state;
  if (!q) return;
  pare_session_free(q->session);
  pare_dataset_free(q->dataset);
  pare_model_free(q->model);
  pare_arena_free(&q->arena);
  pare_free(q->ctx, q);
}

/* A random choice of the training samples, always the same for a seed. */
static pare_status choose_samples(quantizer *q) {
  PARE_TRY(pare_dataset_for_training(q->env->dataset, &q->dataset));
  const pare_split *split = &q->dataset->train;
  if (split->n < 1) return pare_fail(q->ctx, PARE_BAD_DATA, "there are no training samples to observe");
  q->n_samples = q->params->samples < split->n ? q->params->samples : split->n;
  q->indices = pare_arena_array(&q->arena, (size_t)split->n, sizeof *q->indices);
  if (!q->indices) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < split->n; i++) q->indices[i] = (uint32_t)i;
  pare_rng rng = pare_rng_new(q->env->seed, "calibrate");
  pare_rng_shuffle(&rng, q->indices, (size_t)split->n);
  return PARE_OK;
}

static pare_status plan_session(quantizer *q, int64_t batch) {
  pare_session_free(q->session);
  q->session = NULL;
  const pare_value *input = &q->model->values[q->model->inputs[0]];
  pare_shape shape = pare_value_shape_at(input, batch);
  shape.dims[0] = batch;
  PARE_TRY(pare_dataset_fits(q->dataset, &shape));
  const pare_plan_options options = {.batch = batch,
                                     .input_shapes = &shape,
                                     .numerics = q->env->options ? q->env->options->numerics : PARE_EXACT,
                                     .n_threads = q->env->options ? q->env->options->n_threads : 1,
                                     .keep_all = true};
  PARE_TRY(pare_session_plan(q->model, &options, &q->session));
  for (int i = 0; i < q->model->n_values; i++) {
    if (!q->plan.wanted[i]) continue;
    q->observed[i] = pare_session_value(q->session, q->model->values[i].name);
    if (!q->observed[i] || q->observed[i]->dtype != PARE_F32) {
      return pare_fail(q->ctx, PARE_UNSUPPORTED, "the value '%s' cannot be observed",
                       q->model->values[i].name);
    }
  }
  q->session_batch = batch;
  return PARE_OK;
}

static pare_status begin(quantizer *q) {
  pare_model *unshared;
  PARE_TRY(pare_unshare(q->env->model, &unshared));
  const pare_status status = pare_model_clone(unshared, &q->model);
  pare_model_free(unshared);
  PARE_TRY(status);
  PARE_TRY(pare_fold_batchnorm(q->model));
  if (q->model->n_inputs != 1)
    return pare_fail(q->ctx, PARE_UNSUPPORTED, "the model has %d inputs, not one", q->model->n_inputs);
  const pare_value *input = &q->model->values[q->model->inputs[0]];
  if (!input->has_shape || input->shape.rank < 1)
    return pare_fail(q->ctx, PARE_UNSUPPORTED, "the input '%s' has no batch dimension", input->name);
  PARE_TRY(pare_quant_plan_make(q->model, &q->params->choice, &q->arena, &q->plan));
  q->observed = pare_arena_array(&q->arena, (size_t)q->model->n_values, sizeof *q->observed);
  if (!q->observed) return PARE_OUT_OF_MEMORY;
  return choose_samples(q);
}

static pare_status start(const pare_pass_env *env, void **state) {
  *state = NULL;
  quantizer *q = pare_alloc(env->ctx, sizeof *q);
  if (!q) return PARE_OUT_OF_MEMORY;
  q->params = env->params;
  q->ctx = env->ctx;
  q->env = env;
  pare_arena_init(&q->arena, env->ctx);
  const pare_status status = begin(q);
  if (status == PARE_OK)
    *state = q;
  else
    stop(q);
  return status;
}

/* One batch through the f32 model; every wanted value tells its range. */
static pare_status observe_batch(quantizer *q) {
  const int64_t left = q->n_samples - q->done, batch = left < q->params->batch ? left : q->params->batch;
  if (!q->session || batch != q->session_batch) PARE_TRY(plan_session(q, batch));
  pare_tensor *input = &q->session->tensors[q->session->model->inputs[0]];
  pare_dataset_gather(q->dataset, &q->dataset->train, q->indices + q->done, 0, batch, pare_f32(input), NULL);
  PARE_TRY(pare_session_run(q->session));
  const pare_observer *observer = pare_observer_at((int)q->params->observer);
  for (int i = 0; i < q->model->n_values; i++) {
    if (!q->plan.wanted[i]) continue;
    const float *x = pare_f32(q->observed[i]);
    const int64_t n = pare_tensor_count(q->observed[i]);
    float low = n ? x[0] : 0.0f, high = low;
    for (int64_t k = 1; k < n; k++) {
      low = x[k] < low ? x[k] : low;
      high = x[k] > high ? x[k] : high;
    }
    if (!(low - low == 0.0f && high - high == 0.0f))
      return pare_fail(q->ctx, PARE_BAD_DATA, "the value '%s' is not finite", q->model->values[i].name);
    observer->update(&q->plan.ranges[i], low, high, (float)q->params->averaging_constant);
  }
  q->done += batch;
  return PARE_OK;
}

/* Values that share a scale cover each other's ranges. */
static void join_ranges(quantizer *q) {
  pare_range *ranges = q->plan.ranges;
  for (int i = 0; i < q->model->n_values; i++) {
    const int group = pare_quant_group(&q->plan, i);
    if (!q->plan.wanted[i] || group == i) continue;
    if (!ranges[group].seen || ranges[i].low < ranges[group].low) ranges[group].low = ranges[i].low;
    if (!ranges[group].seen || ranges[i].high > ranges[group].high) ranges[group].high = ranges[i].high;
    ranges[group].seen = true;
  }
}

static pare_status step(void *state, uint32_t budget_ms, pare_pass_progress *progress, pare_model **out,
                        pare_json *details) {
  quantizer *q = state;
  const double until = pare_now_ms() + budget_ms;
  *out = NULL;
  do {
    if (q->done < q->n_samples) PARE_TRY(observe_batch(q));
  } while (q->done < q->n_samples && pare_now_ms() < until);
  *progress =
      (pare_pass_progress){(uint64_t)q->done, (uint64_t)q->n_samples, __builtin_nan(""), __builtin_nan("")};
  if (q->done < q->n_samples) return PARE_OK;
  join_ranges(q);
  if (details) pare_json_put_int(details, "calibration_samples", q->n_samples);
  PARE_TRY(pare_quant_rewrite(q->model, &q->plan, pare_activation_dtype((int)q->params->activations),
                              pare_weight_per_channel((int)q->params->weights), details));
  *out = q->model;
  q->model = NULL;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  const quantize_params *p = given;
  snprintf(text, size, "int8 weights (%s), %s activations by %s over %lld samples",
           pare_weight_name((int)p->weights) + 3, pare_activation_name((int)p->activations),
           pare_observer_name((int)p->observer), (long long)p->samples);
}

static const pare_param params[] = {
    {.name = "samples",
     .type = PARE_PARAM_INT,
     .offset = offsetof(quantize_params, samples),
     .minimum = 1,
     .maximum = 1000000,
     .fallback = 512,
     .unit = "samples",
     .help = "Training samples whose activations are observed."},
    {.name = "batch",
     .type = PARE_PARAM_INT,
     .offset = offsetof(quantize_params, batch),
     .minimum = 1,
     .maximum = 4096,
     .fallback = 32,
     .unit = "samples",
     .help = "Samples observed at once; a moving average moves once per batch."},
    {.name = "observer",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(quantize_params, observer),
     .choice = pare_observer_name,
     .unit = "",
     .help = "How ranges are kept: the extremes ever seen, or a moving average of each batch's."},
    {.name = "averaging_constant",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(quantize_params, averaging_constant),
     .minimum = 0.0001,
     .maximum = 1,
     .fallback = 0.01,
     .unit = "",
     .help = "How far a moving average moves towards each batch."},
    {.name = "activations",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(quantize_params, activations),
     .choice = pare_activation_name,
     .unit = "",
     .help = "Integer type of activations: unsigned or signed 8 bits."},
    {.name = "weights",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(quantize_params, weights),
     .choice = pare_weight_name,
     .unit = "",
     .help = "One scale per output channel, or one for a whole layer."},
    PARE_LAYER_CHOICE_ROWS(quantize_params, choice, "Layers that become int8; none named: all that can.",
                           "Layers that stay f32 (mixed precision)."),
};

const pare_pass pare_pass_quantize = {
    .name = "quantize",
    .title = "Quantize to int8",
    .help = "Static int8: observes activations on training samples, then stores weights and runs layers as "
            "8-bit integers.",
    .kind = "quantize",
    .needs_running = true,
    .params_bytes = sizeof(quantize_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .needs_data = true,
    .describe = describe,
    .start = start,
    .step = step,
    .stop = stop,
};
