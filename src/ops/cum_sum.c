/* CumSum: the running sum along an axis given as an input; `exclusive` leaves the element itself out, `reverse` starts at the end
 * (ONNX CumSum, opset 14). */
#include "ops/extent.h"
#include "ops/wide.h"

static int axis_of(const pare_call *call) {
  int64_t axis = 0;
  pare_op_ints(call, 1, &axis, 1);
  return pare_op_axis_of(axis, call->in[0]->shape.rank);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  int64_t axis = 0;
  size_t n = 0;
  int i_axis = 0;
  PARE_TRY(pare_op_const_ints(call, 1, &axis, 1, &n));
  if (n != 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "the axis is not one number");
  PARE_TRY(pare_op_axis(call, axis, call->in[0]->shape.rank, &i_axis));
  return pare_op_infer_same(call);
}

typedef struct order {
  int64_t first, step; /* elements */
  bool exclusive;
} order;

static void sum_f64(const pare_call *call, const pare_extent *e, order by, int64_t at) {
  double sum = 0;
  for (int64_t i = 0; i < e->n; i++) {
    const int64_t k = at + by.first + i * by.step;
    const double before = sum;
    sum += pare_tensor_get_f64(call->in[0], k);
    pare_tensor_set_f64(call->out[0], k, by.exclusive ? before : sum);
  }
}

static void sum_s64(const pare_call *call, const pare_extent *e, order by, int64_t at) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < e->n; i++) {
    const int64_t k = at + by.first + i * by.step;
    const uint64_t before = sum;
    sum += (uint64_t)pare_tensor_get_s64(call->in[0], k);
    pare_wide_set_s64(call->out[0], k, (int64_t)(by.exclusive ? before : sum));
  }
}

static pare_status run(pare_call *call) {
  const pare_extent e = pare_extent_of(&call->in[0]->shape, axis_of(call));
  const bool reverse = pare_node_int(call->node, "reverse", 0) != 0;
  const order by = {reverse ? (e.n - 1) * e.inner : 0, reverse ? -e.inner : e.inner,
                    pare_node_int(call->node, "exclusive", 0) != 0};
  for (int64_t o = 0; o < e.outer; o++)
    for (int64_t j = 0; j < e.inner; j++) {
      if (pare_wide_is_float(call->in[0]->dtype))
        sum_f64(call, &e, by, o * e.n * e.inner + j);
      else
        sum_s64(call, &e, by, o * e.n * e.inner + j);
    }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  return pare_extent_couple(call, coupler, axis_of(call));
}

const pare_op pare_op_cum_sum = {
    .name = "CumSum",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "none yet: no network that is trained here has asked for it",
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
