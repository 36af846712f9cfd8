/* The table of variants of q8_add.h. */
#include "kernels/q8_add/q8_add.h"

#include "kernels/cpu.h"

#define PARE_Q8_ADD(suffix, isa, rank) void pare_q8_add__##suffix(const pare_q8_add_args *args);
#include "kernels/q8_add/q8_add.def"
#undef PARE_Q8_ADD

static const pare_q8_add_kernel kernels[] = {
#define PARE_Q8_ADD(suffix, isa, rank) {"pare_q8_add__" #suffix, pare_q8_add__##suffix, rank},
#include "kernels/q8_add/q8_add.def"
#undef PARE_Q8_ADD
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_Q8_ADD(suffix, isa, rank)                                                                       \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/q8_add/q8_add.def"
#undef PARE_Q8_ADD
  return false;
}

int pare_q8_add_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_q8_add_kernel *pare_q8_add_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++)
    if (runs_here(at) && i-- == 0) return &kernels[at];
  return NULL;
}

const pare_q8_add_kernel *pare_q8_add_select(void) {
  const pare_q8_add_kernel *best = &kernels[0];
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  return best;
}
