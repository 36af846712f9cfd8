/* Pass `prune`: single weights become zero, with the meaning of torch.nn.utils.prune (random_unstructured, l1_unstructured,
 * global_unstructured; PyTorch 1.13): `amount` is a share of the weights that are not pruned yet, rounded half to even. */
#include <math.h>
#include <stdio.h>

#include "compress/layers.h"
#include "compress/prune/criteria.h"
#include "compress/prune/mask.h"
#include "compress/prune/pattern.h"
#include "train/parameters.h"

typedef struct prune_params {
  double amount;
  int64_t count, criterion, scope, parameters, pattern;
  pare_layer_choice choice;
} prune_params;

enum { SCOPE_GLOBAL, SCOPE_LAYER };
static const char *scope_name(int i) {
  static const char *const names[] = {"global", "layer"};
  return i >= 0 && (size_t)i < PARE_COUNT(names) ? names[i] : NULL;
}

enum { PARAMETERS_WEIGHT, PARAMETERS_BIAS, PARAMETERS_BOTH };
static const char *parameters_name(int i) {
  static const char *const names[] = {"weight", "bias", "both"};
  return i >= 0 && (size_t)i < PARE_COUNT(names) ? names[i] : NULL;
}

enum { PATTERN_NONE, PATTERN_2_4 };
static const char *pattern_name(int i) {
  static const char *const names[] = {"none", "2:4"};
  return i >= 0 && (size_t)i < PARE_COUNT(names) ? names[i] : NULL;
}

static const pare_param params[] = {
    {.name = "amount",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(prune_params, amount),
     .minimum = 0,
     .maximum = 1,
     .fallback = 0.9,
     .unit = "share",
     .help = "Share of the weights not pruned yet that becomes zero."},
    {.name = "count",
     .type = PARE_PARAM_INT,
     .offset = offsetof(prune_params, count),
     .minimum = 0,
     .maximum = 1e12,
     .fallback = 0,
     .unit = "weights",
     .help = "This many weights instead of a share; 0: by share."},
    {.name = "criterion",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(prune_params, criterion),
     .fallback = 0,
     .choice = pare_criterion_name,
     .unit = "",
     .help = "Which weights go first: the smallest, or any by chance."},
    {.name = "scope",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(prune_params, scope),
     .fallback = SCOPE_GLOBAL,
     .choice = scope_name,
     .unit = "",
     .help = "Compare weights of the whole network, or take the share from each layer."},
    {.name = "parameters",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(prune_params, parameters),
     .fallback = PARAMETERS_WEIGHT,
     .choice = parameters_name,
     .unit = "",
     .help = "Prune weights, biases, or both."},
    {.name = "pattern",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(prune_params, pattern),
     .fallback = PATTERN_NONE,
     .choice = pattern_name,
     .unit = "",
     .help =
         "2:4: of every four weights in a row along the inputs two become zero, whatever amount, count and "
         "scope say."},
    PARE_LAYER_CHOICE_ROWS(prune_params, choice, "Only these layers; none named: all.",
                           "Layers that stay as they are."),
};

/* The tensors of a run, in graph order, and their weights that are not pruned yet side by side. */
typedef struct work {
  pare_context *ctx;
  pare_model *model;
  const prune_params *params;
  int *values; /* [n_values] indices of model values */
  int *axes;   /* [n_values] of each, the axis that its layer sums over */
  int n_values;
  pare_mt19937 *mt;
} work;

static bool is_wanted(const work *w, const pare_node *node, int i_input) {
  pare_role role = pare_parameter_role(w->model, node, i_input);
  if (role == PARE_ROLE_WEIGHT) return w->params->parameters != PARAMETERS_BIAS;
  if (role == PARE_ROLE_BIAS) return w->params->parameters != PARAMETERS_WEIGHT;
  return false;
}

static void collect(work *w) {
  for (int i = 0; i < w->model->n_nodes; i++) {
    const pare_node *node = &w->model->nodes[i];
    if (!pare_layer_chosen(&w->params->choice, node->name)) continue;
    for (int j = 0; j < node->n_inputs; j++) {
      if (!is_wanted(w, node, j)) continue;
      bool known = false;
      for (int k = 0; k < w->n_values; k++) known |= w->values[k] == node->inputs[j];
      if (known) continue;
      w->axes[w->n_values] = pare_input_axis(node, j, &w->model->values[node->inputs[j]].tensor.shape);
      w->values[w->n_values++] = node->inputs[j];
    }
  }
}

static bool is_live(const pare_value *value, int64_t i) {
  return !value->pruned || pare_f32(&value->tensor)[i] != 0.0f;
}

/* Prunes the tensors values[first, end) together. */
static pare_status prune_together(work *w, int first, int end, int64_t *n_pruned) {
  const pare_criterion *criterion = pare_criterion_at((int)w->params->criterion);
  int64_t n_all = 0, n = 0;
  for (int k = first; k < end; k++) n_all += pare_tensor_count(&w->model->values[w->values[k]].tensor);
  float *weights = pare_alloc_array(w->ctx, (size_t)n_all, 2 * sizeof(float));
  bool *removed = pare_alloc_array(w->ctx, (size_t)n_all, sizeof(bool));
  pare_status status = weights && removed ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    for (int k = first; k < end; k++) {
      const pare_value *value = &w->model->values[w->values[k]];
      int64_t count = pare_tensor_count(&value->tensor);
      for (int64_t i = 0; i < count; i++)
        if (is_live(value, i)) weights[n++] = pare_f32(&value->tensor)[i];
    }
    float *scores = weights + n_all;
    criterion->score(weights, n, w->mt, scores);
    int64_t k_pruned = pare_prune_count(w->params->amount, w->params->count, n);
    status = pare_mark_lowest(w->ctx, scores, n, k_pruned, removed);
    *n_pruned += k_pruned;
  }
  int64_t at = 0;
  for (int k = first; k < end && status == PARE_OK; k++) {
    pare_tensor *tensor;
    status = pare_model_edit_initializer(w->model, w->values[k], &tensor);
    if (status != PARE_OK) break;
    pare_value *value = &w->model->values[w->values[k]];
    int64_t count = pare_tensor_count(tensor);
    for (int64_t i = 0; i < count; i++)
      if (is_live(value, i) && removed[at++]) pare_f32(tensor)[i] = 0.0f;
    value->pruned = true;
  }
  pare_free(w->ctx, weights);
  pare_free(w->ctx, removed);
  return status;
}

