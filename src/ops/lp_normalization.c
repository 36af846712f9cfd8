/* LpNormalization: y = x / (sum of |x|^p)^(1/p) along an axis, p 1 or 2; zeros stay zeros (ONNX LpNormalization, opset 1). Sums in
 * f64. */
#include <math.h>

#include "ops/extent.h"
#include "ops/wide.h"

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank);
}

static pare_status infer(pare_call *call) {
  int axis = 0;
  PARE_TRY(pare_wide_need_float(call, 0));
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank, &axis));
  const int64_t p = pare_node_int(call->node, "p", 2);
  if (p != 1 && p != 2) return pare_fail(call->ctx, PARE_BAD_MODEL, "p is %lld", (long long)p);
  return pare_op_infer_same(call);
}

static pare_status run(pare_call *call) {
  const pare_extent e = pare_extent_of(&call->in[0]->shape, axis_of(call));
  const bool by_squares = pare_node_int(call->node, "p", 2) == 2;
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t j = 0; j < e.inner; j++) {
      const int64_t at = o * e.n * e.inner + j;
      double sum = 0;
      for (int64_t i = 0; i < e.n; i++) {
        const double x = pare_tensor_get_f64(call->in[0], at + i * e.inner);
        sum += by_squares ? x * x : fabs(x);
      }
      const double norm = by_squares ? sqrt(sum) : sum;
      for (int64_t i = 0; i < e.n; i++) {
        const double x = pare_tensor_get_f64(call->in[0], at + i * e.inner);
        pare_tensor_set_f64(call->out[0], at + i * e.inner, norm != 0 ? x / norm : 0.0);
      }
    }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  return pare_extent_couple(call, coupler, axis_of(call));
}

const pare_op pare_op_lp_normalization = {
    .name = "LpNormalization",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "none yet: no network that is trained here has asked for it",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
