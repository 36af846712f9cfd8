/* A job: long work in small steps. The kinds (evaluation, recipe) put this in front of their own state. */
#ifndef PARE_JOB_H
#define PARE_JOB_H

#include "base/json.h"
#include "data/dataset.h"
#include "graph/graph.h"

typedef struct pare_job_kind {
  pare_status (*step)(pare_job *job, uint32_t budget_ms, pare_progress *progress);
  pare_status (*report)(const pare_job *job, pare_buffer *json);
  pare_status (*model)(const pare_job *job, int i_step, pare_model **out);
  pare_status (*checkpoint)(const pare_job *job, pare_buffer *out); /* NULL: this kind is not resumed */
  void (*free)(pare_job *job);
} pare_job_kind;

struct pare_job {
  pare_context *ctx;
  const pare_job_kind *kind;
};

/* "pare": {version, build, numerics, kernels} */
void pare_job_put_build(pare_json *json, pare_numerics numerics);
/* "data": what pare_dataset_info says, or null */
pare_status pare_job_put_data(pare_json *json, const pare_dataset *dataset);

#endif
