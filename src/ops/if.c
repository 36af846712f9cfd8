/* If: the outputs of the branch that the condition chooses (ONNX If, opset 16). A constant condition never gets here: planning puts the
 * branch in the node's place. */
#include "ops/control.h"

static pare_status infer(pare_call *call) {
  return pare_control_need_one(call, 0, PARE_BOOL);
}

static pare_status run(pare_call *call) {
  const char *taken = *pare_u8(call->in[0]) ? "then_branch" : "else_branch";
  pare_tensor *results = pare_alloc_array(call->ctx, (size_t)call->n_out, sizeof *results);
  if (!results) return PARE_OUT_OF_MEMORY;
  pare_status status = call->run_graph(call, taken, NULL, 0, results, call->n_out);
  for (int i = 0; i < call->n_out; i++) {
    if (status == PARE_OK && call->out[i])
      *call->out[i] = results[i];
    else
      pare_tensor_release(&results[i]);
  }
  pare_free(call->ctx, results);
  return status;
}

const pare_op pare_op_if = {
    .name = "If",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 0,
    .max_out = -1,
    .infer = infer,
    .run = run,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};
