/* Rows of the layer table, and their sums: which nodes are layers, what each stores and computes. A row
 * stands for a node that works at run time: what folds away (shape arithmetic) and what only changes the
 * number format (QuantizeLinear, DequantizeLinear) has none, so that the tables of a model before and
 * after quantization have the same names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "measure/rows.h"
#include "measure/stored.h"
#include "onnx/onnx.h"

static int by_name(const void *a, const void *b) {
  return strcmp((*(const pare_step *const *)a)->call.node->name,
                (*(const pare_step *const *)b)->call.node->name);
}

pare_status pare_steps_index(const pare_session *session, pare_steps *out) {
  *out = (pare_steps){.ctx = session->ctx, .n = session->n_steps};
  out->sorted = pare_alloc_array(session->ctx, (size_t)session->n_steps, sizeof(pare_step *));
  if (out->sorted == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < session->n_steps; i++) out->sorted[i] = &session->steps[i];
  if (out->n > 1) qsort((void *)out->sorted, (size_t)out->n, sizeof(pare_step *), by_name);
  return PARE_OK;
}

const pare_step *pare_steps_find(const pare_steps *steps, const char *name) {
  int low = 0, high = steps->n - 1;
  while (low <= high) {
    int middle = low + (high - low) / 2;
    int order = strcmp(name, steps->sorted[middle]->call.node->name);
    if (order == 0) return steps->sorted[middle];
    if (order < 0)
      high = middle - 1;
    else
      low = middle + 1;
  }
  return NULL;
}

void pare_steps_free(pare_steps *steps) {
  pare_free(steps->ctx, (void *)steps->sorted);
}

static bool only_changes_format(const pare_node *node) {
  return pare_node_is(node, "QuantizeLinear") || pare_node_is(node, "DequantizeLinear") ||
         pare_node_is(node, "DynamicQuantizeLinear") || pare_node_is(node, "Constant") ||
         pare_node_is(node, "Identity") || pare_node_is(node, "Cast") || pare_node_is(node, "Shape");
}

/* `seen`: initializers counted by an earlier row (shared weights count once). */
static void measure_weights(const pare_model *model, const pare_node *node, bool *seen,
                            pare_layer_report *row) {
  pare_stored stored[PARE_MAX_STORED];
  int64_t most = 0;
  int n = pare_stored_of(model, node, stored);
  for (int i = 0; i < n; i++) {
    const pare_stored *s = &stored[i];
    int64_t count = s->count;
    if (count > most) {
      most = count;
      row->bits = s->bits;
    }
    if (seen[s->i_value]) continue;
    seen[s->i_value] = true;
    row->bytes += pare_stored_bytes(s);
    row->entropy_bytes += pare_stored_entropy_bytes(s);
    if (!s->is_parameter) continue;
    row->parameters += (uint64_t)count;
    row->nonzeros += pare_stored_nonzeros(s);
  }
}

/* Compute with weights that the planner does not see as constants (they stand behind DequantizeLinear):
 * every weight takes part equally often, so the effective share is the share of weights that are not zero. */
static uint64_t scale_by_density(const pare_model *model, const pare_node *node, uint64_t macs) {
  pare_stored stored[PARE_MAX_STORED];
  uint64_t count = 0, nonzeros = 0;
  int n = pare_stored_of(model, node, stored);
  for (int i = 0; i < n; i++) {
    if (stored[i].tensor->shape.rank < 2) continue; /* biases multiply nothing */
    count += (uint64_t)stored[i].count;
    nonzeros += pare_stored_nonzeros(&stored[i]);
  }
  return count == 0 ? macs : (uint64_t)((double)macs * ((double)nonzeros / (double)count) + 0.5);
}

static void measure_compute(const pare_model *model, const pare_node *node, const pare_step *step,
                            pare_layer_report *row) {
  const pare_call *call = &step->call;
  pare_cost cost = {0, 0};
  if (call->n_out > 0 && call->out[0] != NULL && call->out[0]->dtype != PARE_NONE)
    row->output = call->out[0]->shape;
  const pare_op *op = call->node->op;
  if (op == NULL || op->cost == NULL) return;
  if (op->prepare != NULL && call->state == NULL) return; /* a dynamic session never came to it */
  op->cost(call, &cost);
  row->macs = cost.macs;
  bool weights_hidden = call->n_in > 1 && call->in_is_const != NULL && !call->in_is_const[1];
  row->effective_macs = weights_hidden ? scale_by_density(model, node, cost.macs) : cost.effective_macs;
}

