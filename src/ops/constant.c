/* Constant: the tensor, number or list of numbers of its one attribute (ONNX Constant, opset 13). Strings
 * and sparse tensors are not there. */
#include "ops/op_util.h"

typedef struct content {
  pare_dtype dtype;
  pare_shape shape;
  const void *data;
} content;

static bool find_content(const pare_node *node, content *out) {
  const pare_attr *a;
  if ((a = pare_node_attr(node, "value")) != NULL && a->type == PARE_ATTR_TENSOR)
    *out = (content){a->tensor.dtype, a->tensor.shape, a->tensor.data};
  else if ((a = pare_node_attr(node, "value_float")) != NULL && a->type == PARE_ATTR_FLOAT)
    *out = (content){PARE_F32, {.rank = 0}, &a->f};
  else if ((a = pare_node_attr(node, "value_int")) != NULL && a->type == PARE_ATTR_INT)
    *out = (content){PARE_S64, {.rank = 0}, &a->i};
  else if ((a = pare_node_attr(node, "value_floats")) != NULL && a->type == PARE_ATTR_FLOATS)
    *out = (content){PARE_F32, PARE_SHAPE((int64_t)a->n), a->floats};
  else if ((a = pare_node_attr(node, "value_ints")) != NULL && a->type == PARE_ATTR_INTS)
    *out = (content){PARE_S64, PARE_SHAPE((int64_t)a->n), a->ints};
  else
    return false;
  return pare_dtype_size(out->dtype) != 0;
}

static pare_status infer(pare_call *call) {
  content c;
  if (!find_content(call->node, &c))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "a constant that is not a tensor or a list of numbers");
  return pare_op_set_out(call, 0, c.dtype, &c.shape);
}

static pare_status run(pare_call *call) {
  content c;
  if (find_content(call->node, &c))
    pare_op_copy(call->out[0]->data, c.data, pare_tensor_len_bytes(call->out[0]));
  return PARE_OK;
}

const pare_op pare_op_constant = {
    .name = "Constant",
    .domain = "",
    .min_in = 0,
    .max_in = 0,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "it does not depend on any value",
    .quant = PARE_QUANT_NONE,
};
