/* Expand: the input repeated by broadcasting it to `shape` (ONNX Expand, opset 13). */
#include "ops/loop.h"
#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  int64_t dims[PARE_MAX_RANK];
  size_t n = 0;
  PARE_TRY(pare_op_const_ints(call, 1, dims, PARE_MAX_RANK, &n));
  pare_shape out = pare_shape_of(dims, (int)n);
  PARE_TRY(pare_op_broadcast(call, &call->in[0]->shape, &out, &out));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static void walk(const pare_call *call, pare_loop *loop) {
  const pare_shape *const shapes[] = {&call->out[0]->shape, &call->in[0]->shape};
  pare_loop_broadcast(loop, shapes[0], shapes, 2);
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  walk(call, &loop);
  pare_loop_copy(&loop, pare_dtype_size(call->in[0]->dtype), call->out[0]->data, call->in[0]->data);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  walk(grad->call, &loop);
  pare_loop_add_back(&loop, pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]));
  return PARE_OK;
}

/* Axes whose length `shape` leaves open (1, or not named) follow the input. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  int64_t dims[PARE_MAX_RANK];
  const int n = (int)pare_op_ints(call, 1, dims, PARE_MAX_RANK);
  const int in_rank = call->in[0]->shape.rank, out_rank = call->out[0]->shape.rank;
  for (int i = 1; i <= in_rank; i++) /* from the last axis */
    if (i > n || dims[n - i] == 1)
      PARE_TRY(pare_couple_axes(coupler, 0, in_rank - i, PARE_OUT(0), out_rank - i));
  return PARE_OK;
}

const pare_op pare_op_expand = {
    .name = "Expand",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
