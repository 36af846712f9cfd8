/* Learning-rate schedules, equal to torch.optim.lr_scheduler's closed forms:
 *   step    rate * gamma ^ floor(epoch / step_size)   (StepLR)
 *   cosine  rate * (1 + cos(pi * batch / batches)) / 2   (CosineAnnealingLR stepped every batch, eta_min 0;
 *           Loshchilov and Hutter 2017) */
#include "train/schedule.h"

#include "kernels/f32_math/f32_math.h"

static double rate_constant(const pare_schedule_at *at) {
  return at->rate;
}

static double rate_step(const pare_schedule_at *at) {
  uint64_t i_epoch = at->i_batch / (at->n_epoch > 0 ? at->n_epoch : 1);
  uint64_t n_drops = i_epoch / (uint64_t)(at->step_size > 0 ? at->step_size : 1);
  double rate = at->rate;
  for (uint64_t i = 0; i < n_drops && rate > 0; i++) rate *= at->gamma;
  return rate;
}

static double rate_cosine(const pare_schedule_at *at) {
  const double pi = 3.14159265358979323846;
  return at->rate * (1 + pare_cos(pi * (double)at->i_batch / (double)(at->n_total > 0 ? at->n_total : 1))) /
         2;
}

static const pare_schedule schedules[] = {
#define PARE_SCHEDULE(name, help) {#name, help, rate_##name},
#include "train/schedule.def"
#undef PARE_SCHEDULE
};

int pare_schedule_count(void) {
  return (int)PARE_COUNT(schedules);
}
const pare_schedule *pare_schedule_entry(int i) {
  return &schedules[i];
}
const char *pare_schedule_name(int i) {
  return i >= 0 && i < pare_schedule_count() ? schedules[i].name : NULL;
}
