/* Resize: axes made longer or shorter by scales or to sizes, taking the nearest element, or interpolating linearly
 * or with cubics (ONNX Resize, opset 19; older forms and Upsample are turned into it when reading). Nearest moves
 * elements of any type by tables; the others go over the axes one after another, in f32. */
#include "ops/resize.h"

#include "ops/axis_map.h"

enum { X, ROI, SCALES, SIZES };

/* ---- attributes and inputs ----------------------------------------------------------------------------- */

static pare_status read_word(pare_call *call, const char *name, const char *const *words, size_t n,
                             int *out) {
  PARE_TRY(pare_op_attr_type(call, name, PARE_ATTR_STRING));
  const char *word = pare_node_string(call->node, name, words[0]);
  for (size_t i = 0; i < n; i++) {
    if (strcmp(words[i], word) != 0) continue;
    *out = (int)i;
    return PARE_OK;
  }
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "%s '%.30s'", name, word);
}
#define READ_WORD(call, name, words, out) read_word(call, name, words, PARE_COUNT(words), out)

static pare_status read_attributes(pare_call *call, pare_resize *r) {
  static const char *const modes[] = {"nearest", "linear", "cubic"};
  static const char *const places[] = {"half_pixel",        "pytorch_half_pixel", "half_pixel_symmetric",
                                       "align_corners",     "asymmetric",         "tf_half_pixel_for_nn",
                                       "tf_crop_and_resize"};
  static const char *const rounds[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"};
  static const char *const ints[] = {"antialias", "exclude_outside"};
  static const char *const floats[] = {"cubic_coeff_a", "extrapolation_value"};
  int mode = 0, place = 0, round = 0;
  PARE_TRY(READ_WORD(call, "mode", modes, &mode));
  PARE_TRY(READ_WORD(call, "coordinate_transformation_mode", places, &place));
  PARE_TRY(READ_WORD(call, "nearest_mode", rounds, &round));
  for (int i = 0; i < 2; i++) {
    PARE_TRY(pare_op_attr_type(call, ints[i], PARE_ATTR_INT));
    PARE_TRY(pare_op_attr_type(call, floats[i], PARE_ATTR_FLOAT));
  }
  *r = (pare_resize){.mode = (pare_resize_mode)mode,
                     .place = (pare_resize_place)place,
                     .round = (pare_resize_round)round,
                     .antialias = pare_node_int(call->node, ints[0], 0) != 0 && mode != PARE_RESIZE_NEAREST,
                     .exclude_outside = pare_node_int(call->node, ints[1], 0) != 0,
                     .cubic_a = pare_node_float(call->node, floats[0], -0.75f),
                     .extrapolation = pare_node_float(call->node, floats[1], 0.0f),
                     .rank = call->in[X]->shape.rank};
  return PARE_OK;
}

/* `axes` [n]: those that scales, sizes and roi count. */
static pare_status read_axes(pare_call *call, int rank, int *axes, int *n) {
  size_t n_named;
  uint32_t seen = 0;
  PARE_TRY(pare_op_attr_type(call, "axes", PARE_ATTR_INTS));
  const int64_t *named = pare_node_ints(call->node, "axes", &n_named);
  const bool all = pare_node_attr(call->node, "axes") == NULL;
  if (n_named > PARE_MAX_RANK) return pare_fail(call->ctx, PARE_BAD_MODEL, "%zu axes", n_named);
  *n = all ? rank : (int)n_named;
  for (int i = 0; i < *n; i++) {
    PARE_TRY(pare_op_axis(call, all ? i : named[i], rank, &axes[i]));
    if (seen & 1u << axes[i]) return pare_fail(call->ctx, PARE_BAD_MODEL, "axis %d is named twice", axes[i]);
    seen |= 1u << axes[i];
  }
  return PARE_OK;
}

static bool given(const pare_call *call, int i) {
  return pare_call_has(call, i) && pare_tensor_count(call->in[i]) != 0;
}

/* Input i: n f32 values that are there. */
static pare_status need_floats(pare_call *call, int i, int64_t n) {
  static const pare_dtype types[] = {PARE_F32, PARE_F64, PARE_F16, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, types));
  const bool planned =
      call->training && call->in[i]->data != NULL; /* not learned, though it might be f32 weights */
  if (!planned) PARE_TRY(pare_op_need_data(call, i));
  if (call->in[i]->shape.rank == 1 && pare_tensor_count(call->in[i]) == n) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d does not have %lld numbers", i, (long long)n);
}

