/* RoiAlign: each region of an image cut into output_height x output_width bins; a bin is the mean (or the largest)
 * of samples interpolated linearly (ONNX RoiAlign, opset 16; He et al. 2017, "Mask R-CNN"). In mode max a sample
 * counts by the largest of its four weighted neighbours, as ONNX Runtime has it. */
#include <math.h>

#include "ops/op_util.h"

enum { X, ROIS, IMAGES };

typedef struct align {
  bool half_pixel, takes_max;
  int64_t bins[2], size[2], ratio; /* height, width */
  float scale;
} align;

static pare_status read_align(pare_call *call, align *a) {
  static const char *const ints[] = {"output_height", "output_width", "sampling_ratio"};
  static const char *const words[] = {"mode", "coordinate_transformation_mode"};
  for (size_t i = 0; i < PARE_COUNT(ints); i++) PARE_TRY(pare_op_attr_type(call, ints[i], PARE_ATTR_INT));
  for (size_t i = 0; i < PARE_COUNT(words); i++)
    PARE_TRY(pare_op_attr_type(call, words[i], PARE_ATTR_STRING));
  PARE_TRY(pare_op_attr_type(call, "spatial_scale", PARE_ATTR_FLOAT));
  const char *mode = pare_node_string(call->node, words[0], "avg"),
             *place = pare_node_string(call->node, words[1], "half_pixel");
  *a = (align){.half_pixel = strcmp(place, "half_pixel") == 0,
               .takes_max = strcmp(mode, "max") == 0,
               .ratio = pare_node_int(call->node, ints[2], 0),
               .scale = pare_node_float(call->node, "spatial_scale", 1.0f)};
  if ((!a->takes_max && strcmp(mode, "avg") != 0) ||
      (!a->half_pixel && strcmp(place, "output_half_pixel") != 0))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "mode '%.20s' with '%.20s'", mode, place);
  for (int i = 0; i < 2; i++) {
    a->bins[i] = pare_node_int(call->node, ints[i], 1);
    a->size[i] = call->in[X]->shape.dims[2 + i];
    if (a->bins[i] < 1 || a->bins[i] > INT32_MAX || a->size[i] < 1 || a->size[i] > INT32_MAX)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "%lld bins of an image of %lld", (long long)a->bins[i],
                       (long long)a->size[i]);
  }
  if (a->ratio >= 0 && a->ratio <= 1024) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "sampling_ratio %lld", (long long)a->ratio);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE}, s64_only[] = {PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, X, f32_only));
  PARE_TRY(pare_op_need_dtype(call, ROIS, f32_only));
  PARE_TRY(pare_op_need_dtype(call, IMAGES, s64_only));
  const pare_shape *x = &call->in[X]->shape, *rois = &call->in[ROIS]->shape,
                   *images = &call->in[IMAGES]->shape;
  if (x->rank != 4 || rois->rank != 2 || rois->dims[1] != 4 || images->rank != 1 ||
      images->dims[0] != rois->dims[0])
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs are not [N,C,H,W], [R,4] and [R]");
  align a;
  PARE_TRY(read_align(call, &a));
  const pare_shape y = PARE_SHAPE(rois->dims[0], x->dims[1], a.bins[0], a.bins[1]);
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

/* The two neighbours of a place along one axis and the weight of the second; false: outside. */
static bool neighbours(float at, int64_t n, int64_t *low, int64_t *high, float *t) {
  if (!(at >= -1.0f && at <= (float)n)) return false;
  if (at < 0.0f) at = 0.0f;
  *low = (int64_t)at;
  if (*low >= n - 1) {
    *low = *high = n - 1;
    *t = 0.0f;
  } else {
    *high = *low + 1;
    *t = at - (float)*low;
  }
  return true;
}

