/* Scales and zero points of the integer operators (quantized.h). */
#include "ops/quantized.h"

#include <math.h>

pare_status pare_q_need_8bit(pare_call *call, int i) {
  static const pare_dtype dtypes[] = {PARE_U8, PARE_S8, PARE_NONE};
  return pare_op_need_dtype(call, i, dtypes);
}

static pare_status need_count(pare_call *call, int i, int64_t n, const char *what) {
  const int64_t count = pare_tensor_count(call->in[i]);
  if (count == 1 || (n > 0 && count == n && call->in[i]->shape.rank <= 1)) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "%s (input %d) has %lld elements, expected 1%s", what, i,
                   (long long)count, n > 1 ? " or one per channel" : "");
}

pare_status pare_q_need_scale(pare_call *call, int i, int64_t n) {
  static const pare_dtype dtypes[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, dtypes));
  return need_count(call, i, n, "the scale");
}

pare_status pare_q_need_zero(pare_call *call, int i, pare_dtype dtype, int64_t n, bool optional) {
  if (!pare_call_has(call, i) && optional) return PARE_OK;
  PARE_TRY(pare_op_need(call, i));
  if (call->in[i]->dtype != dtype) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the zero point (input %d) is %s, its tensor %s", i,
                     pare_dtype_name(call->in[i]->dtype), pare_dtype_name(dtype));
  }
  return need_count(call, i, n, "the zero point");
}

/* half_even(bound / scale) + zero, kept inside [low, high]; scale > 0, and rounding is monotonic, so that clamping integers by it is the
 * same as clamping what they stand for. */
static int32_t quantized_bound(float bound, float scale, int32_t zero, int32_t low, int32_t high) {
  const float value = nearbyintf(bound / scale) + (float)zero;
  if (!(value > (float)low)) return low;
  return value < (float)high ? (int32_t)value : high;
}

void pare_q_bounds(const pare_node *node, pare_dtype dtype, float scale, int32_t zero, int32_t *low,
                   int32_t *high) {
  *low = dtype == PARE_S8 ? -128 : 0;
  *high = dtype == PARE_S8 ? 127 : 255;
  const int32_t least = *low, most = *high;
  if (node->clamp_low > -INFINITY) *low = quantized_bound(node->clamp_low, scale, zero, least, most);
  if (node->clamp_high < INFINITY) *high = quantized_bound(node->clamp_high, scale, zero, least, most);
  if (*high < *low) *high = *low;
}

void pare_q_sink_bounds(const pare_call *call, int i_zero, float scale, pare_q8_sink *sink) {
  int32_t low, high;
  sink->zero_point = pare_q_zero(call, i_zero, 0);
  sink->is_signed = call->in[i_zero]->dtype == PARE_S8;
  pare_q_bounds(call->node, call->in[i_zero]->dtype, scale, sink->zero_point, &low, &high);
  sink->low = (float)(low - sink->zero_point);
  sink->high = (float)(high - sink->zero_point);
}

bool pare_q_is_bounded(int64_t k, int32_t bias, float scale) {
  const double sum = (double)k * 255 * 255 + fabs((double)bias), most = -(double)INT32_MIN; /* it wraps */
  return fabs((double)scale) * (sum < most ? sum : most) < PARE_Q8_BOUND;
}

void *pare_q_aligned(pare_call *call, size_t bytes) {
  if (!pare_add_size(bytes, PARE_Q8_ALIGN, &bytes)) return NULL;
  uint8_t *memory = pare_arena_alloc(call->arena, bytes);
  if (!memory) return NULL;
  return memory + (PARE_Q8_ALIGN - (uintptr_t)memory % PARE_Q8_ALIGN) % PARE_Q8_ALIGN;
}

uint64_t pare_q_nonzeros(const pare_tensor *tensor) {
  const int64_t n = pare_tensor_count(tensor);
  const uint8_t *x = pare_u8(tensor);
  uint64_t count = 0;
  for (int64_t i = 0; i < n; i++) count += x[i] != 0;
  return count;
}