static float number_at(const pare_call *call, int i, int k) {
  return (float)pare_tensor_get_f64(call->in[i], k);
}

static pare_status axis_of_scale(pare_call *call, pare_resize_axis *axis, float scale) {
  axis->scale = scale;
  axis->length = (float)axis->in * scale;
  if (!(scale > 0.0f) || !(axis->length < 0x1p31f))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "a scale of %g", (double)scale);
  axis->out = (int64_t)axis->length;
  return PARE_OK;
}

/* Sizes: as they are, or as large as fits into (covers) them with one scale for all. */
static pare_status read_sizes(pare_call *call, pare_resize *r, const int *axes, int n) {
  static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
  enum { STRETCH, NOT_LARGER, NOT_SMALLER };
  int64_t sizes[PARE_MAX_RANK];
  size_t n_sizes = 0;
  int policy = 0;
  float common = 0.0f;
  PARE_TRY(READ_WORD(call, "keep_aspect_ratio_policy", policies, &policy));
  PARE_TRY(pare_op_const_ints(call, SIZES, sizes, PARE_MAX_RANK, &n_sizes));
  if (n_sizes != (size_t)n) return pare_fail(call->ctx, PARE_BAD_MODEL, "%zu sizes for %d axes", n_sizes, n);
  for (int i = 0; i < n; i++) {
    pare_resize_axis *axis = &r->axes[axes[i]];
    if (sizes[i] < 0 || sizes[i] > INT32_MAX || axis->in < 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "%lld elements resized to %lld", (long long)axis->in,
                       (long long)sizes[i]);
    axis->out = sizes[i];
    axis->length = (float)sizes[i];
    axis->scale = (float)sizes[i] / (float)axis->in;
    const bool first = i == 0, less = axis->scale < common;
    if (first || less == (policy == NOT_LARGER)) common = axis->scale;
  }
  for (int i = 0; i < n && policy != STRETCH; i++) {
    pare_resize_axis *axis = &r->axes[axes[i]];
    axis->scale = common;
    axis->length = common * (float)axis->in;
    if (!(axis->length < 0x1p31f - 1.0f))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "a scale of %g", (double)common);
    axis->out = (int64_t)(axis->length + 0.5f);
  }
  return PARE_OK;
}

static pare_status read_resize(pare_call *call, pare_resize *r) {
  int axes[PARE_MAX_RANK], n = 0;
  PARE_TRY(pare_op_need(call, X));
  PARE_TRY(read_attributes(call, r));
  PARE_TRY(read_axes(call, r->rank, axes, &n));
  for (int i = 0; i < r->rank; i++)
    r->axes[i] = (pare_resize_axis){
        .in = call->in[X]->shape.dims[i], .out = call->in[X]->shape.dims[i], .scale = 1.0f, .end = 1.0f};
  if (given(call, SCALES) == given(call, SIZES))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "either scales or sizes must be given");
  if (given(call, SCALES)) PARE_TRY(need_floats(call, SCALES, n));
  for (int i = 0; i < n && given(call, SCALES); i++)
    PARE_TRY(axis_of_scale(call, &r->axes[axes[i]], number_at(call, SCALES, i)));
  if (given(call, SIZES)) PARE_TRY(read_sizes(call, r, axes, n));
  const bool crops = r->place == PARE_PLACE_TF_CROP_AND_RESIZE;
  if (crops) PARE_TRY(need_floats(call, ROI, 2 * n));
  for (int i = 0; i < n; i++) {
    pare_resize_axis *axis = &r->axes[axes[i]];
    if (axis->out > 0 && axis->in < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "an axis of length 0");
    if (crops) axis->start = number_at(call, ROI, i), axis->end = number_at(call, ROI, n + i);
    axis->there =
        axis->out != axis->in || axis->scale != 1.0f || (crops && (axis->start != 0.0f || axis->end != 1.0f));
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  pare_resize r;
  PARE_TRY(read_resize(call, &r));
  if (r.mode != PARE_RESIZE_NEAREST)
    PARE_TRY(pare_op_need_dtype(call, X, (const pare_dtype[]){PARE_F32, PARE_NONE}));
  pare_shape out = call->in[X]->shape;
  for (int i = 0; i < r.rank; i++) out.dims[i] = r.axes[i].out;
  return pare_op_set_out(call, 0, call->in[X]->dtype, &out);
}

