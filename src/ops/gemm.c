/* Gemm: Y[m,n] = alpha sum_k A'[m,k] B'[k,n] + beta C, A' = A or A^T, B' = B or B^T, C broadcast (ONNX
 * Gemm, opset 13). A constant B is packed once. With alpha = beta = 1 the bias is added and the activation
 * applied as the kernel stores. */
#include <math.h>

#include "ops/op_util.h"
#include "ops/product.h"
#include "ops/sparse_forms.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

typedef struct gemm {
  int64_t m, n, k;
  int64_t a_row, a_column, b_row, b_column; /* strides of A' and B' */
  int64_t c_row, c_column;                  /* strides of C as [m,n]; 0: repeated */
  float alpha, beta;
  bool has_c;
  float *packed;               /* B' when it is constant */
  pare_sparse_product *sparse; /* instead, when it has many zeros */
  size_t scaled;               /* floats of scratch in front of the packed matrix: alpha dY */
} gemm;

/* Sizes and strides; fails when they do not fit together. */
static pare_status read_gemm(pare_call *call, gemm *g) {
  const pare_shape *a = &call->in[0]->shape, *b = &call->in[1]->shape;
  const bool trans_a = pare_node_int(call->node, "transA", 0) != 0,
             trans_b = pare_node_int(call->node, "transB", 0) != 0;
  if (a->rank != 2 || b->rank != 2) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of rank %d and %d, expected 2 and 2", a->rank,
                     b->rank);
  }
  *g = (gemm){.m = a->dims[trans_a], .n = b->dims[!trans_b], .k = a->dims[!trans_a]};
  if (b->dims[trans_b] != g->k) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inner lengths %lld and %lld are not equal", (long long)g->k,
                     (long long)b->dims[trans_b]);
  }
  g->a_row = trans_a ? 1 : a->dims[1];
  g->a_column = trans_a ? a->dims[1] : 1;
  g->b_row = trans_b ? 1 : b->dims[1];
  g->b_column = trans_b ? b->dims[1] : 1;
  g->alpha = pare_node_float(call->node, "alpha", 1.0f);
  g->beta = pare_node_float(call->node, "beta", 1.0f);
  g->has_c = pare_call_has(call, 2);
  if (!g->has_c) return PARE_OK;
  const pare_shape *c = &call->in[2]->shape;
  const int64_t rows = c->rank == 2 ? c->dims[0] : 1, columns = c->rank >= 1 ? c->dims[c->rank - 1] : 1;
  if (c->rank > 2 || (rows != 1 && rows != g->m) || (columns != 1 && columns != g->n)) {
    char text[128];
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input C %s does not broadcast to [%lld,%lld]",
                     pare_shape_text(c, text, sizeof text), (long long)g->m, (long long)g->n);
  }
  g->c_row = rows == 1 ? 0 : columns;
  g->c_column = columns == 1 ? 0 : 1;
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  for (int i = 0; i < 3; i++)
    if (i < 2 || pare_call_has(call, i)) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  PARE_TRY(pare_op_attr_type(call, "transA", PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "transB", PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "alpha", PARE_ATTR_FLOAT));
  PARE_TRY(pare_op_attr_type(call, "beta", PARE_ATTR_FLOAT));
  gemm g;
  PARE_TRY(read_gemm(call, &g));
  const pare_shape y = PARE_SHAPE(g.m, g.n);
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

