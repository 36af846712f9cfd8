/* RandomNormal, RandomUniform, their ...Like forms (ONNX opset 1), Bernoulli (15), Multinomial (7); see random.h for the seed. */
#include "ops/random.h"

#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/wide.h"

void pare_random_start(const pare_call *call, pare_mt19937 *mt) {
  const pare_attr *attr = pare_node_attr(call->node, "seed");
  uint32_t seed = 0x811c9dc5u; /* FNV-1a of the name */
  for (const char *c = call->node->name; *c; c++) seed = (seed ^ (uint8_t)*c) * 0x01000193u;
  if (attr && attr->type == PARE_ATTR_INT) seed = (uint32_t)attr->i;
  if (attr && attr->type == PARE_ATTR_FLOAT) memcpy(&seed, &attr->f, sizeof seed);
  pare_mt19937_seed(mt, seed);
}

double pare_random_f64(pare_mt19937 *mt) {
  const uint32_t high = pare_mt19937_u32(mt) >> 5, low = pare_mt19937_u32(mt) >> 6;
  return ((double)high * 67108864.0 + (double)low) * 0x1p-53;
}

/* ---- RandomNormal, RandomUniform ----------------------------------------------------------------------- */
static pare_status set_out(pare_call *call, pare_dtype fallback, const pare_shape *shape) {
  const int64_t dtype = pare_node_int(call->node, "dtype", (int64_t)fallback);
  static const char *const floats[] = {"mean", "scale", "low", "high"};
  for (int i = 0; i < 4; i++) PARE_TRY(pare_op_attr_type(call, floats[i], PARE_ATTR_FLOAT));
  if (dtype != PARE_F32 && dtype != PARE_F64 && dtype != PARE_F16 && dtype != PARE_BF16)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "random numbers of type %lld", (long long)dtype);
  return pare_op_set_out(call, 0, (pare_dtype)dtype, shape);
}

static pare_status infer_shaped(pare_call *call) {
  size_t n = 0;
  const int64_t *dims = pare_node_ints(call->node, "shape", &n);
  if (!pare_node_attr(call->node, "shape") || n > PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'shape' has %zu axes", n);
  const pare_shape shape = pare_shape_of(dims, (int)n);
  return set_out(call, PARE_F32, &shape);
}

static pare_status infer_like(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  return set_out(call, call->in[0]->dtype, &call->in[0]->shape);
}

static pare_status run_uniform(pare_call *call) {
  const double low = (double)pare_node_float(call->node, "low", 0.0f),
               high = (double)pare_node_float(call->node, "high", 1.0f);
  pare_mt19937 mt;
  pare_random_start(call, &mt);
  const int64_t n = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n; i++)
    pare_tensor_set_f64(call->out[0], i, low + (high - low) * pare_random_f64(&mt));
  return PARE_OK;
}

/* Box and Muller 1958. */
static pare_status run_normal(pare_call *call) {
  const double mean = (double)pare_node_float(call->node, "mean", 0.0f),
               scale = (double)pare_node_float(call->node, "scale", 1.0f);
  pare_mt19937 mt;
  pare_random_start(call, &mt);
  const int64_t n = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < n; i++) {
    const double radius = sqrt(-2.0 * pare_log(1.0 - pare_random_f64(&mt)));
    const double angle = 6.28318530717958647693 * pare_random_f64(&mt);
    pare_tensor_set_f64(call->out[0], i, mean + scale * (radius * pare_cos(angle)));
  }
  return PARE_OK;
}

/* ---- Bernoulli: 1 with probability x ------------------------------------------------------------------- */
static pare_status infer_bernoulli(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  const int64_t dtype = pare_node_int(call->node, "dtype", (int64_t)call->in[0]->dtype);
  if (!pare_dtype_known(dtype) || pare_dtype_size((pare_dtype)dtype) == 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "type %lld", (long long)dtype);
  return pare_op_set_out(call, 0, (pare_dtype)dtype, &call->in[0]->shape);
}

static pare_status run_bernoulli(pare_call *call) {
  pare_mt19937 mt;
  pare_random_start(call, &mt);
  const int64_t n = pare_tensor_count(call->in[0]);
  for (int64_t i = 0; i < n; i++)
    pare_tensor_set_f64(call->out[0], i, pare_random_f64(&mt) < pare_tensor_get_f64(call->in[0], i));
  return PARE_OK;
}

/* ---- Multinomial: classes drawn from unnormalised log probabilities [batch, class] ---------------------- */
static pare_status infer_multinomial(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  const pare_shape *x = &call->in[0]->shape;
  const int64_t n = pare_node_int(call->node, "sample_size", 1),
                dtype = pare_node_int(call->node, "dtype", PARE_S32);
  if (x->rank != 2 || x->dims[1] < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "the input is no matrix");
  if (n < 0 || (dtype != PARE_S32 && dtype != PARE_S64))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%lld samples of type %lld", (long long)n, (long long)dtype);
  const pare_shape out = PARE_SHAPE(x->dims[0], n);
  return pare_op_set_out(call, 0, (pare_dtype)dtype, &out);
}

static double weight_of(const pare_tensor *x, int64_t at, double high) {
  return pare_exp(pare_tensor_get_f64(x, at) - high);
}

static pare_status run_multinomial(pare_call *call) {
  const int64_t n_classes = call->in[0]->shape.dims[1], n = call->out[0]->shape.dims[1];
  pare_mt19937 mt;
  pare_random_start(call, &mt);
  for (int64_t b = 0; b < call->in[0]->shape.dims[0]; b++) {
    double high = -(double)INFINITY, total = 0;
    for (int64_t c = 0; c < n_classes; c++) {
      const double x = pare_tensor_get_f64(call->in[0], b * n_classes + c);
      high = x > high ? x : high;
    }
    for (int64_t c = 0; c < n_classes; c++) total += weight_of(call->in[0], b * n_classes + c, high);
    for (int64_t i = 0; i < n; i++) {
      double left = pare_random_f64(&mt) * total;
      int64_t c = 0;
      for (; c < n_classes - 1; c++) {
        left -= weight_of(call->in[0], b * n_classes + c, high);
        if (left < 0) break;
      }
      pare_wide_set_s64(call->out[0], b * n + i, c);
    }
  }
  return PARE_OK;
}

#define RANDOM(variable, onnx_name, n_in, infer_, run_)                                                      \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = (n_in),                                                                                      \
      .max_in = (n_in),                                                                                      \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = (infer_),                                                                                     \
      .run = (run_),                                                                                         \
      .random = true,                                                                                        \
      .no_gradient = "nothing leads back through a random number",                                           \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
RANDOM(bernoulli, "Bernoulli", 1, infer_bernoulli, run_bernoulli)
RANDOM(multinomial, "Multinomial", 1, infer_multinomial, run_multinomial)
RANDOM(random_normal, "RandomNormal", 0, infer_shaped, run_normal)
RANDOM(random_normal_like, "RandomNormalLike", 1, infer_like, run_normal)
RANDOM(random_uniform, "RandomUniform", 0, infer_shaped, run_uniform)
RANDOM(random_uniform_like, "RandomUniformLike", 1, infer_like, run_uniform)
