/* Pad: elements put in front of and behind each axis (ONNX Pad, opset 19): a constant, the mirror image
 * without the edge (reflect), the edge itself, or the other end (wrap). Negative pads take elements away. Works on any type; a
 * quantized tensor is padded with the value it is given, its zero point. */
#include "ops/axis_map.h"

typedef enum mode { CONSTANT, REFLECT, EDGE, WRAP } mode;

typedef struct padding {
  mode mode;
  int rank;
  int64_t begin[PARE_MAX_RANK], end[PARE_MAX_RANK];
} padding;

static pare_status read_mode(const pare_call *call, mode *out) {
  const char *text = pare_node_string(call->node, "mode", "constant");
  if (strcmp(text, "constant") == 0)
    *out = CONSTANT;
  else if (strcmp(text, "reflect") == 0)
    *out = REFLECT;
  else if (strcmp(text, "edge") == 0)
    *out = EDGE;
  else if (strcmp(text, "wrap") == 0)
    *out = WRAP;
  else
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "mode '%s'", text);
  return PARE_OK;
}

static pare_status read_padding(pare_call *call, padding *p) {
  const int rank = call->in[0]->shape.rank;
  int64_t pads[2 * PARE_MAX_RANK], axes[PARE_MAX_RANK];
  size_t n = 0, n_axes = (size_t)rank;
  *p = (padding){.rank = rank};
  PARE_TRY(read_mode(call, &p->mode));
  PARE_TRY(pare_op_const_ints(call, 1, pads, 2 * PARE_MAX_RANK, &n));
  for (int i = 0; i < rank; i++) axes[i] = i;
  if (pare_call_has(call, 3)) {
    uint32_t mask; /* each axis once, in range */
    int n_named;
    PARE_TRY(pare_op_axes(call, 3, rank, &mask, &n_named));
    n_axes = pare_op_ints(call, 3, axes, PARE_MAX_RANK);
  }
  if (n != 2 * n_axes) return pare_fail(call->ctx, PARE_BAD_MODEL, "%zu pads for %zu axes", n, n_axes);
  for (size_t i = 0; i < n_axes; i++) {
    const int axis = pare_op_image_axis(call, pare_op_axis_of(axes[i], rank));
    p->begin[axis] = pads[i];
    p->end[axis] = pads[n_axes + i];
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  padding p;
  PARE_TRY(read_padding(call, &p));
  if (pare_call_has(call, 2) &&
      (pare_tensor_count(call->in[2]) != 1 || call->in[2]->dtype != call->in[0]->dtype))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the constant must be one element of the input's type");
  pare_shape out = call->in[0]->shape;
  for (int i = 0; i < p.rank; i++) {
    const int64_t dim = out.dims[i], most = p.mode == REFLECT ? dim - 1 : dim > 0 ? INT64_MAX : 0;
    if (__builtin_add_overflow(dim, p.begin[i], &out.dims[i]) ||
        __builtin_add_overflow(out.dims[i], p.end[i], &out.dims[i]) || out.dims[i] < 0)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "pads of axis %d leave no valid length", i);
    const bool inside = p.begin[i] >= -dim && p.end[i] >= -dim;
    if (!inside ||
        (p.mode != CONSTANT && ((p.begin[i] > 0 && p.begin[i] > most) || (p.end[i] > 0 && p.end[i] > most))))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "pads of axis %d are too large for its length %lld", i,
                       (long long)dim);
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

/* Where element i of a padded axis comes from; -1: it is the constant. */
static int64_t source(const padding *p, int axis, int64_t i, int64_t dim) {
  int64_t at = i - p->begin[axis];
  if (at >= 0 && at < dim) return at;
  switch (p->mode) {
  case CONSTANT: return -1;
  case EDGE: return at < 0 ? 0 : dim - 1;
  case WRAP: at %= dim; return at < 0 ? at + dim : at;
  case REFLECT: return at < 0 ? -at : 2 * (dim - 1) - at;
  }
  return -1;
}

static pare_status prepare(pare_call *call) {
  padding p;
  pare_axis_map *map;
  PARE_TRY(read_padding(call, &p));
  PARE_TRY(pare_axis_map_new(call, &map));
  if (p.rank == 0) map->from[0][0] = 0;
  for (int axis = 0; axis < p.rank; axis++)
    for (int64_t i = 0; i < map->out.dims[axis]; i++)
      map->from[axis][i] = source(&p, axis, i, map->in.dims[axis]);
  pare_axis_map_finish(map);
  call->state = map;
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  static const uint64_t zero = 0;
  const void *constant = pare_call_has(call, 2) ? call->in[2]->data : &zero;
  pare_axis_map_copy(call->state, pare_dtype_size(call->in[0]->dtype), constant, call->in[0]->data,
                     call->out[0]->data);
  return PARE_OK;
}

/* Axes without pads go through. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int rank = call->in[0]->shape.rank;
  int64_t pads[2 * PARE_MAX_RANK], axes[PARE_MAX_RANK] = {0};
  const size_t n = pare_op_ints(call, 1, pads, 2 * PARE_MAX_RANK) / 2;
  for (int i = 0; i < rank; i++) axes[i] = i;
  if (pare_call_has(call, 3)) pare_op_ints(call, 3, axes, PARE_MAX_RANK);
  uint32_t padded = 0;
  for (size_t i = 0; i < n; i++)
    if (pads[i] != 0 || pads[n + i] != 0) padded |= 1u << pare_op_axis_of(axes[i], rank);
  for (int axis = 0; axis < rank; axis++)
    if (!(padded & 1u << axis)) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_pad = {
    .name = "Pad",
    .domain = "",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = pare_axis_map_backward, /* the constant is taken as fixed: no gradient goes there */
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_FOLLOWS,
};
