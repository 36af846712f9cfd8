/* Writes the plan into the graph as ONNX QDQ: every wanted value v gets v -> QuantizeLinear -> v_quantized -> DequantizeLinear -> v_dequantized,
 * which all its readers read; weights become s8 initializers behind DequantizeLinear, biases s32 with scale x_scale * w_scale. The f32
 * producers keep their names. Opset 13 or newer (per-axis scales). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "compress/quant/quant_plan.h"

typedef struct rewriter {
  pare_model *model;
  const pare_quant_plan *plan;
  pare_dtype activation;
  bool per_channel;
  int *dequantized; /* [plan's n_values]: what readers read instead, or -1 */
  int n_old_nodes;
} rewriter;

static char *named(rewriter *r, const char *name, const char *suffix) {
  return pare_arena_printf(&r->model->arena, "%s%s", name, suffix);
}

/* An initializer `name``suffix` with n elements of dtype, filled by the caller through *data; rank 0 when n is 0. */
static pare_status new_initializer(rewriter *r, const char *name, const char *suffix, pare_dtype dtype,
                                   const pare_shape *shape, const void *data, int *out) {
  pare_tensor tensor;
  PARE_TRY(pare_tensor_new(r->model->ctx, dtype, shape, &tensor));
  memcpy(tensor.data, data, pare_tensor_len_bytes(&tensor));
  const char *whole = named(r, name, suffix);
  if (!whole) {
    pare_tensor_release(&tensor);
    return PARE_OUT_OF_MEMORY;
  }
  return pare_model_add_initializer(r->model, whole, &tensor, out);
}

/* Adds `op`(inputs) with one output `name``suffix`, shaped as value `like`. */
static pare_status add_qdq(rewriter *r, const char *op, const char *name, const char *suffix,
                           const int inputs[3], int like, pare_dtype dtype, int axis, int *out) {
  const pare_value *value = &r->model->values[like];
  const pare_shape shape = value->shape;
  const char *output = named(r, name, suffix),
             *node_name = named(r, name, op[0] == 'Q' ? "_QuantizeLinear" : "_DequantizeLinear");
  if (!output || !node_name) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_model_add_value(r->model, output, dtype, value->has_shape ? &shape : NULL, out));
  pare_node *node;
  PARE_TRY(pare_model_add_node(r->model, op, "", node_name, inputs, 3, out, 1, &node));
  return axis >= 0 ? pare_node_set_int(r->model, node, "axis", axis) : PARE_OK;
}

static pare_affine affine_of(const rewriter *r, int i_value) {
  const pare_range *range = &r->plan->ranges[pare_quant_group(r->plan, i_value)];
  return pare_affine_of_range(range->low, range->high, r->activation);
}

static pare_status add_pair(rewriter *r, int i_value) {
  const pare_shape scalar = {0};
  const char *name = r->model->values[i_value].name;
  const pare_affine affine = affine_of(r, i_value);
  const int8_t zero = (int8_t)affine.zero; /* the byte of a u8 too */
  int inputs[3] = {i_value}, i_quantized;
  PARE_TRY(new_initializer(r, name, "_scale", PARE_F32, &scalar, &affine.scale, &inputs[1]));
  PARE_TRY(new_initializer(r, name, "_zero_point", r->activation, &scalar, &zero, &inputs[2]));
  PARE_TRY(
      add_qdq(r, "QuantizeLinear", name, "_quantized", inputs, i_value, r->activation, -1, &i_quantized));
  inputs[0] = i_quantized;
  return add_qdq(r, "DequantizeLinear", name, "_dequantized", inputs, i_value, PARE_F32, -1,
                 &r->dequantized[i_value]);
}

/* Largest magnitude of each output channel. */
static void channel_maxima(const pare_tensor *w, int axis, float *most) {
  const int64_t repeats = pare_shape_count_range(&w->shape, 0, axis), channels = w->shape.dims[axis];
  const int64_t n = pare_shape_count_range(&w->shape, axis + 1, w->shape.rank);
  for (int64_t c = 0; c < channels; c++) most[c] = 0.0f;
  for (int64_t i = 0; i < repeats * channels; i++) {
    for (int64_t k = 0; k < n; k++) {
      const float size = fabsf(pare_f32(w)[i * n + k]);
      if (size > most[i % channels]) most[i % channels] = size;
    }
  }
}

/* A bias of many steps of x_scale * w_scale would not fit 32 bits: such a channel (nearly all of whose weights are zero) gets larger steps. */
#define MOST_BIAS_STEPS 1073741824.0f

/* scales[n_out] of the weights; all equal when per tensor. */
static void weight_scales(const rewriter *r, const pare_tensor *w, const pare_tensor *bias, int axis,
                          float x_scale, float *scales) {
  const int64_t n = w->shape.dims[axis];
  channel_maxima(w, axis, scales);
  float largest = 0.0f;
  for (int64_t c = 0; c < n; c++) {
    scales[c] = pare_affine_symmetric(scales[c]);
    const float least = bias ? fabsf(pare_f32(bias)[c]) / MOST_BIAS_STEPS / x_scale : 0.0f;
    if (scales[c] < least) scales[c] = least;
    if (scales[c] > largest) largest = scales[c];
  }
  for (int64_t c = 0; c < n && !r->per_channel; c++) scales[c] = largest;
}

