/* Shared by Softmax and LogSoftmax; see softmax.h. */
#include "ops/softmax.h"

static int axis_of(const pare_call *call) {
  return pare_op_axis_of(pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank);
}

pare_extent pare_softmax_extent_of(const pare_call *call) {
  return pare_extent_of(&call->in[0]->shape, axis_of(call));
}

pare_status pare_softmax_infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  int axis = 0;
  PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", -1), call->in[0]->shape.rank, &axis));
  return pare_op_infer_same(call);
}

pare_status pare_softmax_prepare(pare_call *call) {
  const size_t inner = (size_t)pare_softmax_extent_of(call).inner;
  if (pare_mul_size(inner, 2 * sizeof(float), &call->scratch_bytes)) return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

void pare_softmax_high(const float *x, int64_t n, int64_t inner, float *high) {
  for (int64_t j = 0; j < inner; j++) high[j] = x[j];
  for (int64_t i = 1; i < n; i++)
    for (int64_t j = 0; j < inner; j++) high[j] = x[i * inner + j] > high[j] ? x[i * inner + j] : high[j];
}

void pare_softmax_sum(const float *x, int64_t n, int64_t inner, float *sum) {
  if (inner == 1) {
    sum[0] = pare_op_sum_f32(x, n);
    return;
  }
  for (int64_t j = 0; j < inner; j++) sum[j] = 0.0f;
  for (int64_t i = 0; i < n; i++) pare_op_add_f32(sum, x + i * inner, inner);
}

pare_status pare_extent_couple(const pare_call *call, pare_coupler *coupler, int along) {
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
    if (axis != along) PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

pare_status pare_softmax_couple(const pare_call *call, pare_coupler *coupler) {
  return pare_extent_couple(call, coupler, axis_of(call));
}
