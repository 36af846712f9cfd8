/* Col2Im: columns [N, C * block, L] added back into the image that they were unfolded from, [N, C, image...] (ONNX
 * Col2Im, opset 18; PyTorch's fold). */
#include "ops/conv_nd.h"
#include "ops/op_util.h"

enum { COLUMNS, IMAGE, BLOCK };

typedef struct folding {
  pare_window_nd w;
  int64_t kernel; /* places of the block */
  int64_t plane, columns;
} folding;

static pare_status read_folding(pare_call *call, folding *f) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, COLUMNS, f32_only));
  pare_window_nd *w = &f->w;
  int64_t pads[2 * PARE_WINDOW_MAX];
  size_t n_image = 0, n_block = 0;
  *f = (folding){.kernel = 1, .plane = 1, .columns = 1};
  PARE_TRY(pare_op_const_ints(call, IMAGE, w->in, PARE_WINDOW_MAX, &n_image));
  PARE_TRY(pare_op_const_ints(call, BLOCK, w->kernel, PARE_WINDOW_MAX, &n_block));
  if (n_image < 1 || n_image != n_block)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "an image of %zu and blocks of %zu dimensions", n_image,
                     n_block);
  w->n = (int)n_image;
  PARE_TRY(pare_window_ints(call, "strides", n_image, 1, 1, w->stride, NULL));
  PARE_TRY(pare_window_ints(call, "dilations", n_image, 1, 1, w->dilation, NULL));
  PARE_TRY(pare_window_ints(call, "pads", 2 * n_image, 0, 0, pads, NULL));
  for (int d = 0; d < w->n; d++) {
    if (w->in[d] < 1 || w->in[d] > INT32_MAX || w->kernel[d] < 1 || w->kernel[d] > INT32_MAX)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "a block of %lld in an image of %lld",
                       (long long)w->kernel[d], (long long)w->in[d]);
    w->pad_begin[d] = pads[d];
    w->pad_end[d] = pads[w->n + d];
    const int64_t room = w->in[d] + pads[d] + pads[w->n + d] - ((w->kernel[d] - 1) * w->dilation[d] + 1);
    w->out[d] = room < 0 ? 0 : room / w->stride[d] + 1;
    if (__builtin_mul_overflow(f->kernel, w->kernel[d], &f->kernel) ||
        __builtin_mul_overflow(f->plane, w->in[d], &f->plane) ||
        __builtin_mul_overflow(f->columns, w->out[d], &f->columns) || f->plane > INT32_MAX)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "images of more than 2^31 elements");
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  folding f;
  PARE_TRY(read_folding(call, &f));
  const pare_shape *in = &call->in[COLUMNS]->shape;
  if (in->rank != 3 || in->dims[1] % f.kernel != 0 || in->dims[2] != f.columns)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the columns are not [N, C * %lld, %lld]",
                     (long long)f.kernel, (long long)f.columns);
  pare_shape out = {.rank = 2 + f.w.n, .dims = {in->dims[0], in->dims[1] / f.kernel}};
  for (int d = 0; d < f.w.n; d++) out.dims[2 + d] = f.w.in[d];
  return pare_op_set_out(call, 0, PARE_F32, &out);
}

static pare_status prepare(pare_call *call) {
  folding *f = pare_arena_alloc(call->arena, sizeof *f);
  if (!f) return PARE_OUT_OF_MEMORY;
  call->state = f;
  PARE_TRY(read_folding(call, f));
  if (pare_mul_size((size_t)f->columns, (size_t)f->kernel * sizeof(int32_t), &call->scratch_bytes))
    return PARE_OK;
  return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "the columns are too large");
}

static pare_status run(pare_call *call) {
  const folding *f = call->state;
  const int64_t planes = call->out[0]->shape.dims[0] * call->out[0]->shape.dims[1],
                n = f->kernel * f->columns;
  int32_t *places = call->scratch;
  const float *from = pare_f32(call->in[COLUMNS]);
  float *to = pare_f32(call->out[0]);
  pare_conv_nd_places(&f->w, f->kernel, 0, f->columns, places);
  memset(to, 0, pare_tensor_len_bytes(call->out[0]));
  for (int64_t i = 0; i < planes; i++, from += n, to += f->plane)
    for (int64_t k = 0; k < n; k++)
      if (places[k] >= 0) to[places[k]] += from[k];
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!grad->d_out[0] || !pare_grad_wants(grad, COLUMNS)) return PARE_OK;
  const pare_call *call = grad->call;
  const folding *f = call->state;
  const int64_t planes = call->out[0]->shape.dims[0] * call->out[0]->shape.dims[1],
                n = f->kernel * f->columns;
  int32_t *places = call->scratch;
  const float *from = pare_f32(grad->d_out[0]);
  float *to = pare_f32(grad->d_in[COLUMNS]);
  pare_conv_nd_places(&f->w, f->kernel, 0, f->columns, places);
  for (int64_t i = 0; i < planes; i++, to += n, from += f->plane)
    for (int64_t k = 0; k < n; k++)
      if (places[k] >= 0) to[k] += from[places[k]];
  return PARE_OK;
}

const pare_op pare_op_col2im = {
    .name = "Col2Im",
    .domain = "",
    .min_in = 3,
    .max_in = 3,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .quant = PARE_QUANT_NONE,
};
