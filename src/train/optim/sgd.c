/* Stochastic gradient descent with momentum (Sutskever et al. 2013), as torch.optim.SGD with dampening 0:
 *   g += decay w;   m = momentum m + g;   g = nesterov ? g + momentum m : m;   w -= rate g. */
#include "train/optim/optim.h"

static void plain(float rate, float decay, float *restrict w, const float *restrict g, int64_t n) {
  for (int64_t i = 0; i < n; i++) w[i] -= rate * (g[i] + decay * w[i]);
}

static void heavy_ball(float rate, float decay, float momentum, float *restrict w, const float *restrict g,
                       float *restrict m, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    m[i] = momentum * m[i] + (g[i] + decay * w[i]);
    w[i] -= rate * m[i];
  }
}

static void nesterov(float rate, float decay, float momentum, float *restrict w, const float *restrict g,
                     float *restrict m, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    float d = g[i] + decay * w[i];
    m[i] = momentum * m[i] + d;
    w[i] -= rate * (d + momentum * m[i]);
  }
}

static void update(const pare_optim_settings *settings, double rate, uint64_t i_step, float *w,
                   const float *g, float *const *slots, int64_t n) {
  (void)i_step;
  float decay = (float)settings->weight_decay, momentum = (float)settings->momentum;
  if (momentum == 0.0f) {
    plain((float)rate, decay, w, g, n);
  } else if (settings->nesterov) {
    nesterov((float)rate, decay, momentum, w, g, slots[0], n);
  } else {
    heavy_ball((float)rate, decay, momentum, w, g, slots[0], n);
  }
}

const pare_optim pare_optim_sgd = {
    .name = "sgd",
    .help = "Stochastic gradient descent with momentum.",
    .n_slots = 1,
    .update = update,
};
