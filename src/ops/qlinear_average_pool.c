/* QLinearAveragePool (com.microsoft, opset 1): y = saturate(half_even(mean / y_scale + y_zero_point)), where the mean is of
 * (x - x_zero_point) x_scale over the window, rows first, all in f32 and in the order in which ONNX Runtime computes it. What divides is
 * AveragePool's. Inputs X, x_scale, x_zero_point, y_scale, y_zero_point. */
#include "ops/pool.h"
#include "ops/quantized.h"

enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, X));
  const pare_dtype dtype = call->in[X]->dtype;
  PARE_TRY(pare_op_attr_type(call, "count_include_pad", PARE_ATTR_INT));
  if (pare_node_int(call->node, "channels_last", 0) != 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "channels_last");
  PARE_TRY(pare_q_need_scale(call, X_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, X_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, dtype, 0, true));
  return pare_pool_infer_shape(call);
}

/* Channels are taken in blocks; where they do not lie side by side, one at a time. */
#define BLOCK 64
typedef struct mean {
  const pare_window *w;
  float x_scale, y_scale, zero, low, high;
  int32_t x_zero;
  bool is_signed, include_pad;
  int64_t channels; /* side by side */
} mean;

static void add(const mean *m, const uint8_t *restrict x, int64_t n, float *restrict sum) {
  if (m->is_signed) {
    for (int64_t i = 0; i < n; i++) sum[i] += (float)((int8_t)x[i] - m->x_zero) * m->x_scale;
  } else {
    for (int64_t i = 0; i < n; i++) sum[i] += (float)(x[i] - m->x_zero) * m->x_scale;
  }
}

/* Adding 1.5 * 2^23 rounds half to even: what is between the bounds is small enough. */
static void finish(const mean *m, const float *restrict sum, float divisor, int64_t n, uint8_t *restrict y) {
  const float magic = 12582912.0f;
  for (int64_t i = 0; i < n; i++) {
    float value = divisor > 0.0f ? sum[i] / divisor : 0.0f;
    value = value / m->y_scale + m->zero;
    value = value > m->low ? value : m->low;
    value = value < m->high ? value : m->high;
    y[i] = (uint8_t)(int32_t)((value + magic) - magic);
  }
}

static void run_place(const mean *m, const uint8_t *x, pare_pool_part rows, pare_pool_part columns,
                      uint8_t *y) {
  const int64_t c = m->channels;
  const float divisor = pare_pool_divisor(m->w, m->include_pad, rows, columns);
  for (int64_t first = 0; first < c; first += BLOCK) {
    const int64_t n = c - first < BLOCK ? c - first : BLOCK;
    float sum[BLOCK] = {0};
    for (int64_t k = rows.first; k < rows.end; k++) {
      const uint8_t *row =
          x + ((rows.start + k * m->w->dilation[0]) * m->w->in[1] + columns.start) * c + first;
      for (int64_t j = columns.first; j < columns.end; j++) add(m, row + j * m->w->dilation[1] * c, n, sum);
    }
    finish(m, sum, divisor, n, y + first);
  }
}

static pare_status run(pare_call *call) {
  const pare_tensor *x = call->in[X];
  const pare_window *w = call->state;
  const int32_t zero = pare_q_zero(call, Y_ZERO, 0);
  mean m = {.w = w,
            .x_scale = pare_q_scale(call, X_SCALE, 0),
            .y_scale = pare_q_scale(call, Y_SCALE, 0),
            .zero = (float)zero,
            .x_zero = pare_q_zero(call, X_ZERO, 0),
            .is_signed = x->dtype == PARE_S8,
            .include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0,
            .channels = call->node->channels_last ? x->shape.dims[3] : 1};
  int32_t low, high;
  pare_q_bounds(call->node, x->dtype, m.y_scale, zero, &low, &high);
  m.low = (float)low;
  m.high = (float)high;
  const int64_t images = x->shape.dims[0] * (call->node->channels_last ? 1 : x->shape.dims[1]);
  const uint8_t *from = pare_u8(x);
  uint8_t *y = pare_u8(call->out[0]);
  for (int64_t i = 0; i < images; i++, from += w->in[0] * w->in[1] * m.channels) {
    for (int64_t p = 0; p < w->out[0]; p++) {
      const pare_pool_part rows = pare_pool_part_at(w, 0, p);
      for (int64_t q = 0; q < w->out[1]; q++, y += m.channels)
        run_place(&m, from, rows, pare_pool_part_at(w, 1, q), y);
    }
  }
  return PARE_OK;
}

const pare_op pare_op_qlinear_average_pool = {
    .name = "QLinearAveragePool",
    .domain = "com.microsoft",
    .min_in = 4,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = pare_pool_prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_FOLLOWS,
};
