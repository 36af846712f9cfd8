/* QLinearConv: int8 convolution, requantized (ONNX QLinearConv, opset 10), and ConvInteger: the int32 sums themselves (ONNX ConvInteger,
 * opset 10). scale = (x_scale * w_scale[o]) / y_scale in f32, as ONNX Runtime computes it. A fused activation becomes bounds of the
 * output's integers. The work is done in kernels/q8_conv. */
#include "kernels/f32_transpose/f32_transpose.h"
#include "kernels/u8_transpose/u8_transpose.h"
#include "ops/qconv_nd.h"
#include "ops/quantized.h"
#include "ops/window.h"

typedef struct qconv {
  pare_q8_conv conv;
  int i_w, i_x_zero, i_w_zero;
  bool weights_ready, sink_ready; /* made when planning, as all that they need is constant */
  void *packed;
  int32_t *sums; /* of the weights */
  int32_t *bias;
  float *scale;
  pare_q8_sink sink;         /* without the output */
  size_t x_turned, y_turned; /* places in scratch: images that do not stand channels last */
} qconv;

/* Which inputs are what: QLinearConv has scales between. */
static bool is_linear(const pare_call *call) {
  return call->node->op_type[0] == 'Q';
}

static pare_status infer_conv(pare_call *call, int i_w, pare_dtype dtype) {
  const pare_shape image = pare_op_image(call, call->in[0]), *x = &image, *w = &call->in[i_w]->shape;
  if (x->rank < 3 || w->rank != x->rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input of rank %d with weights of rank %d", x->rank, w->rank);
  PARE_TRY(pare_op_attr_type(call, "group", PARE_ATTR_INT));
  const int64_t group = pare_node_int(call->node, "group", 1), c = x->dims[1], o = w->dims[0],
                cg = w->dims[1];
  if (group < 1 || o < 1 || cg < 1 || c % group != 0 || o % group != 0 || c / group != cg) {
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "%lld channels in, weights [%lld,%lld,...] and group %lld do not fit together",
                     (long long)c, (long long)o, (long long)cg, (long long)group);
  }
  if (pare_qconv_is_nd(call)) return pare_qconv_nd_infer(call, i_w, dtype);
  pare_window window;
  PARE_TRY(pare_window_read(call, x, w->dims + 2, false, &window));
  const pare_shape y = pare_window_out_shape(x, o, &window);
  return pare_op_set_image(call, dtype, &y);
}

static pare_status infer_linear(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 3));
  const int64_t o = call->in[3]->shape.rank > 0 ? call->in[3]->shape.dims[0] : 0;
  PARE_TRY(pare_q_need_scale(call, 1, 0));
  PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, 0, false));
  PARE_TRY(pare_q_need_scale(call, 4, o));
  PARE_TRY(pare_q_need_zero(call, 5, call->in[3]->dtype, o, false));
  PARE_TRY(pare_q_need_scale(call, 6, 0));
  PARE_TRY(pare_q_need_8bit(call, 7));
  PARE_TRY(pare_q_need_zero(call, 7, call->in[7]->dtype, 0, false));
  if (pare_call_has(call, 8)) {
    static const pare_dtype s32_only[] = {PARE_S32, PARE_NONE};
    PARE_TRY(pare_op_need_dtype(call, 8, s32_only));
    if (call->in[8]->shape.rank != 1 || call->in[8]->shape.dims[0] != o)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the bias is not [%lld]", (long long)o);
  }
  return infer_conv(call, 3, call->in[7]->dtype);
}

static pare_status infer_integer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 1));
  const int64_t o = call->in[1]->shape.rank > 0 ? call->in[1]->shape.dims[0] : 0;
  PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, 0, true));
  PARE_TRY(pare_q_need_zero(call, 3, call->in[1]->dtype, o, true));
  return infer_conv(call, 1, PARE_S32);
}

