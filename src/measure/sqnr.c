/* How far each layer of a quantized model is from the original: signal to quantization-noise ratio in dB,
 *   SQNR = 10 log10(sum r^2 / sum (r - x)^2),
 * r what the reference computes and x what the model computes under the same value name, over the same
 * samples. Both run unfused with every value kept. Where the value is quantized right after
 * (QuantizeLinear, DequantizeLinear), what comes out of that is compared: the layer's own rounding counts
 * to it. */
#include <math.h>
#include <string.h>

#include "kernels/f32_math/f32_math.h"
#include "measure/measure.h"

#define BATCH    32
#define EXACT_DB 200.0 /* stands for "no difference": JSON has no infinity */

typedef struct comparison {
  pare_session *reference, *model;
  double *signal, *noise;     /* [n_layers] */
  const pare_tensor **r, **x; /* [n_layers]; NULL: not in both */
} comparison;

/* The only node that reads a value and is of this kind, or NULL. */
static const pare_node *only_user(const pare_model *model, int i_value, const char *op_type) {
  const pare_node *found = NULL;
  for (int i = 0; i < model->n_nodes; i++)
    for (int k = 0; k < model->nodes[i].n_inputs; k++)
      if (model->nodes[i].inputs[k] == i_value) {
        if (found != NULL || !pare_node_is(&model->nodes[i], op_type)) return NULL;
        found = &model->nodes[i];
      }
  return found;
}

/* The value itself, or what it is after QuantizeLinear and DequantizeLinear. */
static int after_rounding(const pare_model *model, int i_value) {
  const pare_node *quantize = only_user(model, i_value, "QuantizeLinear");
  if (quantize == NULL || quantize->outputs[0] < 0) return i_value;
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    if (pare_node_is(node, "DequantizeLinear") && node->inputs[0] == quantize->outputs[0])
      return node->outputs[0];
  }
  return i_value;
}

static void match(comparison *c, const pare_model *reference, const pare_layer_report *row, int i_row) {
  int i_node = pare_model_find_node(reference, row->name);
  if (i_node < 0 || reference->nodes[i_node].n_outputs < 1 || reference->nodes[i_node].outputs[0] < 0) return;
  const char *name = reference->values[reference->nodes[i_node].outputs[0]].name;
  const pare_model *planned = c->model->model;
  int i_value = pare_model_find_value(planned, name);
  const pare_tensor *r = pare_session_value(c->reference, name);
  if (i_value < 0 || r == NULL) return;
  const pare_tensor *x = &c->model->tensors[after_rounding(planned, i_value)];
  if (x->dtype != PARE_F32 || r->dtype != PARE_F32 || x->data == NULL || r->data == NULL) return;
  if (!pare_shape_equal(&x->shape, &r->shape)) return;
  c->r[i_row] = r;
  c->x[i_row] = x;
}

static void add(comparison *c, int i_row, int64_t n, int64_t batch) {
  if (c->r[i_row] == NULL) return;
  const float *r = pare_f32(c->r[i_row]), *x = pare_f32(c->x[i_row]);
  int64_t count = pare_tensor_count(c->r[i_row]) / batch * n;
  for (int64_t i = 0; i < count; i++) {
    double d = (double)r[i] - (double)x[i];
    c->signal[i_row] += (double)r[i] * (double)r[i];
    c->noise[i_row] += d * d;
  }
}

static double decibels(double signal, double noise) {
  if (noise == 0) return EXACT_DB;
  if (signal == 0) return NAN;
  double db = 10.0 / 2.30258509299404568402 * pare_log(signal / noise);
  return db > EXACT_DB ? EXACT_DB : db;
}

static pare_status run_samples(comparison *c, const pare_dataset *dataset, int64_t n, int n_layers) {
  pare_tensor_view r_in = pare_session_input(c->reference, 0), x_in = pare_session_input(c->model, 0);
  PARE_TRY(pare_dataset_fits(dataset, &r_in.shape));
  if (r_in.dtype != PARE_F32 || x_in.dtype != PARE_F32 || r_in.len_bytes != x_in.len_bytes)
    return pare_fail(dataset->ctx, PARE_BAD_DATA, "the inputs of the two models differ");
  int64_t batch = r_in.shape.dims[0];
  memset(r_in.data, 0, r_in.len_bytes);
  for (int64_t first = 0; first < n; first += batch) {
    int64_t now = n - first < batch ? n - first : batch;
    pare_dataset_gather(dataset, &dataset->test, NULL, first, now, r_in.data, NULL);
    memcpy(x_in.data, r_in.data, r_in.len_bytes);
    PARE_TRY(pare_session_run(c->reference));
    PARE_TRY(pare_session_run(c->model));
    for (int i = 0; i < n_layers; i++) add(c, i, now, batch);
  }
  return PARE_OK;
}

static pare_status compare(comparison *c, pare_arena *arena, const pare_model *reference,
                           const pare_dataset *dataset, int64_t n, pare_model_report *report) {
  size_t n_layers = (size_t)report->n_layers;
  c->signal = pare_arena_array(arena, n_layers, sizeof(double));
  c->noise = pare_arena_array(arena, n_layers, sizeof(double));
  c->r = pare_arena_array(arena, n_layers, sizeof(pare_tensor *));
  c->x = pare_arena_array(arena, n_layers, sizeof(pare_tensor *));
  if (c->signal == NULL || c->noise == NULL || c->r == NULL || c->x == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < report->n_layers; i++) match(c, reference, &report->layers[i], i);
  PARE_TRY(run_samples(c, dataset, n, report->n_layers));
  for (int i = 0; i < report->n_layers; i++)
    if (c->r[i] != NULL) report->layers[i].sqnr_db = decibels(c->signal[i], c->noise[i]);
  return PARE_OK;
}

pare_status pare_measure_sqnr(const pare_model *reference, const pare_model *model,
                              const pare_dataset *dataset, int64_t n, pare_model_report *report) {
  comparison c = {.reference = NULL};
  pare_arena arena;
  if (n > dataset->test.n) n = dataset->test.n;
  pare_plan_options plan = {.batch = n < BATCH ? n : BATCH, .keep_all = true};
  if (n < 1) return PARE_OK;
  pare_arena_init(&arena, model->ctx);
  pare_status status = pare_session_plan(reference, &plan, &c.reference);
  if (status == PARE_OK) status = pare_session_plan(model, &plan, &c.model);
  if (status == PARE_OK && (c.reference->dynamic || c.model->dynamic))
    status = pare_fail(model->ctx, PARE_UNSUPPORTED, "values whose shapes depend on data are not compared");
  if (status == PARE_OK) status = compare(&c, &arena, reference, dataset, n, report);
  pare_session_free(c.model);
  pare_session_free(c.reference);
  pare_arena_free(&arena);
  return status;
}
