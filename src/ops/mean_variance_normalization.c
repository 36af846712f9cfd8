/* MeanVarianceNormalization: y = (x - mean) / (sqrt(mean of x^2 - mean^2) + 1e-9) over `axes` (ONNX opset 13). Sums in f64. */
#include <math.h>

#include "ops/loop.h"
#include "ops/wide.h"

static const int64_t default_axes[] = {0, 2, 3};

/* Bit a: axis a is averaged over. False when an axis is outside. */
static bool axes_of(const pare_call *call, uint32_t *mask) {
  const int rank = call->in[0]->shape.rank;
  size_t n = 0;
  const int64_t *axes = pare_node_ints(call->node, "axes", &n);
  if (n == 0) axes = default_axes, n = PARE_COUNT(default_axes);
  *mask = 0;
  for (size_t i = 0; i < n; i++) {
    if (axes[i] < -rank || axes[i] >= rank) return false;
    *mask |= 1u << pare_op_axis_of(axes[i], rank);
  }
  return true;
}

static pare_shape kept_of(const pare_call *call) {
  uint32_t mask;
  pare_shape kept = call->in[0]->shape;
  axes_of(call, &mask);
  for (int i = 0; i < kept.rank; i++)
    if (mask & 1u << i) kept.dims[i] = 1;
  return kept;
}

static pare_status infer(pare_call *call) {
  uint32_t mask;
  PARE_TRY(pare_wide_need_float(call, 0));
  PARE_TRY(pare_op_attr_type(call, "axes", PARE_ATTR_INTS));
  if (!axes_of(call, &mask)) return pare_fail(call->ctx, PARE_BAD_MODEL, "an axis is outside the input");
  return pare_op_infer_same(call);
}

static pare_status prepare(pare_call *call) {
  const pare_shape kept = kept_of(call);
  if (pare_mul_size((size_t)pare_shape_count(&kept), 2 * sizeof(double), &call->scratch_bytes))
    return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

static pare_status run(pare_call *call) {
  const pare_shape *in = &call->in[0]->shape, kept = kept_of(call);
  const int64_t n_kept = pare_shape_count(&kept), count = pare_shape_count(in);
  if (count == 0) return PARE_OK;
  double *sum = call->scratch, *squares = sum + n_kept;
  memset(sum, 0, (size_t)n_kept * 2 * sizeof(double));
  pare_loop loop;
  const pare_shape *const shapes[] = {in, &kept};
  pare_loop_broadcast(&loop, in, shapes, 2);
  const int64_t run = pare_loop_run(&loop), step = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < run; i++) {
      const double x = pare_tensor_get_f64(call->in[0], loop.at[0] + i);
      sum[loop.at[1] + i * step] += x;
      squares[loop.at[1] + i * step] += x * x;
    }
  const int64_t each = count / n_kept;
  const double n = (double)each;
  for (int64_t k = 0; k < n_kept; k++) {
    sum[k] /= n;
    const double variance = squares[k] / n - sum[k] * sum[k];
    squares[k] = sqrt(variance > 0 ? variance : 0) + 1e-9;
  }
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < run; i++) {
      const int64_t at = loop.at[0] + i, k = loop.at[1] + i * step;
      pare_tensor_set_f64(call->out[0], at, (pare_tensor_get_f64(call->in[0], at) - sum[k]) / squares[k]);
    }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  uint32_t mask;
  axes_of(call, &mask);
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
    if (!(mask & 1u << axis)) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_mean_variance_normalization = {
    .name = "MeanVarianceNormalization",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "none yet: no network that is trained here has asked for it",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
