/* GridSample: Y[n,c,p] = X[n,c] read at the place that grid[n,p] gives, in [-1,1] along each axis, x first (ONNX
 * GridSample, opset 20): the nearest element (halves to the even one), linear or cubic interpolation; outside are
 * zeros, the border, or the mirror image. Any number of dimensions. */
#include <math.h>

#include "ops/op_util.h"

typedef enum mode { NEAREST, LINEAR, CUBIC } mode;
typedef enum padding { ZEROS, BORDER, REFLECTION } padding;
enum { MOST = 6 };

typedef struct sampler {
  mode mode;
  padding padding;
  bool align_corners;
  int n;                  /* dimensions */
  int64_t length[MOST];   /* of the image, outermost first */
  int64_t plane, points;  /* elements of an image of one channel; of the output's */
  int64_t n_taps, n_read; /* elements read along an axis; all together */
} sampler;

static pare_status read_mode(pare_call *call, sampler *s) {
  static const struct {
    const char *name;
    mode mode;
  } modes[] = {
      {"linear", LINEAR}, {"nearest", NEAREST}, {"cubic", CUBIC}, {"bilinear", LINEAR}, {"bicubic", CUBIC}};
  static const char *const paddings[] = {"zeros", "border", "reflection"};
  PARE_TRY(pare_op_attr_type(call, "mode", PARE_ATTR_STRING));
  PARE_TRY(pare_op_attr_type(call, "padding_mode", PARE_ATTR_STRING));
  PARE_TRY(pare_op_attr_type(call, "align_corners", PARE_ATTR_INT));
  const char *name = pare_node_string(call->node, "mode", "linear"),
             *outside = pare_node_string(call->node, "padding_mode", "zeros");
  bool known = false, known_padding = false;
  for (size_t i = 0; i < PARE_COUNT(modes); i++) {
    if (strcmp(modes[i].name, name) != 0) continue;
    s->mode = modes[i].mode;
    known = true;
  }
  for (int i = 0; i < 3; i++) {
    if (strcmp(paddings[i], outside) != 0) continue;
    s->padding = (padding)i;
    known_padding = true;
  }
  s->align_corners = pare_node_int(call->node, "align_corners", 0) != 0;
  if (known && known_padding) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "mode '%.20s' with padding_mode '%.20s'", name, outside);
}

static pare_status read_sampler(pare_call *call, sampler *s) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  const pare_shape *x = &call->in[0]->shape, *grid = &call->in[1]->shape;
  *s = (sampler){.n = x->rank - 2, .plane = 1, .points = 1, .n_read = 1};
  PARE_TRY(read_mode(call, s));
  if (x->rank < 3 || grid->rank != x->rank || grid->dims[0] != x->dims[0] || grid->dims[x->rank - 1] != s->n)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "a grid that does not fit an image of rank %d", x->rank);
  s->n_taps = s->mode == NEAREST ? 1 : s->mode == LINEAR ? 2 : 4;
  for (int d = 0; d < s->n; d++) {
    s->length[d] = x->dims[2 + d];
    if (s->length[d] < 1 || s->length[d] > INT32_MAX)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input length %lld", (long long)s->length[d]);
    s->plane *= s->length[d];
    s->points *= grid->dims[1 + d];
    s->n_read *= s->n_taps;
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  sampler s;
  PARE_TRY(read_sampler(call, &s));
  pare_shape out = call->in[0]->shape;
  for (int d = 0; d < s.n; d++) out.dims[2 + d] = call->in[1]->shape.dims[1 + d];
  return pare_op_set_out(call, 0, PARE_F32, &out);
}

static pare_status prepare(pare_call *call) {
  sampler *s = pare_arena_alloc(call->arena, sizeof *s);
  if (!s) return PARE_OUT_OF_MEMORY;
  call->state = s;
  PARE_TRY(read_sampler(call, s));
  call->scratch_bytes = (size_t)s->n_read * (sizeof(int64_t) + sizeof(float));
  return PARE_OK;
}

/* Mirrored at both ends as often as it takes. */
static float reflect(float x, float low, float high) {
  const float range = high - low;
  if (!(range > 0.0f)) return low;
  const float r = fmodf(fabsf(x - low), 2.0f * range);
  return low + (r > range ? 2.0f * range - r : r);
}

