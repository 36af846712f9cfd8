/* Operators that copy elements axis by axis: out[i, j, ...] = in[from[0][i], from[1][j], ...], or a constant
 * where a place is -1: Pad, Tile, CenterCropPad, nearest Resize. Any type; the tables are made while planning. */
#ifndef PARE_AXIS_MAP_H
#define PARE_AXIS_MAP_H

#include "ops/op_util.h"

typedef struct pare_axis_map {
  int rank;                     /* at least 1: a scalar is one row of one */
  pare_shape in, out;           /* in that rank */
  int64_t *from[PARE_MAX_RANK]; /* [out.dims[axis]]: place in the input, or -1 */
  int64_t *run;                 /* [out.dims[rank - 1]]: elements from here on that lie behind one another */
} pare_axis_map;

/* From in[0] to out[0]; tables in call->arena, to be filled by the caller, then finished. OUT_OF_MEMORY. */
pare_status pare_axis_map_new(pare_call *call, pare_axis_map **out);
void pare_axis_map_finish(pare_axis_map *map);
/* Elements of `size` bytes; `constant` points at one. */
void pare_axis_map_copy(const pare_axis_map *map, size_t size, const void *constant, const void *in,
                        void *out);
/* d_in[0] += the gradients that arrive from d_out[0]. */
pare_status pare_axis_map_add_back(const pare_axis_map *map, pare_grad_call *grad);
/* call->state is a map without constants: the run and backward functions of such operators. */
pare_status pare_axis_map_run(pare_call *call);
pare_status pare_axis_map_backward(pare_grad_call *grad);

#endif
