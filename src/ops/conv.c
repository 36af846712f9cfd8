/* Conv: Y[n,o,p] = sum_k W[o,k] X[n, channel(k), p * stride - pad + place(k) * dilation] + B[o] (ONNX
 * Conv, opset 11), with groups. In one and two dimensions the work is done in kernels/f32_conv, in more in
 * conv_nd.c, and in training, where images stand side by side, in conv_batch.c. In other sessions images stand
 * channels last where the weights are constant, unless they are so sparse that sparse kernels win, which want
 * whole planes. */
#include <math.h>
#include <string.h>

#include "kernels/f32_conv/f32_conv.h"
#include "kernels/f32_conv/f32_conv_last.h"
#include "ops/conv_batch.h"
#include "ops/conv_nd.h"
#include "ops/op_util.h"
#include "ops/sparse_forms.h"
#include "ops/window.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

/* The input in ONNX's order. */
static pare_shape image_of(const pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  return call->node->batch_last ? PARE_SHAPE(x->dims[3], x->dims[0], x->dims[1], x->dims[2])
                                : pare_op_image(call, call->in[0]);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  const pare_shape image = image_of(call), *x = &image, *w = &call->in[1]->shape;
  if (x->rank < 3 || w->rank != x->rank) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input of rank %d with weights of rank %d", x->rank, w->rank);
  }
  PARE_TRY(pare_op_attr_type(call, "group", PARE_ATTR_INT));
  const int64_t group = pare_node_int(call->node, "group", 1), c = x->dims[1], o = w->dims[0],
                cg = w->dims[1];
  if (group < 1 || o < 1 || cg < 1 || c % group != 0 || o % group != 0 || c / group != cg) {
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "%lld channels in, weights [%lld,%lld,...] and group %lld do not fit together",
                     (long long)c, (long long)o, (long long)cg, (long long)group);
  }
  if (pare_call_has(call, 2)) {
    PARE_TRY(pare_op_need_dtype(call, 2, f32_only));
    const pare_shape *b = &call->in[2]->shape;
    if (b->rank != 1 || b->dims[0] != o)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the bias is not [%lld]", (long long)o);
  }
  pare_window_nd window;
  PARE_TRY(pare_window_read_nd(call, x, w->dims + 2, false, &window));
  pare_shape y = pare_window_out_shape_nd(x, o, &window);
  if (!call->node->batch_last) return pare_op_set_image(call, PARE_F32, &y);
  y = PARE_SHAPE(o, y.dims[2], y.dims[3], x->dims[0]);
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

/* The state of a node that runs channels last. */
typedef struct last_state {
  const pare_f32_conv_last *conv;
  float *packed;
} last_state;

static bool is_nd(const pare_call *call) {
  return call->in[0]->shape.rank > 4;
}

static pare_status prepare_nd(pare_call *call) {
  const pare_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
  pare_conv_nd *conv = pare_arena_alloc(call->arena, sizeof *conv);
  if (!conv) return PARE_OUT_OF_MEMORY;
  call->state = conv;
  PARE_TRY(pare_window_read_nd(call, x, w->dims + 2, false, &conv->w));
  conv->n = x->dims[0];
  conv->c = x->dims[1];
  conv->o = w->dims[0];
  conv->groups = pare_node_int(call->node, "group", 1);
  return pare_conv_nd_plan(call, conv);
}

static bool has_weights(const pare_call *call) {
  return call->in_is_const[1] && call->in[1]->data && !call->training;
}

static pare_status plan(pare_call *call, pare_arena *arena, pare_f32_conv *conv) {
  const pare_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
  PARE_TRY(pare_window_read(call, x, w->dims + 2, false, &conv->window));
  conv->n = x->dims[0];
  conv->c = x->dims[1];
  conv->o = w->dims[0];
  conv->groups = pare_node_int(call->node, "group", 1);
  conv->numerics = call->numerics;
  conv->pool = call->pool;
  return pare_f32_conv_plan(conv, arena);
}

static pare_status choose_layout(pare_call *call, pare_layout *layout) {
  *layout = PARE_LAYOUT_FIXED;
  if (call->in[0]->shape.rank != 4 || !has_weights(call)) return PARE_OK;
  pare_f32_conv conv = {0};
  PARE_TRY(plan(call, call->arena, &conv));
  if (!pare_f32_conv_wants_sparse(&conv, pare_f32(call->in[1]))) *layout = PARE_LAYOUT_CHANNELS_LAST;
  return PARE_OK;
}

static pare_status prepare_last(pare_call *call) {
  const pare_shape x = pare_op_image(call, call->in[0]), *w = &call->in[1]->shape;
  pare_f32_conv_last *conv = pare_arena_alloc(call->arena, sizeof *conv);
  last_state *state = pare_arena_alloc(call->arena, sizeof *state);
  if (!conv || !state) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_window_read(call, &x, w->dims + 2, false, &conv->window));
  conv->n = x.dims[0];
  conv->c = x.dims[1];
  conv->o = w->dims[0];
  conv->groups = pare_node_int(call->node, "group", 1);
  conv->numerics = call->numerics;
  conv->pool = call->pool;
  PARE_TRY(pare_f32_conv_last_plan(conv, call->arena));
  const size_t len = pare_f32_conv_last_pack_len(conv);
  if (!len) return pare_fail(call->ctx, PARE_BAD_MODEL, "the weights are too large");
  state->packed = pare_arena_array(call->arena, len, sizeof(float));
  if (!state->packed) return PARE_OUT_OF_MEMORY;
  pare_f32_conv_last_pack(conv, pare_f32(call->in[1]), state->packed);
  state->conv = conv;
  call->state = state;
  call->scratch_bytes = pare_f32_conv_last_scratch(conv);
  return PARE_OK;
}