/* Their zero points, one for each output, in `zeros`. */
static void pack_weights(const pare_call *call, const qconv *q, int32_t *zeros) {
  for (int64_t o = 0; o < q->conv.o; o++) zeros[o] = pare_q_zero(call, q->i_w_zero, o);
  pare_q8_conv_pack(&q->conv, call->in[q->i_w]->data, zeros, 0, q->packed, q->sums);
}

static void make_sink(const pare_call *call, qconv *q) {
  const int32_t *bias = pare_call_has(call, 8) ? pare_s32(call->in[8]) : NULL;
  pare_q8_conv_bias(&q->conv, bias, pare_q_zero(call, q->i_x_zero, 0), q->sums, q->bias);
  q->sink.bias = q->bias;
  if (!is_linear(call)) return;
  const float x_scale = pare_q_scale(call, 1, 0), y_scale = pare_q_scale(call, 6, 0);
  const pare_q8_conv *conv = &q->conv;
  const int64_t per_group = conv->depthwise ? conv->o : conv->og;
  const int64_t k = conv->cg * conv->window.kernel[0] * conv->window.kernel[1];
  q->sink.bounded = true;
  for (int64_t o = 0; o < conv->o; o++) {
    const float scale = x_scale * pare_q_scale(call, 4, o) / y_scale;
    q->scale[o / per_group * conv->channels + o % per_group] = scale;
    q->sink.bounded &= pare_q_is_bounded(k, bias ? bias[o] : 0, scale);
  }
  q->sink.scale = q->scale;
  pare_q_sink_bounds(call, 7, y_scale, &q->sink);
}

static bool are_const(const pare_call *call, int first, int end) {
  for (int i = first; i < end; i++)
    if (!pare_q_const(call, i)) return false;
  return true;
}

/* Every weight's zero point is known, and is 0, or 128 for u8. */
static bool has_plain_weights(const pare_call *call, const qconv *q) {
  if (!pare_q_const(call, q->i_w_zero)) return false;
  const int32_t plain = call->in[q->i_w]->dtype == PARE_S8 ? 0 : 128;
  for (int64_t o = 0; o < q->conv.o; o++)
    if (pare_q_zero(call, q->i_w_zero, o) != plain) return false;
  return true;
}

static pare_status allocate(pare_call *call, qconv *q) {
  pare_q8_conv *conv = &q->conv;
  size_t packed;
  PARE_TRY(pare_q8_conv_sizes(conv, call->ctx, &call->scratch_bytes, &packed));
  const size_t n = (size_t)(conv->channels * (conv->depthwise ? 1 : conv->groups));
  q->packed = pare_q_aligned(call, packed);
  q->sums = pare_arena_array(call->arena, n, sizeof *q->sums);
  q->bias = pare_arena_array(call->arena, n, sizeof *q->bias);
  q->scale = pare_arena_array(call->arena, n, sizeof *q->scale);
  if (!q->packed || !q->sums || !q->bias || !q->scale) return PARE_OUT_OF_MEMORY;
  if (call->node->channels_last) return PARE_OK;
  q->x_turned = call->scratch_bytes;
  const size_t x_bytes = (pare_tensor_len_bytes(call->in[0]) + 63) / 64 * 64;
  q->y_turned = q->x_turned + x_bytes;
  if (pare_add_size(call->scratch_bytes, x_bytes, &call->scratch_bytes) &&
      pare_add_size(call->scratch_bytes, pare_tensor_len_bytes(call->out[0]), &call->scratch_bytes))
    return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "the images are too large");
}

