/* DFT: y[k] = sum over j of x[j] exp(-2 pi i j k / n) along one axis, real or complex ([..., 1] or [..., 2]), inverse and one-sided
 * forms (ONNX DFT, opsets 17 and 20). STFT: the one of each frame of a signal, weighted by a window (opset 17). By the definition, in f64:
 * n^2 steps. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/wide.h"

typedef struct dft {
  int64_t n, n_out;     /* places read (zeros behind the signal's end), places made */
  const double *circle; /* [n, 2]: cos and sin of 2 pi k / n */
  bool inverse;
} dft;

/* One line of `n_here` complex or real places. */
typedef struct line {
  const pare_tensor *x, *window; /* window: NULL or [n] */
  int64_t at, step, n_here;      /* step: elements between places */
  bool is_complex;
} line;

static void fill_circle(double *circle, int64_t n) {
  for (int64_t k = 0; k < n; k++) {
    const double angle = 6.28318530717958647693 * (double)k / (double)n;
    circle[2 * k] = pare_cos(angle);
    circle[2 * k + 1] = pare_sin(angle);
  }
}

static void transform(const dft *d, const line *from, pare_tensor *y, int64_t at, int64_t step) {
  for (int64_t k = 0; k < d->n_out; k++) {
    double real = 0, imaginary = 0;
    int64_t turn = 0; /* j k mod n */
    for (int64_t j = 0; j < from->n_here; j++) {
      const int64_t place = from->at + j * from->step;
      const double weight = from->window ? pare_tensor_get_f64(from->window, j) : 1.0;
      const double a = weight * pare_tensor_get_f64(from->x, place);
      const double b = from->is_complex ? weight * pare_tensor_get_f64(from->x, place + 1) : 0.0;
      const double cosine = d->circle[2 * turn];
      const double sine = d->inverse ? d->circle[2 * turn + 1] : -d->circle[2 * turn + 1];
      real += a * cosine - b * sine;
      imaginary += a * sine + b * cosine;
      turn = turn + k < d->n ? turn + k : turn + k - d->n;
    }
    const double scale = d->inverse ? 1.0 / (double)d->n : 1.0;
    pare_tensor_set_f64(y, at + k * step, real * scale);
    pare_tensor_set_f64(y, at + k * step + 1, imaginary * scale);
  }
}

static pare_status circle_bytes(pare_call *call, int64_t n) {
  if (pare_mul_size((size_t)n, 2 * sizeof(double), &call->scratch_bytes)) return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

static pare_status read_length(pare_call *call, int i, int64_t *n) {
  size_t count = 0;
  PARE_TRY(pare_op_const_ints(call, i, n, 1, &count));
  if (count == 1 && *n >= 1 && *n <= (int64_t)1 << 30) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is no length", i);
}

/* ---- DFT ------------------------------------------------------------------------------------------------- */

/* An attribute, or since opset 20 an input. */
static int64_t named_axis(const pare_call *call) {
  int64_t axis = pare_node_int(call->node, "axis", 1);
  pare_op_ints(call, 2, &axis, 1);
  return axis;
}

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(named_axis(call), call->in[0]->shape.rank);
}

static int64_t length_of(const pare_call *call) {
  int64_t n = call->in[0]->shape.dims[axis_of(call)];
  pare_op_ints(call, 1, &n, 1);
  return n;
}