/* What the other nodes of a layer add: bias (parameters), scales of the weights (bytes). */
static void measure_member(const pare_model *model, const pare_node *node, const pare_step *step, bool *seen,
                           pare_layer_report *row) {
  pare_layer_report part = {.bits = 0};
  measure_weights(model, node, seen, &part);
  bool is_bias = pare_node_is(node, "Add");
  row->bytes += part.bytes;
  row->entropy_bytes += part.entropy_bytes;
  row->parameters += is_bias ? part.parameters : 0;
  row->nonzeros += is_bias ? part.nonzeros : 0;
  bool is_last = is_bias || !pare_node_is(node, "Mul") || row->output.rank <= 1;
  if (step != NULL && is_last && step->call.n_out > 0 && step->call.out[0] != NULL)
    row->output = step->call.out[0]->shape;
}

typedef struct table {
  const pare_model *model;
  const pare_steps *steps; /* or NULL */
  const int *owner;
  bool *seen;
  pare_model_report *out;
} table;

static const pare_step *step_of(const table *t, const pare_node *node) {
  return t->steps == NULL ? NULL : pare_steps_find(t->steps, node->name);
}

static void measure_row(const table *t, int i_node, pare_layer_report *row) {
  const pare_node *node = &t->model->nodes[i_node];
  const pare_step *step = step_of(t, node);
  measure_weights(t->model, node, t->seen, row);
  if (step != NULL)
    measure_compute(t->model, node, step, row);
  else if (node->n_outputs > 0 && node->outputs[0] >= 0 && t->model->values[node->outputs[0]].has_shape)
    row->output = t->model->values[node->outputs[0]].shape;
  bool has_members = pare_node_is(node, "MatMulInteger") || pare_node_is(node, "ConvInteger");
  for (int i = 0; has_members && i < t->model->n_nodes; i++)
    if (t->owner[i] == i_node && i != i_node)
      measure_member(t->model, &t->model->nodes[i], step_of(t, &t->model->nodes[i]), t->seen, row);
}

static pare_status add_row(const table *t, int i_node) {
  pare_model_report *out = t->out;
  const pare_node *node = &t->model->nodes[i_node];
  pare_layer_report *row = &out->layers[out->n_layers];
  *row = (pare_layer_report){.output.rank = -1, .time_ms = NAN, .sqnr_db = NAN, .kernel = ""};
  row->name = pare_group_name(&out->arena, node);
  row->op_type = pare_arena_text(&out->arena, node->op_type);
  if (row->name == NULL || row->op_type == NULL) return PARE_OUT_OF_MEMORY;
  measure_row(t, i_node, row);
  out->parameters += row->parameters;
  out->nonzeros += row->nonzeros;
  out->bytes += row->bytes;
  out->entropy_bytes += row->entropy_bytes;
  out->macs += row->macs;
  out->effective_macs += row->effective_macs;
  out->n_layers++;
  return PARE_OK;
}

pare_status pare_measure_rows(const pare_model *model, const pare_steps *steps, pare_model_report *out) {
  int *owner = NULL;
  PARE_TRY(pare_groups_find(model, &owner));
  out->layers = pare_arena_array(&out->arena, (size_t)model->n_nodes, sizeof *out->layers);
  bool *seen = pare_alloc_array(model->ctx, (size_t)model->n_values, sizeof *seen);
  table t = {.model = model, .steps = steps, .owner = owner, .seen = seen, .out = out};
  pare_status status = out->layers == NULL || seen == NULL ? PARE_OUT_OF_MEMORY : PARE_OK;
  for (int i = 0; status == PARE_OK && i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    bool folded = steps != NULL && step_of(&t, node) == NULL;
    if (owner[i] == i && !only_changes_format(node) && !folded) status = add_row(&t, i);
  }
  pare_free(model->ctx, seen);
  pare_free(model->ctx, owner);
  return status;
}

pare_status pare_measure_weights(const pare_model *model, pare_model_report *out) {
  *out = (pare_model_report){.latency_ms = NAN};
  pare_arena_init(&out->arena, model->ctx);
  pare_status status = pare_measure_rows(model, NULL, out);
  if (status == PARE_OK) status = pare_onnx_file_bytes(model, &out->file_bytes);
  if (status != PARE_OK) pare_model_report_free(out);
  return status;
}

void pare_model_report_free(pare_model_report *report) {
  if (report->arena.ctx != NULL) pare_arena_free(&report->arena);
  report->layers = NULL;
  report->n_layers = 0;
}
