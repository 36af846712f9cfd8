/* MatMul: numpy's matmul (ONNX MatMul, opset 13): the last two axes are multiplied, those before
 * broadcast; a vector on the left is a row, on the right a column, and the added axis is taken off again.
 * When B is one matrix, all rows of A go into one product; a constant B is packed once. Integers wrap around and
 * have a plain loop: no network multiplies large matrices of them here (MatMulInteger has kernels). */
#include "ops/op_util.h"
#include "ops/product.h"
#include "ops/sparse_forms.h"
#include "ops/wide.h"

typedef struct matmul {
  int64_t m, n, k;
  int n_batch_dims;
  int64_t batch[PARE_MAX_RANK], a_step[PARE_MAX_RANK],
      b_step[PARE_MAX_RANK];   /* per batch axis, in elements; 0: repeated */
  int64_t n_batches, n_b;      /* products, and matrices in B */
  size_t packed_len;           /* floats of one packed matrix of B */
  float *packed;               /* [n_b] when B is constant */
  pare_sparse_product *sparse; /* instead, when B is one matrix with many zeros */
} matmul;

/* Shape with the vector made a matrix. */
static pare_shape as_matrix(const pare_shape *shape, bool left) {
  if (shape->rank != 1) return *shape;
  return left ? PARE_SHAPE(1, shape->dims[0]) : PARE_SHAPE(shape->dims[0], 1);
}

static pare_shape batch_shape(const pare_shape *matrix) {
  pare_shape shape = *matrix;
  shape.rank = matrix->rank - 2;
  return shape;
}

static void steps_of(const pare_shape *matrix, const pare_shape *batch, int64_t *step) {
  int64_t size = matrix->dims[matrix->rank - 1] * matrix->dims[matrix->rank - 2];
  for (int i = 1; i <= batch->rank; i++) {
    const int64_t d = i <= matrix->rank - 2 ? matrix->dims[matrix->rank - 2 - i] : 1;
    step[batch->rank - i] = d == 1 ? 0 : size;
    size *= d;
  }
}

static pare_status read_matmul(pare_call *call, matmul *s, pare_shape *y) {
  const pare_shape *a0 = &call->in[0]->shape, *b0 = &call->in[1]->shape;
  if (a0->rank < 1 || b0->rank < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "a scalar input");
  const pare_shape a = as_matrix(a0, true), b = as_matrix(b0, false), a_batch = batch_shape(&a),
                   b_batch = batch_shape(&b);
  *s = (matmul){.m = a.dims[a.rank - 2], .n = b.dims[b.rank - 1], .k = a.dims[a.rank - 1]};
  if (b.dims[b.rank - 2] != s->k) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inner lengths %lld and %lld are not equal", (long long)s->k,
                     (long long)b.dims[b.rank - 2]);
  }
  pare_shape batch;
  PARE_TRY(pare_op_broadcast(call, &a_batch, &b_batch, &batch));
  *y = batch;
  if (a0->rank > 1) y->dims[y->rank++] = s->m;
  if (b0->rank > 1) y->dims[y->rank++] = s->n;
  s->n_b = pare_shape_count(&b_batch);
  if (b.rank == 2) { /* one product with all rows of A */
    for (int i = 0; i < batch.rank; i++) {
      if (__builtin_mul_overflow(s->m, batch.dims[i], &s->m))
        return pare_fail(call->ctx, PARE_BAD_MODEL, "input A is too large");
    }
    s->n_batches = 1;
    return PARE_OK;
  }
  s->n_batch_dims = batch.rank;
  s->n_batches = 1;
  for (int i = 0; i < batch.rank; i++) {
    s->batch[i] = batch.dims[i];
    if (__builtin_mul_overflow(s->n_batches, batch.dims[i], &s->n_batches)) {
      return pare_fail(call->ctx, PARE_BAD_MODEL, "too many matrices");
    }
  }
  steps_of(&a, &batch, s->a_step);
  steps_of(&b, &batch, s->b_step);
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype types[] = {PARE_F32, PARE_S32, PARE_S64, PARE_U32, PARE_U64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, types));
  const pare_dtype same[] = {call->in[0]->dtype, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 1, same));
  matmul s;
  pare_shape y;
  PARE_TRY(read_matmul(call, &s, &y));
  return pare_op_set_out(call, 0, call->in[0]->dtype, &y);
}

static pare_status prepare(pare_call *call) {
  matmul *s = pare_arena_alloc(call->arena, sizeof *s);
  pare_shape y;
  if (!s) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_matmul(call, s, &y));
  call->state = s;
  if (call->in[0]->dtype != PARE_F32) return PARE_OK;
  size_t one, other;
  PARE_TRY(pare_product_bytes(call->ctx, s->k, s->n, &one));
  s->packed_len = one / sizeof(float);
  if (call->in_is_const[1] && call->in[1]->data && !call->training) {
    const pare_product product = {
        .m = s->m, .n = s->n, .k = s->k, .b = pare_f32(call->in[1]), .b_row = s->n, .b_column = 1};
    const pare_sparse_forms *sparse = pare_sparse_forms_here();
    if (sparse && s->n_batches == 1 && s->n_b == 1)
      PARE_TRY(sparse->product_plan(call, &product, &s->sparse));
    if (s->sparse) return PARE_OK;
    s->packed = pare_arena_array(call->arena, (size_t)s->n_b, one);
    if (!s->packed) return PARE_OUT_OF_MEMORY;
    for (int64_t i = 0; i < s->n_b; i++) {
      pare_f32_pack_b(pare_f32(call->in[1]) + i * s->k * s->n, s->n, 1, s->k, s->n,
                      s->packed + (size_t)i * s->packed_len);
    }
    return PARE_OK;
  }
  call->scratch_bytes = one;
  if (!call->training) return PARE_OK;
  PARE_TRY(pare_product_bytes(call->ctx, s->n, s->k, &other)); /* B^T */
  if (other > call->scratch_bytes) call->scratch_bytes = other;
  PARE_TRY(pare_product_bytes(call->ctx, s->m, s->n, &other)); /* dY */
  if (other > call->scratch_bytes) call->scratch_bytes = other;
  return PARE_OK;
}

