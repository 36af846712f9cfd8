/* LRN: y = x / (bias + alpha / size * sum of x^2 over `size` neighbouring channels)^beta (ONNX LRN, opset 13; Krizhevsky et al.
 * 2012). Sums and powers in f64, channels ascending. */
#include "kernels/f32_math/f32_math.h"
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  static const char *const floats[] = {"alpha", "beta", "bias"};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  for (int i = 0; i < 3; i++) PARE_TRY(pare_op_attr_type(call, floats[i], PARE_ATTR_FLOAT));
  if (call->in[0]->shape.rank < 2)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the input has rank %d", call->in[0]->shape.rank);
  const int64_t size = pare_node_int(call->node, "size", 0);
  if (size < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "size is %lld", (long long)size);
  return pare_op_infer_same(call);
}

/* Channels [first, end) around c. */
static void window(int64_t c, int64_t size, int64_t n_channels, int64_t *first, int64_t *end) {
  const int64_t before = (size - 1) / 2, after = size - 1 - before;
  *first = c > before ? c - before : 0;
  *end = n_channels - c > after ? c + after + 1 : n_channels;
}

static pare_status run(pare_call *call) {
  const pare_shape *s = &call->in[0]->shape;
  const int64_t n_channels = s->dims[1], plane = pare_shape_count_range(s, 2, s->rank);
  const int64_t size = pare_node_int(call->node, "size", 1);
  const double alpha = (double)pare_node_float(call->node, "alpha", 1e-4f) / (double)size;
  const double beta = (double)pare_node_float(call->node, "beta", 0.75f);
  const double bias = (double)pare_node_float(call->node, "bias", 1.0f);
  for (int64_t i = 0; i < s->dims[0] * n_channels; i++) {
    const int64_t c = i % n_channels, image = i - c;
    int64_t first, end;
    window(c, size, n_channels, &first, &end);
    for (int64_t p = 0; p < plane; p++) {
      double sum = 0;
      for (int64_t k = first; k < end; k++) {
        const double x = (double)pare_f32(call->in[0])[(image + k) * plane + p];
        sum += x * x;
      }
      const double x = (double)pare_f32(call->in[0])[i * plane + p];
      pare_f32(call->out[0])[i * plane + p] = (float)(x / pare_pow(bias + alpha * sum, beta));
    }
  }
  return PARE_OK;
}

/* Neighbouring channels are added up: none may leave. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
    if (axis != 1) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_lrn = {
    .name = "LRN",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "none yet: networks that are trained today use BatchNormalization",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
