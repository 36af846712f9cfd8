/* What the Reduce operators share: `axes` as an input, keepdims, noop_with_empty_axes (ONNX opset 18), and
 * a walk over the input with the output repeated along the reduced axes. Sums run in row-major order of
 * the input: the same bytes in every build. */
#ifndef PARE_REDUCE_H
#define PARE_REDUCE_H

#include "ops/loop.h"
#include "ops/op_util.h"

pare_status pare_reduce_infer(pare_call *call); /* f32 only */
/* Space and operand 0: the input; operand 1: the output, step 0 where a run is reduced. */
void pare_reduce_walk(const pare_call *call, pare_loop *loop);
/* Elements that go into one output. */
int64_t pare_reduce_n(const pare_call *call);
/* out = the sums. */
void pare_reduce_sum(const pare_call *call);
/* d_in += d_out / divisor, repeated. */
pare_status pare_reduce_backward(pare_grad_call *grad, float divisor);
/* Axes that are kept go through. */
pare_status pare_reduce_couple(const pare_call *call, pare_coupler *coupler);

#endif
