/* MaxRoiPool: each region, in whole elements, cut into pooled_shape bins; a bin is its largest element, 0 when it is
 * empty (ONNX MaxRoiPool, opset 1; Girshick 2015, "Fast R-CNN"). Regions are [image, x1, y1, x2, y2]. */
#include <math.h>

#include "ops/op_util.h"
#include "ops/window.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  int64_t bins[2];
  bool there;
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  PARE_TRY(pare_op_attr_type(call, "spatial_scale", PARE_ATTR_FLOAT));
  PARE_TRY(pare_window_ints(call, "pooled_shape", 2, 1, 1, bins, &there));
  const pare_shape *x = &call->in[0]->shape, *rois = &call->in[1]->shape;
  if (!there || x->rank != 4 || rois->rank != 2 || rois->dims[1] != 5)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "[N,C,H,W], [R,5] and pooled_shape are expected");
  const pare_shape y = PARE_SHAPE(rois->dims[0], x->dims[1], bins[0], bins[1]);
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

typedef struct span {
  int64_t first, end;
} span;

/* Bin i of `n` of a region from `start` on, cut to the axis. */
static span bin_of(float start, float length, int64_t n, int64_t i, int64_t axis) {
  const float size = length / (float)n, most = (float)axis;
  const float first = start + floorf((float)i * size), end = start + ceilf((float)(i + 1) * size);
  return (span){(int64_t)(first < 0.0f   ? 0.0f
                          : first > most ? most
                                         : first),
                (int64_t)(end < 0.0f   ? 0.0f
                          : end > most ? most
                                       : end)};
}

static float largest(const float *x, int64_t width, span rows, span columns) {
  if (rows.first >= rows.end || columns.first >= columns.end) return 0.0f;
  float most = -INFINITY;
  for (int64_t i = rows.first; i < rows.end; i++)
    for (int64_t j = columns.first; j < columns.end; j++)
      most = x[i * width + j] > most ? x[i * width + j] : most;
  return most;
}

static pare_status run(pare_call *call) {
  const pare_shape *x = &call->in[0]->shape, *out = &call->out[0]->shape;
  const int64_t h = x->dims[2], w = x->dims[3], bins[2] = {out->dims[2], out->dims[3]};
  const float scale = pare_node_float(call->node, "spatial_scale", 1.0f);
  float *y = pare_f32(call->out[0]);
  for (int64_t i = 0; i < out->dims[0]; i++) {
    const float *roi = pare_f32(call->in[1]) + 5 * i;
    float place[4];
    bool sane = roi[0] >= 0.0f && roi[0] < (float)x->dims[0];
    for (int k = 0; k < 4; k++) {
      place[k] = roundf(roi[1 + k] * scale);
      sane = sane && place[k] > -0x1p30f && place[k] < 0x1p30f;
    }
    if (!sane) return pare_fail(call->ctx, PARE_BAD_DATA, "region %lld is outside", (long long)i);
    const float width = place[2] - place[0] + 1.0f, height = place[3] - place[1] + 1.0f;
    for (int64_t c = 0; c < x->dims[1]; c++) {
      const float *plane = pare_f32(call->in[0]) + ((int64_t)roi[0] * x->dims[1] + c) * h * w;
      for (int64_t p = 0; p < bins[0] * bins[1]; p++)
        *y++ = largest(plane, w, bin_of(place[1], height > 1.0f ? height : 1.0f, bins[0], p / bins[1], h),
                       bin_of(place[0], width > 1.0f ? width : 1.0f, bins[1], p % bins[1], w));
    }
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}

const pare_op pare_op_max_roi_pool = {
    .name = "MaxRoiPool",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "detectors are not trained here",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