/* Two of every four weights of tensor k: those that are zero already go first. */
static pare_status prune_pattern(work *w, int k, int64_t *n_pruned) {
  pare_tensor *tensor;
  PARE_TRY(pare_model_edit_initializer(w->model, w->values[k], &tensor));
  pare_value *value = &w->model->values[w->values[k]];
  const int64_t n = pare_tensor_count(tensor);
  float *weights = pare_f32(tensor), *scores = pare_alloc_array(w->ctx, (size_t)n, sizeof(float));
  if (!scores) return PARE_OUT_OF_MEMORY;
  pare_criterion_at((int)w->params->criterion)->score(weights, n, w->mt, scores);
  int64_t n_before = 0, n_after = 0;
  for (int64_t i = 0; i < n; i++) {
    n_before += weights[i] != 0.0f;
    if (weights[i] == 0.0f) scores[i] = -INFINITY;
  }
  pare_prune_two_of_four(weights, scores, &tensor->shape, w->axes[k]);
  for (int64_t i = 0; i < n; i++) n_after += weights[i] != 0.0f;
  value->pruned = true;
  *n_pruned += n_before - n_after;
  pare_free(w->ctx, scores);
  return PARE_OK;
}

static pare_status prune_model(work *w, int64_t *n_pruned) {
  if (w->params->pattern != PATTERN_NONE && w->params->parameters != PARAMETERS_WEIGHT)
    return pare_fail(w->ctx, PARE_BAD_RECIPE, "pattern %s is one of weights: parameters must be 'weight'",
                     pattern_name((int)w->params->pattern));
  collect(w);
  if (!w->n_values)
    return pare_fail(w->ctx, PARE_BAD_RECIPE,
                     "no layer that was chosen has f32 %s to prune (prune before quantizing)",
                     parameters_name((int)w->params->parameters));
  if (w->params->pattern != PATTERN_NONE) {
    for (int k = 0; k < w->n_values; k++) PARE_TRY(prune_pattern(w, k, n_pruned));
    return PARE_OK;
  }
  if (w->params->scope == SCOPE_GLOBAL) return prune_together(w, 0, w->n_values, n_pruned);
  for (int k = 0; k < w->n_values; k++) PARE_TRY(prune_together(w, k, k + 1, n_pruned));
  return PARE_OK;
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  const prune_params *p = env->params;
  work w = {.ctx = env->ctx, .params = p};
  int64_t n_pruned = 0;
  PARE_TRY(pare_layer_choice_check(env->model, &p->choice));
  PARE_TRY(pare_model_clone(env->model, &w.model));
  w.values = pare_alloc_array(env->ctx, (size_t)w.model->n_values, sizeof(int));
  w.axes = pare_alloc_array(env->ctx, (size_t)w.model->n_values, sizeof(int));
  w.mt = pare_alloc(env->ctx, sizeof *w.mt);
  pare_status status = w.values && w.axes && w.mt ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    pare_mt19937_seed(w.mt, env->seed);
    status = prune_model(&w, &n_pruned);
  }
  if (status == PARE_OK) {
    pare_json_put_int(details, "pruned", n_pruned);
    pare_json_put_text(
        details, "note",
        "The file is not smaller as it is, but compresses better. Layers with enough zeros leave them out: "
        "convolutions, and linear layers in batches of 16 and more, from one half on, linear layers "
        "of one or two samples from four fifths on; elsewhere zeros cost as much as other weights.");
  }
  pare_free(env->ctx, w.values);
  pare_free(env->ctx, w.axes);
  pare_free(env->ctx, w.mt);
  if (status == PARE_OK)
    *out = w.model;
  else
    pare_model_free(w.model);
  return status;
}

static void describe(const void *given, char *text, size_t size) {
  const prune_params *p = given;
  static const char *const what[] = {"weights", "biases", "weights and biases"};
  char amount[40];
  if (p->pattern != PATTERN_NONE) {
    snprintf(text, size, "prune two of every four weights, %s%s", pare_criterion_at((int)p->criterion)->order,
             p->choice.layers.n || p->choice.exclude.n ? ", in chosen layers" : "");
    return;
  }
  if (p->count > 0)
    snprintf(amount, sizeof amount, "%lld", (long long)p->count);
  else
    snprintf(amount, sizeof amount, "%.4g %% of", p->amount * 100);
  snprintf(text, size, "prune %s %s, %s, %s%s", amount, what[p->parameters],
           pare_criterion_at((int)p->criterion)->order,
           p->scope == SCOPE_GLOBAL ? "everywhere" : "layer by layer",
           p->choice.layers.n || p->choice.exclude.n ? ", in chosen layers" : "");
}

const pare_pass pare_pass_prune = {
    .name = "prune",
    .title = "Prune weights",
    .help = "Sets the least important weights to zero; training afterwards keeps them zero.",
    .kind = "prune",
    .params_bytes = sizeof(prune_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
