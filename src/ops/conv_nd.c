/* Convolution in any number of dimensions (conv_nd.h). */
#include "ops/conv_nd.h"

#include "ops/op_util.h"
#include "ops/product.h"

/* Floats of an unfolded block: it stays in the second cache. */
#define BLOCK_FLOATS 65536

/* Parts of scratch memory. */
typedef struct parts {
  int32_t *places; /* [kernel][block]: element of a plane, -1 in the padding */
  float *columns;  /* [k][block] */
  float *packed;   /* the second factor of a product */
} parts;

static size_t round8(size_t n) {
  return (n + 7) / 8 * 8;
}

static size_t larger(size_t a, size_t b) {
  return a > b ? a : b;
}

static size_t packed_len(const pare_conv_nd *conv) {
  const size_t m = (size_t)conv->block, k = (size_t)conv->k;
  return larger(larger(k, (size_t)conv->og) * round8(m), m * round8(k));
}

static parts parts_of(const pare_call *call, const pare_conv_nd *conv) {
  parts p = {.places = call->scratch};
  p.columns = (float *)call->scratch + round8((size_t)(conv->kernel * conv->block));
  p.packed = p.columns + round8((size_t)(conv->k * conv->block));
  return p;
}

pare_status pare_conv_nd_plan(pare_call *call, pare_conv_nd *conv) {
  const pare_window_nd *w = &conv->w;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  conv->kernel = conv->in_plane = conv->out_plane = 1;
  for (int d = 0; d < w->n; d++) { /* infer has bounded images and weights to 2^40 elements */
    conv->kernel *= w->kernel[d];
    conv->in_plane *= w->in[d];
    conv->out_plane *= w->out[d];
  }
  conv->k = conv->cg * conv->kernel;
  if (conv->in_plane > INT32_MAX)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "images of more than 2^31 elements");
  const int64_t most = conv->k > 0 ? BLOCK_FLOATS / conv->k : BLOCK_FLOATS;
  conv->block = most < 16 ? 16 : most / 8 * 8;
  if (conv->block > conv->out_plane) conv->block = conv->out_plane;
  size_t floats, total;
  if (!pare_mul_size(larger((size_t)conv->k, (size_t)conv->og) + 8, 4 * round8((size_t)conv->block) + 8,
                     &floats) ||
      !pare_mul_size(floats, sizeof(float), &total))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the weights are too large");
  call->scratch_bytes = (round8((size_t)(conv->kernel * conv->block)) +
                         round8((size_t)(conv->k * conv->block)) + packed_len(conv)) *
                        sizeof(float);
  return PARE_OK;
}

static void advance(int64_t *index, const int64_t *lengths, int n) {
  for (int d = n - 1; d >= 0 && ++index[d] == lengths[d]; d--) index[d] = 0;
}

void pare_conv_nd_places(const pare_window_nd *w, int64_t kernel, int64_t first, int64_t m, int32_t *places) {
  int64_t start[PARE_WINDOW_MAX], k[PARE_WINDOW_MAX] = {0};
  for (int d = w->n - 1; d >= 0; first /= w->out[d--]) start[d] = first % w->out[d];
  for (int64_t i = 0; i < kernel; i++, advance(k, w->kernel, w->n)) {
    int64_t p[PARE_WINDOW_MAX];
    memcpy(p, start, sizeof p);
    for (int64_t j = 0; j < m; j++, advance(p, w->out, w->n)) {
      int64_t at = 0;
      bool inside = true;
      for (int d = 0; d < w->n; d++) {
        const int64_t x = p[d] * w->stride[d] - w->pad_begin[d] + k[d] * w->dilation[d];
        inside &= x >= 0 && x < w->in[d];
        at = at * w->in[d] + x;
      }
      *places++ = inside ? (int32_t)at : -1;
    }
  }
}

/* x: the channels of one group of one image. columns [k][m] */
static void unfold(const pare_conv_nd *conv, const parts *p, const float *x, int64_t m) {
  float *to = p->columns;
  for (int64_t c = 0; c < conv->cg; c++, x += conv->in_plane)
    for (int64_t i = 0; i < conv->kernel * m; i++) *to++ = p->places[i] < 0 ? 0.0f : x[p->places[i]];
}

static void fold_back(const pare_conv_nd *conv, const parts *p, int64_t m, float *dx) {
  const float *from = p->columns;
  for (int64_t c = 0; c < conv->cg; c++, dx += conv->in_plane)
    for (int64_t i = 0; i < conv->kernel * m; i++, from++)
      if (p->places[i] >= 0) dx[p->places[i]] += *from;
}

