/* Greater: a > b with numpy broadcasting, as bool (ONNX Greater, opset 13). */
#include "ops/elementwise.h"

PARE_BINARY_ANY(f32, float, uint8_t, x1 > x2)
PARE_BINARY_ANY(f64, double, uint8_t, x1 > x2)
PARE_BINARY_ANY(s64, int64_t, uint8_t, x1 > x2)
PARE_BINARY_ANY(s32, int32_t, uint8_t, x1 > x2)
PARE_BINARY_ANY(u8, uint8_t, uint8_t, x1 > x2)
PARE_BINARY_ANY(s8, int8_t, uint8_t, x1 > x2)
static const pare_binary_kernel kernels[] = {
    {PARE_F32, PARE_BOOL, f32}, {PARE_F64, PARE_BOOL, f64}, {PARE_S64, PARE_BOOL, s64},
    {PARE_S32, PARE_BOOL, s32}, {PARE_U8, PARE_BOOL, u8},   {PARE_S8, PARE_BOOL, s8},
};

static pare_status infer(pare_call *call) {
  return pare_binary_infer(call, kernels, PARE_COUNT(kernels));
}
static pare_status run(pare_call *call) {
  return pare_binary_run(call, kernels, PARE_COUNT(kernels));
}

const pare_op pare_op_greater = {
    .name = "Greater",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "a comparison is flat wherever it has a slope",
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
};
