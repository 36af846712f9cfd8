/* NegativeLogLikelihoodLoss: loss = -weight[t] x[n, t, ...] of the target t of each place (ONNX opset 13), and
 * SoftmaxCrossEntropyLoss: the same of x = log softmax(scores) over axis 1, which is output 1 (opset 13). A target equal to
 * ignore_index counts nothing. reduction: none, sum, or mean, which divides by the weights that counted. Sums in f64. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/wide.h"

static bool from_scores(const pare_call *call) {
  return pare_node_is(call->node, "SoftmaxCrossEntropyLoss");
}

static const char *reduction_of(const pare_call *call) {
  return pare_node_string(call->node, "reduction", "mean");
}

static bool reduces(const pare_call *call) {
  return strcmp(reduction_of(call), "none") != 0;
}

static pare_status check_target(pare_call *call) {
  static const pare_dtype ints[] = {PARE_S32, PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 1, ints));
  const pare_shape *x = &call->in[0]->shape, *target = &call->in[1]->shape;
  bool same = x->rank >= 2 && target->rank == x->rank - 1 && target->dims[0] == x->dims[0];
  for (int i = 2; same && i < x->rank; i++) same = target->dims[i - 1] == x->dims[i];
  return same ? PARE_OK : pare_fail(call->ctx, PARE_BAD_MODEL, "the target has another shape than the input");
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  PARE_TRY(check_target(call));
  const pare_shape *x = &call->in[0]->shape;
  if (pare_call_has(call, 2)) {
    PARE_TRY(pare_wide_need_same(call, 2));
    if (pare_tensor_count(call->in[2]) != x->dims[1])
      return pare_fail(call->ctx, PARE_BAD_MODEL, "there is not one weight per class");
  }
  const char *how = reduction_of(call);
  if (reduces(call) && strcmp(how, "mean") != 0 && strcmp(how, "sum") != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "reduction '%s' is not known", how);
  const pare_shape scalar = {.rank = 0};
  PARE_TRY(pare_op_set_out(call, 0, call->in[0]->dtype, reduces(call) ? &scalar : &call->in[1]->shape));
  return pare_op_set_out(call, 1, call->in[0]->dtype, x);
}

/* [N, C, plane] */
typedef struct sizes {
  int64_t n, c, plane;
} sizes;

static sizes sizes_of(const pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  return (sizes){x->dims[0], x->dims[1], pare_shape_count_range(x, 2, x->rank)};
}

/* log(sum of exp(x - high)) + high over the classes of the place at `at`. */
static double log_sum(const pare_tensor *x, const sizes *s, int64_t at) {
  double high = -(double)INFINITY, sum = 0;
  for (int64_t c = 0; c < s->c; c++) {
    const double value = pare_tensor_get_f64(x, at + c * s->plane);
    high = value > high ? value : high;
  }
  for (int64_t c = 0; c < s->c; c++) sum += pare_exp(pare_tensor_get_f64(x, at + c * s->plane) - high);
  return pare_log(sum) + high;
}

static void write_log_softmax(const pare_call *call, const sizes *s, int64_t at, double total) {
  if (call->n_out < 2 || !call->out[1]) return;
  for (int64_t c = 0; c < s->c; c++) {
    const int64_t k = at + c * s->plane;
    pare_tensor_set_f64(call->out[1], k, pare_tensor_get_f64(call->in[0], k) - total);
  }
}

static pare_status run(pare_call *call) {
  const sizes s = sizes_of(call);
  const pare_attr *ignored = pare_node_attr(call->node, "ignore_index");
  double sum = 0, weights = 0;
  for (int64_t i = 0; i < s.n * s.plane; i++) {
    const int64_t at = i / s.plane * s.c * s.plane + i % s.plane;
    const int64_t target = pare_tensor_get_s64(call->in[1], i);
    const double total = from_scores(call) ? log_sum(call->in[0], &s, at) : 0.0;
    write_log_softmax(call, &s, at, total);
    double loss = 0;
    if (!ignored || ignored->type != PARE_ATTR_INT || target != ignored->i) {
      if (target < 0 || target >= s.c)
        return pare_fail(call->ctx, PARE_BAD_DATA, "target %lld of %lld classes", (long long)target,
                         (long long)s.c);
      const double weight = pare_call_has(call, 2) ? pare_tensor_get_f64(call->in[2], target) : 1.0;
      loss = -weight * (pare_tensor_get_f64(call->in[0], at + target * s.plane) - total);
      weights += weight;
    }
    sum += loss;
    if (call->out[0] && !reduces(call)) pare_tensor_set_f64(call->out[0], i, loss);
  }
  if (call->out[0] && reduces(call))
    pare_tensor_set_f64(call->out[0], 0, strcmp(reduction_of(call), "mean") == 0 ? sum / weights : sum);
  return PARE_OK;
}

#define LOSS(variable, onnx_name, max_out_)                                                                  \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = 2,                                                                                           \
      .max_in = 3,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = (max_out_),                                                                                 \
      .infer = infer,                                                                                        \
      .run = run,                                                                                            \
      .no_gradient = "training takes the loss from its own list, not from the graph",                        \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
LOSS(negative_log_likelihood_loss, "NegativeLogLikelihoodLoss", 1)
LOSS(softmax_cross_entropy_loss, "SoftmaxCrossEntropyLoss", 2)
