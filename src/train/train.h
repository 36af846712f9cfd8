/* Training: a session in training mode, a tape over its steps, losses. optim/optim.h has the optimizers,
 * schedule.h the learning rates, trainer.h puts them together for the passes `train` and `distill`. */
#ifndef PARE_TRAIN_H
#define PARE_TRAIN_H

#include "data/dataset.h"
#include "session/session.h"

/* ---- gradients --------------------------------------------------------------------------------------- */
typedef struct pare_tape_step pare_tape_step; /* tape.c */

typedef struct pare_tape {
  pare_session *session;  /* training mode */
  pare_tensor *gradients; /* [session->model->n_values]; data NULL where none is needed */
  bool *wanted;           /* [n_values] */
  void *memory;           /* of the gradients, one block */
  size_t memory_bytes;
  pare_tape_step *steps; /* the nodes to visit, last first */
  int n_steps;
  pare_arena arena;
} pare_tape;

/* Gradients for every parameter (parameters.h) that reaches output 0 (`inputs_too`: also for f32 graph
 * inputs). UNSUPPORTED names the first node on the way that has no gradient, and why; BAD_MODEL: nothing
 * to train. The session must outlive the tape. */
pare_status pare_tape_new(pare_session *session, bool inputs_too, pare_tape **out);
/* Gradients for the values of session->model with learn[i] only: nothing is computed for the rest. */
pare_status pare_tape_new_for(pare_session *session, const bool *learn, pare_tape **out);
void pare_tape_free(pare_tape *tape);
/* After pare_session_run: d_output is the gradient of output 0. All gradients are set anew; those of
 * weights and graph inputs last until the next call, the others' memory is shared. */
pare_status pare_tape_backward(pare_tape *tape, const float *d_output);

/* ---- losses ------------------------------------------------------------------------------------------ */
/* Mean cross-entropy of logits [n,c] against labels; d_logits may be NULL. Log-sum-exp with the maximum
 * taken off. */
double pare_cross_entropy(const float *logits, const int32_t *labels, int64_t n, int64_t c, float *d_logits);

typedef enum pare_reduction { PARE_BATCHMEAN, PARE_MEAN, PARE_SUM } pare_reduction;
/* torch.nn.KLDivLoss: sum target * (log(target) - input), target 0 adds 0. input is log-probabilities,
 * target probabilities, [n,c]. BATCHMEAN divides by n, MEAN by n * c. d_input may be NULL. */
double pare_kl_div(const float *input, const float *target, int64_t n, int64_t c, pare_reduction reduction,
                   float *d_input);
/* softmax(logits / temperature) of each row, and its logarithm. */
void pare_softmax_rows(const float *logits, int64_t n, int64_t c, float temperature, float *out);
void pare_log_softmax_rows(const float *logits, int64_t n, int64_t c, float temperature, float *out);

/* A loss of logits against labels, for training without a teacher. One file and one line in loss.def. */
typedef struct pare_loss {
  const char *name, *help;
  double (*compute)(const float *logits, const int32_t *labels, int64_t n, int64_t c, float *d_logits);
} pare_loss;

#define PARE_LOSS(variable) extern const pare_loss variable;
#include "train/loss/loss.def"
#undef PARE_LOSS
int pare_loss_count(void);
const pare_loss *pare_loss_at(int i);
const char *pare_loss_name(int i); /* NULL past the end */

#endif
