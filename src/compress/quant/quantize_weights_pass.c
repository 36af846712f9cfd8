/* The pass `quantize_weights`: weights as 8- or 4-bit integers in blocks, everything is computed in f32; no data needed.
 *   dequantize    the integers behind DequantizeLinear: in blocks along the axis that is summed (opset 21), or one scale per output channel (8 bits
 *                 then need opset 13 only). Convolutions always have one per channel.
 *   matmul_nbits  Gemm and MatMul become com.microsoft MatMulNBits (nbits.h), computed straight from the blocks; the other layers stay f32. */
#include <stdio.h>
#include <string.h>

#include "compress/quant/blocks.h"
#include "compress/quant/quant_plan.h"
#include "onnx/onnx.h"
#include "ops/nbits.h"

typedef struct weights_params {
  int64_t bits, form, block_size;
  bool symmetric;
  pare_layer_choice choice;
} weights_params;

enum { FORM_DEQUANTIZE, FORM_NBITS };
enum { LEAST_BLOCK = 16, MOST_NBITS_BLOCK = 256, PER_AXIS_OPSET = 13, BLOCK_OPSET = 21 };

typedef struct quantizer {
  const weights_params *params;
  pare_model *model;
  pare_arena *arena; /* for what is not kept */
  int *dequantized;  /* [n_values before]: what readers read instead, 0: not yet */
  int bits, n_layers;
  int64_t opset; /* that the new nodes need */
} quantizer;

/* A tensor of `name``suffix`; pare_tensor_set_f64 fills it. */
static pare_status add(quantizer *q, const char *name, const char *suffix, pare_tensor *tensor, int *out) {
  const char *whole = pare_arena_printf(&q->model->arena, "%s%s", name, suffix);
  if (!whole) {
    pare_tensor_release(tensor);
    return PARE_OUT_OF_MEMORY;
  }
  return pare_model_add_initializer(q->model, whole, tensor, out);
}

static pare_status add_ints(quantizer *q, const char *name, const char *suffix, const pare_shape *shape,
                            const int16_t *values, int *out) {
  const bool symmetric = q->params->symmetric;
  const pare_dtype dtype = q->bits == 4 ? (symmetric ? PARE_S4 : PARE_U4) : symmetric ? PARE_S8 : PARE_U8;
  pare_tensor tensor;
  PARE_TRY(pare_tensor_new(q->model->ctx, dtype, shape, &tensor));
  for (int64_t i = 0; i < pare_shape_count(shape); i++) pare_tensor_set_f64(&tensor, i, values[i]);
  return add(q, name, suffix, &tensor, out);
}

static pare_status add_scales(quantizer *q, const char *name, const pare_shape *shape, const float *scales,
                              int *out) {
  pare_tensor tensor;
  PARE_TRY(pare_tensor_new(q->model->ctx, PARE_F32, shape, &tensor));
  memcpy(tensor.data, scales, pare_tensor_len_bytes(&tensor));
  return add(q, name, "_scale", &tensor, out);
}

/* ---- DequantizeLinear ------------------------------------------------------------------------------------------ */

/* Where a layer's weights are, the axis that its sums run along (-1: more than one), and that of its outputs. */
typedef struct place {
  int i_input, sum_axis, out_axis;
} place;

static bool is_recurrent(const pare_node *node) {
  return pare_node_is(node, "LSTM") || pare_node_is(node, "GRU") || pare_node_is(node, "RNN");
}

static const pare_tensor *f32_weight(const pare_model *model, const pare_node *node, int i, int least_rank) {
  const pare_tensor *w = pare_model_const_input(model, node, i);
  return w && w->dtype == PARE_F32 && w->shape.rank >= least_rank && pare_tensor_count(w) > 0 ? w : NULL;
}

static int places_of(const pare_model *model, const pare_node *node, place out[2]) {
  int n = 0;
  if (is_recurrent(node)) {
    for (int i = 1; i <= 2; i++)
      if (f32_weight(model, node, i, 3)) out[n++] = (place){i, 2, 1};
    return n;
  }
  const pare_tensor *w = f32_weight(model, node, 1, 2);
  if (!w) return 0;
  const int rank = w->shape.rank;
  const bool trans_b = pare_node_int(node, "transB", 0) != 0;
  if (pare_node_is(node, "Conv")) out[n++] = (place){1, -1, 0};
  if (pare_node_is(node, "ConvTranspose")) out[n++] = (place){1, -1, 1};
  if (pare_node_is(node, "Gemm") && rank == 2) out[n++] = (place){1, trans_b, !trans_b};
  if (pare_node_is(node, "MatMul")) out[n++] = (place){1, rank - 2, rank - 1};
  return n;
}

