/* Max: the largest of any number of inputs, with numpy broadcasting (ONNX Max, opset 13). NaN wins. Of
 * equal elements the first gets the gradient. */
#include "ops/elementwise.h"

PARE_BINARY_F32(f32, x1 > x2 || x1 != x1 ? x1 : x2)
PARE_F64(f64, x1 > x2 || x1 != x1 ? x1 : x2)
PARE_S64(s64, x1 > x2 ? x1 : x2)
PARE_U64(u64, x1 > x2 ? x1 : x2)
static const pare_binary largest = {.f32 = f32, .f64 = f64, .s64 = s64, .u64 = u64};

const pare_op pare_op_max = {
    .name = "Max",
    .domain = "",
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_binary_infer,
    .run = pare_binary_run,
    .backward = pare_select_backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
    .family = &largest,
};