/* ---- planning -------------------------------------------------------------------------------------------- */

/* One axis in turn: [outer, in, inner] to [outer, out, inner]. */
typedef struct pass {
  int64_t outer, in, out, inner, n; /* n: elements that one output reads */
  int64_t *places;                  /* [out][n] */
  float *weights;                   /* [out][n] */
} pass;

typedef struct state {
  pare_resize r;
  pare_axis_map *map; /* nearest; otherwise */
  pass passes[PARE_MAX_RANK];
  int n_passes;
  int64_t most; /* elements of the largest value between passes */
} state;

static pare_status plan_nearest(pare_call *call, state *s) {
  PARE_TRY(pare_axis_map_new(call, &s->map));
  if (s->r.rank == 0) s->map->from[0][0] = 0;
  for (int axis = 0; axis < s->r.rank; axis++)
    for (int64_t i = 0; i < s->r.axes[axis].out; i++)
      s->map->from[axis][i] = pare_resize_outside(&s->r, &s->r.axes[axis], i)
                                  ? -1
                                  : pare_resize_nearest(&s->r, &s->r.axes[axis], i);
  pare_axis_map_finish(s->map);
  return PARE_OK;
}

static pare_status plan_pass(pare_call *call, state *s, pare_shape *shape, int axis) {
  const pare_resize_axis *a = &s->r.axes[axis];
  pass *p = &s->passes[s->n_passes++];
  size_t len_bytes, taps;
  *p = (pass){pare_shape_count_range(shape, 0, axis),
              a->in,
              a->out,
              pare_shape_count_range(shape, axis + 1, shape->rank),
              pare_resize_taps(&s->r, a),
              NULL,
              NULL};
  shape->dims[axis] = a->out;
  PARE_TRY(pare_tensor_bytes(call->ctx, PARE_F32, shape, &len_bytes));
  const int64_t count = pare_shape_count(shape);
  if (count > s->most) s->most = count;
  if (!pare_mul_size((size_t)p->out, (size_t)p->n, &taps))
    return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "the filter is too large");
  p->places = pare_arena_array(call->arena, taps, sizeof *p->places);
  p->weights = pare_arena_array(call->arena, taps, sizeof *p->weights);
  if (!p->places || !p->weights) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < p->out; i++)
    pare_resize_weigh(&s->r, a, i, p->places + i * p->n, p->weights + i * p->n, p->n);
  return PARE_OK;
}

static pare_status prepare(pare_call *call) {
  state *s = pare_arena_alloc(call->arena, sizeof *s);
  if (!s) return PARE_OUT_OF_MEMORY;
  call->state = s;
  PARE_TRY(read_resize(call, &s->r));
  if (s->r.mode == PARE_RESIZE_NEAREST) return plan_nearest(call, s);
  if (call->training && s->r.place == PARE_PLACE_TF_CROP_AND_RESIZE)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "the gradient of tf_crop_and_resize");
  pare_shape shape = call->in[X]->shape;
  for (int axis = 0; axis < s->r.rank; axis++)
    if (s->r.axes[axis].there) PARE_TRY(plan_pass(call, s, &shape, axis));
  if (!pare_mul_size((size_t)s->most, 2 * sizeof(float), &call->scratch_bytes))
    return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "the images are too large");
  return PARE_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------ */