static pare_status add_dequantize(quantizer *q, int i_weight, const place *at, int *out) {
  const pare_tensor w = q->model->values[i_weight].tensor;
  const char *name = q->model->values[i_weight].name;
  const bool blocked = q->params->block_size > 0 && at->sum_axis >= 0;
  const int axis = blocked ? at->sum_axis : at->out_axis;
  pare_blocks b;
  pare_shape scale_shape = PARE_SHAPE(w.shape.dims[axis]);
  if (blocked)
    PARE_TRY(pare_blocks_make(q->arena, &w, axis, q->params->block_size, q->bits, q->params->symmetric, &b));
  else
    PARE_TRY(pare_blocks_make_channels(q->arena, &w, axis, q->bits, q->params->symmetric, &b));
  if (blocked) {
    scale_shape = w.shape;
    scale_shape.dims[axis] = b.n_blocks;
  }
  int inputs[3];
  PARE_TRY(add_ints(q, name, "_quantized", &w.shape, b.q, &inputs[0]));
  PARE_TRY(add_scales(q, name, &scale_shape, b.scales, &inputs[1]));
  if (!q->params->symmetric) PARE_TRY(add_ints(q, name, "_zero_point", &scale_shape, b.zeros, &inputs[2]));
  const char *node_name = pare_arena_printf(&q->model->arena, "%s_DequantizeLinear", name),
             *output = pare_arena_printf(&q->model->arena, "%s_dequantized", name);
  if (!node_name || !output) return PARE_OUT_OF_MEMORY;
  pare_node *node;
  PARE_TRY(pare_model_add_value(q->model, output, PARE_F32, &w.shape, out));
  PARE_TRY(pare_model_add_node(q->model, "DequantizeLinear", "", node_name, inputs,
                               q->params->symmetric ? 2 : 3, out, 1, &node));
  PARE_TRY(pare_node_set_int(q->model, node, "axis", axis));
  const int64_t needed = blocked || q->bits == 4 ? BLOCK_OPSET : PER_AXIS_OPSET;
  if (q->opset < needed) q->opset = needed;
  return blocked ? pare_node_set_int(q->model, node, "block_size", b.size) : PARE_OK;
}

static pare_status dequantize_layer(quantizer *q, int i_node) {
  place places[2];
  const int n = places_of(q->model, &q->model->nodes[i_node], places);
  for (int i = 0; i < n; i++) {
    const int i_weight = q->model->nodes[i_node].inputs[places[i].i_input];
    int made = q->dequantized[i_weight];
    if (!made) PARE_TRY(add_dequantize(q, i_weight, &places[i], &made));
    q->dequantized[i_weight] = made;
    q->model->nodes[i_node].inputs[places[i].i_input] = made;
  }
  q->n_layers += n > 0;
  return PARE_OK;
}

/* ---- MatMulNBits ----------------------------------------------------------------------------------------------- */

/* Integer i of a row of 4- or 8-bit numbers. */
static void put(uint8_t *row, int bits, int64_t i, int value) {
  if (bits == 8)
    row[i] = (uint8_t)value;
  else
    row[i / 2] = (uint8_t)(row[i / 2] | (value & 15) << (i % 2 ? 4 : 0));
}

/* The blocks of a matrix [k,n] (or [n,k]) as MatMulNBits wants them. */
static pare_status pack(quantizer *q, const pare_blocks *b, const pare_nbits *w, bool rows_are_outputs,
                        pare_tensor tensors[3]) {
  pare_context *ctx = q->model->ctx;
  const pare_shape blobs = PARE_SHAPE(w->n, w->n_blocks, pare_nbits_blob(w)),
                   scales = PARE_SHAPE(w->n * w->n_blocks);
  const pare_shape zeros = PARE_SHAPE(w->n * pare_nbits_zero_row(w));
  const int shift = b->symmetric ? 1 << (w->bits - 1) : 0;
  PARE_TRY(pare_tensor_new(ctx, PARE_U8, &blobs, &tensors[0]));
  PARE_TRY(pare_tensor_new(ctx, PARE_F32, &scales, &tensors[1]));
  if (!b->symmetric) PARE_TRY(pare_tensor_new(ctx, PARE_U8, &zeros, &tensors[2]));
  for (int64_t j = 0; j < w->n; j++) {
    for (int64_t i = 0; i < w->k; i++) {
      const int16_t value = b->q[rows_are_outputs ? j * w->k + i : i * w->n + j];
      uint8_t *blob = pare_u8(&tensors[0]) + (j * w->n_blocks + i / w->block) * pare_nbits_blob(w);
      put(blob, w->bits, i % w->block, value + shift);
    }
    for (int64_t i = 0; i < w->n_blocks; i++) {
      const int64_t from = rows_are_outputs ? j * w->n_blocks + i : i * w->n + j;
      pare_f32(&tensors[1])[j * w->n_blocks + i] = b->scales[from];
      if (!b->symmetric) put(pare_u8(&tensors[2]) + j * pare_nbits_zero_row(w), w->bits, i, b->zeros[from]);
    }
  }
  return PARE_OK;
}

