/* The pass `quantize_dynamic`: 8-bit weights, and activations quantized while running; no data needed (PyTorch's quantize_dynamic, ONNX Runtime's
 * quantize_dynamic).
 *   Gemm, MatMul  DynamicQuantizeLinear(x), MatMulInteger, Cast, Mul by x_scale * w_scale, Add of the bias
 *   LSTM          com.microsoft DynamicQuantizeLSTM
 * Weights are s8, symmetric, one scale per output channel or per layer. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/quant/quant_plan.h"

typedef struct dynamic_params {
  int64_t weights;
  pare_layer_choice choice;
} dynamic_params;

typedef struct dynamic {
  pare_model *model;
  bool per_channel;
  int n_layers;
} dynamic;

/* w [k,n] as s8 with scales[n], all equal when per tensor; [k][n] at w[k * row + n * column]. */
static pare_status quantize_columns(const dynamic *d, const float *w, int64_t row, int64_t column, int64_t k,
                                    int64_t n, float *scales, int8_t *q) {
  float largest = 0.0f;
  for (int64_t j = 0; j < n; j++) {
    float most = 0.0f;
    for (int64_t i = 0; i < k; i++) most = fmaxf(most, fabsf(w[i * row + j * column]));
    scales[j] = pare_affine_symmetric(most);
    largest = fmaxf(largest, scales[j]);
  }
  for (int64_t j = 0; j < n; j++) {
    if (!d->per_channel) scales[j] = largest;
    for (int64_t i = 0; i < k; i++)
      PARE_TRY(pare_quantize_affine(d->model->ctx, &w[i * row + j * column], 1, scales[j], 0, PARE_S8,
                                    PARE_ROUND_ONNX, &q[i * n + j]));
  }
  return PARE_OK;
}

static pare_status new_tensor(dynamic *d, const char *name, const char *suffix, pare_tensor *tensor,
                              int *out) {
  const char *whole = pare_arena_printf(&d->model->arena, "%s%s", name, suffix);
  if (!whole) {
    pare_tensor_release(tensor);
    return PARE_OUT_OF_MEMORY;
  }
  return pare_model_add_initializer(d->model, whole, tensor, out);
}

/* The s8 matrix [k,n] and its scales of a Gemm's or MatMul's weights. */
static pare_status add_matrix(dynamic *d, const pare_tensor *w, bool trans_b, const char *name, int *i_q,
                              int *i_scale) {
  const int64_t k = w->shape.dims[trans_b], n = w->shape.dims[!trans_b];
  pare_shape shape = PARE_SHAPE(k, n), scale_shape = d->per_channel ? PARE_SHAPE(n) : (pare_shape){0};
  pare_tensor q, scale;
  float *scales = pare_arena_array(&d->model->arena, (size_t)n, sizeof *scales);
  if (!scales) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_tensor_new(d->model->ctx, PARE_S8, &shape, &q));
  pare_status status =
      quantize_columns(d, pare_f32(w), trans_b ? 1 : n, trans_b ? k : 1, k, n, scales, pare_s8(&q));
  if (status == PARE_OK) status = pare_tensor_new(d->model->ctx, PARE_F32, &scale_shape, &scale);
  if (status != PARE_OK) {
    pare_tensor_release(&q);
    return status;
  }
  memcpy(scale.data, scales, pare_tensor_len_bytes(&scale));
  status = new_tensor(d, name, "_quantized", &q, i_q);
  if (status != PARE_OK) {
    pare_tensor_release(&scale);
    return status;
  }
  return new_tensor(d, name, "_scale", &scale, i_scale);
}

/* One node with one new output `layer``suffix`, or the given output. */
static pare_status add_node(dynamic *d, const char *op, const char *layer, const char *suffix,
                            const int *inputs, int n, pare_dtype dtype, int given, int *out,
                            pare_node **node) {
  const char *name = pare_arena_printf(&d->model->arena, "%s%s", layer, suffix);
  if (!name) return PARE_OUT_OF_MEMORY;
  *out = given;
  if (given < 0) PARE_TRY(pare_model_add_value(d->model, name, dtype, NULL, out));
  return pare_model_add_node(d->model, op, "", name, inputs, n, out, 1, node);
}

static pare_status add_dynamic_quantize(dynamic *d, const char *layer, int i_x, int outputs[3]) {
  static const char *const suffixes[] = {"_x_quantized", "_x_scale", "_x_zero_point"};
  static const pare_dtype dtypes[] = {PARE_U8, PARE_F32, PARE_U8};
  for (int i = 0; i < 3; i++) {
    const char *name = pare_arena_printf(&d->model->arena, "%s%s", layer, suffixes[i]);
    if (!name) return PARE_OUT_OF_MEMORY;
    PARE_TRY(pare_model_add_value(d->model, name, dtypes[i], NULL, &outputs[i]));
  }
  const char *name = pare_arena_printf(&d->model->arena, "%s_DynamicQuantizeLinear", layer);
  pare_node *node;
  if (!name) return PARE_OUT_OF_MEMORY;
  return pare_model_add_node(d->model, "DynamicQuantizeLinear", "", name, &i_x, 1, outputs, 3, &node);
}