/* Where product i reads A and B. */
static void place_of(const matmul *s, int64_t i, int64_t *a, int64_t *b) {
  *a = *b = 0;
  for (int d = s->n_batch_dims - 1; d >= 0; d--) {
    *a += i % s->batch[d] * s->a_step[d];
    *b += i % s->batch[d] * s->b_step[d];
    i /= s->batch[d];
  }
}

/* C[m,n] from element c on = A[m,k] from a on times B[k,n] from b on; the low bits are the same for both signs. */
static void product_of_integers(pare_call *call, const matmul *s, int64_t a, int64_t b, int64_t c) {
  for (int64_t i = 0; i < s->m; i++)
    for (int64_t j = 0; j < s->n; j++) {
      uint64_t sum = 0;
      for (int64_t l = 0; l < s->k; l++)
        sum += (uint64_t)pare_tensor_get_s64(call->in[0], a + i * s->k + l) *
               (uint64_t)pare_tensor_get_s64(call->in[1], b + l * s->n + j);
      pare_wide_set_s64(call->out[0], c + i * s->n + j, (int64_t)sum);
    }
}

static pare_status run(pare_call *call) {
  const matmul *s = call->state;
  for (int64_t i = 0; i < s->n_batches; i++) {
    int64_t a, b;
    place_of(s, i, &a, &b);
    if (call->in[0]->dtype != PARE_F32) {
      product_of_integers(call, s, a, b, i * s->m * s->n);
      continue;
    }
    const pare_product p = {.m = s->m,
                            .n = s->n,
                            .k = s->k,
                            .a = pare_f32(call->in[0]) + a,
                            .a_row = s->k,
                            .a_column = 1,
                            .b = pare_f32(call->in[1]) + b,
                            .b_row = s->n,
                            .b_column = 1,
                            .c = pare_f32(call->out[0]) + i * s->m * s->n,
                            .c_row = s->n};
    if (s->sparse) {
      const pare_f32_gemm_args args = pare_product_args(&p, NULL);
      pare_sparse_forms_here()->product_run(call, s->sparse, &args);
      continue;
    }
    if (!s->packed) {
      pare_product_run(call, &p, call->scratch);
      continue;
    }
    const int64_t size = s->k * s->n;
    const pare_f32_gemm_args args =
        pare_product_args(&p, s->packed + (size_t)(size > 0 ? b / size : 0) * s->packed_len);
    pare_f32_gemm(call->pool, call->numerics, &args);
  }
  return PARE_OK;
}

/* dA += dY B^T, dB += A^T dY; where an input is repeated its gradients add up, products ascending. */
static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const matmul *s = call->state;
  if (!grad->d_out[0]) return PARE_OK;
  for (int64_t i = 0; i < s->n_batches; i++) {
    int64_t a, b;
    place_of(s, i, &a, &b);
    const float *dy = pare_f32(grad->d_out[0]) + i * s->m * s->n;
    if (pare_grad_wants(grad, 0)) {
      const pare_product p = {
          s->m, s->k, s->n, dy, s->n, 1, pare_f32(call->in[1]) + b, 1, s->n, pare_f32(grad->d_in[0]) + a,
          s->k, true};
      pare_product_run(call, &p, call->scratch);
    }
    if (pare_grad_wants(grad, 1)) {
      const pare_product p = {s->k, s->n, s->m, pare_f32(call->in[0]) + a,   1,    s->k,
                              dy,   s->n, 1,    pare_f32(grad->d_in[1]) + b, s->n, true};
      pare_product_run(call, &p, call->scratch);
    }
  }
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *a = &call->in[0]->shape, *b = &call->in[1]->shape;
  const uint64_t outputs = (uint64_t)pare_tensor_count(call->out[0]), k = (uint64_t)a->dims[a->rank - 1];
  cost->macs = outputs * k;
  cost->effective_macs = cost->macs;
  if (!call->in_is_const[1] || !call->in[1]->data || call->in[1]->dtype != PARE_F32) return;
  const uint64_t size = (uint64_t)pare_shape_count(b); /* every weight works equally often */
  if (size) cost->effective_macs = cost->macs / size * pare_op_nonzeros_f32(call->in[1]);
}

/* With one constant matrix: A's last axis goes with its rows, its columns with the output's last axis. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *a = &call->in[0]->shape, *b = &call->in[1]->shape, *y = &call->out[0]->shape;
  if (!call->in_is_const[1] || b->rank != 2 || a->rank < 2) return PARE_OK;
  PARE_TRY(pare_couple_axes(coupler, 0, a->rank - 1, 1, 0));
  for (int i = 0; i < a->rank - 1; i++) PARE_TRY(pare_couple_axes(coupler, 0, i, PARE_OUT(0), i));
  return pare_couple_axes(coupler, 1, 1, PARE_OUT(0), y->rank - 1);
}

const pare_op pare_op_matmul = {
    .name = "MatMul",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
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
