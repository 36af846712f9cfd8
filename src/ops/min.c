/* Min: the smallest of any number of inputs, with numpy broadcasting (ONNX Min, opset 13). NaN wins. Of
 * equal elements the first gets the gradient. */
#include "ops/elementwise.h"

PARE_BINARY_F32(f32, x1 < x2 || x1 != x1 ? x1 : x2)
PARE_BINARY_ANY(f64, double, double, x1 < x2 || x1 != x1 ? x1 : x2)
PARE_BINARY_ANY(s8, int8_t, int8_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(s16, int16_t, int16_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(s32, int32_t, int32_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(s64, int64_t, int64_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(u8, uint8_t, uint8_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(u16, uint16_t, uint16_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(u32, uint32_t, uint32_t, x1 < x2 ? x1 : x2)
PARE_BINARY_ANY(u64, uint64_t, uint64_t, x1 < x2 ? x1 : x2)
static const pare_binary_kernel kernels[] = {
    {PARE_F32, PARE_F32, f32}, {PARE_F64, PARE_F64, f64}, {PARE_S8, PARE_S8, s8}, {PARE_S16, PARE_S16, s16},
    {PARE_S32, PARE_S32, s32}, {PARE_S64, PARE_S64, s64}, {PARE_U8, PARE_U8, u8}, {PARE_U16, PARE_U16, u16},
    {PARE_U32, PARE_U32, u32}, {PARE_U64, PARE_U64, u64},
};

static pare_status infer(pare_call *call) {
  return pare_binary_infer(call, kernels, PARE_COUNT(kernels));
}
static pare_status run(pare_call *call) {
  return pare_select_run(call, kernels, PARE_COUNT(kernels));
}

const pare_op pare_op_min = {
    .name = "Min",
    .domain = "",
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = pare_select_backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
};
