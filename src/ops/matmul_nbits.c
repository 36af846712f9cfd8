/* MatMulNBits (com.microsoft, opset 1): y = a [.., k] times a matrix of 4- or 8-bit blocks (nbits.h), plus a bias. The blocks stay as they are: a few
 * columns at a time are unpacked into scratch, (q - zero) * scale, and multiplied in f32, so that the result is MatMul's of the unpacked matrix. Not
 * there: g_idx, zero points that are floats. */
#include <math.h>

#include "ops/nbits.h"
#include "ops/op_util.h"
#include "ops/product.h"

enum { IN_A, IN_B, IN_SCALES, IN_ZEROS, IN_G_IDX, IN_BIAS };
#define MOST_SIZE     ((int64_t)1 << 30)
#define COLUMN_FLOATS 65536 /* unpacked at once, about */

bool pare_nbits_read(const pare_node *node, pare_nbits *out) {
  *out = (pare_nbits){.k = pare_node_int(node, "K", 0),
                      .n = pare_node_int(node, "N", 0),
                      .block = pare_node_int(node, "block_size", 0),
                      .bits = (int)pare_node_int(node, "bits", 4)};
  const bool power_of_two = out->block >= 16 && (out->block & (out->block - 1)) == 0;
  if (out->k < 1 || out->n < 1 || out->k > MOST_SIZE || out->n > MOST_SIZE || !power_of_two ||
      out->block > MOST_SIZE || (out->bits != 4 && out->bits != 8))
    return false;
  out->n_blocks = (out->k + out->block - 1) / out->block;
  return true;
}

uint64_t pare_nbits_nonzeros(const pare_nbits *w) {
  uint64_t n = 0;
  for (int64_t j = 0; j < w->n; j++)
    for (int64_t i = 0; i < w->k; i++) n += pare_nbits_at(w, i, j) != pare_nbits_zero(w, i / w->block, j);
  return n;
}

static pare_status need_count(pare_call *call, int i, pare_dtype dtype, int64_t count) {
  const pare_dtype dtypes[] = {dtype, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, dtypes));
  if (pare_tensor_count(call->in[i]) == count) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has %lld elements, not %lld", i,
                   (long long)pare_tensor_count(call->in[i]), (long long)count);
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  pare_nbits w;
  if (!pare_nbits_read(call->node, &w))
    return pare_fail(call->ctx, PARE_UNSUPPORTED,
                     "it needs K, N, 4 or 8 bits, and a block_size of 16, 32, 64, ...");
  PARE_TRY(pare_op_need_dtype(call, IN_A, f32_only));
  pare_shape y = call->in[IN_A]->shape;
  if (y.rank < 1 || y.dims[y.rank - 1] != w.k)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the last axis of A is not K");
  PARE_TRY(need_count(call, IN_B, PARE_U8, w.n * w.n_blocks * pare_nbits_blob(&w)));
  PARE_TRY(need_count(call, IN_SCALES, PARE_F32, w.n * w.n_blocks));
  if (pare_call_has(call, IN_ZEROS))
    PARE_TRY(need_count(call, IN_ZEROS, PARE_U8, w.n * pare_nbits_zero_row(&w)));
  if (pare_call_has(call, IN_G_IDX)) return pare_fail(call->ctx, PARE_UNSUPPORTED, "g_idx");
  if (pare_call_has(call, IN_BIAS)) PARE_TRY(need_count(call, IN_BIAS, PARE_F32, w.n));
  y.dims[y.rank - 1] = w.n;
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

typedef struct nbits_state {
  pare_nbits w;
  int64_t columns; /* unpacked at once */
  size_t unpacked; /* floats */
} nbits_state;

static pare_status prepare(pare_call *call) {
  nbits_state *s = pare_arena_alloc(call->arena, sizeof *s);
  if (!s) return PARE_OUT_OF_MEMORY;
  pare_nbits_read(call->node, &s->w);
  s->columns = COLUMN_FLOATS / s->w.k;
  if (s->columns < 16) s->columns = 16;
  if (s->columns > s->w.n) s->columns = s->w.n;
  s->unpacked = (size_t)(s->columns * s->w.k);
  call->state = s;
  size_t packed_bytes;
  PARE_TRY(pare_product_bytes(call->ctx, s->w.k, s->columns, &packed_bytes));
  call->scratch_bytes = s->unpacked * sizeof(float) + packed_bytes;
  return PARE_OK;
}

/* Columns [from, from + n) as rows of k floats. */
static void unpack(const pare_nbits *w, int64_t from, int64_t n, float *out) {
  for (int64_t j = 0; j < n; j++) {
    for (int64_t i_block = 0; i_block < w->n_blocks; i_block++) {
      const int64_t first = i_block * w->block;
      const int64_t end = first + w->block < w->k ? first + w->block : w->k;
      const float scale = w->scales[(from + j) * w->n_blocks + i_block];
      const int zero = pare_nbits_zero(w, i_block, from + j);
      for (int64_t i = first; i < end; i++)
        out[j * w->k + i] = (float)(pare_nbits_at(w, i, from + j) - zero) * scale;
    }
  }
}

static void add_bias(float *y, const float *bias, int64_t rows, int64_t n) {
  for (int64_t i = 0; i < rows; i++)
    for (int64_t j = 0; j < n; j++) y[i * n + j] += bias[j];
}

static pare_status run(pare_call *call) {
  const nbits_state *s = call->state;
  pare_nbits w = s->w;
  w.b = pare_u8(call->in[IN_B]);
  w.scales = pare_f32(call->in[IN_SCALES]);
  w.zeros = pare_call_has(call, IN_ZEROS) ? pare_u8(call->in[IN_ZEROS]) : NULL;
  float *columns = call->scratch, *y = pare_f32(call->out[0]);
  const int64_t rows = pare_tensor_count(call->in[IN_A]) / w.k;
  for (int64_t from = 0; from < w.n; from += s->columns) {
    const int64_t n = w.n - from < s->columns ? w.n - from : s->columns;
    unpack(&w, from, n, columns);
    const pare_product p = {.m = rows,
                            .n = n,
                            .k = w.k,
                            .a = pare_f32(call->in[IN_A]),
                            .a_row = w.k,
                            .a_column = 1,
                            .b = columns,
                            .b_row = 1,
                            .b_column = w.k,
                            .c = y + from,
                            .c_row = w.n};
    pare_product_run(call, &p, columns + s->unpacked);
  }
  if (pare_call_has(call, IN_BIAS)) add_bias(y, pare_f32(call->in[IN_BIAS]), rows, w.n);
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  pare_nbits w;
  if (!pare_nbits_read(call->node, &w)) return;
  cost->macs = cost->effective_macs = (uint64_t)pare_tensor_count(call->out[0]) * (uint64_t)w.k;
}

const pare_op pare_op_matmul_nbits = {
    .name = "MatMulNBits",
    .domain = "com.microsoft",
    .min_in = 3,
    .max_in = 6,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .cost = cost,
};