/* Element `at` of an axis as padding has it; -1: zero. */
static int64_t element(const sampler *s, int d, float at) {
  const int64_t n = s->length[d];
  const float edge = s->align_corners ? 0.0f : 0.5f;
  if (s->padding == REFLECTION) at = reflect(at, -edge, (float)(n - 1) + edge);
  const bool inside = at >= 0.0f && at <= (float)(n - 1);
  if (!inside && s->padding == ZEROS) return -1;
  return !(at > 0.0f) ? 0 : at >= (float)(n - 1) ? n - 1 : (int64_t)at;
}

static void cubic_weights(float t, float *w) {
  const float a = -0.75f;
  for (int i = 0; i < 4; i++) {
    const float x = fabsf(t + 1.0f - (float)i);
    w[i] = x <= 1.0f ? ((a + 2.0f) * x - (a + 3.0f)) * x * x + 1.0f
                     : ((a * x - 5.0f * a) * x + 8.0f * a) * x - 4.0f * a;
  }
}

/* The elements and weights along one axis for the grid's `g`. */
static void tap_axis(const sampler *s, int d, float g, int64_t *places, float *weights) {
  const float n = (float)s->length[d], edge = s->align_corners ? 0.0f : 0.5f, far = 4.0e9f;
  float x = s->align_corners ? (g + 1.0f) / 2.0f * (n - 1.0f) : ((g + 1.0f) * n - 1.0f) / 2.0f;
  if (!(x > -far)) x = -far; /* NaN too: outside */
  if (x > far) x = far;
  if (s->mode != CUBIC && s->padding == BORDER) x = x < 0.0f ? 0.0f : x > n - 1.0f ? n - 1.0f : x;
  if (s->mode != CUBIC && s->padding == REFLECTION) x = reflect(x, -edge, n - 1.0f + edge);
  const float low = s->mode == NEAREST ? rintf(x) : floorf(x), t = x - low;
  weights[0] = s->mode == NEAREST ? 1.0f : 1.0f - t;
  if (s->mode == LINEAR) weights[1] = t;
  if (s->mode == CUBIC) cubic_weights(t, weights);
  for (int64_t i = 0; i < s->n_taps; i++)
    places[i] = element(s, d, low + (float)i - (s->mode == CUBIC ? 1.0f : 0.0f));
}

/* All elements of a plane that a point reads: the products of the axes'; how many. */
static int64_t tap_point(const sampler *s, const float *point, int64_t *places, float *weights) {
  int64_t n = 1;
  places[0] = 0;
  weights[0] = 1.0f;
  for (int d = 0; d < s->n; d++) {
    int64_t at[4];
    float w[4];
    tap_axis(s, d, point[s->n - 1 - d], at, w);
    for (int64_t i = n - 1; i >= 0; i--) /* backwards: what is read is not yet overwritten */
      for (int64_t k = s->n_taps - 1; k >= 0; k--) {
        places[i * s->n_taps + k] = places[i] < 0 || at[k] < 0 ? -1 : places[i] * s->length[d] + at[k];
        weights[i * s->n_taps + k] = weights[i] * w[k];
      }
    n *= s->n_taps;
  }
  return n;
}

static pare_status run(pare_call *call) {
  const sampler *s = call->state;
  const int64_t images = call->in[0]->shape.dims[0], channels = call->in[0]->shape.dims[1];
  int64_t *places = call->scratch;
  float *weights = (float *)(places + s->n_read);
  const float *point = pare_f32(call->in[1]);
  for (int64_t i = 0; i < images; i++) {
    const float *x = pare_f32(call->in[0]) + i * channels * s->plane;
    float *y = pare_f32(call->out[0]) + i * channels * s->points;
    for (int64_t p = 0; p < s->points; p++, point += s->n) {
      const int64_t n = tap_point(s, point, places, weights);
      for (int64_t c = 0; c < channels; c++) {
        float sum = 0.0f;
        for (int64_t k = 0; k < n; k++)
          if (places[k] >= 0) sum += weights[k] * x[c * s->plane + places[k]];
        y[c * s->points + p] = sum;
      }
    }
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}

const pare_op pare_op_grid_sample = {
    .name = "GridSample",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "that of the grid is not there",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
