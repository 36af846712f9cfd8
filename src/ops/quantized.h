/* What the integer operators share: scales and zero points as inputs, and the engine of convolution and of matrix products over
 * kernels/s16_conv and kernels/s16_gemm. */
#ifndef PARE_QUANTIZED_H
#define PARE_QUANTIZED_H

#include "kernels/requant/requant.h"
#include "kernels/s16_conv/s16_conv.h"
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
/* Bounds of y for an 8-bit output: its type's, cut by the node's fused activation. */
void pare_q_bounds(const pare_node *node, pare_dtype dtype, float scale, int32_t zero, int32_t *low,
                   int32_t *high);
/* Elements of an 8-bit tensor that are not `zero`, for costs. */
uint64_t pare_q_nonzeros(const pare_tensor *tensor);

/* ---- matrix products ---------------------------------------------------------------------------------------------- */
/* C[m,n] = sum_k (A[m,k] - zero_a) (B[k,n] - zero_b[n]); B's batch is walked by numpy broadcasting. */
typedef struct pare_q_product {
  int64_t m, n, k;
  int64_t n_batch;                                      /* products; 1 when B is one matrix for all */
  pare_shape batch;                                     /* of the output */
  int64_t a_step[PARE_MAX_RANK], b_step[PARE_MAX_RANK]; /* elements per index of `batch` */
  int64_t a_row, b_row, b_column;
  bool a_signed, b_signed;
  int16_t *packed; /* B when it is a constant matrix */
  int32_t *zeros;  /* [n] of B */
  float *scales;   /* [n] for the operator's use */
} pare_q_product;

/* Where the sums go. */
typedef struct pare_q_sink {
  pare_requant_args requant;   /* acc, n, y and the per-column parts are filled while running */
  int32_t *s32;                /* C [batch,m,n], or */
  float *f32;                  /* (float)(acc + bias) * scale, or */
  void *bytes;                 /* requantized */
  const int32_t *bias;         /* [n] or NULL */
  float clamp_low, clamp_high; /* of f32 */
} pare_q_sink;

/* Sizes of numpy's matmul of in[ia] and in[ib], and the output's shape. BAD_MODEL. */
pare_status pare_q_matmul_shapes(pare_call *call, int ia, int ib, pare_q_product *p, pare_shape *out);
/* After the sizes: memory from the arena, B packed when it and its zero point (in[i_zero_b]) are constant, scratch size. */
pare_status pare_q_product_prepare(pare_call *call, pare_q_product *p, int ib, int i_zero_b);
void pare_q_product_run(const pare_call *call, const pare_q_product *p, const void *a, int32_t zero_a, int ib,
                        int i_zero_b, const pare_q_sink *sink);

#endif