static pare_status add_packed(quantizer *q, const pare_quant_layer *layer, bool rows_are_outputs,
                              const pare_nbits *w, int inputs[4]) {
  static const char *const suffixes[3] = {"_blocks", "_scale", "_zero_point"};
  const pare_tensor weight = q->model->values[layer->i_weight].tensor;
  const char *name = q->model->values[layer->i_weight].name;
  pare_tensor tensors[3] = {{0}, {0}, {0}};
  pare_blocks b;
  PARE_TRY(
      pare_blocks_make(q->arena, &weight, rows_are_outputs, w->block, w->bits, q->params->symmetric, &b));
  pare_status status = pack(q, &b, w, rows_are_outputs, tensors);
  for (int i = 0; i < 3; i++) {
    inputs[1 + i] = -1;
    if (tensors[i].data && status == PARE_OK)
      status = add(q, name, suffixes[i], &tensors[i], &inputs[1 + i]);
    else
      pare_tensor_release(&tensors[i]);
  }
  return status;
}

static pare_status add_bias(quantizer *q, int i_node, int i_bias) {
  pare_node *node = &q->model->nodes[i_node];
  const int i_out = node->outputs[0];
  const pare_value *value = &q->model->values[i_out];
  const pare_shape shape = value->shape;
  const char *name = pare_arena_printf(&q->model->arena, "%s_bias", node->name),
             *before = pare_arena_printf(&q->model->arena, "%s_product", value->name);
  if (!name || !before) return PARE_OUT_OF_MEMORY;
  int inputs[2] = {0, i_bias};
  PARE_TRY(pare_model_add_value(q->model, before, PARE_F32, value->has_shape ? &shape : NULL, &inputs[0]));
  q->model->nodes[i_node].outputs[0] = inputs[0];
  pare_node *sum;
  return pare_model_add_node(q->model, "Add", "", name, inputs, 2, &i_out, 1, &sum);
}

static pare_status nbits_layer(quantizer *q, int i_node, const pare_quant_layer *layer) {
  const pare_node old = q->model->nodes[i_node];
  const pare_tensor *weight = &q->model->values[layer->i_weight].tensor;
  const bool rows_are_outputs = layer->axis == 0;
  pare_nbits w = {
      .k = weight->shape.dims[rows_are_outputs], .n = layer->n_out, .bits = q->bits, .block = LEAST_BLOCK};
  while (w.block < q->params->block_size) w.block *= 2;
  w.n_blocks = (w.k + w.block - 1) / w.block;
  int *inputs = pare_arena_array(&q->model->arena, 4, sizeof *inputs);
  if (!inputs) return PARE_OUT_OF_MEMORY;
  inputs[0] = old.inputs[0];
  PARE_TRY(add_packed(q, layer, rows_are_outputs, &w, inputs));
  pare_node *node = &q->model->nodes[i_node];
  node->op_type = "MatMulNBits";
  node->domain = "com.microsoft";
  node->inputs = inputs;
  node->n_inputs = inputs[3] < 0 ? 3 : 4;
  static const char *const gone[] = {"alpha", "beta", "transA", "transB"};
  for (size_t i = 0; i < PARE_COUNT(gone); i++) pare_node_remove_attr(node, gone[i]);
  PARE_TRY(pare_node_set_int(q->model, node, "K", w.k));
  PARE_TRY(pare_node_set_int(q->model, node, "N", w.n));
  PARE_TRY(pare_node_set_int(q->model, node, "bits", w.bits));
  PARE_TRY(pare_node_set_int(q->model, node, "block_size", w.block));
  q->n_layers++;
  PARE_TRY(pare_model_set_opset(q->model, "com.microsoft", 1));
  return layer->i_bias >= 0 ? add_bias(q, i_node, layer->i_bias) : PARE_OK;
}

/* ---- the pass --------------------------------------------------------------------------------------------------- */

static pare_status rewrite_node(quantizer *q, int i_node) {
  const pare_node *node = &q->model->nodes[i_node];
  pare_quant_layer layer;
  if (node->domain[0] || !pare_layer_chosen(&q->params->choice, node->name)) return PARE_OK;
  if (q->params->form == FORM_DEQUANTIZE) return dequantize_layer(q, i_node);
  if (!pare_quant_is_product(node) || !pare_quant_read_layer(q->model, node, &layer)) return PARE_OK;
  return nbits_layer(q, i_node, &layer);
}

