/* The least and the largest value ever seen (PyTorch's MinMaxObserver). */
#include "compress/quant/schemes.h"

static void update(pare_range *range, float low, float high, float averaging_constant) {
  (void)averaging_constant;
  if (!range->seen || low < range->low) range->low = low;
  if (!range->seen || high > range->high) range->high = high;
  range->seen = true;
}

const pare_observer pare_observer_minmax = {.name = "minmax", .update = update};
