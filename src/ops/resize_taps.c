/* Coordinates and weights of one axis of Resize (resize.h), in f32 as ONNX Runtime has them. With antialias the
 * filter of a shrinking axis is stretched by 1 / scale. Places outside are those at the edge; with
 * exclude_outside they weigh nothing. */
#include "ops/resize.h"

#include <math.h>

float pare_resize_origin(const pare_resize *r, const pare_resize_axis *axis, int64_t i) {
  const float x = (float)i, in = (float)axis->in, last = in - 1.0f;
  switch (r->place) {
  case PARE_PLACE_PYTORCH_HALF_PIXEL:
    if (axis->out <= 1) return 0.0f;
    break;
  case PARE_PLACE_HALF_PIXEL_SYMMETRIC:
    return in / 2.0f * (1.0f - (float)axis->out / axis->length) + (x + 0.5f) / axis->scale - 0.5f;
  case PARE_PLACE_ALIGN_CORNERS: return axis->out <= 1 ? 0.0f : x * last / (axis->length - 1.0f);
  case PARE_PLACE_ASYMMETRIC: return x / axis->scale;
  case PARE_PLACE_TF_HALF_PIXEL_FOR_NN: return (x + 0.5f) / axis->scale;
  case PARE_PLACE_TF_CROP_AND_RESIZE:
    if (axis->out <= 1) return 0.5f * (axis->start + axis->end) * last;
    return axis->start * last + x * (axis->end - axis->start) * last / (axis->length - 1.0f);
  case PARE_PLACE_HALF_PIXEL: break;
  }
  return (x + 0.5f) / axis->scale - 0.5f;
}

bool pare_resize_outside(const pare_resize *r, const pare_resize_axis *axis, int64_t x) {
  if (r->place != PARE_PLACE_TF_CROP_AND_RESIZE || !axis->there) return false;
  const float origin = pare_resize_origin(r, axis, x);
  return !(origin >= 0.0f && origin <= (float)(axis->in - 1));
}

/* `x` is finite or not: the element it names, at the edge where it lies outside. */
static int64_t inside(float x, int64_t n) {
  return !(x > 0.0f) ? 0 : x >= (float)(n - 1) ? n - 1 : (int64_t)x;
}

int64_t pare_resize_nearest(const pare_resize *r, const pare_resize_axis *axis, int64_t i) {
  if (!axis->there) return i;
  const float x = pare_resize_origin(r, axis, i);
  switch (r->round) {
  case PARE_ROUND_PREFER_FLOOR: return inside(ceilf(x - 0.5f), axis->in);
  case PARE_ROUND_PREFER_CEIL: return inside(floorf(x + 0.5f), axis->in);
  case PARE_ROUND_FLOOR: return inside(floorf(x), axis->in);
  case PARE_ROUND_CEIL: return inside(ceilf(x), axis->in);
  }
  return 0;
}

/* How far the filter reaches to each side, and by how much it is stretched. */
static float reach(const pare_resize *r, const pare_resize_axis *axis, float *stretch) {
  *stretch = r->antialias && axis->scale < 1.0f ? axis->scale : 1.0f;
  return (r->mode == PARE_RESIZE_CUBIC ? 2.0f : 1.0f) / *stretch;
}

int64_t pare_resize_taps(const pare_resize *r, const pare_resize_axis *axis) {
  float stretch;
  return 2 * (int64_t)ceilf(reach(r, axis, &stretch));
}

static float filter(const pare_resize *r, float x) {
  const float a = r->cubic_a;
  x = fabsf(x);
  if (r->mode == PARE_RESIZE_LINEAR) return x < 1.0f ? 1.0f - x : 0.0f;
  if (x <= 1.0f) return ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f;
  return x < 2.0f ? ((a * x - 5.0f * a) * x + 8.0f * a) * x - 4.0f * a : 0.0f;
}

void pare_resize_weigh(const pare_resize *r, const pare_resize_axis *axis, int64_t i, int64_t *places,
                       float *weights, int64_t n) {
  float stretch, sum = 0.0f, origin = pare_resize_origin(r, axis, i);
  (void)reach(r, axis, &stretch);
  const float far = 4.0f * (float)axis->in + 8.0f; /* beyond it only the edge is read: no overflow below */
  if (!(origin > -far)) origin = -far;
  if (origin > far) origin = far;
  const int64_t first = (int64_t)floorf(origin) - n / 2 + 1;
  for (int64_t k = 0; k < n; k++) {
    const int64_t at = first + k;
    const bool out = at < 0 || at >= axis->in;
    places[k] = at < 0 ? 0 : at >= axis->in ? axis->in - 1 : at;
    weights[k] = out && r->exclude_outside ? 0.0f : filter(r, ((float)at - origin) * stretch);
    sum += weights[k];
  }
  if (sum == 0.0f || (!r->antialias && !r->exclude_outside)) return;
  for (int64_t k = 0; k < n; k++) weights[k] /= sum;
}
