/* Shape: the dims [start, end) of the input as s64 (ONNX Shape, opset 15). Known as soon as shapes are, so
 * that planning folds it. */
#include "ops/op_util.h"

static void range(const pare_call *call, int *first, int *end) {
  const int rank = call->in[0]->shape.rank;
  int64_t a = pare_node_int(call->node, "start", 0), b = pare_node_int(call->node, "end", rank);
  if (a < 0) a += rank;
  if (b < 0) b += rank;
  a = a < 0 ? 0 : a > rank ? rank : a;
  b = b < a ? a : b > rank ? rank : b;
  *first = (int)a;
  *end = (int)b;
}

static pare_status infer(pare_call *call) {
  if (!pare_call_has(call, 0)) return pare_fail(call->ctx, PARE_BAD_MODEL, "input 0 is missing");
  int first, end;
  range(call, &first, &end);
  const pare_shape out = PARE_SHAPE(end - first);
  return pare_op_set_out(call, 0, PARE_S64, &out);
}

static pare_status run(pare_call *call) {
  int first, end;
  range(call, &first, &end);
  for (int i = first; i < end; i++) pare_s64(call->out[0])[i - first] = call->in[0]->shape.dims[i];
  return PARE_OK;
}

const pare_op pare_op_shape = {
    .name = "Shape",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "a shape does not depend on the values",
    .quant = PARE_QUANT_NONE,
};
