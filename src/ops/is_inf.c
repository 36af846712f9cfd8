/* IsInf: true where x is infinite, of the signs that detect_positive and detect_negative ask for (ONNX IsInf, opset 10). */
#include <math.h>

#include "ops/wide.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  return pare_op_set_out(call, 0, PARE_BOOL, &call->in[0]->shape);
}

static pare_status run(pare_call *call) {
  const bool positive = pare_node_int(call->node, "detect_positive", 1) != 0;
  const bool negative = pare_node_int(call->node, "detect_negative", 1) != 0;
  const int64_t n = pare_tensor_count(call->in[0]);
  for (int64_t i = 0; i < n; i++) {
    const double x = pare_tensor_get_f64(call->in[0], i);
    pare_u8(call->out[0])[i] = isinf(x) && (x > 0 ? positive : negative);
  }
  return PARE_OK;
}

const pare_op pare_op_is_inf = {
    .name = "IsInf",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "it is flat wherever it has a slope",
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
};
