/* The pass `init`: fresh weights, as torch.nn initialises its layers by default.
 *   Conv, Linear   weight: kaiming_uniform with a = sqrt(5), which is U(-b, b), b = 1 / sqrt(fan_in);
 *                  bias: the same b
 *                  (He et al. 2015; torch.nn.Linear.reset_parameters)
 *   LSTM           everything U(-1 / sqrt(hidden), 1 / sqrt(hidden))
 *   BatchNorm      scale 1, bias 0, mean 0, variance 1
 * A MatMul with a constant side followed by Add counts as Linear. Other tables and scales keep their
 * values. Draws come from one stream, in the order of nodes and inputs, so a seed gives the same weights
 * in every build. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"
#include "compress/layers.h"
#include "train/parameters.h"

typedef struct init_params {
  pare_layer_choice choice;
} init_params;

/* Inputs that each unit of weight `w` adds up; 0 when that is not known. */
static double fan_in(const pare_node *node, int i_input, const pare_shape *w) {
  if (pare_node_is(node, "Conv")) return w->rank >= 2 ? (double)pare_shape_count_range(w, 1, w->rank) : 0;
  if (w->rank < 1) return 0;
  if (pare_node_is(node, "Gemm")) {
    return (double)(pare_node_int(node, "transB", 0) ? w->dims[w->rank - 1] : w->dims[0]);
  }
  if (i_input == 0) return (double)w->dims[w->rank - 1];
  return (double)(w->rank >= 2 ? w->dims[w->rank - 2] : w->dims[0]);
}

/* The bound for an Add's constant: that of the MatMul in front of it, 0 when there is none. */
static double bound_after_matmul(const pare_model *model, const pare_node *add, int i_input) {
  int other = add->inputs[1 - i_input];
  int i_producer = other >= 0 ? model->values[other].i_producer : -1;
  if (i_producer < 0 || !pare_node_is(&model->nodes[i_producer], "MatMul")) return 0;
  const pare_node *product = &model->nodes[i_producer];
  for (int i = 0; i < 2; i++) {
    const pare_tensor *weight = pare_model_const_input(model, product, i);
    double fan = weight != NULL ? fan_in(product, i, &weight->shape) : 0;
    if (fan > 0) return 1 / sqrt(fan);
  }
  return 0;
}

/* Half the width of the interval for a weight or bias; 0: leave it as it is. */
static double bound_of(const pare_model *model, const pare_node *node, int i_input) {
  if (pare_node_is(node, "LSTM")) {
    const pare_tensor *recurrent = pare_model_const_input(model, node, 2);
    int64_t fallback = recurrent != NULL && recurrent->shape.rank == 3 ? recurrent->shape.dims[2] : 0;
    int64_t hidden = pare_node_int(node, "hidden_size", fallback);
    return hidden > 0 ? 1 / sqrt((double)hidden) : 0;
  }
  if (pare_node_is(node, "Add")) return bound_after_matmul(model, node, i_input);
  int i_weight = pare_node_is(node, "MatMul") ? i_input : 1;
  const pare_tensor *weight = pare_model_const_input(model, node, i_weight);
  double fan = weight != NULL ? fan_in(node, i_weight, &weight->shape) : 0;
  return fan > 0 ? 1 / sqrt(fan) : 0;
}

static void fill_uniform(pare_tensor *tensor, double bound, pare_rng *rng) {
  float *w = pare_f32(tensor);
  int64_t n = pare_tensor_count(tensor);
  for (int64_t i = 0; i < n; i++) w[i] = (float)bound * (2.0f * pare_rng_f32(rng) - 1.0f);
}

static void fill(pare_tensor *tensor, float value) {
  float *w = pare_f32(tensor);
  int64_t n = pare_tensor_count(tensor);
  for (int64_t i = 0; i < n; i++) w[i] = value;
}

/* Input `i_input` of a node; *done grows by the values that were drawn or set. */
static pare_status init_input(pare_model *model, const pare_node *node, int i_input, pare_rng *rng,
                              int64_t *done) {
  pare_role role = pare_parameter_role(model, node, i_input);
  bool norm = pare_node_is(node, "BatchNormalization");
  double bound = 0;
  if (i_input >= node->n_inputs || pare_parameter_value(model, node, i_input) != node->inputs[i_input])
    return PARE_OK;
  if (role == PARE_ROLE_NONE || role == PARE_ROLE_TABLE || (role == PARE_ROLE_SCALE && !norm)) return PARE_OK;
  if (!norm) {
    bound = bound_of(model, node, i_input);
    if (bound <= 0) return PARE_OK;
  }
  int i_value = node->inputs[i_input];
  pare_tensor *tensor;
  PARE_TRY(pare_model_edit_initializer(model, i_value, &tensor));
  if (norm) {
    fill(tensor, role == PARE_ROLE_SCALE || role == PARE_ROLE_VARIANCE ? 1.0f : 0.0f);
  } else {
    fill_uniform(tensor, bound, rng);
  }
  model->values[i_value].pruned = false;
  *done += pare_tensor_count(tensor);
  return PARE_OK;
}

static pare_status init_model(pare_model *model, const init_params *params, uint64_t seed, int64_t *done) {
  PARE_TRY(pare_layer_choice_check(model, &params->choice));
  pare_rng rng = pare_rng_new(seed, "init");
  for (int i_node = 0; i_node < model->n_nodes; i_node++) {
    const pare_node *node = &model->nodes[i_node];
    if (!pare_layer_chosen(&params->choice, node->name)) continue;
    for (int i = 0; i < node->n_inputs; i++) PARE_TRY(init_input(model, node, i, &rng, done));
  }
  return *done > 0 ? PARE_OK : pare_fail(model->ctx, PARE_BAD_MODEL, "there are no weights to draw anew");
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  *out = NULL;
  PARE_TRY(pare_model_trainable(env->model));
  pare_model *model;
  PARE_TRY(pare_model_clone(env->model, &model));
  int64_t done = 0;
  pare_status status = init_model(model, env->params, env->seed, &done);
  if (status != PARE_OK) {
    pare_model_free(model);
    return status;
  }
  if (details != NULL) pare_json_put_int(details, "initialised_parameters", done);
  *out = model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  const init_params *params = given;
  if (params->choice.layers.n == 0) {
    snprintf(text, size, "fresh weights everywhere");
  } else {
    snprintf(text, size, "fresh weights in %d layer%s", params->choice.layers.n,
             params->choice.layers.n == 1 ? "" : "s");
  }
}

static const pare_param params[] = {
    {.name = "layers",
     .type = PARE_PARAM_LAYERS,
     .offset = offsetof(init_params, choice.layers),
     .unit = "",
     .help = "Layers to draw anew; none named: all."},
};

const pare_pass pare_pass_init = {
    .name = "init",
    .title = "Fresh weights",
    .help = "Forgets what was learned: draws all weights anew from the seed, as PyTorch initialises layers.",
    .kind = "train",
    .params_bytes = sizeof(init_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
