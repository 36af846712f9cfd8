/* Dropout: y = x, and a mask that is all true (ONNX Dropout, opset 13, outside training). Nothing is
 * dropped in Pare's training either: a call has no counter that a resumed job could set back, so that a
 * run would not give the same bytes again. */
#include "ops/elementwise.h"

/* A file may ask for dropping even outside training; that is refused, as nothing would be dropped. */
static pare_status need_no_dropping(pare_call *call) {
  if (!pare_call_has(call, 2)) return PARE_OK;
  const pare_tensor *mode = call->in[2];
  PARE_TRY(pare_op_need_data(call, 2));
  if (mode->dtype != PARE_BOOL || pare_tensor_count(mode) != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "training_mode must be one bool");
  if (*pare_u8(mode) == 0) return PARE_OK;
  const pare_tensor *ratio = pare_call_has(call, 1) ? call->in[1] : NULL;
  if (ratio && ratio->data && pare_tensor_count(ratio) == 1 && pare_tensor_get_f64(ratio, 0) == 0)
    return PARE_OK;
  return pare_fail(call->ctx, PARE_UNSUPPORTED,
                   "training_mode is true: nothing can be dropped at random here");
}

static pare_status infer(pare_call *call) {
  PARE_TRY(need_no_dropping(call));
  if (call->out[0] == NULL) return pare_fail(call->ctx, PARE_BAD_MODEL, "output 0 is left out");
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
    .layout = PARE_LAYOUT_ANY,
};
