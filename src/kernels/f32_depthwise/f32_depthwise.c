/* The table of f32 depthwise variants, and the call that shares rows out. */
#include "kernels/f32_depthwise/f32_depthwise.h"
#include "kernels/cpu.h"

#define PARE_F32_DEPTHWISE(suffix, isa, rank)                                                                \
  void pare_f32_depthwise__##suffix(const pare_f32_depthwise_args *args);
#include "kernels/f32_depthwise/f32_depthwise.def"
#undef PARE_F32_DEPTHWISE

static const pare_f32_depthwise_kernel kernels[] = {
#define PARE_F32_DEPTHWISE(suffix, isa, rank)                                                                \
  {"pare_f32_depthwise__" #suffix, pare_f32_depthwise__##suffix, rank},
#include "kernels/f32_depthwise/f32_depthwise.def"
#undef PARE_F32_DEPTHWISE
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_DEPTHWISE(suffix, isa, rank)                                                                \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/f32_depthwise/f32_depthwise.def"
#undef PARE_F32_DEPTHWISE
  return false;
}

int pare_f32_depthwise_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_depthwise_kernel *pare_f32_depthwise_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

static pare_f32_depthwise_fn best(void) {
  size_t at = 0;
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > kernels[at].rank && runs_here(i)) at = i;
  return kernels[at].run;
}

typedef struct share {
  const pare_f32_depthwise_args *args;
  pare_f32_depthwise_fn run;
  int64_t step;
} share;

static void run_share(void *arg, int64_t i, int i_thread) {
  const share *s = arg;
  pare_f32_depthwise_args part = *s->args;
  (void)i_thread;
  part.first_row += i * s->step;
  part.n_rows = part.n_rows - i * s->step < s->step ? part.n_rows - i * s->step : s->step;
  s->run(&part);
}

/* Below this many multiplies waking threads costs more than it brings. */
#define MACS_PER_THREAD 50000

void pare_f32_depthwise(pare_pool *pool, const pare_f32_depthwise_args *args) {
  const pare_window *w = args->window;
  const int64_t macs = args->n_rows * w->out[1] * w->kernel[0] * w->kernel[1] * args->c;
  int64_t n = pool ? pare_pool_threads(pool) : 1;
  if (n > macs / MACS_PER_THREAD + 1) n = macs / MACS_PER_THREAD + 1;
  share all = {args, best(), (args->n_rows + n - 1) / n};
  if (n <= 1)
    all.run(args);
  else
    pare_parallel_for(pool, (args->n_rows + all.step - 1) / all.step, run_share, &all);
}
