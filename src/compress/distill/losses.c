/* The table of soft losses, from losses.def. */
#include "compress/distill/losses.h"

static const pare_soft_loss *const losses[] = {
#define PARE_SOFT_LOSS(variable) &variable,
#include "compress/distill/losses.def"
#undef PARE_SOFT_LOSS
};

int pare_soft_loss_count(void) {
  return (int)PARE_COUNT(losses);
}
const pare_soft_loss *pare_soft_loss_at(int i) {
  return losses[i];
}
const char *pare_soft_loss_name(int i) {
  return i >= 0 && i < pare_soft_loss_count() ? losses[i]->name : NULL;
}

const char *pare_reduction_name(int i) {
  static const char *const names[] = {
      [PARE_BATCHMEAN] = "batchmean", [PARE_MEAN] = "mean", [PARE_SUM] = "sum"};
  return i >= 0 && i < (int)PARE_COUNT(names) ? names[i] : NULL;
}
