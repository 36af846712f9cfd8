/* Integer matrix products in blocks of rows and columns (quantized.h): activations are the rows, widened a block at a time; B is packed once
 * when it is constant. */
#include <string.h>

#include "ops/quantized.h"

#define ROWS    16
#define COLUMNS 128

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
  p->a_row = p->k;
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

static size_t round16(size_t n) {
  return (n + 15) / 16 * 16;
}

static size_t rows_bytes(const pare_q_product *p) {
  return round16((size_t)(ROWS * 2 * pare_s16_pairs(p->k)) * sizeof(int16_t));
}

static size_t thread_bytes(const pare_q_product *p) {
  return rows_bytes(p) + ROWS * COLUMNS * sizeof(int32_t);
}

static void read_zeros(const pare_call *call, const pare_q_product *p, int i_zero_b) {
  for (int64_t j = 0; j < p->n; j++) p->zeros[j] = pare_q_zero(call, i_zero_b, j);
}

pare_status pare_q_product_prepare(pare_call *call, pare_q_product *p, int ib, int i_zero_b) {
  if (p->k > PARE_S16_MAX_K) {
    return pare_fail(call->ctx, PARE_UNSUPPORTED,
                     "sums of %lld products may overflow 32 bits (at most %d are there)", (long long)p->k,
                     PARE_S16_MAX_K);
  }
  size_t packed;
  if (p->n > INT32_MAX || !pare_s16_pack_bytes(p->k, p->n, &packed))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  p->zeros = pare_arena_array(call->arena, (size_t)p->n, sizeof *p->zeros);
  p->scales = pare_arena_array(call->arena, (size_t)p->n, sizeof *p->scales);
  if (!p->zeros || !p->scales) return PARE_OUT_OF_MEMORY;
  call->scratch_bytes = thread_bytes(p) * (size_t)pare_pool_threads(call->pool);
  if (p->n_batch == 1 && pare_q_const(call, ib) && pare_q_const(call, i_zero_b)) {
    p->packed = pare_arena_alloc(call->arena, packed);
    if (!p->packed) return PARE_OUT_OF_MEMORY;
    read_zeros(call, p, i_zero_b);
    pare_s16_pack_b(call->in[ib]->data, p->b_signed, p->b_row, p->b_column, p->zeros, 0, p->k, p->n,
                    p->packed);
  } else if (!pare_add_size(call->scratch_bytes, round16(packed), &call->scratch_bytes)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the matrices are too large");
  }
  return PARE_OK;
}

typedef struct work {
  const pare_q_product *p;
  const pare_q_sink *sink;
  const uint8_t *a;
  int32_t zero_a;
  const int16_t *b;
  int64_t first_out; /* of this product in the output */
  int64_t n_column_blocks;
  uint8_t *scratch;
  pare_s16_gemm_fn gemm;
  void (*requantize)(const pare_requant_args *args);
} work;

static void clamp_f32(const pare_q_sink *sink, float *y, int64_t n) {
  if (sink->clamp_low == -__builtin_inff() && sink->clamp_high == __builtin_inff()) return;
  for (int64_t i = 0; i < n; i++) {
    y[i] = y[i] < sink->clamp_low ? sink->clamp_low : y[i];
    y[i] = y[i] > sink->clamp_high ? sink->clamp_high : y[i];
  }
}

/* Columns [column, column + n) of one row of sums. */
static void store_row(const work *all, const int32_t *acc, int64_t row, int64_t column, int64_t n) {
  const pare_q_sink *sink = all->sink;
  const int64_t at = all->first_out + row * all->p->n + column;
  if (sink->s32) {
    memcpy(sink->s32 + at, acc, (size_t)n * sizeof *acc);
    return;
  }
  pare_requant_args args = sink->requant;
  args.acc = acc;
  args.n = n;
  args.biases = sink->bias ? sink->bias + column : NULL;
  if (args.scales) args.scales += column;
  if (sink->f32) {
    pare_requant_to_f32(&args, sink->f32 + at);
    clamp_f32(sink, sink->f32 + at, n);
  } else {
    args.y = (uint8_t *)sink->bytes + at;
    all->requantize(&args);
  }
}

static void run_block(void *arg, int64_t index, int i_thread) {
  const work *all = arg;
  const pare_q_product *p = all->p;
  const int64_t row = index / all->n_column_blocks * ROWS, column = index % all->n_column_blocks * COLUMNS;
  const int64_t rows = p->m - row < ROWS ? p->m - row : ROWS,
                n = p->n - column < COLUMNS ? p->n - column : COLUMNS;
  uint8_t *mine = all->scratch + (size_t)i_thread * thread_bytes(p);
  int16_t *a = (int16_t *)(void *)mine;
  int32_t *acc = (int32_t *)(void *)(mine + rows_bytes(p));
  pare_s16_pack_a(all->a + row * p->a_row, p->a_signed, p->a_row, NULL, all->zero_a, rows, p->k, a);
  const int64_t pairs = pare_s16_pairs(p->k);
  const pare_s16_gemm_args args = {.m = rows,
                                   .n_panels = pare_s16_panels(n),
                                   .k_pairs = pairs,
                                   .a = a,
                                   .a_row = 2 * pairs,
                                   .b = all->b + column * 2 * pairs,
                                   .c = acc,
                                   .c_row = COLUMNS};
  all->gemm(&args);
  for (int64_t i = 0; i < rows; i++) store_row(all, acc + i * COLUMNS, row + i, column, n);
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

void pare_q_product_run(const pare_call *call, const pare_q_product *p, const void *a, int32_t zero_a, int ib,
                        int i_zero_b, const pare_q_sink *sink) {
  uint8_t *scratch = call->scratch;
  int16_t *packed = p->packed;
  if (!packed) {
    packed = (int16_t *)(void *)scratch;
    scratch += round16((size_t)pare_s16_pack_len(p->k, p->n) * sizeof(int16_t));
    read_zeros(call, p, i_zero_b);
  }
  work all = {.p = p,
              .sink = sink,
              .zero_a = zero_a,
              .b = packed,
              .n_column_blocks = (p->n + COLUMNS - 1) / COLUMNS,
              .scratch = scratch,
              .gemm = pare_s16_gemm_select()->run,
              .requantize = pare_requant_select()->requantize};
  for (int64_t i = 0; i < p->n_batch; i++) {
    int64_t at_a = 0, at_b = 0;
    if (p->n_batch > 1) batch_offsets(p, i, &at_a, &at_b);
    if (!p->packed) {
      pare_s16_pack_b((const uint8_t *)call->in[ib]->data + at_b, p->b_signed, p->b_row, p->b_column,
                      p->zeros, 0, p->k, p->n, packed);
    }
    all.a = (const uint8_t *)a + at_a;
    all.first_out = i * p->m * p->n;
    pare_parallel_for(call->pool, (p->m + ROWS - 1) / ROWS * all.n_column_blocks, run_block, &all);
  }
}