static pare_status infer_dft(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  pare_shape out = call->in[0]->shape;
  int axis = 0;
  if (out.rank < 2 || (out.dims[out.rank - 1] != 1 && out.dims[out.rank - 1] != 2))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the last axis is neither real nor complex");
  if (pare_call_has(call, 2)) {
    int64_t given = 0;
    size_t count = 0;
    PARE_TRY(pare_op_const_ints(call, 2, &given, 1, &count));
    if (count != 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "input 2 is not one axis");
  }
  PARE_TRY(pare_op_axis(call, named_axis(call), out.rank, &axis));
  int64_t n = out.dims[axis];
  if (axis == out.rank - 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "the last axis is no signal");
  if (pare_call_has(call, 1)) PARE_TRY(read_length(call, 1, &n));
  if (n < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "the signal is empty");
  out.dims[axis] = pare_node_int(call->node, "onesided", 0) != 0 ? n / 2 + 1 : n;
  out.dims[out.rank - 1] = 2;
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status prepare_dft(pare_call *call) {
  return circle_bytes(call, length_of(call));
}

static pare_status run_dft(pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  const int axis = axis_of(call);
  const int64_t parts = in->dims[in->rank - 1], outer = pare_shape_count_range(in, 0, axis),
                inner = pare_shape_count_range(in, axis + 1, in->rank - 1), n = length_of(call);
  const dft d = {.n = n,
                 .n_out = call->out[0]->shape.dims[axis],
                 .circle = call->scratch,
                 .inverse = pare_node_int(call->node, "inverse", 0) != 0};
  fill_circle(call->scratch, n);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t j = 0; j < inner; j++) {
      const line from = {.x = call->in[0],
                         .at = (o * in->dims[axis] * inner + j) * parts,
                         .step = inner * parts,
                         .n_here = in->dims[axis] < n ? in->dims[axis] : n,
                         .is_complex = parts == 2};
      transform(&d, &from, call->out[0], (o * d.n_out * inner + j) * 2, inner * 2);
    }
  return PARE_OK;
}

/* ---- STFT: signal, frame_step, window, frame_length -------------------------------------------------------- */

static pare_status frame_of(pare_call *call, int64_t *step, int64_t *n) {
  const bool has_window = pare_call_has(call, 2);
  PARE_TRY(read_length(call, 1, step));
  if (!has_window && !pare_call_has(call, 3))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "neither a window nor a frame length");
  if (has_window) *n = pare_tensor_count(call->in[2]);
  if (pare_call_has(call, 3)) PARE_TRY(read_length(call, 3, n));
  if (has_window && *n != pare_tensor_count(call->in[2]))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the window has not the frame's length");
  return *n >= 1 ? PARE_OK : pare_fail(call->ctx, PARE_BAD_MODEL, "the frame is empty");
}

static pare_status infer_stft(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  const pare_shape *in = &call->in[0]->shape;
  int64_t step = 1, n = 1;
  if (in->rank != 2 && (in->rank != 3 || (in->dims[2] != 1 && in->dims[2] != 2)))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the signal is not [batch, length, 1 or 2]");
  if (pare_call_has(call, 2)) PARE_TRY(pare_wide_need_same(call, 2));
  PARE_TRY(frame_of(call, &step, &n));
  if (n > in->dims[1]) return pare_fail(call->ctx, PARE_BAD_MODEL, "the frame is longer than the signal");
  const int64_t n_out = pare_node_int(call->node, "onesided", 1) != 0 ? n / 2 + 1 : n;
  const pare_shape out = PARE_SHAPE(in->dims[0], (in->dims[1] - n) / step + 1, n_out, 2);
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status prepare_stft(pare_call *call) {
  int64_t step = 1, n = 1;
  PARE_TRY(frame_of(call, &step, &n));
  return circle_bytes(call, n);
}

static pare_status run_stft(pare_call *call) {
  const pare_shape *in = &call->in[0]->shape, *out = &call->out[0]->shape;
  const int64_t parts = in->rank == 3 ? in->dims[2] : 1;
  int64_t step = 1, n = 1;
  PARE_TRY(frame_of(call, &step, &n));
  const dft d = {.n = n, .n_out = out->dims[2], .circle = call->scratch};
  fill_circle(call->scratch, n);
  for (int64_t b = 0; b < out->dims[0]; b++)
    for (int64_t f = 0; f < out->dims[1]; f++) {
      const line from = {.x = call->in[0],
                         .window = pare_call_has(call, 2) ? call->in[2] : NULL,
                         .at = (b * in->dims[1] + f * step) * parts,
                         .step = parts,
                         .n_here = n,
                         .is_complex = parts == 2};
      transform(&d, &from, call->out[0], (b * out->dims[1] + f) * d.n_out * 2, 2);
    }
  return PARE_OK;
}

#define FOURIER(variable, onnx_name, min_in_, max_in_)                                                       \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = (min_in_),                                                                                   \
      .max_in = (max_in_),                                                                                   \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer_##variable,                                                                             \
      .prepare = prepare_##variable,                                                                         \
      .run = run_##variable,                                                                                 \
      .no_gradient = "none yet: no network that is trained here has asked for it",                           \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
FOURIER(dft, "DFT", 1, 3)
FOURIER(stft, "STFT", 2, 4)
