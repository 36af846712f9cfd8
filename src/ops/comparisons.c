/* Comparisons with numpy broadcasting, as bool: Equal (ONNX opset 13), Greater, Less (13), GreaterOrEqual, LessOrEqual (16). One
 * line each; a comparison with NaN is false. */
#include "ops/elementwise.h"

#define COMPARISON(variable, onnx_name, bools, operation)                                                    \
  PARE_F64(variable##_f64, x1 operation x2)                                                                  \
  PARE_S64(variable##_s64, x1 operation x2)                                                                  \
  PARE_U64(variable##_u64, x1 operation x2)                                                                  \
  static const pare_binary variable = {.f64 = variable##_f64,                                                \
                                       .s64 = variable##_s64,                                                \
                                       .u64 = variable##_u64,                                                \
                                       .takes_bool = (bools),                                                \
                                       .gives_bool = true};                                                  \
  const pare_op pare_op_##variable = {                                                                       \
      PARE_BINARY_FACTS(onnx_name, variable),                                                                \
      .no_gradient = "a comparison is flat wherever it has a slope",                                         \
      .quant = PARE_QUANT_NONE,                                                                              \
  };

COMPARISON(equal, "Equal", true, ==)
COMPARISON(greater, "Greater", false, >)
COMPARISON(greater_or_equal, "GreaterOrEqual", false, >=)
COMPARISON(less, "Less", false, <)
COMPARISON(less_or_equal, "LessOrEqual", false, <=)