/* Quantized initializer, scale, zero points 0, DequantizeLinear; *out is its output. */
static pare_status add_constant(rewriter *r, int i_value, pare_dtype dtype, int axis, const float *scales,
                                int *out) {
  const pare_tensor from = r->model->values[i_value].tensor;
  const char *name = r->model->values[i_value].name;
  const int64_t n = from.shape.dims[axis];
  const pare_shape shape = r->per_channel ? PARE_SHAPE(n) : (pare_shape){0};
  pare_tensor q;
  PARE_TRY(pare_tensor_new(r->model->ctx, dtype, &from.shape, &q));
  const pare_status status = pare_quantize_affine_axis(r->model->ctx, pare_f32(&from), &from.shape, axis,
                                                       scales, NULL, dtype, PARE_ROUND_ONNX, q.data);
  const char *whole = named(r, name, "_quantized");
  if (status != PARE_OK || !whole) {
    pare_tensor_release(&q);
    return status != PARE_OK ? status : PARE_OUT_OF_MEMORY;
  }
  int inputs[3];
  PARE_TRY(pare_model_add_initializer(r->model, whole, &q, &inputs[0]));
  PARE_TRY(new_initializer(r, name, "_scale", PARE_F32, &shape, scales, &inputs[1]));
  const int32_t *zeros = pare_arena_array(&r->model->arena, (size_t)n, sizeof *zeros);
  if (!zeros) return PARE_OUT_OF_MEMORY;
  PARE_TRY(new_initializer(r, name, "_zero_point", dtype, &shape, zeros, &inputs[2]));
  return add_qdq(r, "DequantizeLinear", name, "_dequantized", inputs, i_value, PARE_F32,
                 r->per_channel ? axis : -1, out);
}

static pare_status rewrite_layer(rewriter *r, int i_node) {
  pare_quant_layer layer;
  if (!pare_quant_read_layer(r->model, &r->model->nodes[i_node], &layer)) return PARE_OK;
  const float x_scale = affine_of(r, r->model->nodes[i_node].inputs[0]).scale;
  const pare_tensor w = r->model->values[layer.i_weight].tensor;
  const pare_tensor *bias = layer.i_bias >= 0 ? &r->model->values[layer.i_bias].tensor : NULL;
  float *scales = pare_arena_array(&r->model->arena, (size_t)layer.n_out, sizeof *scales);
  if (!scales) return PARE_OUT_OF_MEMORY;
  weight_scales(r, &w, bias, layer.axis, x_scale, scales);
  int i_weight, i_bias = -1;
  PARE_TRY(add_constant(r, layer.i_weight, PARE_S8, layer.axis, scales, &i_weight));
  if (bias) {
    for (int64_t c = 0; c < layer.n_out; c++) scales[c] = x_scale * scales[c];
    PARE_TRY(add_constant(r, layer.i_bias, PARE_S32, 0, scales, &i_bias));
  }
  r->model->nodes[i_node].inputs[1] = i_weight;
  if (bias) r->model->nodes[i_node].inputs[2] = i_bias;
  return PARE_OK;
}

static pare_status rewrite(rewriter *r) {
  const int n_values = r->model->n_values;
  r->n_old_nodes = r->model->n_nodes;
  for (int i = 0; i < r->n_old_nodes; i++)
    if (r->plan->roles[i] == PARE_ROLE_WEIGHTED) PARE_TRY(rewrite_layer(r, i));
  for (int i = 0; i < n_values; i++) {
    r->dequantized[i] = -1;
    if (r->plan->wanted[i]) PARE_TRY(add_pair(r, i));
  }
  for (int i = 0; i < r->n_old_nodes; i++) {
    pare_node *node = &r->model->nodes[i];
    for (int k = 0; k < node->n_inputs; k++) {
      const int from = node->inputs[k];
      if (from >= 0 && from < n_values && r->dequantized[from] >= 0) node->inputs[k] = r->dequantized[from];
    }
  }
  if (pare_model_opset(r->model, "") < 13) PARE_TRY(pare_model_set_opset(r->model, "", 13));
  return pare_model_finish(r->model);
}

static void report(const rewriter *r, pare_json *details) {
  pare_json_put_int(details, "quantized_layers", r->plan->n_weighted);
  pare_json_put_int(details, "f32_layers", r->plan->n_kept);
  pare_json_key(details, "activations");
  pare_json_array(details);
  for (int i = 0; i < r->plan->model->n_values; i++) {
    if (!r->plan->wanted[i]) continue;
    const pare_affine affine = affine_of(r, i);
    const pare_range *range = &r->plan->ranges[pare_quant_group(r->plan, i)];
    pare_json_object(details);
    pare_json_put_text(details, "name", r->plan->model->values[i].name);
    pare_json_put_number(details, "low", range->low);
    pare_json_put_number(details, "high", range->high);
    pare_json_put_number(details, "scale", affine.scale);
    pare_json_put_int(details, "zero_point", affine.zero);
    pare_json_end(details, '}');
  }
  pare_json_end(details, ']');
}

pare_status pare_quant_rewrite(pare_model *model, const pare_quant_plan *plan, pare_dtype activation,
                               bool per_channel, pare_json *details) {
  rewriter r = {.model = model, .plan = plan, .activation = activation, .per_channel = per_channel};
  r.dequantized = pare_arena_array(&model->arena, (size_t)model->n_values, sizeof *r.dequantized);
  if (!r.dequantized) return PARE_OUT_OF_MEMORY;
  if (details) report(&r, details); /* before finish renumbers values */
  return rewrite(&r);
}
