/* BitShift: x << y or x >> y on unsigned integers, with numpy broadcasting (ONNX BitShift, opset 11). Shifting by the width or
 * more gives 0. */
#include "ops/elementwise.h"

PARE_U64(shift_left, x2 < 64 ? x1 << x2 : 0)
PARE_U64(shift_right, x2 < 64 ? x1 >> x2 : 0)
static const pare_binary left = {.s64 = shift_left}, right = {.s64 = shift_right};

static bool goes_left(const pare_call *call) {
  return strcmp(pare_node_string(call->node, "direction", ""), "LEFT") == 0;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_U8, PARE_U16, PARE_U32, PARE_U64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  const char *direction = pare_node_string(call->node, "direction", "");
  if (!goes_left(call) && strcmp(direction, "RIGHT") != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "direction '%s' is neither LEFT nor RIGHT", direction);
  return pare_binary_infer_as(call, &left);
}

static pare_status run(pare_call *call) {
  return pare_binary_run_as(call, goes_left(call) ? &left : &right);
}

const pare_op pare_op_bit_shift = {
    .name = "BitShift",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "its values are bits",
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
    .in_place = true,
};
