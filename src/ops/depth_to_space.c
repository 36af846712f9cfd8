/* DepthToSpace and SpaceToDepth: blocks of b x b pixels for channels and back, [N, b*b*C, H, W] and [N, C, H*b,
 * W*b] (ONNX, opset 13). Input channels count (block row, block column, C), or, in mode CRD, (C, block row,
 * block column), as in PyTorch's PixelShuffle. Both are one walk over (N, C, H, row, W, column). */
#include "ops/loop.h"
#include "ops/op_util.h"

static bool to_space(const pare_call *call) {
  return pare_node_is(call->node, "DepthToSpace");
}

static bool is_crd(const pare_call *call) {
  return to_space(call) && strcmp(pare_node_string(call->node, "mode", "DCR"), "CRD") == 0;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_attr_type(call, "blocksize", PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "mode", PARE_ATTR_STRING));
  pare_shape shape = call->in[0]->shape;
  const int64_t b = pare_node_int(call->node, "blocksize", 0);
  const char *mode = pare_node_string(call->node, "mode", "DCR");
  if (shape.rank != 4) return pare_fail(call->ctx, PARE_BAD_MODEL, "an input of rank %d, not 4", shape.rank);
  if (b < 1 || b > INT32_MAX) return pare_fail(call->ctx, PARE_BAD_MODEL, "blocksize %lld", (long long)b);
  if (to_space(call) && strcmp(mode, "DCR") != 0 && strcmp(mode, "CRD") != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "mode '%.20s' is not known", mode);
  const bool fits =
      to_space(call) ? shape.dims[1] % (b * b) == 0 : shape.dims[2] % b == 0 && shape.dims[3] % b == 0;
  if (!fits) return pare_fail(call->ctx, PARE_BAD_MODEL, "blocks of %lld do not fit", (long long)b);
  int64_t *const d = shape.dims;
  if (to_space(call)) {
    d[1] /= b * b;
    if (__builtin_mul_overflow(d[2], b, &d[2]) || __builtin_mul_overflow(d[3], b, &d[3]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "blocks of %lld are too large", (long long)b);
  } else {
    d[2] /= b;
    d[3] /= b;
    if (__builtin_mul_overflow(d[1], b * b, &d[1]))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "blocks of %lld are too large", (long long)b);
  }
  return pare_op_set_out(call, 0, call->in[0]->dtype, &shape);
}

/* Over (N, C, H, row, W, column); operand `i_space` is the image of large height and width, the other the
 * deep one. */
static void walk(const pare_call *call, pare_loop *loop, int i_space) {
  const pare_shape *deep = to_space(call) ? &call->in[0]->shape : &call->out[0]->shape;
  const int64_t b = pare_node_int(call->node, "blocksize", 1), h = deep->dims[2], w = deep->dims[3],
                c = deep->dims[1] / (b * b), plane = h * w;
  const bool crd = is_crd(call);
  const int64_t dims[6] = {deep->dims[0], c, h, b, w, b};
  const int64_t space[6] = {c * plane * b * b, plane * b * b, b * w * b, w * b, b, 1};
  const int64_t depth[6] = {
      c * b * b * plane, crd ? b * b * plane : plane, w, b * plane * (crd ? 1 : c), 1, plane * (crd ? 1 : c)};
  *loop = (pare_loop){.rank = 6, .n = 2};
  memcpy(loop->dims, dims, sizeof dims);
  memcpy(loop->strides[i_space], space, sizeof space);
  memcpy(loop->strides[1 - i_space], depth, sizeof depth);
  pare_loop_merge(loop);
}

/* pare_loop_copy wants a dense operand 0 in the order of the walk, which only the large image is. */
static void copy(pare_loop *loop, size_t size, void *to, const void *from) {
  const int64_t n = pare_loop_run(loop), p = pare_loop_step(loop, 0), q = pare_loop_step(loop, 1);
  for (pare_loop_start(loop); loop->more; pare_loop_next(loop))
    for (int64_t i = 0; i < n; i++)
      memcpy((uint8_t *)to + (size_t)(loop->at[0] + i * p) * size,
             (const uint8_t *)from + (size_t)(loop->at[1] + i * q) * size, size);
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  walk(call, &loop, to_space(call) ? 0 : 1);
  copy(&loop, pare_dtype_size(call->in[0]->dtype), call->out[0]->data, call->in[0]->data);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  walk(grad->call, &loop, to_space(grad->call) ? 0 : 1);
  const int64_t n = pare_loop_run(&loop), p = pare_loop_step(&loop, 0), q = pare_loop_step(&loop, 1);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    for (int64_t i = 0; i < n; i++)
      pare_f32(grad->d_in[0])[loop.at[1] + i * q] += pare_f32(grad->d_out[0])[loop.at[0] + i * p];
  return PARE_OK;
}

/* The b * b deep channels of a channel go with it. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const bool out = to_space(call);
  const int64_t deep = (out ? call->in[0] : call->out[0])->shape.dims[1],
                c = (out ? call->out[0] : call->in[0])->shape.dims[1], per = c > 0 ? deep / c : 1;
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  for (int64_t i = 0; i < deep; i++) {
    const int64_t channel = is_crd(call) ? i / per : i % c;
    PARE_TRY(pare_couple(coupler, 0, 1, out ? i : channel, PARE_OUT(0), 1, out ? channel : i));
  }
  return PARE_OK;
}

#define BLOCKS(variable, name_)                                                                              \
  const pare_op variable = {                                                                                 \
      .name = name_,                                                                                         \
      .domain = "",                                                                                          \
      .min_in = 1,                                                                                           \
      .max_in = 1,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer,                                                                                        \
      .run = run,                                                                                            \
      .backward = backward,                                                                                  \
      .couple = couple,                                                                                      \
      .quant = PARE_QUANT_SAME,                                                                              \
  }

BLOCKS(pare_op_depth_to_space, "DepthToSpace");
BLOCKS(pare_op_space_to_depth, "SpaceToDepth");