/* One group of one image in one block: positions of its first channel. */
typedef struct piece {
  int64_t first, m;    /* output positions */
  int64_t i_in, i_out; /* floats: in the image, in the filtered one (at `first`) */
  int64_t group;
} piece;

typedef void (*piece_fn)(const pare_call *call, const pare_conv_nd *conv, const parts *p, const piece *at,
                         void *arg);

static void for_pieces(const pare_call *call, const pare_conv_nd *conv, piece_fn run, void *arg) {
  const parts p = parts_of(call, conv);
  for (int64_t first = 0; first < conv->out_plane; first += conv->block) {
    piece at = {.first = first};
    at.m = conv->out_plane - first < conv->block ? conv->out_plane - first : conv->block;
    pare_conv_nd_places(&conv->w, conv->kernel, first, at.m, p.places);
    for (int64_t i = 0; i < conv->n * conv->groups; i++) {
      at.group = i % conv->groups;
      at.i_in = i * conv->cg * conv->in_plane;
      at.i_out = i * conv->og * conv->out_plane + first;
      run(call, conv, &p, &at, arg);
    }
  }
}

typedef struct operands {
  const float *x, *w, *bias, *dy;
  float *y, *dx, *dw;
  bool accumulate;
} operands;

static void forward_piece(const pare_call *call, const pare_conv_nd *conv, const parts *p, const piece *at,
                          void *arg) {
  const operands *o = arg;
  unfold(conv, p, o->x + at->i_in, at->m);
  pare_f32_pack_b(p->columns, at->m, 1, conv->k, at->m, p->packed);
  const pare_product product = {.m = conv->og,
                                .n = at->m,
                                .k = conv->k,
                                .a = o->w + at->group * conv->og * conv->k,
                                .a_row = conv->k,
                                .a_column = 1,
                                .c = o->y + at->i_out,
                                .c_row = conv->out_plane,
                                .accumulate = o->accumulate};
  pare_f32_gemm_args args = pare_product_args(&product, p->packed);
  if (o->bias) args.row_bias = o->bias + at->group * conv->og;
  args.clamp_low = call->node->clamp_low;
  args.clamp_high = call->node->clamp_high;
  pare_f32_gemm(call->pool, call->numerics, &args);
}

static void input_piece(const pare_call *call, const pare_conv_nd *conv, const parts *p, const piece *at,
                        void *arg) {
  const operands *o = arg;
  const pare_product product = {.m = conv->k,
                                .n = at->m,
                                .k = conv->og,
                                .a = o->w + at->group * conv->og * conv->k,
                                .a_row = 1,
                                .a_column = conv->k,
                                .b = o->dy + at->i_out,
                                .b_row = conv->out_plane,
                                .b_column = 1,
                                .c = p->columns,
                                .c_row = at->m};
  pare_product_run(call, &product, p->packed);
  fold_back(conv, p, at->m, o->dx + at->i_in);
}

static void weight_piece(const pare_call *call, const pare_conv_nd *conv, const parts *p, const piece *at,
                         void *arg) {
  const operands *o = arg;
  unfold(conv, p, o->x + at->i_in, at->m);
  const pare_product product = {.m = conv->og,
                                .n = conv->k,
                                .k = at->m,
                                .a = o->dy + at->i_out,
                                .a_row = conv->out_plane,
                                .a_column = 1,
                                .b = p->columns,
                                .b_row = 1,
                                .b_column = at->m,
                                .c = o->dw + at->group * conv->og * conv->k,
                                .c_row = conv->k,
                                .accumulate = true};
  pare_product_run(call, &product, p->packed);
}

void pare_conv_nd_forward(const pare_call *call, const pare_conv_nd *conv, const float *x, const float *w,
                          const float *bias, bool accumulate, float *y) {
  operands o = {.x = x, .w = w, .bias = bias, .y = y, .accumulate = accumulate};
  for_pieces(call, conv, forward_piece, &o);
}

void pare_conv_nd_grad_input(const pare_call *call, const pare_conv_nd *conv, const float *w, const float *dy,
                             float *dx) {
  operands o = {.w = w, .dy = dy, .dx = dx};
  for_pieces(call, conv, input_piece, &o);
}

void pare_conv_nd_grad_weight(const pare_call *call, const pare_conv_nd *conv, const float *x,
                              const float *dy, float *dw) {
  operands o = {.x = x, .dy = dy, .dw = dw};
  for_pieces(call, conv, weight_piece, &o);
}

void pare_conv_nd_grad_bias(const float *dy, int64_t n, int64_t channels, int64_t plane, float *db) {
  for (int64_t i = 0; i < n * channels; i++) db[i % channels] += pare_op_sum_f32(dy + i * plane, plane);
}
