/* QLinearConv: int8 convolution, requantized (ONNX QLinearConv, opset 10), and ConvInteger: the int32 sums themselves (ONNX ConvInteger,
 * opset 10). scale = (x_scale * w_scale[o]) / y_scale in f32, as ONNX Runtime computes it. A fused activation becomes bounds of the
 * output's integers. The work is done in kernels/s16_conv. */
#include "ops/quantized.h"
#include "ops/window.h"

typedef struct qconv {
  pare_s16_conv conv;
  int i_w, i_w_zero;
  int16_t *packed;        /* weights when they are constant */
  float *scales;          /* [o] */
  size_t turned, weights; /* places in scratch: images in ONNX's order, weights packed while running */
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

static void pack_weights(const pare_call *call, const qconv *q, int16_t *packed) {
  const pare_tensor *w = call->in[q->i_w];
  for (int64_t o = 0; o < q->conv.o; o++) {
    pare_s16_pack_a(pare_u8(w) + o * q->conv.k, w->dtype == PARE_S8, q->conv.k, NULL,
                    pare_q_zero(call, q->i_w_zero, o), 1, q->conv.k, packed + o * q->conv.a_row);
  }
}

/* [rows,columns] to [columns,rows], for each of n images. */
static void turn_bytes(const uint8_t *from, int64_t n, int64_t rows, int64_t columns, uint8_t *to) {
  for (; n > 0; n--, from += rows * columns)
    for (int64_t j = 0; j < columns; j++)
      for (int64_t i = 0; i < rows; i++) *to++ = from[i * columns + j];
}

static pare_status prepare(pare_call *call) {
  qconv *q = pare_arena_alloc(call->arena, sizeof *q);
  if (!q) return PARE_OUT_OF_MEMORY;
  q->i_w = is_linear(call) ? 3 : 1;
  q->i_w_zero = is_linear(call) ? 5 : 3;
  const pare_shape image = pare_op_image(call, call->in[0]), *x = &image, *w = &call->in[q->i_w]->shape;
  PARE_TRY(pare_window_read(call, x, w->dims + 2, false, &q->conv.window));
  q->conv.n = x->dims[0];
  q->conv.c = x->dims[1];
  q->conv.o = w->dims[0];
  q->conv.groups = pare_node_int(call->node, "group", 1);
  q->conv.x_signed = call->in[0]->dtype == PARE_S8;
  q->conv.pool = call->pool;
  PARE_TRY(pare_s16_conv_plan(&q->conv, call->arena));
  PARE_TRY(pare_s16_conv_scratch(&q->conv, call->ctx, &call->scratch_bytes));
  q->scales = pare_arena_array(call->arena, (size_t)q->conv.o, sizeof *q->scales);
  if (!q->scales) return PARE_OUT_OF_MEMORY;
  size_t bytes;
  if (!pare_mul_size((size_t)q->conv.o, (size_t)q->conv.a_row * sizeof(int16_t), &bytes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the weights are too large");
  call->state = q;
  q->turned = call->scratch_bytes = (call->scratch_bytes + 15) / 16 * 16;
  if (call->node->channels_last &&
      (!pare_add_size(call->scratch_bytes, pare_tensor_len_bytes(call->in[0]), &call->scratch_bytes) ||
       !pare_add_size(call->scratch_bytes, pare_tensor_len_bytes(call->out[0]) + 32, &call->scratch_bytes)))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the images are too large");
  call->scratch_bytes = call->scratch_bytes / 16 * 16;
  q->weights = call->scratch_bytes;
  if (pare_q_const(call, q->i_w) && pare_q_const(call, q->i_w_zero)) {
    q->packed = pare_arena_alloc(call->arena, bytes);
    if (!q->packed) return PARE_OUT_OF_MEMORY;
    pack_weights(call, q, q->packed);
    return PARE_OK;
  }
  if (!pare_add_size(call->scratch_bytes, (bytes + 15) / 16 * 16, &call->scratch_bytes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the weights are too large");
  return PARE_OK;
}

typedef struct target {
  const qconv *q;
  pare_requant_args requant;
  const int32_t *bias;
  uint8_t *bytes; /* or */
  int32_t *s32;
  void (*requantize)(const pare_requant_args *args);
} target;

static void store(void *arg, int64_t i, int64_t o, int64_t first, int64_t n, const int32_t *acc) {
  const target *to = arg;
  const int64_t at = (i * to->q->conv.o + o) * to->q->conv.columns + first;
  if (to->s32) {
    memcpy(to->s32 + at, acc, (size_t)n * sizeof *acc);
    return;
  }
  pare_requant_args args = to->requant;
  args.acc = acc;
  args.n = n;
  args.scale = to->q->scales[o];
  args.bias = to->bias ? to->bias[o] : 0;
  args.y = to->bytes + at;
  to->requantize(&args);
}

static pare_status run(pare_call *call) {
  const qconv *q = call->state;
  target to = {.q = q};
  const bool linear = is_linear(call);
  if (linear) {
    const float x_scale = pare_q_scale(call, 1, 0), y_scale = pare_q_scale(call, 6, 0);
    for (int64_t o = 0; o < q->conv.o; o++) q->scales[o] = x_scale * pare_q_scale(call, 4, o) / y_scale;
    to.requant.zero_point = pare_q_zero(call, 7, 0);
    to.requant.is_signed = call->in[7]->dtype == PARE_S8;
    pare_q_bounds(call->node, call->in[7]->dtype, y_scale, to.requant.zero_point, &to.requant.low,
                  &to.requant.high);
    to.bias = pare_call_has(call, 8) ? pare_s32(call->in[8]) : NULL;
    to.bytes = pare_u8(call->out[0]);
    to.requantize = pare_requant_select()->requantize;
  } else {
    to.s32 = pare_s32(call->out[0]);
  }
  uint8_t *scratch = call->scratch, *x = pare_u8(call->in[0]);
  int16_t *packed = q->packed;
  if (!packed) {
    packed = (int16_t *)(void *)(scratch + q->weights);
    pack_weights(call, q, packed);
  }
  if (!call->node->channels_last) {
    pare_s16_conv_run(&q->conv, x, pare_q_zero(call, 2, 0), packed, store, &to, scratch);
    return PARE_OK;
  }
  uint8_t *x_turned = scratch + q->turned, *y_turned = x_turned + pare_tensor_len_bytes(call->in[0]);
  const int64_t places = q->conv.window.in[0] * q->conv.window.in[1];
  turn_bytes(x, q->conv.n, places, q->conv.c, x_turned);
  to.bytes = y_turned;
  pare_s16_conv_run(&q->conv, x_turned, pare_q_zero(call, 2, 0), packed, store, &to, scratch);
  turn_bytes(y_turned, q->conv.n, q->conv.o, q->conv.columns, pare_u8(call->out[0]));
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
};
