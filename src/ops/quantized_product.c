/* Integer matrix products in blocks of rows and columns (quantized.h); B is packed once when it is constant. */
#include <math.h>
#include <string.h>

#include "base/parallel.h"
#include "ops/quantized.h"

#define BLOCK_BYTES 32768 /* of rows: the first cache, or most of it */
#define COLUMNS     64    /* blocks of columns are multiples of this */

pare_status pare_q_matmul_shapes(pare_call *call, int ia, int ib, pare_q_product *p, pare_shape *out) {
  pare_shape a = call->in[ia]->shape, b = call->in[ib]->shape;
  if (a.rank < 1 || b.rank < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "a matrix of rank 0");
  const bool a_vector = a.rank == 1, b_vector = b.rank == 1;
  if (a_vector) a = PARE_SHAPE(1, a.dims[0]);
  if (b_vector) b = PARE_SHAPE(b.dims[0], 1);
  *p = (pare_q_product){
      .m = a.dims[a.rank - 2], .k = a.dims[a.rank - 1], .n = b.dims[b.rank - 1], .n_batch = 1};
  if (b.dims[b.rank - 2] != p->k) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inner lengths %lld and %lld are not equal", (long long)p->k,
                     (long long)b.dims[b.rank - 2]);
  }
  pare_shape a_batch = a, b_batch = b;
  a_batch.rank -= 2;
  b_batch.rank -= 2;
  PARE_TRY(pare_op_broadcast(call, &a_batch, &b_batch, &p->batch));
  *out = p->batch;
  if (out->rank + 2 > PARE_MAX_RANK) return pare_fail(call->ctx, PARE_UNSUPPORTED, "rank %d", out->rank + 2);
  if (!a_vector) out->dims[out->rank++] = p->m;
  if (!b_vector) out->dims[out->rank++] = p->n;
  p->b_row = p->n;
  p->b_column = 1;
  if (pare_shape_count(&b_batch) == 1) { /* one matrix: A's batch is more rows */
    p->m *= pare_shape_count(&a_batch);
    p->batch.rank = 0;
    return PARE_OK;
  }
  int64_t a_step = p->m * p->k, b_step = p->k * p->n;
  for (int i = 1; i <= p->batch.rank; i++) {
    const int at = p->batch.rank - i;
    const int64_t in_a = i <= a_batch.rank ? a_batch.dims[a_batch.rank - i] : 1;
    const int64_t in_b = i <= b_batch.rank ? b_batch.dims[b_batch.rank - i] : 1;
    p->a_step[at] = in_a == 1 ? 0 : a_step;
    p->b_step[at] = in_b == 1 ? 0 : b_step;
    a_step *= in_a;
    b_step *= in_b;
  }
  p->n_batch = pare_shape_count(&p->batch);
  return PARE_OK;
}

