/* The table of optimizers, from optim.def. */
#include "train/optim/optim.h"

#include <string.h>

static const pare_optim *const optims[] = {
#define PARE_OPTIM(variable) &variable,
#include "train/optim/optim.def"
#undef PARE_OPTIM
};

int pare_optim_count(void) {
  return (int)PARE_COUNT(optims);
}
const pare_optim *pare_optim_at(int i) {
  return optims[i];
}
const char *pare_optim_name(int i) {
  return i >= 0 && i < pare_optim_count() ? optims[i]->name : NULL;
}

int pare_optim_find(const char *name) {
  for (int i = 0; i < pare_optim_count(); i++) {
    if (strcmp(optims[i]->name, name) == 0) return i;
  }
  return -1;
}
