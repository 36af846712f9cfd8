/* Evaluation over the test split: right answers, mean cross-entropy, confusion matrix. Batches of one
 * fixed size, so that what depends on the batch (dynamic quantization takes one scale for all of it) is
 * the same in every build; what is left over at the end gets a session of its own, or zeros behind it when
 * the model's batch is fixed. Losses are added in double in ascending order, chunk by chunk, and then the chunks: so workers that
 * share the chunks out get the same bytes. */
#include <string.h>

#include "measure/measure.h"
#include "train/parameters.h"
#include "train/train.h"

#define BATCH       64
#define MAX_CLASSES 4096

struct pare_evaluator {
  pare_context *ctx;
  pare_model *logits; /* the model, without a Softmax at its end */
  pare_dataset *dataset;
  pare_plan_options plan;
  pare_session *session;
  int64_t batch; /* of the session */
  int32_t *labels;
  int64_t n_classes;
  double finished_sum, chunk_sum; /* losses of finished chunks, and of the one that is under way */
  pare_evaluation result;
  int64_t first, limit; /* samples to go through: the first, and how many */
};

static pare_status check_session(pare_evaluator *e) {
  if (pare_session_n_inputs(e->session) != 1)
    return pare_fail(e->ctx, PARE_BAD_DATA, "the model has %d inputs; evaluation needs one",
                     pare_session_n_inputs(e->session));
  if (pare_session_n_outputs(e->session) < 1)
    return pare_fail(e->ctx, PARE_BAD_MODEL, "the model has no output");
  pare_tensor_view in = pare_session_input(e->session, 0), out = pare_session_output(e->session, 0);
  if (in.dtype != PARE_F32 || in.shape.rank < 1)
    return pare_fail(e->ctx, PARE_BAD_DATA, "input '%s' is not an f32 batch", in.name);
  PARE_TRY(pare_dataset_fits(e->dataset, &in.shape));
  e->batch = in.shape.dims[0];
  int64_t count = pare_shape_count(&out.shape);
  if (out.dtype != PARE_F32 || e->batch < 1 || count < 1 || count % e->batch != 0)
    return pare_fail(e->ctx, PARE_BAD_DATA, "output '%s' is not one row of f32 for each sample", out.name);
  e->n_classes = count / e->batch;
  if (e->n_classes < e->dataset->n_classes)
    return pare_fail(e->ctx, PARE_BAD_DATA,
                     "output '%s' has %lld values for each sample; the data has %d classes", out.name,
                     (long long)e->n_classes, e->dataset->n_classes);
  if (e->n_classes > MAX_CLASSES)
    return pare_fail(e->ctx, PARE_UNSUPPORTED,
                     "output '%s' has %lld values for each sample; at most %d classes", out.name,
                     (long long)e->n_classes, MAX_CLASSES);
  return PARE_OK;
}

static pare_status start(pare_evaluator *e, const pare_model *model, const pare_dataset *dataset,
                         const pare_run_options *options) {
  if (dataset == NULL || dataset->test.n < 1)
    return pare_fail(e->ctx, PARE_BAD_DATA, "there is no test data to evaluate on");
  e->first = options->first_test;
  if (e->first < 0 || e->first >= dataset->test.n)
    return pare_fail(e->ctx, PARE_BAD_ARGUMENT, "first_test %lld: there are %lld test samples",
                     (long long)e->first, (long long)dataset->test.n);
  e->limit = dataset->test.n - e->first;
  if (options->limit_test > 0 && options->limit_test < e->limit) e->limit = options->limit_test;
  e->plan = (pare_plan_options){.batch = e->limit < BATCH ? e->limit : BATCH,
                                .numerics = options->numerics,
                                .n_threads = options->n_threads,
                                .fuse = true};
  pare_model *fitted;
  PARE_TRY(pare_model_for_data(model, dataset, &fitted));
  const pare_status status = pare_model_logits(fitted, &e->logits);
  pare_model_free(fitted);
  if (status != PARE_OK) return status;
  PARE_TRY(pare_session_plan(e->logits, &e->plan, &e->session));
  if (e->session->dynamic) PARE_TRY(pare_session_run(e->session)); /* only then the output has a shape */
  PARE_TRY(check_session(e));
  pare_evaluation *r = &e->result;
  r->n_classes = (int)e->n_classes;
  r->confusion = pare_alloc_array(e->ctx, (size_t)(e->n_classes * e->n_classes), sizeof *r->confusion);
  e->labels = pare_alloc_array(e->ctx, (size_t)e->batch, sizeof *e->labels);
  if (r->confusion == NULL || e->labels == NULL) return PARE_OUT_OF_MEMORY;
  if (options->answers && e->n_classes <= 255) {
    r->answers = pare_alloc(e->ctx, (size_t)e->limit);
    if (r->answers == NULL) return PARE_OUT_OF_MEMORY;
  }
  return PARE_OK;
}

