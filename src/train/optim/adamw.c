/* AdamW (Loshchilov and Hutter 2019), as torch.optim.AdamW: weight decay acts on the weight itself, w *=
 * 1 - rate decay, then Adam without decay. */
#include "train/optim/adam.h"

static void update(const pare_optim_settings *settings, double rate, uint64_t i_step, float *w,
                   const float *g, float *const *slots, int64_t n) {
  float keep = (float)(1 - rate * settings->weight_decay);
  for (int64_t i = 0; i < n; i++) w[i] *= keep;
  pare_adam_update(settings, rate, i_step, 0, w, g, slots, n);
}

const pare_optim pare_optim_adamw = {
    .name = "adamw",
    .help = "Adam with weight decay apart from the gradient.",
    .n_slots = 2,
    .update = update,
};
