/* Where: y = condition ? a : b with numpy broadcasting (ONNX Where, opset 16). */
#include "ops/elementwise.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype bools[] = {PARE_BOOL, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, bools));
  PARE_TRY(pare_op_need(call, 1));
  PARE_TRY(pare_op_need(call, 2));
  if (call->in[1]->dtype != call->in[2]->dtype)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of different types, %s and %s",
                     pare_dtype_name(call->in[1]->dtype), pare_dtype_name(call->in[2]->dtype));
  pare_shape shape;
  PARE_TRY(pare_op_broadcast(call, &call->in[0]->shape, &call->in[1]->shape, &shape));
  PARE_TRY(pare_op_broadcast(call, &shape, &call->in[2]->shape, &shape));
  return pare_op_set_out(call, 0, call->in[1]->dtype, &shape);
}

/* Operands: out, condition, a, b. */
static void walk(const pare_call *call, pare_loop *loop) {
  const pare_shape *const shapes[] = {&call->out[0]->shape, &call->in[0]->shape, &call->in[1]->shape,
                                      &call->in[2]->shape};
  pare_loop_broadcast(loop, shapes[0], shapes, 4);
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  walk(call, &loop);
  const int64_t n = pare_loop_run(&loop);
  const int64_t c_step = pare_loop_step(&loop, 1), a_step = pare_loop_step(&loop, 2),
                b_step = pare_loop_step(&loop, 3);
  const size_t size = pare_dtype_size(call->out[0]->dtype);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    const uint8_t *c = pare_u8(call->in[0]) + loop.at[1];
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = c[i * c_step] ? loop.at[2] + i * a_step : loop.at[3] + i * b_step;
      const uint8_t *from = pare_u8(call->in[c[i * c_step] ? 1 : 2]) + (size_t)at * size;
      memcpy(pare_u8(call->out[0]) + (size_t)(loop.at[0] + i) * size, from, size);
    }
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  walk(grad->call, &loop);
  const int64_t n = pare_loop_run(&loop), c_step = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop)) {
    const uint8_t *c = pare_u8(grad->call->in[0]) + loop.at[1];
    for (int64_t i = 0; i < n; i++) {
      const int k = c[i * c_step] ? 1 : 2; /* the input, and one less than its operand */
      if (pare_grad_wants(grad, k))
        pare_f32(grad->d_in[k])[loop.at[k + 1] + i * pare_loop_step(&loop, k + 1)] +=
            pare_f32(grad->d_out[0])[loop.at[0] + i];
    }
  }
  return PARE_OK;
}

const pare_op pare_op_where = {
    .name = "Where",
    .domain = "",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_broadcast,
    .quant = PARE_QUANT_NONE,
};
