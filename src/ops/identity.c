/* Identity: y = x (ONNX Identity, opset 16; tensors only). */
#include "ops/elementwise.h"

const pare_op pare_op_identity = {
    .name = "Identity",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_op_infer_same,
    .run = pare_op_run_same_bytes,
    .backward = pare_op_backward_same_bytes,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_SAME,
    .same_bytes = true,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
