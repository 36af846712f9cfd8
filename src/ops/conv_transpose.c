/* ConvTranspose: the adjoint of Conv: every element of X spreads the kernel over Y (ONNX ConvTranspose, opset
 * 11), with groups, in any number of dimensions. Length of Y, with e = (kernel - 1) * dilation + 1:
 *   stride * (in - 1) + output_padding + e - pads
 * output_shape (or SAME_*: in * stride, where the windows reach that far) fixes that length, and the pads follow: half of what is too
 * much at each end, the odd one at the end for SAME_UPPER and at the beginning otherwise. */
#include "ops/conv_nd.h"
#include "ops/op_util.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

/* One dimension: `length` > 0 is what Y must have, `same` what it has at most. */
static pare_status out_length(pare_call *call, pare_window_nd *w, int i, int64_t output_padding,
                              int64_t length, bool same, bool end_first) {
  const int64_t most = INT64_C(0x7fffffff), extent = (w->kernel[i] - 1) * w->dilation[i] + 1;
  int64_t whole = w->stride[i] * (w->out[i] - 1); /* both are below 2^31 */
  if (extent > most || __builtin_add_overflow(whole, output_padding + extent, &whole))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "a window of %lld", (long long)extent);
  if (same && length == 0) {
    w->pad_begin[i] = w->pad_end[i] = 0;
    if (w->stride[i] * w->out[i] < whole) length = w->stride[i] * w->out[i];
  }
  if (length > 0) {
    const int64_t pads = whole > length ? whole - length : 0;
    w->pad_begin[i] = end_first ? pads / 2 : pads - pads / 2;
    w->pad_end[i] = pads - w->pad_begin[i];
    w->in[i] = length;
  } else {
    w->in[i] = whole - w->pad_begin[i] - w->pad_end[i];
  }
  if (w->in[i] >= 1 && w->in[i] <= most) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "an output length of %lld", (long long)w->in[i]);
}

