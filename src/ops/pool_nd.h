/* Pools in any number of dimensions, plainly: what has no kernel of its own (pool.h has two dimensions). */
#ifndef PARE_POOL_ND_H
#define PARE_POOL_ND_H

#include "ops/pool.h"

typedef struct pare_pool_nd {
  pare_window_nd w;
  int64_t images, channels, in_plane, out_plane; /* elements of an image of one channel */
  int64_t in_step, out_step;                     /* from one to the next of a plane */
} pare_pool_nd;

/* Every place that a window covers inside the image, as elements of a plane, ascending. */
typedef struct pare_pool_places {
  int64_t index[PARE_WINDOW_MAX]; /* of the output position; zero before the first */
  int64_t n, *at;                 /* [n] */
} pare_pool_places;

/* Reads and checks; sets the shape of out[0] with in[0]'s type. */
pare_status pare_pool_nd_infer(pare_call *call);
/* state: a pare_pool_nd; scratch: room for places. */
pare_status pare_pool_nd_prepare(pare_call *call);
/* The places of the first output position (they stand in scratch), of the one at places->index, of the next. */
void pare_pool_nd_start(const pare_call *call, pare_pool_places *places);
void pare_pool_nd_look(const pare_pool_nd *pool, pare_pool_places *places);
void pare_pool_nd_next(const pare_pool_nd *pool, pare_pool_places *places);
/* First element of plane i (of images * channels) in the input, in the output. */
int64_t pare_pool_nd_in(const pare_pool_nd *pool, int64_t i);
int64_t pare_pool_nd_out(const pare_pool_nd *pool, int64_t i);

/* AveragePool and MaxPool, called by their files for what is not f32 (or 8 bits) in one or two dimensions. */
pare_status pare_average_pool_nd_run(pare_call *call);
pare_status pare_average_pool_nd_backward(pare_grad_call *grad);
pare_status pare_max_pool_nd_infer(pare_call *call);
pare_status pare_max_pool_nd_prepare(pare_call *call);
pare_status pare_max_pool_nd_run(pare_call *call);
pare_status pare_max_pool_nd_backward(pare_grad_call *grad);

#endif