static pare_status prepare(pare_call *call) {
  gemm *g = pare_arena_alloc(call->arena, sizeof *g);
  if (!g) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_gemm(call, g));
  call->state = g;
  size_t forward, backward_a, backward_b, scaled = 0;
  PARE_TRY(pare_product_bytes(call->ctx, g->k, g->n, &forward));
  if (call->in_is_const[1] && call->in[1]->data && !call->training) {
    const pare_product product = {.m = g->m,
                                  .n = g->n,
                                  .k = g->k,
                                  .b = pare_f32(call->in[1]),
                                  .b_row = g->b_row,
                                  .b_column = g->b_column};
    const pare_sparse_forms *sparse = pare_sparse_forms_here();
    if (sparse && g->a_column == 1) PARE_TRY(sparse->product_plan(call, &product, &g->sparse));
    if (g->sparse) return PARE_OK;
    g->packed = pare_arena_alloc(call->arena, forward);
    if (!g->packed) return PARE_OUT_OF_MEMORY;
    pare_f32_pack_b(pare_f32(call->in[1]), g->b_row, g->b_column, g->k, g->n, g->packed);
    return PARE_OK;
  }
  call->scratch_bytes = forward;
  if (!call->training) return PARE_OK;
  /* the packed operand is dY or its transpose, A', or B'^T, whatever the transposes ask for */
  PARE_TRY(pare_product_bytes(call->ctx, g->n > g->m ? g->n : g->m, g->k + PARE_F32_NR, &backward_a));
  PARE_TRY(pare_product_bytes(call->ctx, g->n + PARE_F32_NR, g->m + PARE_F32_NR, &backward_b));
  if (backward_a > call->scratch_bytes) call->scratch_bytes = backward_a;
  if (backward_b > call->scratch_bytes) call->scratch_bytes = backward_b;
  if (g->alpha != 1.0f) PARE_TRY(pare_product_bytes(call->ctx, g->m, g->n, &scaled));
  g->scaled = scaled / sizeof(float);
  if (!pare_add_size(call->scratch_bytes, scaled, &call->scratch_bytes)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  }
  return PARE_OK;
}

/* y = clamp(alpha y + beta C) after the bare product. */
static void scale_and_add(const gemm *g, const pare_node *node, const float *c, float *y) {
  for (int64_t i = 0; i < g->m; i++) {
    for (int64_t j = 0; j < g->n; j++, y++) {
      float value = g->alpha * *y;
      if (c) value = value + g->beta * c[i * g->c_row + j * g->c_column];
      value = value < node->clamp_low ? node->clamp_low : value;
      *y = value > node->clamp_high ? node->clamp_high : value;
    }
  }
}

static pare_status run(pare_call *call) {
  const gemm *g = call->state;
  const float *c = g->has_c ? pare_f32(call->in[2]) : NULL, *packed = g->packed;
  if (!packed && !g->sparse) {
    pare_f32_pack_b(pare_f32(call->in[1]), g->b_row, g->b_column, g->k, g->n, call->scratch);
    packed = call->scratch;
  }
  const pare_product product = {.m = g->m,
                                .n = g->n,
                                .k = g->k,
                                .a = pare_f32(call->in[0]),
                                .a_row = g->a_row,
                                .a_column = g->a_column,
                                .c = pare_f32(call->out[0]),
                                .c_row = g->n};
  pare_f32_gemm_args args = pare_product_args(&product, packed);
  const bool plain =
      g->alpha == 1.0f && (!c || (g->beta == 1.0f && g->c_row == 0 && (g->c_column == 1 || g->n == 1)));
  if (plain) {
    args.column_bias = c;
    args.clamp_low = call->node->clamp_low;
    args.clamp_high = call->node->clamp_high;
  }
  if (g->sparse)
    pare_sparse_forms_here()->product_run(call, g->sparse, &args);
  else
    pare_f32_gemm(call->pool, call->numerics, &args);
  if (!plain) scale_and_add(g, call->node, c, args.c);
  return PARE_OK;
}

/* dC += beta dY, summed over what was repeated, rows ascending. */
static void add_bias_gradient(const gemm *g, const float *dy, float *dc) {
  for (int64_t i = 0; i < g->m; i++, dy += g->n) {
    float *to = dc + i * g->c_row;
    if (g->c_column) {
      for (int64_t j = 0; j < g->n; j++) to[j] += g->beta * dy[j];
    } else {
      *to += g->beta * pare_op_sum_f32(dy, g->n);
    }
  }
}

