/* A tensor seen around one axis: [outer, n, inner]. Along it run Softmax, ArgMax, TopK, CumSum, Hardmax. */
#ifndef PARE_EXTENT_H
#define PARE_EXTENT_H

#include "ops/op_util.h"

typedef struct pare_extent {
  int64_t outer, n, inner;
} pare_extent;

static inline pare_extent pare_extent_of(const pare_shape *shape, int axis) {
  return (pare_extent){pare_shape_count_range(shape, 0, axis), shape->dims[axis],
                       pare_shape_count_range(shape, axis + 1, shape->rank)};
}
/* Every other axis of in[0] goes with the same axis of out[0]. */
pare_status pare_extent_couple(const pare_call *call, pare_coupler *coupler, int axis);

#endif
