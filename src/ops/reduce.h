/* What the Reduce operators share: `axes` as an input, keepdims, noop_with_empty_axes (ONNX opset 18), and
 * a walk over the input with the output repeated along the reduced axes, in row-major order: the same bytes in every build. An
 * operator is a table of what it does with one number. */
#ifndef PARE_REDUCE_H
#define PARE_REDUCE_H

#include "ops/loop.h"
#include "ops/op_util.h"

/* The `family` of a reduction: y = end(f64(... f64(f64(start, x1), x2) ...), n), in f64. */
typedef struct pare_reduction {
  double start;
  double (*f64)(double sum, double x);
  double (*end)(double sum, double n); /* NULL: the sum itself */
  int64_t s64_start;
  int64_t (*s64)(int64_t sum, int64_t x); /* integers; NULL: as f64, cut */
  int64_t (*u64)(int64_t sum, int64_t x); /* u64; NULL: as s64 */
  int64_t u64_start;
  bool takes_bytes; /* u8 and s8 too, as ReduceMax and ReduceMin do; else they are refused */
  bool from_high;   /* x is taken relative to the largest, which `end`'s value is added to */
  double (*slope)(double x, double y); /* dy/dx */
} pare_reduction;

pare_status pare_reduce_infer(pare_call *call);
pare_status pare_reduce_prepare(pare_call *call);
pare_status pare_reduce_run(pare_call *call);
/* d_in += d_out * slope. */
pare_status pare_reduce_backward(pare_grad_call *grad);
/* d_in += d_out / divisor. */
pare_status pare_reduce_backward_by(pare_grad_call *grad, float divisor);
/* ReduceMax, ReduceMin: elements that equal the output share its gradient, as PyTorch's amax. */
pare_status pare_reduce_backward_shared(pare_grad_call *grad);
/* Axes that are kept go through. */
pare_status pare_reduce_couple(const pare_call *call, pare_coupler *coupler);

/* Space and operand 0: the input; operand 1: the output, step 0 where a run is reduced. */
void pare_reduce_walk(const pare_call *call, pare_loop *loop);
/* Elements that go into one output. */
int64_t pare_reduce_n(const pare_call *call);
/* f32: out = the sums, in the lanes of op_util.h. */
void pare_reduce_sum_f32(const pare_call *call);

#endif