/* dA' = dY B'^T. When A is stored transposed: dA = B' dY^T. */
static void add_a_gradient(const pare_call *call, const gemm *g, const float *dy, float *da, float *packed) {
  const float *b = pare_f32(call->in[1]);
  if (g->a_column == 1 || g->a_row != 1) {
    const pare_product p = {g->m, g->k, g->n, dy, g->n, 1, b, g->b_column, g->b_row, da, g->k, true};
    pare_product_run(call, &p, packed);
  } else {
    const pare_product p = {g->k, g->m, g->n, b, g->b_row, g->b_column, dy, 1, g->n, da, g->m, true};
    pare_product_run(call, &p, packed);
  }
}

/* dB' = A'^T dY. When B is stored transposed: dB = dY^T A'. */
static void add_b_gradient(const pare_call *call, const gemm *g, const float *dy, float *db, float *packed,
                           bool trans_b) {
  const float *a = pare_f32(call->in[0]);
  if (!trans_b) {
    const pare_product p = {g->k, g->n, g->m, a, g->a_column, g->a_row, dy, g->n, 1, db, g->n, true};
    pare_product_run(call, &p, packed);
  } else {
    const pare_product p = {g->n, g->k, g->m, dy, 1, g->n, a, g->a_row, g->a_column, db, g->k, true};
    pare_product_run(call, &p, packed);
  }
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const gemm *g = call->state;
  if (!grad->d_out[0]) return PARE_OK;
  const float *dy = pare_f32(grad->d_out[0]);
  float *packed = (float *)call->scratch + g->scaled;
  if (pare_grad_wants(grad, 2)) add_bias_gradient(g, dy, pare_f32(grad->d_in[2]));
  if (g->alpha != 1.0f) {
    float *scaled = call->scratch;
    for (int64_t i = 0; i < g->m * g->n; i++) scaled[i] = g->alpha * dy[i];
    dy = scaled;
  }
  const bool trans_b = pare_node_int(call->node, "transB", 0) != 0;
  if (pare_grad_wants(grad, 0)) add_a_gradient(call, g, dy, pare_f32(grad->d_in[0]), packed);
  if (pare_grad_wants(grad, 1)) add_b_gradient(call, g, dy, pare_f32(grad->d_in[1]), packed, trans_b);
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const bool trans_a = pare_node_int(call->node, "transA", 0) != 0;
  const uint64_t m = (uint64_t)call->in[0]->shape.dims[trans_a];
  cost->macs = m * (uint64_t)pare_tensor_count(call->in[1]);
  cost->effective_macs = cost->macs;
  if (call->in_is_const[1] && call->in[1]->data) cost->effective_macs = m * pare_op_nonzeros_f32(call->in[1]);
}

/* With constant weights: A's k axis goes with the weights' k axis, the weights' n axis with bias and
 * output. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const int trans_a = pare_node_int(call->node, "transA", 0) != 0,
            trans_b = pare_node_int(call->node, "transB", 0) != 0;
  if (!call->in_is_const[1]) return PARE_OK;
  PARE_TRY(pare_couple_axes(coupler, 0, !trans_a, 1, trans_b));
  if (pare_call_has(call, 2)) {
    const pare_shape *c = &call->in[2]->shape;
    if (c->rank > 0 && c->dims[c->rank - 1] == call->out[0]->shape.dims[1]) {
      PARE_TRY(pare_couple_axes(coupler, 1, !trans_b, 2, c->rank - 1));
    }
  }
  PARE_TRY(pare_couple_axes(coupler, 0, trans_a, PARE_OUT(0), 0));
  return pare_couple_axes(coupler, 1, !trans_b, PARE_OUT(0), 1);
}

const pare_op pare_op_gemm = {
    .name = "Gemm",
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
