/* Resize (ONNX Resize, opset 19): what its two files share. Every axis is resized on its own: output place x reads
 * the input around `origin(x)`, which the coordinate transformation gives, with the weights of the mode. */
#ifndef PARE_RESIZE_H
#define PARE_RESIZE_H

#include "ops/op_util.h"

typedef enum pare_resize_mode { PARE_RESIZE_NEAREST, PARE_RESIZE_LINEAR, PARE_RESIZE_CUBIC } pare_resize_mode;
typedef enum pare_resize_place {
  PARE_PLACE_HALF_PIXEL,
  PARE_PLACE_PYTORCH_HALF_PIXEL,
  PARE_PLACE_HALF_PIXEL_SYMMETRIC,
  PARE_PLACE_ALIGN_CORNERS,
  PARE_PLACE_ASYMMETRIC,
  PARE_PLACE_TF_HALF_PIXEL_FOR_NN,
  PARE_PLACE_TF_CROP_AND_RESIZE
} pare_resize_place;
typedef enum pare_resize_round {
  PARE_ROUND_PREFER_FLOOR,
  PARE_ROUND_PREFER_CEIL,
  PARE_ROUND_FLOOR,
  PARE_ROUND_CEIL
} pare_resize_round;

/* One axis. */
typedef struct pare_resize_axis {
  bool there; /* the axis is resized at all */
  int64_t in, out;
  float scale, length; /* of the output: in * scale, not rounded, where scales were given */
  float start, end;    /* of the region, as parts of the input */
} pare_resize_axis;

typedef struct pare_resize {
  pare_resize_mode mode;
  pare_resize_place place;
  pare_resize_round round;
  bool antialias, exclude_outside;
  float cubic_a, extrapolation;
  int rank;
  pare_resize_axis axes[PARE_MAX_RANK];
} pare_resize;

/* resize_taps.c. Where output place x of an axis reads, in input elements. */
float pare_resize_origin(const pare_resize *r, const pare_resize_axis *axis, int64_t x);
/* With tf_crop_and_resize: outside of the input, so that the extrapolation value stands there. */
bool pare_resize_outside(const pare_resize *r, const pare_resize_axis *axis, int64_t x);
/* The nearest element. */
int64_t pare_resize_nearest(const pare_resize *r, const pare_resize_axis *axis, int64_t x);
/* Elements that one output reads (linear, cubic): they and their weights, n of each. */
int64_t pare_resize_taps(const pare_resize *r, const pare_resize_axis *axis);
void pare_resize_weigh(const pare_resize *r, const pare_resize_axis *axis, int64_t x, int64_t *places,
                       float *weights, int64_t n);

#endif
