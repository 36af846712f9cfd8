/* Parameters that every pass which trains has, declared once. */
#ifndef PARE_TRAIN_PARAMS_H
#define PARE_TRAIN_PARAMS_H

#include "compress/pass.h"
#include "train/schedule.h"
#include "train/trainer.h"

typedef struct pare_train_params {
  pare_train_options options;
  pare_name_list freeze;
} pare_train_params;

/* Rows of a pare_param table; `member` is the pare_train_params in `owner` (with a dot behind it),
 * or nothing. */
#define PARE_TRAIN_PARAM_ROWS(owner, member)                                                                 \
  {.name = "epochs",                                                                                         \
   .type = PARE_PARAM_INT,                                                                                   \
   .offset = offsetof(owner, member options.epochs),                                                         \
   .minimum = 1,                                                                                             \
   .maximum = 1000,                                                                                          \
   .fallback = 2,                                                                                            \
   .unit = "epochs",                                                                                         \
   .help = "How many times the training set is gone through."},                                              \
      {.name = "batch_size",                                                                                 \
       .type = PARE_PARAM_INT,                                                                               \
       .offset = offsetof(owner, member options.batch_size),                                                 \
       .minimum = 1,                                                                                         \
       .maximum = 4096,                                                                                      \
       .fallback = 64,                                                                                       \
       .unit = "samples",                                                                                    \
       .help = "Samples for each update; what is left at the end of an epoch is dropped."},                  \
      {.name = "learning_rate",                                                                              \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.learning_rate),                                              \
       .minimum = 0,                                                                                         \
       .maximum = 10,                                                                                        \
       .fallback = 0.05,                                                                                     \
       .unit = "",                                                                                           \
       .help = "Size of a step at the start; about 0.001 for adam and adamw."},                              \
      {.name = "optimizer",                                                                                  \
       .type = PARE_PARAM_CHOICE,                                                                            \
       .offset = offsetof(owner, member options.optimizer),                                                  \
       .fallback = 0,                                                                                        \
       .choice = pare_optim_name,                                                                            \
       .unit = "",                                                                                           \
       .help = "How gradients become steps, as in torch.optim."},                                            \
      {.name = "momentum",                                                                                   \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.settings.momentum),                                          \
       .minimum = 0,                                                                                         \
       .maximum = 0.9999,                                                                                    \
       .fallback = 0.9,                                                                                      \
       .unit = "",                                                                                           \
       .help = "How much of the last step is kept (sgd)."},                                                  \
      {.name = "nesterov",                                                                                   \
       .type = PARE_PARAM_BOOL,                                                                              \
       .offset = offsetof(owner, member options.settings.nesterov),                                          \
       .fallback = 0,                                                                                        \
       .unit = "",                                                                                           \
       .help = "Look ahead along the momentum (sgd)."},                                                      \
      {.name = "weight_decay",                                                                               \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.settings.weight_decay),                                      \
       .minimum = 0,                                                                                         \
       .maximum = 1,                                                                                         \
       .fallback = 1e-4,                                                                                     \
       .unit = "",                                                                                           \
       .help = "Pull of every weight towards zero."},                                                        \
      {.name = "beta1",                                                                                      \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.settings.beta1),                                             \
       .minimum = 0,                                                                                         \
       .maximum = 0.99999,                                                                                   \
       .fallback = 0.9,                                                                                      \
       .unit = "",                                                                                           \
       .help = "Memory of the mean gradient (adam, adamw)."},                                                \
      {.name = "beta2",                                                                                      \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.settings.beta2),                                             \
       .minimum = 0,                                                                                         \
       .maximum = 0.99999,                                                                                   \
       .fallback = 0.999,                                                                                    \
       .unit = "",                                                                                           \
       .help = "Memory of the squared gradient (adam, adamw)."},                                             \
      {.name = "epsilon",                                                                                    \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.settings.epsilon),                                           \
       .minimum = 1e-12,                                                                                     \
       .maximum = 1,                                                                                         \
       .fallback = 1e-8,                                                                                     \
       .unit = "",                                                                                           \
       .help = "Keeps the division by small gradients tame (adam, adamw)."},                                 \
      {.name = "schedule",                                                                                   \
       .type = PARE_PARAM_CHOICE,                                                                            \
       .offset = offsetof(owner, member options.schedule),                                                   \
       .fallback = 2,                                                                                        \
       .choice = pare_schedule_name,                                                                         \
       .unit = "",                                                                                           \
       .help = "The learning rate over the run: constant; step: times gamma every step_size epochs; "        \
               "cosine: down to zero."},                                                                     \
      {.name = "step_size",                                                                                  \
       .type = PARE_PARAM_INT,                                                                               \
       .offset = offsetof(owner, member options.step_size),                                                  \
       .minimum = 1,                                                                                         \
       .maximum = 1000,                                                                                      \
       .fallback = 1,                                                                                        \
       .unit = "epochs",                                                                                     \
       .help = "Epochs between two drops of the rate (schedule step)."},                                     \
      {.name = "gamma",                                                                                      \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.gamma),                                                      \
       .minimum = 0,                                                                                         \
       .maximum = 1,                                                                                         \
       .fallback = 0.1,                                                                                      \
       .unit = "",                                                                                           \
       .help = "What the rate is multiplied by at each drop (schedule step)."},                              \
      {.name = "clip_norm",                                                                                  \
       .type = PARE_PARAM_FLOAT,                                                                             \
       .offset = offsetof(owner, member options.clip_norm),                                                  \
       .minimum = 0,                                                                                         \
       .maximum = 1e6,                                                                                       \
       .fallback = 5,                                                                                        \
       .unit = "",                                                                                           \
       .help = "Longest gradient that is allowed, 2-norm over all weights; 0: any."},                        \
      {.name = "shuffle",                                                                                    \
       .type = PARE_PARAM_BOOL,                                                                              \
       .offset = offsetof(owner, member options.shuffle),                                                    \
       .fallback = 1,                                                                                        \
       .unit = "",                                                                                           \
       .help = "A new order of the samples in every epoch."},                                                \
  {                                                                                                          \
    .name = "freeze", .type = PARE_PARAM_LAYERS, .offset = offsetof(owner, member freeze), .unit = "",       \
    .help = "Layers whose weights stay as they are."                                                         \
  }

/* "2 epochs, sgd at 0.05, cosine" */
void pare_train_params_describe(const pare_train_params *params, char *text, size_t size);
/* A trainer from a pass's surroundings. */
pare_status pare_train_params_start(const pare_pass_env *env, const pare_train_params *params,
                                    const pare_train_objective *objective, pare_trainer **out);
/* One slice of work for pare_pass.step. */
pare_status pare_train_params_step(pare_trainer *trainer, uint32_t budget_ms, pare_pass_progress *progress,
                                   pare_model **out);

#endif