static pare_status prepare(pare_call *call) {
  if (pare_qconv_is_nd(call)) return pare_qconv_nd_prepare(call, is_linear(call) ? 3 : 1);
  qconv *q = pare_arena_alloc(call->arena, sizeof *q);
  if (!q) return PARE_OUT_OF_MEMORY;
  call->state = q;
  q->i_w = is_linear(call) ? 3 : 1;
  q->i_x_zero = 2;
  q->i_w_zero = is_linear(call) ? 5 : 3;
  const pare_shape x = pare_op_image(call, call->in[0]), *w = &call->in[q->i_w]->shape;
  PARE_TRY(pare_window_read(call, &x, w->dims + 2, false, &q->conv.window));
  q->conv.n = x.dims[0];
  q->conv.c = x.dims[1];
  q->conv.o = w->dims[0];
  q->conv.groups = pare_node_int(call->node, "group", 1);
  q->conv.x_signed = call->in[0]->dtype == PARE_S8;
  q->conv.w_signed = call->in[q->i_w]->dtype == PARE_S8;
  q->conv.plain_weights = has_plain_weights(call, q);
  if (pare_q_const(call, q->i_w)) q->conv.known_weights = call->in[q->i_w]->data;
  q->conv.pool = call->pool;
  PARE_TRY(pare_q8_conv_plan(&q->conv, call->arena));
  PARE_TRY(allocate(call, q));
  q->weights_ready = pare_q_const(call, q->i_w) && pare_q_const(call, q->i_w_zero);
  if (q->weights_ready) pack_weights(call, q, q->bias);
  q->sink_ready = are_const(call, 1, call->n_in);
  if (q->sink_ready) make_sink(call, q);
  return PARE_OK;
}

/* [rows,columns] to [columns,rows], for each of n images of one byte or of four an element. */
static void turn(const void *from, int64_t n, int64_t rows, int64_t columns, size_t size, void *to) {
  const uint8_t *x = from;
  uint8_t *y = to;
  const size_t bytes = (size_t)(rows * columns) * size;
  for (; n > 0; n--, x += bytes, y += bytes) {
    if (size == 1)
      pare_u8_transpose(x, rows, columns, y);
    else
      pare_f32_transpose((const float *)(const void *)x, columns, rows, columns, (float *)(void *)y, rows);
  }
}

static pare_status run(pare_call *call) {
  if (pare_qconv_is_nd(call)) return pare_qconv_nd_run(call);
  qconv *q = call->state;
  const pare_q8_conv *conv = &q->conv;
  if (!q->weights_ready) pack_weights(call, q, q->bias);
  if (!q->sink_ready) make_sink(call, q);
  uint8_t *scratch = call->scratch;
  const void *x = call->in[0]->data;
  void *y = call->out[0]->data;
  if (!call->node->channels_last) {
    turn(x, conv->n, conv->c, conv->window.in[0] * conv->window.in[1], 1, scratch + q->x_turned);
    x = scratch + q->x_turned;
    y = scratch + q->y_turned;
  }
  pare_q8_sink sink = q->sink;
  if (is_linear(call))
    sink.y = y;
  else
    sink.sums = y;
  pare_q8_conv_run(conv, x, pare_q_zero(call, q->i_x_zero, 0), q->packed, &sink, scratch);
  if (!call->node->channels_last)
    turn(y, conv->n, conv->columns, conv->o, is_linear(call) ? 1 : sizeof(int32_t), call->out[0]->data);
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const int i_w = is_linear(call) ? 3 : 1;
  const pare_shape image = pare_op_image(call, call->out[0]), *y = &image;
  const uint64_t outputs = (uint64_t)y->dims[0] * (uint64_t)pare_shape_count_range(y, 2, y->rank);
  cost->macs = outputs * (uint64_t)pare_tensor_count(call->in[i_w]);
  cost->effective_macs = cost->macs;
  if (pare_q_const(call, i_w)) cost->effective_macs = outputs * pare_q_nonzeros(call->in[i_w]);
}

const pare_op pare_op_qlinear_conv = {
    .name = "QLinearConv",
    .domain = "",
    .min_in = 8,
    .max_in = 9,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_linear,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .cost = cost,
    .layout = PARE_LAYOUT_CHANNELS_LAST,
};

const pare_op pare_op_conv_integer = {
    .name = "ConvInteger",
    .domain = "",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_integer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .cost = cost,
    .layout = PARE_LAYOUT_CHANNELS_LAST,
};