/* One sample of one channel. */
static float sample(const align *a, const float *x, float row, float column) {
  int64_t y0, y1, x0, x1;
  float ty, tx;
  if (!neighbours(row, a->size[0], &y0, &y1, &ty) || !neighbours(column, a->size[1], &x0, &x1, &tx))
    return 0.0f;
  const int64_t w = a->size[1];
  const float v[4] = {(1.0f - ty) * (1.0f - tx) * x[y0 * w + x0], (1.0f - ty) * tx * x[y0 * w + x1],
                      ty * (1.0f - tx) * x[y1 * w + x0], ty * tx * x[y1 * w + x1]};
  if (!a->takes_max) return v[0] + v[1] + v[2] + v[3];
  const float p = v[0] > v[1] ? v[0] : v[1], q = v[2] > v[3] ? v[2] : v[3];
  return p > q ? p : q;
}

/* A region in elements of the image: [height, width]. */
typedef struct region {
  float start[2], bin[2];
  int64_t grid[2]; /* samples of a bin */
} region;

static pare_status read_region(const pare_call *call, const align *a, const float *roi, region *r) {
  const float offset = a->half_pixel ? 0.5f : 0.0f;
  for (int i = 0; i < 2; i++) {
    r->start[i] = roi[1 - i] * a->scale - offset;
    float length = roi[3 - i] * a->scale - offset - r->start[i];
    if (!a->half_pixel && !(length > 1.0f)) length = 1.0f;
    r->bin[i] = length / (float)a->bins[i];
    const float most = 1024.0f + 4.0f * (float)a->size[i]; /* more samples than that are no image's region */
    if (!(r->bin[i] < most) || !(r->bin[i] > -most))
      return pare_fail(call->ctx, PARE_BAD_DATA, "a region of length %g in an image of %lld", (double)length,
                       (long long)a->size[i]);
    r->grid[i] = a->ratio > 0 ? a->ratio : (int64_t)ceilf(r->bin[i]);
  }
  return PARE_OK;
}

static float bin(const align *a, const region *r, const float *x, int64_t row, int64_t column) {
  const int64_t n = r->grid[0] > 0 && r->grid[1] > 0 ? r->grid[0] * r->grid[1] : 0;
  float sum = 0.0f, most = -INFINITY;
  for (int64_t k = 0; k < n; k++) {
    const int64_t row_of = k / r->grid[1], column_of = k % r->grid[1];
    const float y = ((float)row_of + 0.5f) * r->bin[0] / (float)r->grid[0];
    const float z = ((float)column_of + 0.5f) * r->bin[1] / (float)r->grid[1];
    const float v =
        sample(a, x, r->start[0] + (float)row * r->bin[0] + y, r->start[1] + (float)column * r->bin[1] + z);
    sum += v;
    most = v > most ? v : most;
  }
  return n == 0 ? 0.0f : a->takes_max ? most : sum / (float)n;
}

static pare_status run(pare_call *call) {
  const pare_shape *x = &call->in[X]->shape;
  const int64_t n = call->in[ROIS]->shape.dims[0], c = x->dims[1];
  align a;
  PARE_TRY(read_align(call, &a));
  float *y = pare_f32(call->out[0]);
  for (int64_t i = 0; i < n; i++) {
    const int64_t image = pare_s64(call->in[IMAGES])[i];
    region r = {0};
    if (image < 0 || image >= x->dims[0])
      return pare_fail(call->ctx, PARE_BAD_DATA, "image %lld of %lld", (long long)image,
                       (long long)x->dims[0]);
    PARE_TRY(read_region(call, &a, pare_f32(call->in[ROIS]) + 4 * i, &r));
    for (int64_t k = 0; k < c; k++) {
      const float *plane = pare_f32(call->in[X]) + (image * c + k) * a.size[0] * a.size[1];
      for (int64_t row = 0; row < a.bins[0]; row++)
        for (int64_t column = 0; column < a.bins[1]; column++) *y++ = bin(&a, &r, plane, row, column);
    }
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  return pare_couple_axes(coupler, X, 1, PARE_OUT(0), 1);
}

const pare_op pare_op_roi_align = {
    .name = "RoiAlign",
    .domain = "",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "detectors are not trained here",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