/* Zero points of MatMulInteger may be left out: b's is 0. */
static pare_status rewrite_product(dynamic *d, int i_node, const pare_quant_layer *layer) {
  const pare_node old = d->model->nodes[i_node];
  const bool trans_b = pare_node_is(&old, "Gemm") && pare_node_int(&old, "transB", 0) != 0;
  const pare_tensor w = d->model->values[layer->i_weight].tensor;
  int i_q, i_scale, x[3], sum, cast, scale, scaled;
  pare_node *node;
  PARE_TRY(add_matrix(d, &w, trans_b, d->model->values[layer->i_weight].name, &i_q, &i_scale));
  PARE_TRY(add_dynamic_quantize(d, old.name, old.inputs[0], x));
  const int product[3] = {x[0], i_q, x[2]};
  PARE_TRY(add_node(d, "MatMulInteger", old.name, "_MatMulInteger", product, 3, PARE_S32, -1, &sum, &node));
  PARE_TRY(add_node(d, "Cast", old.name, "_Cast", &sum, 1, PARE_F32, -1, &cast, &node));
  PARE_TRY(pare_node_set_int(d->model, node, "to", PARE_F32));
  const int scales[2] = {x[1], i_scale};
  PARE_TRY(add_node(d, "Mul", old.name, "_scales", scales, 2, PARE_F32, -1, &scale, &node));
  const int both[2] = {cast, scale};
  const bool bias = layer->i_bias >= 0;
  PARE_TRY(
      add_node(d, "Mul", old.name, "_scaled", both, 2, PARE_F32, bias ? -1 : old.outputs[0], &scaled, &node));
  if (bias) {
    const int add[2] = {scaled, layer->i_bias};
    PARE_TRY(add_node(d, "Add", old.name, "_bias", add, 2, PARE_F32, old.outputs[0], &scaled, &node));
  }
  d->model->nodes[i_node].removed = true;
  return PARE_OK;
}

/* ---- LSTM ---------------------------------------------------------------------------------------------------------------------- */

/* Hands the tensor to the model and leaves `tensor` empty. */
static pare_status give_tensor(dynamic *d, const char *name, const char *suffix, pare_tensor *tensor,
                               int *out) {
  pare_tensor given = *tensor;
  *tensor = (pare_tensor){0};
  return new_tensor(d, name, suffix, &given, out);
}

/* f32 [D,4H,K] to s8 [D,K,4H], scales [D,4H] or [D], zero points 0. */
static pare_status add_recurrent(dynamic *d, int i_weight, int *i_q, int *i_scale, int *i_zero) {
  const pare_tensor w = d->model->values[i_weight].tensor;
  const char *name = d->model->values[i_weight].name;
  const int64_t directions = w.shape.dims[0], n = w.shape.dims[1], k = w.shape.dims[2];
  const pare_shape shape = PARE_SHAPE(directions, k, n),
                   scale_shape = d->per_channel ? PARE_SHAPE(directions, n) : PARE_SHAPE(directions);
  pare_tensor q = {0}, scale = {0}, zero = {0};
  float *scales = pare_arena_array(&d->model->arena, (size_t)n, sizeof *scales);
  if (!scales) return PARE_OUT_OF_MEMORY;
  pare_status status = pare_tensor_new(d->model->ctx, PARE_S8, &shape, &q);
  if (status == PARE_OK) status = pare_tensor_new(d->model->ctx, PARE_F32, &scale_shape, &scale);
  if (status == PARE_OK) status = pare_tensor_new(d->model->ctx, PARE_S8, &scale_shape, &zero);
  for (int64_t i = 0; i < directions && status == PARE_OK; i++) {
    status = quantize_columns(d, pare_f32(&w) + i * n * k, 1, k, k, n, scales, pare_s8(&q) + i * n * k);
    const size_t each = d->per_channel ? (size_t)n : 1;
    memcpy(pare_f32(&scale) + (size_t)i * each, scales, each * sizeof *scales);
  }
  /* the model takes each over, also on failure */
  if (status == PARE_OK) status = give_tensor(d, name, "_quantized", &q, i_q);
  if (status == PARE_OK) status = give_tensor(d, name, "_scale", &scale, i_scale);
  if (status == PARE_OK) status = give_tensor(d, name, "_zero_point", &zero, i_zero);
  pare_tensor_release(&q);
  pare_tensor_release(&scale);
  pare_tensor_release(&zero);
  return status;
}

