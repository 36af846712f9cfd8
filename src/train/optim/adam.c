/* Adam (Kingma and Ba 2015), as torch.optim.Adam: weight decay is added to the gradient (L2).
 *   g += decay w;  m = b1 m + (1 - b1) g;  v = b2 v + (1 - b2) g g;
 *   w -= rate / (1 - b1^t)  m / (sqrt(v) / sqrt(1 - b2^t) + epsilon). */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "train/optim/adam.h"

static void apply(const pare_adam_factors *factors, float decay, float *restrict w, const float *restrict g,
                  float *restrict m, float *restrict v, int64_t n) {
  const float b1 = factors->b1, b2 = factors->b2, one_less_b1 = factors->one_less_b1,
              one_less_b2 = factors->one_less_b2;
  const float epsilon = factors->epsilon, root = factors->bias2_root, step = factors->step;
  for (int64_t i = 0; i < n; i++) {
    float d = g[i] + decay * w[i];
    m[i] = b1 * m[i] + one_less_b1 * d;
    v[i] = b2 * v[i] + one_less_b2 * d * d;
    w[i] -= step * (m[i] / (sqrtf(v[i]) / root + epsilon));
  }
}

void pare_adam_update(const pare_optim_settings *settings, double rate, uint64_t i_step, double decay,
                      float *w, const float *g, float *const *slots, int64_t n) {
  double t = (double)i_step;
  pare_adam_factors factors = {
      .b1 = (float)settings->beta1,
      .b2 = (float)settings->beta2,
      .one_less_b1 = (float)(1 - settings->beta1),
      .one_less_b2 = (float)(1 - settings->beta2),
      .epsilon = (float)settings->epsilon,
      .bias2_root = (float)sqrt(1 - (settings->beta2 > 0 ? pare_pow(settings->beta2, t) : 0)),
      .step = (float)(rate / (1 - (settings->beta1 > 0 ? pare_pow(settings->beta1, t) : 0))),
  };
  apply(&factors, (float)decay, w, g, slots[0], slots[1], n);
}

static void update(const pare_optim_settings *settings, double rate, uint64_t i_step, float *w,
                   const float *g, float *const *slots, int64_t n) {
  pare_adam_update(settings, rate, i_step, settings->weight_decay, w, g, slots, n);
}

const pare_optim pare_optim_adam = {
    .name = "adam",
    .help = "Adam: a step of its own for every weight; weight decay joins the gradient.",
    .n_slots = 2,
    .update = update,
};