static void run_pass(const pass *p, const float *x, float *y) {
  memset(y, 0, (size_t)(p->outer * p->out * p->inner) * sizeof *y);
  for (int64_t o = 0; o < p->outer; o++, x += p->in * p->inner)
    for (int64_t i = 0; i < p->out; i++, y += p->inner)
      for (int64_t k = i * p->n; k < (i + 1) * p->n; k++) {
        const float *from = x + p->places[k] * p->inner, weight = p->weights[k];
        for (int64_t j = 0; j < p->inner; j++) y[j] += weight * from[j];
      }
}

/* dx += */
static void run_pass_back(const pass *p, const float *dy, float *dx) {
  for (int64_t o = 0; o < p->outer; o++, dx += p->in * p->inner)
    for (int64_t i = 0; i < p->out; i++, dy += p->inner)
      for (int64_t k = i * p->n; k < (i + 1) * p->n; k++) {
        float *to = dx + p->places[k] * p->inner;
        const float weight = p->weights[k];
        for (int64_t j = 0; j < p->inner; j++) to[j] += weight * dy[j];
      }
}

/* Elements whose origin lies outside the input on any axis. */
static void extrapolate(const pare_call *call, const state *s) {
  const pare_shape *shape = &call->out[0]->shape;
  int64_t index[PARE_MAX_RANK] = {0};
  const int64_t n = pare_shape_count(shape);
  for (int64_t i = 0; i < n; i++) {
    bool outside = false;
    for (int axis = 0; axis < shape->rank && !outside; axis++)
      outside = pare_resize_outside(&s->r, &s->r.axes[axis], index[axis]);
    if (outside) pare_f32(call->out[0])[i] = s->r.extrapolation;
    for (int axis = shape->rank - 1; axis >= 0 && ++index[axis] == shape->dims[axis]; axis--) index[axis] = 0;
  }
}

static pare_status run_nearest(pare_call *call, const state *s) {
  uint64_t constant = 0;
  pare_tensor one = {.dtype = call->in[X]->dtype, .data = &constant};
  pare_tensor_set_f64(&one, 0, (double)s->r.extrapolation);
  pare_axis_map_copy(s->map, pare_dtype_size(one.dtype), &constant, call->in[X]->data, call->out[0]->data);
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  const state *s = call->state;
  if (s->map) return run_nearest(call, s);
  if (s->n_passes == 0) return pare_op_run_same_bytes(call);
  const float *from = pare_f32(call->in[X]);
  for (int i = 0; i < s->n_passes; i++) {
    float *half = (float *)call->scratch + (i & 1) * s->most;
    float *to = i == s->n_passes - 1 ? pare_f32(call->out[0]) : half;
    run_pass(&s->passes[i], from, to);
    from = to;
  }
  if (s->r.place == PARE_PLACE_TF_CROP_AND_RESIZE) extrapolate(call, s);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const state *s = call->state;
  if (!grad->d_out[0] || !pare_grad_wants(grad, X)) return PARE_OK;
  if (s->map) return pare_axis_map_add_back(s->map, grad);
  if (s->n_passes == 0) return pare_op_backward_same_bytes(grad);
  const float *from = pare_f32(grad->d_out[0]);
  for (int i = s->n_passes - 1; i >= 0; i--) {
    const pass *p = &s->passes[i];
    float *half = (float *)call->scratch + (i & 1) * s->most;
    float *to = i == 0 ? pare_f32(grad->d_in[X]) : half;
    if (i > 0) memset(to, 0, (size_t)(p->outer * p->in * p->inner) * sizeof *to);
    run_pass_back(p, from, to);
    from = to;
  }
  return PARE_OK;
}

/* Axes that keep their length go through. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[X]->shape.rank; axis++)
    PARE_TRY(pare_couple_axes(coupler, X, axis, PARE_OUT(0), axis)); /* nothing where the lengths differ */
  return PARE_OK;
}

const pare_op pare_op_resize = {
    .name = "Resize",
    .domain = "",
    .min_in = 1,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