/* ONNX Runtime's MatMulNBits takes blocks of 16, 32, 64, 128 or 256. */
static pare_status check_block(const quantizer *q) {
  const int64_t block = q->params->block_size;
  const bool fits = block >= LEAST_BLOCK && (block & (block - 1)) == 0;
  if (q->params->form == FORM_NBITS && !(fits && block <= MOST_NBITS_BLOCK))
    return pare_fail(q->model->ctx, PARE_BAD_RECIPE,
                     "block_size of matmul_nbits must be 16, 32, 64, 128 or 256");
  if (block == 0 || fits) return PARE_OK;
  return pare_fail(q->model->ctx, PARE_BAD_RECIPE, "block_size must be 0, or a power of two from %d",
                   LEAST_BLOCK);
}

static pare_status rewrite(quantizer *q) {
  PARE_TRY(check_block(q));
  PARE_TRY(pare_layer_choice_check(q->model, &q->params->choice));
  q->dequantized = pare_arena_array(q->arena, (size_t)q->model->n_values, sizeof *q->dequantized);
  if (!q->dequantized) return PARE_OUT_OF_MEMORY;
  const int n_nodes = q->model->n_nodes;
  for (int i = 0; i < n_nodes; i++) PARE_TRY(rewrite_node(q, i));
  if (q->n_layers == 0)
    return pare_fail(q->model->ctx, PARE_BAD_RECIPE, "there is no layer with constant weights to quantize");
  if (pare_model_opset(q->model, "") < q->opset) PARE_TRY(pare_onnx_set_opset(q->model, q->opset));
  return pare_model_finish(q->model);
}

static pare_status apply(const pare_pass_env *env, pare_model **out, pare_json *details) {
  pare_arena arena;
  quantizer q = {.params = env->params, .arena = &arena};
  *out = NULL;
  q.bits = pare_weight_bits((int)q.params->bits);
  PARE_TRY(pare_model_clone(env->model, &q.model));
  pare_arena_init(&arena, env->ctx);
  const pare_status status = rewrite(&q);
  pare_arena_free(&arena);
  if (status != PARE_OK) {
    pare_model_free(q.model);
    return status;
  }
  if (details) pare_json_put_int(details, "quantized_layers", q.n_layers);
  *out = q.model;
  return PARE_OK;
}

static const char *form_name(int i) {
  static const char *const names[] = {"dequantize", "matmul_nbits"};
  return i >= 0 && i < (int)PARE_COUNT(names) ? names[i] : NULL;
}

static void describe(const void *given, char *text, size_t size) {
  const weights_params *p = given;
  char blocks[48] = "one scale per output channel";
  if (p->block_size) snprintf(blocks, sizeof blocks, "blocks of %lld", (long long)p->block_size);
  snprintf(text, size, "%s weights, %s%s, computed in f32", pare_weight_bits_name((int)p->bits), blocks,
           p->form == FORM_NBITS ? " (MatMulNBits)" : "");
}

static const pare_param params[] = {
    {.name = "bits",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(weights_params, bits),
     .choice = pare_weight_bits_name,
     .unit = "",
     .help = "Size of a stored weight."},
    {.name = "operator",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(weights_params, form),
     .choice = form_name,
     .unit = "",
     .help = "DequantizeLinear before each layer, or ONNX Runtime's MatMulNBits for Gemm and MatMul."},
    {.name = "block_size",
     .type = PARE_PARAM_INT,
     .offset = offsetof(weights_params, block_size),
     .minimum = 0,
     .maximum = 65536,
     .fallback = 32,
     .unit = "weights",
     .help = "Weights that share a scale, a power of two from 16; 0: one scale per output channel."},
    {.name = "symmetric",
     .type = PARE_PARAM_BOOL,
     .offset = offsetof(weights_params, symmetric),
     .fallback = 1,
     .unit = "",
     .help = "Zero in the middle, without a zero point for each block."},
    PARE_LAYER_CHOICE_ROWS(weights_params, choice, "Layers whose weights are quantized; none named: all.",
                           "Layers that stay f32 (mixed precision)."),
};

const pare_pass pare_pass_quantize_weights = {
    .name = "quantize_weights",
    .title = "Quantize weights only",
    .help = "Stores weights as 8- or 4-bit integers in blocks, each with a scale of its own; computes in "
            "f32; needs no "
            "data.",
    .kind = "quantize",
    .params_bytes = sizeof(weights_params),
    .params = params,
    .n_params = (int)PARE_COUNT(params),
    .describe = describe,
    .apply = apply,
};
