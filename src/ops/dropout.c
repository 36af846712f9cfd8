/* Dropout: y = x, and a mask that is all true (ONNX Dropout, opset 13, outside training). Nothing is
 * dropped in Pare's training either: a call has no counter that a resumed job could set back, so that a
 * run would not give the same bytes again. */
#include "ops/elementwise.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_infer_same(call));
  return pare_op_set_out(call, 1, PARE_BOOL, &call->in[0]->shape);
}

static pare_status run(pare_call *call) {
  if (call->n_out > 1 && call->out[1] != NULL && pare_tensor_count(call->out[1]) > 0)
    memset(call->out[1]->data, 1, pare_tensor_len_bytes(call->out[1]));
  return pare_op_run_same_bytes(call);
}

const pare_op pare_op_dropout = {
    .name = "Dropout",
    .domain = "",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 2,
    .infer = infer,
    .run = run,
    .backward = pare_op_backward_same_bytes,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_SAME,
    .same_bytes = true,
    .in_place = true,
};
