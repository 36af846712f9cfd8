/* Pass `prune_channels`: whole channels leave the network, so parameters, file, compute and time really fall (Li et al. 2017, "Pruning
 * Filters for Efficient ConvNets"). A group of coupled channels is scored by the mean over its filters' weights, divided by the mean of
 * its family when families are compared (Torch-Pruning's normalization). */
#include <stdio.h>
#include <stdlib.h>

#include "compress/layers.h"
#include "compress/prune/criteria.h"
#include "compress/prune/mask.h"
#include "compress/prune/surgery.h"

typedef struct channels_params {
  double amount;
  int64_t criterion, scope, round_to;
  pare_layer_choice choice;
} channels_params;

enum { SCOPE_LAYER, SCOPE_GLOBAL };
static const char *scope_name(int i) {
  static const char *const names[] = {"layer", "global"};
  return i >= 0 && (size_t)i < PARE_COUNT(names) ? names[i] : NULL;
}

static const pare_param params[] = {
    {.name = "amount",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(channels_params, amount),
     .minimum = 0,
     .maximum = 0.99,
     .fallback = 0.5,
     .unit = "share",
     .help = "Share of the channels that leaves; one of a layer always stays."},
    {.name = "criterion",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(channels_params, criterion),
     .fallback = 0,
     .choice = pare_criterion_name,
     .unit = "",
     .help = "Which channels go first: those with the smallest weights, or any by chance."},
    {.name = "scope",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(channels_params, scope),
     .fallback = SCOPE_LAYER,
     .choice = scope_name,
     .unit = "",
     .help = "Take the share from each layer, or compare channels of the whole network."},
    {.name = "round_to",
     .type = PARE_PARAM_INT,
     .offset = offsetof(channels_params, round_to),
     .minimum = 1,
     .maximum = 256,
     .fallback = 1,
     .unit = "channels",
     .help = "Keep a multiple of this many channels, which suits vector kernels."},
    PARE_LAYER_CHOICE_ROWS(channels_params, choice, "Only these layers; none named: all.",
                           "Layers that stay as they are."),
};

/* A group that may go. Families are groups whose first filter lies in the same axis of the same weight. */
typedef struct group {
  int32_t root;
  int family; /* value * PARE_MAX_RANK + axis */
  double sum;
  int64_t n_weights;
  float score;
  bool blocked; /* a layer that must stay has a part in it */
} group;

typedef struct work {
  pare_context *ctx;
  const channels_params *params;
  pare_groups *groups;
  int32_t *by_root; /* [n_elements]: group of a root, -1 */
  group *all;
  int n;
  bool *removed; /* [n_elements] by root */
  float *scores;
  bool *marked;
  pare_mt19937 *mt;
} work;

static bool value_allowed(const work *w, int i_value) {
  const pare_model *model = w->groups->session->model;
  for (int i = 0; i < model->n_nodes; i++)
    for (int j = 0; j < model->nodes[i].n_inputs; j++)
      if (model->nodes[i].inputs[j] == i_value &&
          !pare_layer_chosen(&w->params->choice, model->nodes[i].name))
        return false;
  return true;
}

/* Adds the weights of one slice to its group's score. */
static void add_slice(const pare_tensor *tensor, int axis, int64_t index, group *g) {
  int64_t outer = pare_shape_count_range(&tensor->shape, 0, axis), n = tensor->shape.dims[axis],
          inner = pare_shape_count_range(&tensor->shape, axis + 1, tensor->shape.rank);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t k = 0; k < inner; k++) {
      float weight = pare_f32(tensor)[(o * n + index) * inner + k], score;
      pare_criterion_l1.score(&weight, 1, NULL, &score);
      g->sum += (double)score;
    }
  g->n_weights += outer * inner;
}

static void collect_axis(work *w, int i_value, int axis) {
  const pare_groups *groups = w->groups;
  const pare_tensor *tensor = &groups->session->tensors[i_value];
  bool allowed = value_allowed(w, i_value);
  int family = i_value * PARE_MAX_RANK + axis;
  for (int64_t i = 0; i < tensor->shape.dims[axis]; i++) {
    int32_t root = pare_groups_root(groups, groups->base[family] + i);
    if (groups->frozen[root]) continue;
    if (w->by_root[root] < 0) {
      w->by_root[root] = w->n;
      w->all[w->n++] = (group){.root = root, .family = family};
    }
    group *g = &w->all[w->by_root[root]];
    g->blocked |= !allowed;
    add_slice(tensor, axis, i, g);
  }
}

static void collect(work *w) {
  const pare_model *model = w->groups->session->model;
  for (int64_t i = 0; i < w->groups->n_elements; i++) w->by_root[i] = -1;
  for (int i = 0; i < model->n_values; i++)
    for (int axis = 0; axis < PARE_MAX_RANK; axis++)
      if (w->groups->is_filter[i * PARE_MAX_RANK + axis] && w->groups->session->tensors[i].dtype == PARE_F32)
        collect_axis(w, i, axis);
  int kept = 0;
  for (int i = 0; i < w->n; i++)
    if (!w->all[i].blocked) w->all[kept++] = w->all[i];
  w->n = kept;
}

static int compare_groups(const void *a, const void *b) {
  const group *x = a, *y = b;
  if (x->family != y->family) return x->family < y->family ? -1 : 1;
  return x->root < y->root ? -1 : x->root > y->root;
}