/* What DynamicQuantizeLSTM can express and Pare runs. */
static bool lstm_fits(const pare_model *model, const pare_node *node) {
  if (!pare_node_is(node, "LSTM") || node->n_inputs < 3) return false;
  const pare_tensor *w = pare_model_const_input(model, node, 1), *r = pare_model_const_input(model, node, 2);
  if (!w || !r || w->dtype != PARE_F32 || r->dtype != PARE_F32 || w->shape.rank != 3 || r->shape.rank != 3)
    return false;
  if ((node->n_inputs > 4 && node->inputs[4] >= 0) || (node->n_inputs > 7 && node->inputs[7] >= 0))
    return false;
  return !pare_node_attr(node, "clip") && !pare_node_int(node, "layout", 0) &&
         !pare_node_int(node, "input_forget", 0) && !pare_node_attr(node, "activations");
}

static pare_status rewrite_lstm(dynamic *d, int i_node) {
  const pare_node old = d->model->nodes[i_node];
  int inputs[12] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
  for (int i = 0; i < old.n_inputs && i < 8; i++) inputs[i] = old.inputs[i];
  PARE_TRY(add_recurrent(d, old.inputs[1], &inputs[1], &inputs[8], &inputs[9]));
  PARE_TRY(add_recurrent(d, old.inputs[2], &inputs[2], &inputs[10], &inputs[11]));
  int *copy = pare_arena_array(&d->model->arena, 12, sizeof *copy);
  if (!copy) return PARE_OUT_OF_MEMORY;
  memcpy(copy, inputs, sizeof inputs);
  pare_node *node = &d->model->nodes[i_node];
  node->op_type = "DynamicQuantizeLSTM";
  node->domain = "com.microsoft";
  node->inputs = copy;
  node->n_inputs = 12;
  pare_node_remove_attr(node, "layout");
  return pare_model_set_opset(d->model, "com.microsoft", 1);
}

static pare_status rewrite(dynamic *d, const dynamic_params *params) {
  PARE_TRY(pare_layer_choice_check(d->model, &params->choice));
  const int n_nodes = d->model->n_nodes;
  for (int i = 0; i < n_nodes; i++) {
    const pare_node *node = &d->model->nodes[i];
    pare_quant_layer layer;
    if (node->domain[0] || !pare_layer_chosen(&params->choice, node->name)) continue;
    if (lstm_fits(d->model, node)) {
      PARE_TRY(rewrite_lstm(d, i));
    } else if (pare_quant_is_product(node) && pare_quant_read_layer(d->model, node, &layer)) {
      PARE_TRY(rewrite_product(d, i, &layer));
    } else {
      continue;
    }
    d->n_layers++;
  }
  if (d->n_layers == 0)
    return pare_fail(d->model->ctx, PARE_BAD_RECIPE,
                     "there is no layer to quantize: Gemm, MatMul or LSTM with constant weights");
  if (pare_model_opset(d->model, "") < 11) PARE_TRY(pare_model_set_opset(d->model, "", 11));
  return pare_model_finish(d->model);
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  const dynamic_params *params = env->params;
  dynamic d = {.per_channel = pare_weight_per_channel((int)params->weights)};
  *out = NULL;
  PARE_TRY(pare_model_clone(env->model, &d.model));
  const pare_status status = rewrite(&d, params);
  if (status != PARE_OK) {
    pare_model_free(d.model);
    return status;
  }
  if (details) pare_json_put_int(details, "quantized_layers", d.n_layers);
  *out = d.model;
  return PARE_OK;
}

static void describe(const void *given, char *text, size_t size) {
  const dynamic_params *p = given;
  snprintf(text, size, "int8 weights (%s), activations quantized while running",
           pare_weight_name((int)p->weights) + 3);
}

static const pare_param params[] = {
    {.name = "weights",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(dynamic_params, weights),
     .choice = pare_weight_name,
     .unit = "",
     .help = "One scale per output channel, or one for a whole layer."},
    PARE_LAYER_CHOICE_ROWS(dynamic_params, choice, "Layers that become int8; none named: all that can.",
                           "Layers that stay f32 (mixed precision)."),
};

const pare_pass pare_pass_quantize_dynamic = {
    .name = "quantize_dynamic",
    .title = "Quantize dynamically",
    .help = "Stores weights of Gemm, MatMul and LSTM as 8-bit integers and quantizes their inputs while "
            "running; needs no data.",
    .kind = "quantize",
    .params_bytes = sizeof(dynamic_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
