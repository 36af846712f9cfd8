/* Logic on bool and on bits, with numpy broadcasting, one line each: And, Or, Xor (ONNX opset 7), BitwiseAnd, BitwiseOr, BitwiseXor
 * (18). */
#include "ops/elementwise.h"

#define LOGIC(variable, onnx_name, expression, ...)                                                          \
  PARE_S64(variable##_s64, expression)                                                                       \
  static const pare_binary variable = {.s64 = variable##_s64, __VA_ARGS__};                                  \
  const pare_op pare_op_##variable = {                                                                       \
      PARE_BINARY_FACTS(onnx_name, variable),                                                                \
      .no_gradient = "its values are bits",                                                                  \
      .quant = PARE_QUANT_NONE,                                                                              \
      .in_place = true,                                                                                      \
  };

LOGIC(and, "And", x1 != 0 && x2 != 0, .takes_bool = true, .no_ints = true)
LOGIC(bitwise_and, "BitwiseAnd", x1 &x2, .takes_bool = false)
LOGIC(bitwise_or, "BitwiseOr", x1 | x2, .takes_bool = false)
LOGIC(bitwise_xor, "BitwiseXor", x1 ^ x2, .takes_bool = false)
LOGIC(or, "Or", x1 != 0 || x2 != 0, .takes_bool = true, .no_ints = true)
LOGIC(xor, "Xor", (x1 != 0) != (x2 != 0), .takes_bool = true, .no_ints = true)
