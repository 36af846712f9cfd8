/* Mod: the remainder of a / b with numpy broadcasting (ONNX Mod, opset 13). With fmod = 0 it has the sign of b (integers only, as
 * Python's %), with fmod = 1 that of a (C's fmod). x mod 0 of integers is 0. */
#include <math.h>

#include "ops/elementwise.h"

/* x2 = -1 would trap where x1 is the smallest number. */
PARE_S64(cut, x2 == 0 || x2 == -1 ? 0 : x1 % x2)
PARE_S64(floored, cut(x1, x2) != 0 && (cut(x1, x2) < 0) != (x2 < 0) ? cut(x1, x2) + x2 : cut(x1, x2))
PARE_U64(whole, x2 == 0 ? 0 : x1 % x2)
PARE_F64(fraction, fmod(x1, x2)) /* exact: the same bytes everywhere */
static const pare_binary like_b = {.s64 = floored, .u64 = whole},
                         like_a = {.f64 = fraction, .s64 = cut, .u64 = whole};

static const pare_binary *rule_of(const pare_call *call) {
  return pare_node_int(call->node, "fmod", 0) != 0 ? &like_a : &like_b;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  if (pare_wide_is_float(call->in[0]->dtype) && rule_of(call) == &like_b)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "floats need the attribute fmod = 1");
  return pare_binary_infer_as(call, rule_of(call));
}

static pare_status run(pare_call *call) {
  return pare_binary_run_as(call, rule_of(call));
}

const pare_op pare_op_mod = {
    .name = "Mod",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "a remainder jumps",
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
    .layout = PARE_LAYOUT_ANY,
    .in_place = true,
};
