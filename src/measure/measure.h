/* What a model costs and how well it answers: evaluation over a data set, size, compute, memory, latency,
 * per-layer error. */
#ifndef PARE_MEASURE_H
#define PARE_MEASURE_H

#include "base/json.h"
#include "data/dataset.h"
#include "session/session.h"

typedef struct pare_layer_report {
  const char *name, *op_type;
  pare_shape output; /* rank -1: unknown */
  uint64_t parameters, nonzeros;
  double bits;            /* of a stored weight (biases may have more); 0 without weights */
  uint64_t bytes;         /* of the weights, in memory */
  uint64_t entropy_bytes; /* order-0 entropy: what a good coder would need, an estimate */
  uint64_t macs, effective_macs;
  double time_ms;     /* mean of the middle half of the runs; NaN: not measured */
  double sqnr_db;     /* against the reference model; NaN without one */
  const char *kernel; /* which kernel ran, or "" */
} pare_layer_report;

typedef struct pare_model_report {
  uint64_t parameters, nonzeros, bytes, entropy_bytes, file_bytes, macs, effective_macs, peak_bytes;
  double latency_ms;         /* median, batch 1; NaN: not measured */
  pare_layer_report *layers; /* one per node of the model that computes, in order */
  int n_layers;
  pare_arena arena;
} pare_model_report;

typedef struct pare_evaluation {
  int64_t right, total;
  double loss, loss_sum; /* cross-entropy: the mean, and the sum it comes from */
  int n_classes;
  uint32_t *confusion; /* [true][answered] */
  uint8_t *answers;    /* [total]; n_classes <= 255, else NULL */
} pare_evaluation;

/* `model` itself (retained), or a copy whose first input takes the samples' shape where the file leaves more open than the
 * batch. OUT_OF_MEMORY. */
pare_status pare_model_for_data(const pare_model *model, const pare_dataset *dataset, pare_model **out);

/* A resumable evaluation over the test split (limit 0: all). */
typedef struct pare_evaluator pare_evaluator;
pare_status pare_evaluator_new(const pare_model *model, const pare_dataset *dataset,
                               const pare_run_options *options, pare_evaluator **out);
/* Runs for about budget_ms; *done of *total samples. */
pare_status pare_evaluator_step(pare_evaluator *evaluator, uint32_t budget_ms, int64_t *done, int64_t *total);
const pare_evaluation *pare_evaluator_result(const pare_evaluator *evaluator); /* so far */
void pare_evaluator_free(pare_evaluator *evaluator);

/* Sizes, compute, memory; with n_runs > 0 also latency and per-layer times. */
pare_status pare_measure_model(const pare_model *model, const pare_run_options *options, int n_runs,
                               pare_model_report *out);
/* The same from the graph alone, without shapes, compute and time: for models that cannot run. */
pare_status pare_measure_weights(const pare_model *model, pare_model_report *out);
void pare_model_report_free(pare_model_report *report);
/* Per-layer signal to quantization-noise ratio 10 log10(sum r^2 / sum (r-x)^2) of outputs with the same
 * name, over `n` samples of the test split. Fills report->layers[].sqnr_db. */
pare_status pare_measure_sqnr(const pare_model *reference, const pare_model *model,
                              const pare_dataset *dataset, int64_t n, pare_model_report *report);
void pare_model_report_json(const pare_model_report *report, pare_json *json); /* members, no brackets */
void pare_evaluation_json(const pare_evaluation *evaluation, pare_json *json); /* members, no brackets */

/* Chrome's trace-event format, for chrome://tracing and Perfetto: one run of each model at batch 1, one
 * process a model. */
pare_status pare_profile_trace(const pare_named_model *models, int n_models, const pare_run_options *options,
                               pare_buffer *json);

#endif
