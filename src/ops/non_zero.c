/* NonZero: the indices of the elements that are not zero, [rank, n], in row-major order (ONNX NonZero, opset
 * 13). */
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_need_data(call, 0));
  const pare_tensor *in = call->in[0];
  const int64_t count = pare_tensor_count(in);
  int64_t n = 0;
  for (int64_t i = 0; i < count; i++) n += pare_tensor_get_f64(in, i) != 0;
  const pare_shape out = PARE_SHAPE(in->shape.rank, n);
  return pare_op_set_out(call, 0, PARE_S64, &out);
}

static pare_status run(pare_call *call) {
  const pare_tensor *in = call->in[0];
  const int64_t count = pare_tensor_count(in), n = call->out[0]->shape.dims[1];
  int64_t *out = pare_s64(call->out[0]);
  for (int64_t i = 0, k = 0; i < count && k < n; i++) {
    if (pare_tensor_get_f64(in, i) == 0) continue;
    int64_t left = i;
    for (int axis = in->shape.rank - 1; axis >= 0; left /= in->shape.dims[axis--])
      out[axis * n + k] = left % in->shape.dims[axis];
    k++;
  }
  return PARE_OK;
}

const pare_op pare_op_non_zero = {
    .name = "NonZero",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .shape_from_data = true,
    .run = run,
    .no_gradient = "an index does not change with the values",
    .quant = PARE_QUANT_NONE,
};