/* The convolution whose adjoint this is: from Y (`in`) to X (`out`). */
static pare_status read_window(pare_call *call, pare_window_nd *w) {
  const pare_shape *x = &call->in[0]->shape, *weights = &call->in[1]->shape;
  const int n = x->rank - 2;
  int64_t pads[2 * PARE_WINDOW_MAX], padding[PARE_WINDOW_MAX], lengths[PARE_WINDOW_MAX];
  bool has_kernel, has_lengths;
  const char *auto_pad;
  *w = (pare_window_nd){.n = n};
  PARE_TRY(pare_window_ints(call, "kernel_shape", (size_t)n, 1, 1, w->kernel, &has_kernel));
  PARE_TRY(pare_window_ints(call, "strides", (size_t)n, 1, 1, w->stride, NULL));
  PARE_TRY(pare_window_ints(call, "dilations", (size_t)n, 1, 1, w->dilation, NULL));
  PARE_TRY(pare_window_ints(call, "pads", 2 * (size_t)n, 0, 0, pads, NULL));
  PARE_TRY(pare_window_ints(call, "output_padding", (size_t)n, 0, 0, padding, NULL));
  PARE_TRY(pare_window_ints(call, "output_shape", (size_t)n, 0, 0, lengths, &has_lengths));
  PARE_TRY(pare_window_auto_pad(call, &auto_pad));
  const bool upper = strcmp(auto_pad, "SAME_UPPER") == 0, same = upper || strcmp(auto_pad, "SAME_LOWER") == 0;
  for (int i = 0; i < n; i++) {
    if (x->dims[2 + i] < 1 || x->dims[2 + i] > INT32_MAX)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input length %lld", (long long)x->dims[2 + i]);
    if (weights->dims[2 + i] < 1 || weights->dims[2 + i] > INT32_MAX ||
        (has_kernel && w->kernel[i] != weights->dims[2 + i]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "kernel_shape does not fit the weights");
    w->kernel[i] = weights->dims[2 + i];
    w->out[i] = x->dims[2 + i];
    const bool valid = strcmp(auto_pad, "VALID") == 0;
    w->pad_begin[i] = valid ? 0 : pads[i];
    w->pad_end[i] = valid ? 0 : pads[n + i];
    PARE_TRY(out_length(call, w, i, padding[i], has_lengths ? lengths[i] : 0, same, upper));
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_need_dtype(call, 1, f32_only));
  PARE_TRY(pare_op_attr_type(call, "group", PARE_ATTR_INT));
  const pare_shape *x = &call->in[0]->shape, *w = &call->in[1]->shape;
  if (x->rank < 3 || w->rank != x->rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input of rank %d with weights of rank %d", x->rank, w->rank);
  const int64_t group = pare_node_int(call->node, "group", 1);
  int64_t channels = 0;
  if (group < 1 || w->dims[0] != x->dims[1] || w->dims[0] < 1 || w->dims[0] % group != 0 || w->dims[1] < 1 ||
      __builtin_mul_overflow(w->dims[1], group, &channels))
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "%lld channels in, weights [%lld,%lld,...] and group %lld do not fit together",
                     (long long)x->dims[1], (long long)w->dims[0], (long long)w->dims[1], (long long)group);
  if (pare_call_has(call, 2)) {
    PARE_TRY(pare_op_need_dtype(call, 2, f32_only));
    const pare_shape bias = PARE_SHAPE(channels);
    if (!pare_shape_equal(&call->in[2]->shape, &bias))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the bias is not [%lld]", (long long)channels);
  }
  pare_window_nd window;
  PARE_TRY(read_window(call, &window));
  pare_shape y = *x;
  y.dims[1] = channels;
  for (int i = 0; i < window.n; i++) y.dims[2 + i] = window.in[i];
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

static pare_status prepare(pare_call *call) {
  pare_conv_nd *conv = pare_arena_alloc(call->arena, sizeof *conv);
  if (!conv) return PARE_OUT_OF_MEMORY;
  call->state = conv;
  PARE_TRY(read_window(call, &conv->w));
  conv->n = call->in[0]->shape.dims[0];
  conv->c = call->out[0]->shape.dims[1];
  conv->o = call->in[0]->shape.dims[1];
  conv->groups = pare_node_int(call->node, "group", 1);
  return pare_conv_nd_plan(call, conv);
}

static pare_status run(pare_call *call) {
  const pare_conv_nd *conv = call->state;
  const float *bias = pare_call_has(call, 2) ? pare_f32(call->in[2]) : NULL;
  float *y = pare_f32(call->out[0]);
  for (int64_t i = 0; i < conv->n * conv->c; i++)
    for (int64_t p = 0; p < conv->in_plane; p++) y[i * conv->in_plane + p] = bias ? bias[i % conv->c] : 0.0f;
  pare_conv_nd_grad_input(call, conv, pare_f32(call->in[1]), pare_f32(call->in[0]), y);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const pare_conv_nd *conv = call->state;
  if (!grad->d_out[0]) return PARE_OK;
  const float *dy = pare_f32(grad->d_out[0]);
  if (pare_grad_wants(grad, 0))
    pare_conv_nd_forward(call, conv, dy, pare_f32(call->in[1]), NULL, true, pare_f32(grad->d_in[0]));
  if (pare_grad_wants(grad, 1))
    pare_conv_nd_grad_weight(call, conv, dy, pare_f32(call->in[0]), pare_f32(grad->d_in[1]));
  if (pare_grad_wants(grad, 2))
    pare_conv_nd_grad_bias(dy, conv->n, conv->c, conv->in_plane, pare_f32(grad->d_in[2]));
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *x = &call->in[0]->shape;
  const uint64_t places = (uint64_t)x->dims[0] * (uint64_t)pare_shape_count_range(x, 2, x->rank);
  cost->macs = places * (uint64_t)pare_tensor_count(call->in[1]);
  cost->effective_macs = cost->macs;
  if (call->in_is_const[1] && call->in[1]->data)
    cost->effective_macs = places * pare_op_nonzeros_f32(call->in[1]);
}

/* One group: channels in with the weights' first axis, the weights' second with bias and output. Other groups
 * stay as they are. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  if (pare_node_int(call->node, "group", 1) != 1) return PARE_OK;
  PARE_TRY(pare_couple_axes(coupler, 0, 1, 1, 0));
  if (pare_call_has(call, 2)) PARE_TRY(pare_couple_axes(coupler, 1, 1, 2, 0));
  return pare_couple_axes(coupler, 1, 1, PARE_OUT(0), 1);
}

const pare_op pare_op_conv_transpose = {
    .name = "ConvTranspose",
    .domain = "",
    .min_in = 2,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .cost = cost,
    .couple = couple,
    .quant = PARE_QUANT_WEIGHTED,
};
