/* Functions of one number that are flat between jumps, and tests of a number, one line each: Ceil, Floor, Round (half to even),
 * Sign, Not, BitwiseNot, IsNaN (ONNX opsets 13 to 18). */
#include <math.h>

#include "ops/elementwise.h"

#define VALUE(name, type, expression)                                                                        \
  static type name(const double *p, type x) {                                                                \
    (void)p;                                                                                                 \
    return (expression);                                                                                     \
  }
#define STEP(variable, onnx_name, ...)                                                                       \
  static const pare_unary variable##_family = {__VA_ARGS__};                                                 \
  const pare_op pare_op_##variable = {                                                                       \
      PARE_UNARY_FACTS(onnx_name, "", variable##_family),                                                    \
      .no_gradient = "it is flat wherever it has a slope",                                                   \
      .quant = PARE_QUANT_NONE,                                                                              \
  };

VALUE(bits, int64_t, ~x)
VALUE(up, double, ceil(x))
VALUE(down, double, floor(x))
VALUE(nan_of, double, x != x)
VALUE(not_of, int64_t, x == 0)
VALUE(nearest, double, rint(x))
VALUE(sign_f64, double, x != x ? x : (double)((x > 0) - (x < 0)))
VALUE(sign_s64, int64_t, (x > 0) - (x < 0))

STEP(bitwise_not, "BitwiseNot", .s64 = bits)
STEP(ceil, "Ceil", .f64 = up)
STEP(floor, "Floor", .f64 = down)
STEP(is_nan, "IsNaN", .f64 = nan_of, .gives_bool = true)
STEP(not, "Not", .s64 = not_of, .takes_bool = true, .only_bool = true)
STEP(round, "Round", .f64 = nearest)
STEP(sign, "Sign", .f64 = sign_f64, .s64 = sign_s64)
