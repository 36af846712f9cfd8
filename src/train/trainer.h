/* The trainer: batches in, a model with new weights out. A state machine that stops between batches, can
 * be saved and restored, and gives the same bytes in every build, interrupted or not.
 *
 * Each epoch takes the samples in a new order (or in order, without shuffle) in batches of one size; what
 * is left over at the end of an epoch (fewer than batch_size samples) is dropped for that epoch. Fewer
 * samples than batch_size make one batch of all. */
#ifndef PARE_TRAINER_H
#define PARE_TRAINER_H

#include "base/json.h"
#include "base/rng.h"
#include "train/optim/optim.h"
#include "train/train.h"

typedef struct pare_train_options {
  int64_t epochs, batch_size;
  double learning_rate;
  int64_t optimizer; /* index in optim.def */
  pare_optim_settings settings;
  int64_t schedule;  /* index in schedule.def */
  int64_t step_size; /* epochs */
  double gamma;
  double clip_norm; /* 0: off */
  bool shuffle;
  int64_t loss; /* index in loss.def */
} pare_train_options;

typedef struct pare_train_batch {
  const float *samples;  /* [n, ...] as the model gets them */
  const int32_t *labels; /* [n] */
  const float *logits;   /* [n, c] */
  int64_t n, c;
  float *d_logits; /* [n, c], to be filled */
} pare_train_batch;

/* A loss that needs more than labels (a teacher). */
typedef struct pare_train_objective {
  pare_status (*compute)(void *user, const pare_train_batch *batch, double *loss);
  void *user;
} pare_train_objective;

typedef struct pare_trainer_setup {
  const pare_model *model;
  const pare_dataset *dataset;
  const pare_run_options *run; /* NULL: defaults */
  const pare_train_options *options;
  const char *const *freeze; /* names of nodes whose weights stay */
  int n_freeze;
  uint64_t seed;
  const pare_train_objective *objective; /* NULL: options->loss */
} pare_trainer_setup;

/* One weight (or running statistic) of the model under training. */
typedef struct pare_trained {
  int i_model, i_session; /* value in trainer->model and in trainer->session->model */
  int64_t n;
  bool learned;  /* else a running statistic */
  float *w, *g;  /* [n]: the session's memory, the tape's */
  uint8_t *mask; /* [n]: 0 stays zero (pruned); NULL: none */
  float *slots[PARE_OPTIM_MAX_SLOTS];
} pare_trained;

#define PARE_CURVE_POINTS 200

/* What changes from batch to batch, apart from weights. Written as it stands: fixed-width members only. */
typedef struct pare_trainer_state {
  uint64_t i_batch;         /* batches done */
  pare_rng rng, rng_epoch;  /* now, and before this epoch's order was drawn */
  double loss;              /* of the last batch */
  uint64_t n_right, n_seen; /* in this epoch */
  double point_loss;        /* sums towards the next point of the curve */
  uint64_t point_batches, point_right;
  uint64_t n_points;
  float curve_loss[PARE_CURVE_POINTS], curve_accuracy[PARE_CURVE_POINTS];
} pare_trainer_state;

typedef struct pare_trainer {
  pare_context *ctx;
  pare_model *model;     /* private clone that becomes the result */
  pare_dataset *dataset; /* retained; has a train split */
  pare_session *session;
  pare_tape *tape;
  pare_train_options options;
  pare_train_objective objective;
  pare_arena arena;
  pare_trained *trained;
  int n_trained;
  float **gradients; /* [n_gradients]: the learned ones, for clipping */
  int64_t *counts;
  int n_gradients;
  bool *frozen;    /* [model->n_values] */
  uint32_t *order; /* [n_samples] */
  int32_t *labels; /* [n_batch] */
  float *d_logits; /* [n_batch, n_classes] */
  int64_t n_samples, n_batch, n_classes;
  uint64_t n_epoch, n_total; /* batches */
  pare_trainer_state state;
} pare_trainer;

/* BAD_DATA: samples do not fit the model, or no training split. UNSUPPORTED: quantized, or a node without
 * gradient. BAD_RECIPE: `freeze` names no node. The dataset and the model are kept by reference;
 * `objective` is copied. */
pare_status pare_trainer_new(const pare_trainer_setup *setup, pare_trainer **out);
void pare_trainer_free(pare_trainer *trainer);
/* Trains for about budget_ms, at least one batch. BAD_ARGUMENT when the loss is no longer finite: names
 * batch and learning rate. */
pare_status pare_trainer_step(pare_trainer *trainer, uint32_t budget_ms);
static inline bool pare_trainer_finished(const pare_trainer *trainer) {
  return trainer->state.i_batch >= trainer->n_total;
}
double
pare_trainer_accuracy(const pare_trainer *trainer); /* over this epoch so far; NaN before the first batch */
/* The model with the weights of now: a new reference. Do not step again after it. */
pare_status pare_trainer_model(pare_trainer *trainer, pare_model **out);
/* Members of the report's details: what was trained and the curve of the loss. */
void pare_trainer_details(const pare_trainer *trainer, pare_json *json);
void pare_trainer_save(const pare_trainer *trainer, pare_writer *out);
/* Into a trainer made with the same setup. BAD_ARGUMENT: the bytes are of something else. */
pare_status pare_trainer_restore(pare_trainer *trainer, pare_span saved);

#endif