static int family_end(const work *w, int first) {
  int end = first;
  while (end < w->n && w->all[end].family == w->all[first].family) end++;
  return end;
}

static void score_groups(work *w) {
  const pare_criterion *criterion = pare_criterion_at((int)w->params->criterion);
  for (int first = 0, end; first < w->n; first = end) {
    end = family_end(w, first);
    double mean = 0;
    for (int i = first; i < end; i++) {
      group *g = &w->all[i];
      g->score = (float)(g->sum / (double)(g->n_weights ? g->n_weights : 1));
      if (!criterion->reads_weights) criterion->score(NULL, 1, w->mt, &g->score);
      mean += (double)g->score / (end - first);
    }
    for (int i = first; i < end; i++)
      w->scores[i] = w->params->scope == SCOPE_GLOBAL && criterion->reads_weights && mean > 0
                         ? (float)((double)w->all[i].score / mean)
                         : w->all[i].score;
  }
}

/* How many of a family's n channels may go when `wanted` were chosen: one stays, and the rest is a multiple of round_to. */
static int64_t rounded(const work *w, int64_t n, int64_t wanted) {
  int64_t keep = n - wanted;
  if (keep < 1) keep = 1;
  int64_t multiple = (keep + w->params->round_to - 1) / w->params->round_to * w->params->round_to;
  return n - (multiple < n ? multiple : n);
}

static pare_status choose(work *w, pare_json *details, int64_t *n_removed) {
  const pare_model *model = w->groups->session->model;
  bool global = w->params->scope == SCOPE_GLOBAL;
  if (global)
    PARE_TRY(
        pare_mark_lowest(w->ctx, w->scores, w->n, pare_prune_count(w->params->amount, 0, w->n), w->marked));
  pare_json_key(details, "channels");
  pare_json_array(details);
  for (int first = 0, end; first < w->n; first = end) {
    end = family_end(w, first);
    int64_t n = end - first, wanted = pare_prune_count(w->params->amount, 0, n);
    if (global) {
      wanted = 0;
      for (int i = first; i < end; i++) wanted += w->marked[i];
    }
    int64_t k = rounded(w, n, wanted);
    PARE_TRY(pare_mark_lowest(w->ctx, w->scores + first, n, k, w->marked + first));
    for (int i = first; i < end; i++) w->removed[w->all[i].root] = w->marked[i];
    *n_removed += k;
    pare_json_object(details);
    pare_json_put_text(details, "weight", model->values[w->all[first].family / PARE_MAX_RANK].name);
    pare_json_put_int(details, "before", n);
    pare_json_put_int(details, "after", n - k);
    pare_json_end(details, '}');
  }
  pare_json_end(details, ']');
  return PARE_OK;
}

static pare_status select_channels(work *w, const pare_pass_env *env, pare_json *details) {
  size_t n = (size_t)w->groups->n_elements;
  w->by_root = pare_alloc_array(w->ctx, n, sizeof *w->by_root);
  w->all = pare_alloc_array(w->ctx, n, sizeof *w->all);
  w->removed = pare_alloc_array(w->ctx, n, sizeof *w->removed);
  w->scores = pare_alloc_array(w->ctx, n, sizeof *w->scores);
  w->marked = pare_alloc_array(w->ctx, n, sizeof *w->marked);
  w->mt = pare_alloc(w->ctx, sizeof *w->mt);
  if (!w->by_root || !w->all || !w->removed || !w->scores || !w->marked || !w->mt) return PARE_OUT_OF_MEMORY;
  pare_mt19937_seed(w->mt, env->seed);
  collect(w);
  if (!w->n)
    return pare_fail(
        w->ctx, PARE_BAD_RECIPE,
        "no channel can leave: every one is tied to an input, an output or a layer that must stay");
  qsort(w->all, (size_t)w->n, sizeof *w->all, compare_groups);
  score_groups(w);
  int64_t n_removed = 0;
  PARE_TRY(choose(w, details, &n_removed));
  pare_json_put_int(details, "removed", n_removed);
  return PARE_OK;
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  work w = {.ctx = env->ctx, .params = env->params};
  PARE_TRY(pare_layer_choice_check(env->model, &w.params->choice));
  PARE_TRY(pare_groups_new(env->model, &w.groups));
  pare_status status = select_channels(&w, env, details);
  if (status == PARE_OK) status = pare_remove_channels(env->model, w.groups, w.removed, out);
  pare_groups_free(w.groups);
  pare_free(w.ctx, w.by_root);
  pare_free(w.ctx, w.all);
  pare_free(w.ctx, w.removed);
  pare_free(w.ctx, w.scores);
  pare_free(w.ctx, w.marked);
  pare_free(w.ctx, w.mt);
  return status;
}

static void describe(const void *given, char *text, size_t size) {
  const channels_params *p = given;
  snprintf(text, size, "remove %.4g %% of channels, %s, %s", p->amount * 100,
           pare_criterion_at((int)p->criterion)->order,
           p->scope == SCOPE_GLOBAL ? "compared everywhere" : "layer by layer");
}

const pare_pass pare_pass_prune_channels = {
    .name = "prune_channels",
    .title = "Remove channels",
    .help = "Takes whole channels out of the network: fewer parameters, a smaller file, less time.",
    .kind = "prune",
    .needs_running = true,
    .params_bytes = sizeof(channels_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
