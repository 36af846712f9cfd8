/* The public face of jobs, and the evaluation job. */
#include <math.h>

#include "kernels/f32_gemm/f32_gemm.h"
#include "kernels/q8_gemm/q8_gemm.h"
#include "measure/measure.h"
#include "ops/sparse_forms.h"
#include "recipe/job.h"

#ifndef PARE_BUILD_NAME
#define PARE_BUILD_NAME "unknown"
#endif

pare_status pare_job_step(pare_job *job, uint32_t budget_ms, pare_progress *progress) {
  *progress = (pare_progress){.loss = NAN, .accuracy = NAN, .stage = ""};
  return job->kind->step(job, budget_ms, progress);
}

pare_status pare_job_report(const pare_job *job, pare_buffer *json) {
  *json = (pare_buffer){NULL, 0};
  return job->kind->report(job, json);
}

pare_status pare_job_model(const pare_job *job, int i_step, pare_model **out) {
  *out = NULL;
  return job->kind->model(job, i_step, out);
}

pare_status pare_job_checkpoint(const pare_job *job, pare_buffer *out) {
  *out = (pare_buffer){NULL, 0};
  if (job->kind->checkpoint == NULL)
    return pare_fail(job->ctx, PARE_BAD_ARGUMENT, "this kind of job has no checkpoint: start it again");
  return job->kind->checkpoint(job, out);
}

void pare_job_free(pare_job *job) {
  if (job != NULL) job->kind->free(job);
}

void pare_job_put_build(pare_json *json, pare_numerics numerics) {
  pare_json_key(json, "pare");
  pare_json_object(json);
  pare_json_put_text(json, "version", pare_version());
  pare_json_put_text(json, "build", PARE_BUILD_NAME);
  pare_json_put_text(json, "numerics", numerics == PARE_FAST ? "fast" : "exact");
  pare_json_key(json, "kernels");
  pare_json_object(json);
  pare_json_put_text(json, "f32_gemm", pare_f32_gemm_select(numerics)->name);
  const pare_sparse_forms *sparse = pare_sparse_forms_here();
  if (sparse != NULL) {
    pare_json_put_text(json, "f32_spmm", sparse->spmm_select(numerics)->name);
    pare_json_put_text(json, "f32_spmv", sparse->spmv_select()->name);
  }
  pare_json_put_text(json, "q8_gemm", pare_q8_gemm_select(2, true, false)->name);
  pare_json_end(json, '}');
  pare_json_end(json, '}');
}

pare_status pare_job_put_data(pare_json *json, const pare_dataset *dataset) {
  pare_buffer info;
  pare_json_key(json, "data");
  if (dataset == NULL) {
    pare_json_text(json, NULL);
    return PARE_OK;
  }
  PARE_TRY(pare_dataset_info(dataset, &info));
  pare_json_raw(json, (const char *)info.data);
  pare_buffer_free(dataset->ctx, &info);
  return PARE_OK;
}

/* ---- evaluation ---------------------------------------------------------------------------- */
typedef struct evaluation_job {
  pare_job job;
  pare_model *model;
  pare_dataset *dataset;
  pare_evaluator *evaluator;
  pare_numerics numerics;
} evaluation_job;

static pare_status evaluation_step(pare_job *job, uint32_t budget_ms, pare_progress *progress) {
  evaluation_job *e = (evaluation_job *)job;
  int64_t done = 0, total = 0;
  PARE_TRY(pare_evaluator_step(e->evaluator, budget_ms, &done, &total));
  const pare_evaluation *result = pare_evaluator_result(e->evaluator);
  progress->done = (uint64_t)done;
  progress->total = (uint64_t)total;
  progress->loss = result->loss;
  progress->accuracy = (double)result->right / (double)result->total;
  progress->stage = "evaluate";
  progress->finished = done == total;
  return PARE_OK;
}

static pare_status evaluation_report(const pare_job *job, pare_buffer *out) {
  const evaluation_job *e = (const evaluation_job *)job;
  pare_json json;
  pare_json_init(&json, job->ctx);
  pare_json_object(&json);
  pare_evaluation_json(pare_evaluator_result(e->evaluator), &json);
  pare_job_put_build(&json, e->numerics);
  pare_status status = pare_job_put_data(&json, e->dataset);
  pare_json_end(&json, '}');
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}

static pare_status evaluation_model(const pare_job *job, int i_step, pare_model **out) {
  const evaluation_job *e = (const evaluation_job *)job;
  if (i_step > 0) return pare_fail(job->ctx, PARE_BAD_ARGUMENT, "an evaluation has one model");
  *out = pare_model_retain(e->model);
  return PARE_OK;
}

static void evaluation_free(pare_job *job) {
  evaluation_job *e = (evaluation_job *)job;
  pare_context *ctx = job->ctx;
  pare_evaluator_free(e->evaluator);
  pare_dataset_free(e->dataset);
  pare_model_free(e->model);
  pare_free(ctx, e);
}

static const pare_job_kind evaluation_kind = {
    .step = evaluation_step, .report = evaluation_report, .model = evaluation_model, .free = evaluation_free};

pare_status pare_job_start_evaluate(const pare_model *model, const pare_dataset *dataset,
                                    const pare_run_options *options, pare_job **out) {
  *out = NULL;
  if (dataset == NULL) return pare_fail(model->ctx, PARE_BAD_DATA, "evaluation needs data");
  evaluation_job *e = pare_alloc(model->ctx, sizeof *e);
  if (e == NULL) return PARE_OUT_OF_MEMORY;
  e->job = (pare_job){.ctx = model->ctx, .kind = &evaluation_kind};
  e->model = pare_model_retain(model);
  e->dataset = pare_dataset_retain(dataset);
  if (options != NULL) e->numerics = options->numerics;
  pare_status status = pare_evaluator_new(model, dataset, options, &e->evaluator);
  if (status != PARE_OK) {
    evaluation_free(&e->job);
    return status;
  }
  *out = &e->job;
  return PARE_OK;
}
