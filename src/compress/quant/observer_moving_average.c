/* A moving average of each batch's least and largest value, m += c (batch - m), starting with the first batch (PyTorch's
 * MovingAverageMinMaxObserver, c = 0.01). One odd sample then does not stretch the range. */
#include "compress/quant/schemes.h"

static void update(pare_range *range, float low, float high, float averaging_constant) {
  if (!range->seen) {
    *range = (pare_range){low, high, true};
    return;
  }
  range->low = range->low + averaging_constant * (low - range->low);
  range->high = range->high + averaging_constant * (high - range->high);
}

const pare_observer pare_observer_moving_average = {.name = "moving_average", .update = update};
