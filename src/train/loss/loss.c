/* The table of training losses, from loss.def. */
#include "train/train.h"

static const pare_loss *const losses[] = {
#define PARE_LOSS(variable) &variable,
#include "train/loss/loss.def"
#undef PARE_LOSS
};

int pare_loss_count(void) {
  return (int)PARE_COUNT(losses);
}
const pare_loss *pare_loss_at(int i) {
  return losses[i];
}
const char *pare_loss_name(int i) {
  return i >= 0 && i < pare_loss_count() ? losses[i]->name : NULL;
}