/* Blocks: all columns of as many rows as the cache holds, and columns apart where there are more threads than such blocks. */
static pare_status choose_blocks(pare_call *call, pare_q_product *p, bool to_f32) {
  const int64_t n_threads = pare_pool_threads(call->pool);
  p->rows = BLOCK_BYTES / (2 * p->matrix.k_whole + 1) / 6 * 6;
  if (p->rows < 12) p->rows = 12;
  if (p->rows > p->m) p->rows = p->m > 0 ? p->m : 1;
  const int64_t blocks = (p->m + p->rows - 1) / p->rows, apart = blocks < n_threads ? n_threads : 1;
  p->columns = pare_q8_round_up((p->n + apart - 1) / apart, COLUMNS);
  if (p->columns < COLUMNS) p->columns = COLUMNS; /* of a matrix without any */
  size_t sums = 0;
  if (!pare_q8_matrix_scratch(&p->matrix, p->rows, &p->a_bytes) ||
      (to_f32 && !pare_mul_size((size_t)p->rows * sizeof(int32_t), (size_t)p->columns, &sums)) ||
      !pare_add_size(p->a_bytes = (p->a_bytes + 63) / 64 * 64, sums, &p->block_bytes) ||
      !pare_mul_size(p->block_bytes, (size_t)n_threads, &call->scratch_bytes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  return PARE_OK;
}

static bool are_const(const pare_call *call, const int *places, int n) {
  for (int i = 0; i < n; i++)
    if (places[i] >= 0 && !pare_q_const(call, places[i])) return false;
  return true;
}

static void pack(const pare_call *call, const pare_q_product *p, const pare_q_places *at, int64_t first) {
  for (int64_t j = 0; j < p->n; j++) p->zeros[j] = pare_q_zero(call, at->b_zero, j);
  pare_q8_matrix_pack(&p->matrix, pare_u8(call->in[at->b]) + first, p->b_row, p->b_column, p->zeros);
}

static void make_sink(const pare_call *call, pare_q_product *p, const pare_q_places *at) {
  const bool has_bias = at->bias >= 0 && pare_call_has(call, at->bias);
  const int32_t *bias = has_bias ? pare_s32(call->in[at->bias]) : NULL;
  pare_q8_matrix_bias(&p->matrix, bias, pare_q_zero(call, at->a_zero, 0));
  if (at->a_scale < 0) return;
  const float a_scale = pare_node_float(call->node, "alpha", 1.0f) * pare_q_scale(call, at->a_scale, 0);
  for (int64_t j = 0; j < p->n; j++) p->scale[j] = a_scale * pare_q_scale(call, at->b_scale, j);
  p->sink.scale = p->scale;
  if (call->out[0]->dtype == PARE_F32) return;
  const float y_scale = pare_q_scale(call, at->y_scale, 0);
  p->sink.bounded = true;
  for (int64_t j = 0; j < p->n; j++) {
    p->scale[j] /= y_scale;
    p->sink.bounded &= pare_q_is_bounded(p->k, bias ? bias[j] : 0, p->scale[j]);
  }
  pare_q_sink_bounds(call, at->y_zero, y_scale, &p->sink);
}

/* B's zero points are known, and 0, or 128 for u8. */
static bool has_plain_weights(const pare_call *call, const pare_q_product *p, const pare_q_places *at) {
  if (!pare_q_const(call, at->b_zero)) return false;
  const int32_t plain = p->matrix.b_signed ? 0 : 128;
  for (int64_t j = 0; j < p->n; j++)
    if (pare_q_zero(call, at->b_zero, j) != plain) return false;
  return true;
}

pare_status pare_q_product_prepare(pare_call *call, pare_q_product *p, const pare_q_places *at) {
  p->matrix = (pare_q8_matrix){.k = p->k,
                               .n = p->n,
                               .a_signed = call->in[at->a]->dtype == PARE_S8,
                               .b_signed = call->in[at->b]->dtype == PARE_S8};
  PARE_TRY(pare_q8_matrix_plan(&p->matrix, p->m, has_plain_weights(call, p, at), call->arena));
  PARE_TRY(choose_blocks(call, p, call->out[0]->dtype == PARE_F32));
  p->zeros = pare_arena_array(call->arena, (size_t)p->n, sizeof *p->zeros);
  p->scale = pare_arena_array(call->arena, (size_t)p->matrix.n_whole, sizeof *p->scale);
  if (!p->zeros || !p->scale) return PARE_OUT_OF_MEMORY;
  call->state = p;
  const int weights[2] = {at->b, at->b_zero};
  const int others[6] = {at->a_scale, at->b_scale, at->a_zero, at->bias, at->y_scale, at->y_zero};
  p->weights_ready = p->n_batch == 1 && are_const(call, weights, 2);
  if (p->weights_ready) pack(call, p, at, 0);
  p->sink_ready = p->weights_ready && are_const(call, others, 6);
  if (p->sink_ready) make_sink(call, p, at);
  return PARE_OK;
}

typedef struct work {
  const pare_call *call;
  const pare_q_product *p;
  const uint8_t *a;
  int32_t zero_a;
  int64_t first_out; /* of this product in the output */
  int64_t n_column_blocks;
} work;

static void to_f32(const pare_node *node, const int32_t *sums, const float *scale, int64_t n, float *y) {
  for (int64_t i = 0; i < n; i++) y[i] = (float)sums[i] * scale[i];
  if (node->clamp_low == -INFINITY && node->clamp_high == INFINITY) return;
  for (int64_t i = 0; i < n; i++) {
    y[i] = y[i] < node->clamp_low ? node->clamp_low : y[i];
    y[i] = y[i] > node->clamp_high ? node->clamp_high : y[i];
  }
}

static void run_block(void *arg, int64_t index, int i_thread) {
  const work *all = arg;
  const pare_q_product *p = all->p;
  const pare_tensor *out = all->call->out[0];
  const int64_t row = index / all->n_column_blocks * p->rows,
                column = index % all->n_column_blocks * p->columns;
  const int64_t rows = p->m - row < p->rows ? p->m - row : p->rows,
                n = p->n - column < p->columns ? p->n - column : p->columns;
  uint8_t *scratch = (uint8_t *)all->call->scratch + (size_t)i_thread * p->block_bytes;
  pare_q8_sink sink = p->sink;
  const int64_t at = all->first_out + row * p->n + column;
  sink.row = p->n;
  if (out->dtype == PARE_F32) {
    sink.sums = (int32_t *)(void *)(scratch + p->a_bytes);
    sink.row = n;
  } else if (out->dtype == PARE_S32) {
    sink.sums = pare_s32(out) + at;
  } else {
    sink.y = pare_u8(out) + at;
  }
  pare_q8_matrix_run(&p->matrix, all->a + row * p->k, all->zero_a, rows, column, column + n, &sink, scratch);
  for (int64_t i = 0; i < rows && out->dtype == PARE_F32; i++)
    to_f32(all->call->node, sink.sums + i * n, p->scale + column, n, pare_f32(out) + at + i * p->n);
}

/* Offsets of product `i` in A and B. */
static void batch_offsets(const pare_q_product *p, int64_t i, int64_t *a, int64_t *b) {
  *a = *b = 0;
  for (int d = p->batch.rank - 1; d >= 0; d--) {
    *a += i % p->batch.dims[d] * p->a_step[d];
    *b += i % p->batch.dims[d] * p->b_step[d];
    i /= p->batch.dims[d];
  }
}

pare_status pare_q_product_run(pare_call *call, pare_q_product *p, const pare_q_places *at) {
  work all = {.call = call,
              .p = p,
              .zero_a = pare_q_zero(call, at->a_zero, 0),
              .n_column_blocks = (p->n + p->columns - 1) / p->columns};
  for (int64_t i = 0; i < p->n_batch; i++) {
    int64_t at_a = 0, at_b = 0;
    if (p->n_batch > 1) batch_offsets(p, i, &at_a, &at_b);
    if (!p->weights_ready) pack(call, p, at, at_b);
    if (!p->sink_ready) make_sink(call, p, at);
    all.a = pare_u8(call->in[at->a]) + at_a;
    all.first_out = i * p->m * p->n;
    pare_parallel_for(call->pool, (p->m + p->rows - 1) / p->rows * all.n_column_blocks, run_block, &all);
  }
  return PARE_OK;
}
