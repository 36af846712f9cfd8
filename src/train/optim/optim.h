/* Optimizers, with the order of operations of torch.optim (1.13), each rounding to f32 where PyTorch
 * does. Adding one is a file and a line in optim.def. */
#ifndef PARE_OPTIM_H
#define PARE_OPTIM_H

#include "tensor/tensor.h"

#define PARE_OPTIM_MAX_SLOTS 2

typedef struct pare_optim_settings {
  double momentum; /* sgd */
  bool nesterov;   /* sgd */
  double weight_decay;
  double beta1, beta2, epsilon; /* adam, adamw */
} pare_optim_settings;

typedef struct pare_optim {
  const char *name, *help;
  int n_slots; /* state values kept for each weight, 0 at the start; at most PARE_OPTIM_MAX_SLOTS */
  /* w[n] from its gradient g[n]; slots[n_slots][n]; i_step counts from 1. */
  void (*update)(const pare_optim_settings *settings, double rate, uint64_t i_step, float *w, const float *g,
                 float *const *slots, int64_t n);
} pare_optim;

#define PARE_OPTIM(variable) extern const pare_optim variable;
#include "train/optim/optim.def"
#undef PARE_OPTIM
int pare_optim_count(void);
const pare_optim *pare_optim_at(int i);
const char *pare_optim_name(int i);    /* NULL past the end */
int pare_optim_find(const char *name); /* -1 */

/* Scales all gradients so that their joint 2-norm is at most max_norm, as torch.nn.utils.clip_grad_norm_:
 * factor = min(1, max_norm / (norm + 1e-6)). Returns the norm before. max_norm <= 0 only measures. */
double pare_clip_grad_norm(float *const *gradients, const int64_t *counts, int n, double max_norm);

#endif
