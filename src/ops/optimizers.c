/* Adagrad, Adam, Momentum as graph operators (ai.onnx.preview.training, opset 1): one step of n parameters. Inputs: the rate R, the
 * step count T, then n tensors each of X, its gradient G, and the optimizer's state; outputs: n each of the new X and the new
 * state. Everything in f64, rounded once. */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/wide.h"

typedef struct step {
  double rate, alpha, beta, epsilon, norm, norm_post;
  int64_t t;
  bool nesterov;
} step;

/* What changes one number: x and its one or two states. */
typedef void (*update_fn)(const step *s, double g, double *x, double *state);

static void adagrad(const step *s, double g, double *x, double *state) {
  state[0] += g * g;
  *x -= s->rate * g / (sqrt(state[0]) + s->epsilon);
}

static void adam(const step *s, double g, double *x, double *state) {
  state[0] = s->alpha * state[0] + (1.0 - s->alpha) * g;
  state[1] = s->beta * state[1] + (1.0 - s->beta) * g * g;
  *x -= s->rate * state[0] / (sqrt(state[1]) + s->epsilon);
}

static void momentum(const step *s, double g, double *x, double *state) {
  state[0] = s->alpha * state[0] + s->beta * g;
  *x -= s->rate * (s->nesterov ? g + s->alpha * state[0] : state[0]);
}

typedef struct optimizer {
  update_fn update;
  int n_states;
} optimizer;

static const optimizer *optimizer_of(const pare_call *call) {
  return (const optimizer *)call->node->op->family;
}

/* How many parameters: 0 when the inputs do not come out even. */
static int n_parameters(const pare_call *call) {
  const int each = 2 + optimizer_of(call)->n_states;
  return call->n_in > 2 && (call->n_in - 2) % each == 0 ? (call->n_in - 2) / each : 0;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype s64_only[] = {PARE_S64, PARE_NONE};
  static const char *const floats[] = {
      "alpha", "beta", "epsilon", "decay_factor", "norm_coefficient", "norm_coefficient_post"};
  const int n = n_parameters(call), n_states = optimizer_of(call)->n_states;
  if (n == 0 || call->n_out != n * (1 + n_states))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%d inputs and %d outputs do not come out even", call->n_in,
                     call->n_out);
  for (size_t i = 0; i < PARE_COUNT(floats); i++)
    PARE_TRY(pare_op_attr_type(call, floats[i], PARE_ATTR_FLOAT));
  PARE_TRY(pare_wide_need_float(call, 0));
  PARE_TRY(pare_op_need_dtype(call, 1, s64_only));
  if (pare_tensor_count(call->in[0]) != 1 || pare_tensor_count(call->in[1]) != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the rate and the step count are not one number each");
  for (int i = 2; i < call->n_in; i++) {
    PARE_TRY(pare_wide_need_float(call, i));
    if (!pare_shape_equal(&call->in[i]->shape, &call->in[2 + (i - 2) % n]->shape))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has another shape than its parameter", i);
  }
  for (int i = 0; i < call->n_out; i++) {
    const int from = i < n ? 2 + i : 2 + n + i; /* states come behind the gradients */
    PARE_TRY(pare_op_set_out(call, i, call->in[from]->dtype, &call->in[from]->shape));
  }
  return PARE_OK;
}

static step step_of(const pare_call *call) {
  const pare_node *node = call->node;
  step s = {.rate = pare_tensor_get_f64(call->in[0], 0),
            .t = pare_s64(call->in[1])[0],
            .alpha = (double)pare_node_float(node, "alpha", 0.9f),
            .beta = (double)pare_node_float(node, "beta", 0.999f),
            .epsilon = (double)pare_node_float(node, "epsilon", 1e-6f),
            .norm = (double)pare_node_float(node, "norm_coefficient", 0.0f),
            .norm_post = (double)pare_node_float(node, "norm_coefficient_post", 0.0f),
            .nesterov = strcmp(pare_node_string(node, "mode", ""), "nesterov") == 0};
  const double t = (double)s.t;
  const update_fn update = optimizer_of(call)->update;
  if (update == adagrad) s.rate /= 1.0 + t * (double)pare_node_float(node, "decay_factor", 0.0f);
  if (update == adam && s.t > 0) s.rate *= sqrt(1.0 - pare_pow(s.beta, t)) / (1.0 - pare_pow(s.alpha, t));
  if (update == momentum && s.t == 0) s.beta = 1.0;
  return s;
}

static void update_parameter(const pare_call *call, const step *s, int n, int i) {
  const optimizer *op = optimizer_of(call);
  const int64_t count = pare_tensor_count(call->in[2 + i]);
  for (int64_t k = 0; k < count; k++) {
    double x = pare_tensor_get_f64(call->in[2 + i], k), state[2] = {0};
    const double g = s->norm * x + pare_tensor_get_f64(call->in[2 + n + i], k);
    for (int j = 0; j < op->n_states; j++) state[j] = pare_tensor_get_f64(call->in[2 + (2 + j) * n + i], k);
    op->update(s, g, &x, state);
    if (call->out[i]) pare_tensor_set_f64(call->out[i], k, (1.0 - s->norm_post) * x);
    for (int j = 0; j < op->n_states; j++)
      if (call->out[(1 + j) * n + i]) pare_tensor_set_f64(call->out[(1 + j) * n + i], k, state[j]);
  }
}

static pare_status run(pare_call *call) {
  const step s = step_of(call);
  const int n = n_parameters(call);
  for (int i = 0; i < n; i++) update_parameter(call, &s, n, i);
  return PARE_OK;
}

#define OPTIMIZER(variable, onnx_name, n_states_)                                                            \
  static const optimizer variable##_facts = {variable, n_states_};                                           \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "ai.onnx.preview.training",                                                                  \
      .min_in = 3,                                                                                           \
      .max_in = -1,                                                                                          \
      .min_out = 1,                                                                                          \
      .max_out = -1,                                                                                         \
      .infer = infer,                                                                                        \
      .run = run,                                                                                            \
      .no_gradient = "an optimizer's step comes after the gradients",                                        \
      .quant = PARE_QUANT_NONE,                                                                              \
      .family = &variable##_facts,                                                                           \
  };
OPTIMIZER(adagrad, "Adagrad", 1)
OPTIMIZER(adam, "Adam", 2)
OPTIMIZER(momentum, "Momentum", 1)
