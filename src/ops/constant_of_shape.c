/* ConstantOfShape: a tensor of the given shape filled with the one element of `value`, f32 zero by default
 * (ONNX ConstantOfShape, opset 9). */
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  int64_t dims[PARE_MAX_RANK];
  size_t n = 0;
  PARE_TRY(pare_op_const_ints(call, 0, dims, PARE_MAX_RANK, &n));
  PARE_TRY(pare_op_attr_type(call, "value", PARE_ATTR_TENSOR));
  const pare_attr *value = pare_node_attr(call->node, "value");
  if (value != NULL && (pare_dtype_size(value->tensor.dtype) == 0 || pare_tensor_count(&value->tensor) != 1))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "'value' must have one element");
  const pare_shape out = pare_shape_of(dims, (int)n);
  return pare_op_set_out(call, 0, value != NULL ? value->tensor.dtype : PARE_F32, &out);
}

static pare_status run(pare_call *call) {
  const pare_attr *value = pare_node_attr(call->node, "value");
  const size_t size = pare_dtype_size(call->out[0]->dtype), len_bytes = pare_tensor_len_bytes(call->out[0]);
  uint8_t *out = pare_u8(call->out[0]);
  if (value == NULL) {
    if (len_bytes) memset(out, 0, len_bytes);
    return PARE_OK;
  }
  for (size_t at = 0; at < len_bytes; at += size) memcpy(out + at, value->tensor.data, size);
  return PARE_OK;
}

const pare_op pare_op_constant_of_shape = {
    .name = "ConstantOfShape",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "it does not depend on any value",
    .quant = PARE_QUANT_NONE,
};
