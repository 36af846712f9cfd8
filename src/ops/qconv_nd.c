/* Integer convolution in any number of dimensions (qconv_nd.h): a block of output positions at a time, unfolded through
 * a table of places as in conv_nd.c, then one row of sums per filter. */
#include "ops/qconv_nd.h"

#include "ops/conv_nd.h"

#define BLOCK 256

typedef struct qconv {
  int i_w;
  pare_window_nd w;
  int64_t n, c, o, groups, kernel, k, in_plane, out_plane;
} qconv;

static pare_status read_qconv(pare_call *call, int i_w, qconv *q) {
  const pare_shape *x = &call->in[0]->shape, *w = &call->in[i_w]->shape;
  *q = (qconv){.i_w = i_w, .n = x->dims[0], .c = x->dims[1], .o = w->dims[0]};
  q->groups = pare_node_int(call->node, "group", 1);
  PARE_TRY(pare_window_read_nd(call, x, w->dims + 2, false, &q->w));
  q->kernel = pare_shape_count_range(w, 2, w->rank);
  q->k = pare_shape_count_range(w, 1, w->rank);
  q->in_plane = pare_shape_count_range(x, 2, x->rank);
  q->out_plane = 1;
  for (int d = 0; d < q->w.n; d++)
    if (__builtin_mul_overflow(q->out_plane, q->w.out[d], &q->out_plane))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the images are too large");
  if (q->in_plane > INT32_MAX || q->k > PARE_Q8_MAX_K)
    return pare_fail(call->ctx, PARE_UNSUPPORTED,
                     "images of more than 2^31 elements, or sums of more than %d", PARE_Q8_MAX_K);
  return PARE_OK;
}

pare_status pare_qconv_nd_infer(pare_call *call, int i_w, pare_dtype dtype) {
  qconv q;
  PARE_TRY(read_qconv(call, i_w, &q));
  const pare_shape y = pare_window_out_shape_nd(&call->in[0]->shape, q.o, &q.w);
  return pare_op_set_out(call, 0, dtype, &y);
}

/* Scratch: sums [BLOCK], places [kernel][BLOCK], columns [k][BLOCK]. */
pare_status pare_qconv_nd_prepare(pare_call *call, int i_w) {
  qconv *q = pare_arena_alloc(call->arena, sizeof *q);
  if (!q) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_qconv(call, i_w, q));
  call->state = q;
  call->scratch_bytes = BLOCK * ((size_t)(1 + q->kernel) * sizeof(int32_t) + (size_t)q->k * sizeof(int16_t));
  return PARE_OK;
}

static int32_t element(const pare_tensor *t, int64_t i) {
  return t->dtype == PARE_S8 ? pare_s8(t)[i] : pare_u8(t)[i];
}

/* columns [k][m] of one group of one image, less the zero point; padding is zero. */
static void unfold(const qconv *q, const pare_tensor *x, int64_t first, int32_t zero, const int32_t *places,
                   int64_t m, int16_t *columns) {
  for (int64_t c = 0; c < q->k / q->kernel; c++, first += q->in_plane)
    for (int64_t i = 0; i < q->kernel * m; i++)
      *columns++ = (int16_t)(places[i] < 0 ? 0 : element(x, first + places[i]) - zero);
}

static void sum_filter(const qconv *q, const pare_call *call, int64_t o, int32_t zero, const int16_t *columns,
                       int64_t m, int32_t *acc) {
  memset(acc, 0, (size_t)m * sizeof *acc);
  for (int64_t k = 0; k < q->k; k++, columns += m) {
    const int32_t weight = element(call->in[q->i_w], o * q->k + k) - zero;
    for (int64_t j = 0; j < m; j++) acc[j] += weight * columns[j];
  }
}

/* m sums of filter o to output element `at`. */
static void store(const qconv *q, const pare_call *call, int64_t o, int64_t at, const int32_t *acc,
                  int64_t m) {
  if (q->i_w == 1) {
    memcpy(pare_s32(call->out[0]) + at, acc, (size_t)m * sizeof *acc);
    return;
  }
  const float y_scale = pare_q_scale(call, 6, 0);
  pare_requant_args args = {.acc = acc,
                            .n = m,
                            .scale = pare_q_scale(call, 1, 0) * pare_q_scale(call, 4, o) / y_scale,
                            .bias = pare_call_has(call, 8) ? pare_s32(call->in[8])[o] : 0,
                            .zero_point = pare_q_zero(call, 7, 0),
                            .is_signed = call->in[7]->dtype == PARE_S8,
                            .y = pare_u8(call->out[0]) + at};
  pare_q_bounds(call->node, call->in[7]->dtype, y_scale, args.zero_point, &args.low, &args.high);
  pare_requant_select()->requantize(&args);
}

pare_status pare_qconv_nd_run(pare_call *call) {
  const qconv *q = call->state;
  const int64_t og = q->o / q->groups, cg = q->c / q->groups;
  const int i_w_zero = q->i_w == 3 ? 5 : 3;
  int32_t *acc = call->scratch, *places = acc + BLOCK;
  int16_t *columns = (int16_t *)(places + BLOCK * q->kernel);
  for (int64_t first = 0; first < q->out_plane; first += BLOCK) {
    const int64_t m = q->out_plane - first < BLOCK ? q->out_plane - first : BLOCK;
    pare_conv_nd_places(&q->w, q->kernel, first, m, places);
    for (int64_t i = 0; i < q->n * q->groups; i++) {
      unfold(q, call->in[0], i * cg * q->in_plane, pare_q_zero(call, 2, 0), places, m, columns);
      for (int64_t k = 0; k < og; k++) {
        const int64_t o = i % q->groups * og + k;
        sum_filter(q, call, o, pare_q_zero(call, i_w_zero, o), columns, m, acc);
        store(q, call, o, (i * og + k) * q->out_plane + first, acc, m);
      }
    }
  }
  return PARE_OK;
}