pare_status pare_evaluator_new(const pare_model *model, const pare_dataset *dataset,
                               const pare_run_options *options, pare_evaluator **out) {
  static const pare_run_options defaults = {.numerics = PARE_EXACT};
  *out = NULL;
  pare_evaluator *e = pare_alloc(model->ctx, sizeof *e);
  if (e == NULL) return PARE_OUT_OF_MEMORY;
  e->ctx = model->ctx;
  if (dataset != NULL) e->dataset = pare_dataset_retain(dataset);
  pare_status status = start(e, model, dataset, options == NULL ? &defaults : options);
  if (status != PARE_OK) {
    pare_evaluator_free(e);
    return status;
  }
  *out = e;
  return PARE_OK;
}

/* For the last, smaller batch. A model whose batch is fixed keeps its session. */
static pare_status shrink(pare_evaluator *e, int64_t n) {
  pare_plan_options plan = e->plan;
  pare_session *session = NULL;
  plan.batch = n;
  PARE_TRY(pare_session_plan(e->logits, &plan, &session));
  if (pare_session_input(session, 0).shape.dims[0] != n) {
    pare_session_free(session);
    return PARE_OK;
  }
  pare_session_free(e->session);
  e->session = session;
  e->batch = n;
  return PARE_OK;
}

static void score(pare_evaluator *e, const float *logits, int64_t n) {
  pare_evaluation *r = &e->result;
  for (int64_t i = 0; i < n; i++) {
    const float *row = logits + i * e->n_classes;
    int64_t best = 0;
    for (int64_t k = 1; k < e->n_classes; k++)
      if (row[k] > row[best]) best = k;
    e->chunk_sum += pare_cross_entropy(row, &e->labels[i], 1, e->n_classes, NULL);
    if (best == e->labels[i]) r->right++;
    r->confusion[e->labels[i] * e->n_classes + best]++;
    if (r->answers != NULL) r->answers[r->total] = (uint8_t)best;
    r->total++;
    if (r->total % PARE_EVALUATION_CHUNK != 0) continue;
    e->finished_sum += e->chunk_sum;
    e->chunk_sum = 0;
  }
  r->loss_sum = e->finished_sum + e->chunk_sum;
  r->loss = r->loss_sum / (double)r->total;
}

static pare_status run_batch(pare_evaluator *e) {
  int64_t n = e->limit - e->result.total;
  if (n < e->batch && e->plan.batch != n) {
    e->plan.batch = n;
    PARE_TRY(shrink(e, n));
  }
  if (n > e->batch) n = e->batch;
  pare_tensor_view in = pare_session_input(e->session, 0);
  size_t sample_bytes = in.len_bytes / (size_t)e->batch;
  pare_dataset_gather(e->dataset, &e->dataset->test, NULL, e->first + e->result.total, n, in.data, e->labels);
  memset((uint8_t *)in.data + (size_t)n * sample_bytes, 0, (size_t)(e->batch - n) * sample_bytes);
  PARE_TRY(pare_session_run(e->session));
  pare_tensor_view logits = pare_session_output(e->session, 0);
  if (logits.dtype != PARE_F32 || logits.len_bytes < (size_t)(n * e->n_classes) * sizeof(float))
    return pare_fail(e->ctx, PARE_BAD_DATA, "output '%s' changes its shape from batch to batch", logits.name);
  score(e, logits.data, n);
  return PARE_OK;
}

pare_status pare_evaluator_step(pare_evaluator *e, uint32_t budget_ms, int64_t *done, int64_t *total) {
  double until = pare_now_ms() + (double)budget_ms;
  pare_status status = PARE_OK;
  do {
    if (e->result.total < e->limit) status = run_batch(e);
  } while (status == PARE_OK && e->result.total < e->limit && pare_now_ms() < until);
  *done = e->result.total;
  *total = e->limit;
  return status;
}

const pare_evaluation *pare_evaluator_result(const pare_evaluator *evaluator) {
  return &evaluator->result;
}

void pare_evaluator_free(pare_evaluator *e) {
  if (e == NULL) return;
  pare_context *ctx = e->ctx;
  pare_session_free(e->session);
  pare_model_free(e->logits);
  pare_dataset_free(e->dataset);
  pare_free(ctx, e->labels);
  pare_free(ctx, e->result.confusion);
  pare_free(ctx, e->result.answers);
  pare_free(ctx, e);
}
