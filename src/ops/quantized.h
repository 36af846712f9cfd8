/* What the integer operators share: scales and zero points as inputs, and the engine of matrix products over kernels/q8_gemm. */
#ifndef PARE_QUANTIZED_H
#define PARE_QUANTIZED_H

#include "kernels/q8_conv/q8_conv.h"
#include "kernels/q8_gemm/q8_matrix.h"
#include "kernels/requant/requant.h"
#include "ops/op_util.h"

static inline bool pare_q_is_8bit(const pare_tensor *tensor) {
  return tensor->dtype == PARE_U8 || tensor->dtype == PARE_S8;
}
/* in[i] is there and is u8 or s8. UNSUPPORTED. */
pare_status pare_q_need_8bit(pare_call *call, int i);
/* in[i] is an f32 with one element, or with `n` (n > 0). BAD_MODEL. */
pare_status pare_q_need_scale(pare_call *call, int i, int64_t n);
/* The same for a zero point of in[i_like]'s type; may be left out when `optional`. */
pare_status pare_q_need_zero(pare_call *call, int i, pare_dtype dtype, int64_t n, bool optional);

static inline float pare_q_scale(const pare_call *call, int i, int64_t at) {
  const pare_tensor *t = call->in[i];
  return pare_f32(t)[pare_tensor_count(t) == 1 ? 0 : at];
}
/* 0 when left out */
static inline int32_t pare_q_zero(const pare_call *call, int i, int64_t at) {
  if (!pare_call_has(call, i)) return 0;
  const pare_tensor *t = call->in[i];
  const int64_t k = pare_tensor_count(t) == 1 ? 0 : at;
  return t->dtype == PARE_S8   ? pare_s8(t)[k]
         : t->dtype == PARE_U8 ? pare_u8(t)[k]
                               : (int32_t)pare_tensor_get_s64(t, k);
}
static inline bool pare_q_const(const pare_call *call, int i) {
  return !pare_call_has(call, i) || (call->in_is_const[i] && call->in[i]->data != NULL);
}
/* QLinearAdd and QLinearMul: types and shapes. Inputs A, A_scale, A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point. */
pare_status pare_q_binary_infer(pare_call *call);
/* Bounds of y for an 8-bit output: its type's, cut by the node's fused activation. */
void pare_q_bounds(const pare_node *node, pare_dtype dtype, float scale, int32_t zero, int32_t *low,
                   int32_t *high);
/* The same for a kernel's sink, with in[i_zero] the output's zero point. */
void pare_q_sink_bounds(const pare_call *call, int i_zero, float scale, pare_q8_sink *sink);
/* Whether a sum of k products and a bias, scaled, stays within PARE_Q8_BOUND, whatever the numbers are. */
bool pare_q_is_bounded(int64_t k, int32_t bias, float scale);
/* Memory from the arena, aligned to PARE_Q8_ALIGN; NULL. */
void *pare_q_aligned(pare_call *call, size_t bytes);
/* Elements of an 8-bit tensor that are not `zero`, for costs. */
uint64_t pare_q_nonzeros(const pare_tensor *tensor);

/* ---- matrix products ---------------------------------------------------------------------------------------------- */
/* C[m,n] = sum_k (A[m,k] - zero_a) (B[k,n] - zero_b[n]); B's batch is walked by numpy broadcasting. */
typedef struct pare_q_product {
  int64_t m, n, k;
  int64_t n_batch;                                      /* products; 1 when B is one matrix for all */
  pare_shape batch;                                     /* of the output */
  int64_t a_step[PARE_MAX_RANK], b_step[PARE_MAX_RANK]; /* elements per index of `batch` */
  int64_t b_row, b_column;
  bool weights_ready, sink_ready; /* made when planning, as all that they need is constant */
  pare_q8_matrix matrix;
  int32_t *zeros;        /* [n] of B */
  float *scale;          /* [n] */
  int64_t rows, columns; /* of a block of work */
  size_t a_bytes,
      block_bytes;   /* scratch: rows in the kernel's format; with sums that become f32, of one thread */
  pare_q8_sink sink; /* without the output */
} pare_q_product;

/* Sizes of numpy's matmul of in[ia] and in[ib], and the output's shape. BAD_MODEL. */
pare_status pare_q_matmul_shapes(pare_call *call, int ia, int ib, pare_q_product *p, pare_shape *out);
/* Which inputs are what; -1: not there. The output's type says where the sums go: s32 as they are; f32: (float)(acc + bias) * scale; 8 bits:
 * requantized. scale = alpha a_scale b_scale[n], divided by y_scale where there is one. */
typedef struct pare_q_places {
  int a, b, a_scale, b_scale, a_zero, b_zero, bias, y_scale, y_zero;
} pare_q_places;

/* After the sizes: memory from the arena, whatever is constant made ready, scratch size. */
pare_status pare_q_product_prepare(pare_call *call, pare_q_product *p, const pare_q_places *at);
pare_status pare_q_product_run(pare_call *call, pare_q_product *p, const pare_q_places *at);

#endif