static pare_status prepare(pare_call *call) {
  if (call->node->batch_last) return pare_conv_batch_prepare(call);
  if (call->node->channels_last) return prepare_last(call);
  if (is_nd(call)) return prepare_nd(call);
  pare_f32_conv *conv = pare_arena_alloc(call->arena, sizeof *conv);
  if (!conv) return PARE_OUT_OF_MEMORY;
  PARE_TRY(plan(call, call->arena, conv));
  const pare_sparse_forms *sparse = pare_sparse_forms_here();
  if (sparse && has_weights(call)) PARE_TRY(sparse->conv_use(conv, call->arena, pare_f32(call->in[1])));
  call->sparse = conv->sparse != NULL;
  call->state = conv;
  return pare_f32_conv_scratch(conv, call->ctx, call->training, &call->scratch_bytes);
}

static pare_status run(pare_call *call) {
  const float *bias = pare_call_has(call, 2) ? pare_f32(call->in[2]) : NULL;
  if (call->node->batch_last) {
    pare_conv_batch_run(call);
    return PARE_OK;
  }
  if (call->node->channels_last) {
    const last_state *state = call->state;
    pare_f32_conv_last_forward(state->conv, &(pare_f32_conv_last_args){.x = pare_f32(call->in[0]),
                                                                       .packed = state->packed,
                                                                       .bias = bias,
                                                                       .clamp_low = call->node->clamp_low,
                                                                       .clamp_high = call->node->clamp_high,
                                                                       .y = pare_f32(call->out[0]),
                                                                       .scratch = call->scratch});
    return PARE_OK;
  }
  if (is_nd(call)) {
    pare_conv_nd_forward(call, call->state, pare_f32(call->in[0]), pare_f32(call->in[1]), bias, false,
                         pare_f32(call->out[0]));
    return PARE_OK;
  }
  pare_f32_conv_forward(call->state, pare_f32(call->in[0]), pare_f32(call->in[1]), bias,
                        call->node->clamp_low, call->node->clamp_high, pare_f32(call->out[0]), call->scratch);
  return PARE_OK;
}

static void backward_nd(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  const pare_conv_nd *conv = call->state;
  const float *dy = pare_f32(grad->d_out[0]), *x = pare_f32(call->in[0]), *w = pare_f32(call->in[1]);
  if (pare_grad_wants(grad, 0)) pare_conv_nd_grad_input(call, conv, w, dy, pare_f32(grad->d_in[0]));
  if (pare_grad_wants(grad, 1)) pare_conv_nd_grad_weight(call, conv, x, dy, pare_f32(grad->d_in[1]));
  if (pare_grad_wants(grad, 2))
    pare_conv_nd_grad_bias(dy, conv->n, conv->o, conv->out_plane, pare_f32(grad->d_in[2]));
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const pare_f32_conv *conv = call->state;
  if (!grad->d_out[0]) return PARE_OK;
  if (call->node->batch_last) {
    pare_conv_batch_backward(grad);
    return PARE_OK;
  }
  if (grad->fresh) memset(grad->d_in[0]->data, 0, pare_tensor_len_bytes(grad->d_in[0]));
  if (is_nd(call)) {
    backward_nd(grad);
    return PARE_OK;
  }
  const float *dy = pare_f32(grad->d_out[0]), *x = pare_f32(call->in[0]), *w = pare_f32(call->in[1]);
  if (pare_grad_wants(grad, 0)) pare_f32_conv_grad_input(conv, w, dy, pare_f32(grad->d_in[0]), call->scratch);
  if (pare_grad_wants(grad, 1))
    pare_f32_conv_grad_weight(conv, x, dy, pare_f32(grad->d_in[1]), call->scratch);
  if (pare_grad_wants(grad, 2)) pare_f32_conv_grad_bias(conv, dy, pare_f32(grad->d_in[2]));
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *w = &call->in[1]->shape, *y = &call->out[0]->shape;
  const uint64_t outputs = (uint64_t)(w->dims[0] ? pare_shape_count(y) / w->dims[0] : 0);
  cost->macs = outputs * (uint64_t)pare_shape_count(w);
  cost->effective_macs = cost->macs;
  if (call->in_is_const[1] && call->in[1]->data)
    cost->effective_macs = outputs * pare_op_nonzeros_f32(call->in[1]);
}

/* One group: channels in with the weights' second axis, the weights' first with bias and output.
 * Depthwise: channel c goes with its `multiplier` filters. Other groups stay as they are. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int64_t group = pare_node_int(call->node, "group", 1), o = call->in[1]->shape.dims[0],
                c = call->in[0]->shape.dims[1];
  if (group != 1 && group != c) return PARE_OK;
  if (group == 1) {
    PARE_TRY(pare_couple_axes(coupler, 0, 1, 1, 1));
  } else {
    for (int64_t i = 0; i < o; i++) PARE_TRY(pare_couple(coupler, 0, 1, i / (o / c), 1, 0, i));
  }
  if (pare_call_has(call, 2)) PARE_TRY(pare_couple_axes(coupler, 1, 0, 2, 0));
  return pare_couple_axes(coupler, 1, 0, PARE_OUT(0), 1);
}

const pare_op pare_op_conv = {
    .name = "Conv",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .sets_gradient = true,
    .cost = cost,
    .couple = couple,
    .quant = PARE_QUANT_WEIGHTED,
    .choose_layout = choose_layout,
    .batch_layout = PARE_BATCH_LAST,
};
