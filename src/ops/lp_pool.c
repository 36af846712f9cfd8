/* LpPool: Y[p] = (sum over the window of |x|^p)^(1/p), padding counting as zero (ONNX LpPool, opset 18), and
 * GlobalLpPool, the same over the whole image. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/pool_nd.h"

static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};

static pare_status check_p(pare_call *call) {
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  PARE_TRY(pare_op_attr_type(call, "p", PARE_ATTR_INT));
  if (pare_node_int(call->node, "p", 2) >= 1) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "p is %lld, at least 1 is expected",
                   (long long)pare_node_int(call->node, "p", 2));
}

static float power_of(float x, int64_t p) {
  const float size = fabsf(x);
  return p == 1 ? size : p == 2 ? x * x : size > 0.0f ? (float)pare_pow((double)size, (double)p) : size;
}

static float root_of(float sum, int64_t p) {
  if (p == 1 || !(sum > 0.0f)) return sum;
  return p == 2 ? sqrtf(sum) : (float)pare_pow((double)sum, 1.0 / (double)p);
}

static pare_status infer(pare_call *call) {
  PARE_TRY(check_p(call));
  return pare_pool_nd_infer(call);
}

static pare_status run(pare_call *call) {
  const pare_pool_nd *pool = call->state;
  const int64_t p_norm = pare_node_int(call->node, "p", 2);
  pare_pool_places places;
  pare_pool_nd_start(call, &places);
  for (int64_t p = 0; p < pool->out_plane; p++, pare_pool_nd_next(pool, &places)) {
    for (int64_t i = 0; i < pool->images * pool->channels; i++) {
      const float *x = pare_f32(call->in[0]) + i * pool->in_plane;
      float sum = 0.0f;
      for (int64_t k = 0; k < places.n; k++) sum += power_of(x[places.at[k]], p_norm);
      pare_f32(call->out[0])[i * pool->out_plane + p] = root_of(sum, p_norm);
    }
  }
  return PARE_OK;
}

static pare_status infer_global(pare_call *call) {
  PARE_TRY(check_p(call));
  return pare_pool_infer_global(call);
}

static pare_status run_global(pare_call *call) {
  const int64_t p = pare_node_int(call->node, "p", 2), n = pare_tensor_count(call->out[0]);
  const int64_t plane = pare_shape_count_range(&call->in[0]->shape, 2, call->in[0]->shape.rank);
  const float *x = pare_f32(call->in[0]);
  for (int64_t i = 0; i < n; i++, x += plane) {
    float sum = 0.0f;
    for (int64_t k = 0; k < plane; k++) sum += power_of(x[k], p);
    pare_f32(call->out[0])[i] = root_of(sum, p);
  }
  return PARE_OK;
}

const pare_op pare_op_lp_pool = {
    .name = "LpPool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = pare_pool_nd_prepare,
    .run = run,
    .no_gradient = "no network trains through it",
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_NONE,
};

const pare_op pare_op_global_lp_pool = {
    .name = "GlobalLpPool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_global,
    .run = run_global,
    .no_gradient = "no network trains through it",
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_NONE,
};
