/* Pad: elements put in front of and behind each axis (ONNX Pad, opset 18): a constant, the mirror image
 * without the edge (reflect), or the edge itself. Negative pads take elements away. Works on any type; a
 * quantized tensor is padded with the value it is given, its zero point. */
#include "ops/op_util.h"

typedef enum mode { CONSTANT, REFLECT, EDGE } mode;

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
  if (p->mode == CONSTANT) return -1;
  if (p->mode == EDGE) return at < 0 ? 0 : dim - 1;
  return at < 0 ? -at : 2 * (dim - 1) - at;
}

/* Rows of the output, one after another: index[] counts, *in_row is the input's element where the row's
 * source begins, or -1 for a row of constants. */
typedef struct rows {
  const pare_shape *in, *out;
  padding p;
  int64_t index[PARE_MAX_RANK], n, n_in, n_rows; /* elements in a row; in the input's row */
} rows;

static pare_status rows_start(pare_call *call, rows *r) {
  *r = (rows){.in = &call->in[0]->shape, .out = &call->out[0]->shape, .n = 1, .n_in = 1, .n_rows = 1};
  PARE_TRY(read_padding(call, &r->p));
  const int rank = r->p.rank;
  if (rank > 0) {
    r->n = r->out->dims[rank - 1];
    r->n_in = r->in->dims[rank - 1];
    r->n_rows = pare_shape_count_range(r->out, 0, rank - 1);
  }
  return PARE_OK;
}

static int64_t rows_next(rows *r) {
  int64_t at = 0;
  bool constant = false;
  for (int i = 0; i < r->p.rank - 1; i++) {
    const int64_t k = source(&r->p, i, r->index[i], r->in->dims[i]);
    constant |= k < 0;
    at = at * r->in->dims[i] + (k < 0 ? 0 : k);
  }
  for (int i = r->p.rank - 2; i >= 0 && ++r->index[i] == r->out->dims[i]; i--) r->index[i] = 0;
  return constant ? -1 : at * r->n_in;
}

static int64_t column(const rows *r, int64_t i) {
  return r->p.rank > 0 ? source(&r->p, r->p.rank - 1, i, r->n_in) : i;
}

static pare_status run(pare_call *call) {
  static const uint64_t zero = 0;
  rows r;
  PARE_TRY(rows_start(call, &r));
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  const void *constant = pare_call_has(call, 2) ? call->in[2]->data : &zero;
  const uint8_t *in = pare_u8(call->in[0]);
  uint8_t *out = pare_u8(call->out[0]);
  const int64_t begin = r.p.rank > 0 ? r.p.begin[r.p.rank - 1] : 0;
  for (int64_t row = 0; row < r.n_rows; row++) {
    const int64_t from = rows_next(&r);
    for (int64_t i = 0; i < r.n;) {
      const int64_t k = from < 0 ? -1 : column(&r, i);
      int64_t n = 1;
      if (k >= 0 && i - begin == k)
        n = r.n_in - k < r.n - i ? r.n_in - k : r.n - i; /* the copied middle at once */
      memcpy(out + (size_t)i * size, k < 0 ? constant : in + (size_t)(from + k) * size, (size_t)n * size);
      i += n;
    }
    out += (size_t)r.n * size;
  }
  return PARE_OK;
}

/* The constant is taken as fixed: no gradient goes there. */
static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  rows r;
  PARE_TRY(rows_start(grad->call, &r));
  const float *g = pare_f32(grad->d_out[0]);
  for (int64_t row = 0; row < r.n_rows; row++, g += r.n) {
    const int64_t from = rows_next(&r);
    for (int64_t i = 0; i < r.n && from >= 0; i++) {
      const int64_t k = column(&r, i);
      if (k >= 0) pare_f32(grad->d_in[0])[from + k] += g[i];
    }
  }
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
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_FOLLOWS,
};
