/* The Reduce operators over the named axes, one table each (ONNX opset 18). f32 sums and means have loops of their own; everything
 * else is added up in f64, integers in s64. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/reduce.h"

#define REAL(name, value)                                                                                    \
  static double name(double a, double b) {                                                                   \
    (void)a, (void)b;                                                                                        \
    return (value);                                                                                          \
  }
#define WHOLE(name, value)                                                                                   \
  static int64_t name(int64_t a, int64_t x) {                                                                \
    return (value);                                                                                          \
  }

/* of the sum a and the element b */
REAL(add, a + b)
REAL(add_size, a + fabs(b))
REAL(add_square, a + b * b)
REAL(add_exp, a + pare_exp(b))
REAL(times, a *b)
REAL(larger, b > a || b != b ? b : a)
REAL(smaller, b < a || b != b ? b : a)
WHOLE(add_whole, (int64_t)((uint64_t)a + (uint64_t)x))
WHOLE(add_whole_size, (int64_t)((uint64_t)a + (x < 0 ? 0 - (uint64_t)x : (uint64_t)x)))
WHOLE(add_whole_square, (int64_t)((uint64_t)a + (uint64_t)x * (uint64_t)x))
WHOLE(times_whole, (int64_t)((uint64_t)a *(uint64_t)x))
WHOLE(larger_whole, x > a ? x : a)
WHOLE(smaller_whole, x < a ? x : a)
WHOLE(larger_unsigned, (uint64_t)x > (uint64_t)a ? x : a)
WHOLE(smaller_unsigned, (uint64_t)x < (uint64_t)a ? x : a)
/* of the sum a and how many b */
REAL(mean_of, a / b)
REAL(root_of, sqrt(a))
REAL(log_of, pare_log(a))
/* dy/dx of x = a and y = b */
REAL(sign, (a > 0) - (a < 0))
REAL(share_of_root, b != 0 ? a / b : 0.0)
REAL(twice, 2.0 * a)
REAL(inverse_exp, pare_exp(-b))
REAL(softmax, pare_exp(a - b))

#define TABLE(name, ...) static const pare_reduction name = {__VA_ARGS__};
TABLE(of_sum, .f64 = add, .s64 = add_whole)
TABLE(of_mean, .f64 = add, .end = mean_of)
TABLE(of_max, .start = -(double)INFINITY, .f64 = larger, .s64_start = INT64_MIN, .s64 = larger_whole,
      .u64 = larger_unsigned, .takes_bytes = true)
TABLE(of_min, .start = (double)INFINITY, .f64 = smaller, .s64_start = INT64_MAX, .s64 = smaller_whole,
      .u64 = smaller_unsigned, .u64_start = -1, .takes_bytes = true)
TABLE(of_prod, .start = 1.0, .f64 = times, .s64_start = 1, .s64 = times_whole)
TABLE(of_l1, .f64 = add_size, .s64 = add_whole_size, .slope = sign)
TABLE(of_l2, .f64 = add_square, .end = root_of, .slope = share_of_root)
TABLE(of_log_sum, .f64 = add, .end = log_of, .slope = inverse_exp)
TABLE(of_log_sum_exp, .f64 = add_exp, .end = log_of, .from_high = true, .slope = softmax)
TABLE(of_sum_square, .f64 = add_square, .s64 = add_whole_square, .slope = twice)

static pare_status run_sum(pare_call *call) {
  if (call->in[0]->dtype != PARE_F32) return pare_reduce_run(call);
  pare_reduce_sum_f32(call);
  return PARE_OK;
}

static pare_status run_mean(pare_call *call) {
  if (call->in[0]->dtype != PARE_F32) return pare_reduce_run(call);
  pare_reduce_sum_f32(call);
  const float n = (float)pare_reduce_n(call);
  const int64_t n_out = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n_out; i++) pare_f32(call->out[0])[i] /= n;
  return PARE_OK;
}

static pare_status backward_sum(pare_grad_call *grad) {
  return pare_reduce_backward_by(grad, 1.0f);
}
static pare_status backward_mean(pare_grad_call *grad) {
  return pare_reduce_backward_by(grad, (float)pare_reduce_n(grad->call));
}

#define REDUCTION(variable, onnx_name, table, run_, ...)                                                     \
  const pare_op pare_op_reduce_##variable = {                                                                \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = 1,                                                                                           \
      .max_in = 2,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = pare_reduce_infer,                                                                            \
      .prepare = pare_reduce_prepare,                                                                        \
      .run = (run_),                                                                                         \
      .couple = pare_reduce_couple,                                                                          \
      .quant = PARE_QUANT_NONE,                                                                              \
      .family = &(table),                                                                                    \
      __VA_ARGS__,                                                                                           \
  };
REDUCTION(l1, "ReduceL1", of_l1, pare_reduce_run, .backward = pare_reduce_backward)
REDUCTION(l2, "ReduceL2", of_l2, pare_reduce_run, .backward = pare_reduce_backward)
REDUCTION(log_sum, "ReduceLogSum", of_log_sum, pare_reduce_run, .backward = pare_reduce_backward)
REDUCTION(log_sum_exp, "ReduceLogSumExp", of_log_sum_exp, pare_reduce_run, .backward = pare_reduce_backward)
REDUCTION(max, "ReduceMax", of_max, pare_reduce_run, .backward = pare_reduce_backward_shared)
REDUCTION(mean, "ReduceMean", of_mean, run_mean, .backward = backward_mean)
REDUCTION(min, "ReduceMin", of_min, pare_reduce_run, .backward = pare_reduce_backward_shared)
REDUCTION(prod, "ReduceProd", of_prod, pare_reduce_run,
          .no_gradient = "a product's gradient divides by its factors, which may be zero")
REDUCTION(sum, "ReduceSum", of_sum, run_sum, .backward = backward_sum)
REDUCTION(sum_square, "ReduceSumSquare", of_sum_square, pare_reduce_run, .backward = pare_reduce_backward)
