/* See conv_batch.h. */
#include "ops/conv_batch.h"

#include "kernels/f32_batch/f32_batch_conv.h"
#include "ops/window.h"

pare_status pare_conv_batch_prepare(pare_call *call) {
  const pare_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
  const pare_shape image = PARE_SHAPE(x->dims[3], x->dims[0], x->dims[1], x->dims[2]);
  pare_f32_batch_conv *conv = pare_arena_alloc(call->arena, sizeof *conv);
  if (!conv) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_window_read(call, &image, w->dims + 2, false, &conv->window));
  conv->n = x->dims[3];
  conv->c = x->dims[0];
  conv->o = w->dims[0];
  conv->groups = pare_node_int(call->node, "group", 1);
  conv->numerics = call->numerics;
  conv->pool = call->pool;
  call->state = conv;
  PARE_TRY(pare_f32_batch_conv_plan(conv, call->arena));
  return pare_f32_batch_conv_scratch(conv, call->ctx, &call->scratch_bytes);
}

void pare_conv_batch_run(const pare_call *call) {
  const float *bias = pare_call_has(call, 2) ? pare_f32(call->in[2]) : NULL;
  pare_f32_batch_conv_forward(call->state, pare_f32(call->in[0]), pare_f32(call->in[1]), bias,
                              pare_f32(call->out[0]), call->scratch);
}

void pare_conv_batch_backward(const pare_grad_call *grad) {
  const pare_call *call = grad->call;
  const pare_f32_batch_conv *conv = call->state;
  const float *dy = pare_f32(grad->d_out[0]), *x = pare_f32(call->in[0]), *w = pare_f32(call->in[1]);
  if (pare_grad_wants(grad, 0))
    pare_f32_batch_conv_grad_input(conv, w, dy, !grad->fresh, pare_f32(grad->d_in[0]), call->scratch);
  if (pare_grad_wants(grad, 1))
    pare_f32_batch_conv_grad_weight(conv, x, dy, pare_f32(grad->d_in[1]), call->scratch);
  if (pare_grad_wants(grad, 2)) pare_f32_batch_conv_grad_bias(conv, dy, pare_f32(grad->d_in[2]));
}
