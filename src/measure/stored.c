/* Which initializers a node stores, and what they take. A weight behind DequantizeLinear is the integers,
 * not the floats they stand for.
 *
 * Entropy (Shannon 1948) is order 0: H = sum_b n_b log2(n / n_b) bits over the counts n_b of the byte
 * values b. The four bytes of floats are told apart because sign and exponent repeat and mantissas do not.
 * It says what a good coder would need, without being one. */
#include <string.h>

#include "kernels/f32_math/f32_math.h"
#include "measure/stored.h"
#include "ops/nbits.h"

/* Places of weights: those of the float operators are what training uses (parameters.def), the others take
 * integers. */
typedef struct place {
  const char *op_type;
  int i_input;
  bool is_statistic;
  int i_scale, i_zero_point; /* inputs of the same node, or -1 */
} place;

enum { NONE, WEIGHT, BIAS, SCALE, TABLE, MEAN, VARIANCE };

static const place places[] = {
#define X(op_type, i_input, role) {op_type, i_input, role >= MEAN, -1, -1},
#include "train/parameters.def"
#undef X
    {"QLinearConv", 3, false, 4, 5},
    {"QLinearConv", 8, false, -1, -1},
    {"QLinearMatMul", 3, false, 4, 5},
    {"ConvInteger", 1, false, -1, 3},
    {"MatMulInteger", 1, false, -1, 3},
    {"MatMulIntegerToFloat", 1, false, 3, 5},
    {"QGemm", 3, false, 4, 5},
    {"QGemm", 6, false, -1, -1},
    {"MatMulNBits", 1, false, 2, 3},
    {"MatMulNBits", 5, false, -1, -1},
    {"DynamicQuantizeLSTM", 1, false, 8, 9},
    {"DynamicQuantizeLSTM", 2, false, 10, 11},
    {"DynamicQuantizeLSTM", 3, false, -1, -1},
};

static const place *find_place(const pare_node *node, int i_input) {
  for (size_t i = 0; i < PARE_COUNT(places); i++)
    if (places[i].i_input == i_input && strcmp(places[i].op_type, node->op_type) == 0) return &places[i];
  return NULL;
}

static const pare_tensor *initializer(const pare_model *model, const pare_node *node, int i_input) {
  if (i_input < 0 || i_input >= node->n_inputs || node->inputs[i_input] < 0) return NULL;
  const pare_value *value = &model->values[node->inputs[i_input]];
  return value->is_initializer ? &value->tensor : NULL;
}

/* Scales and biases of Mul and Add are weights only when there is one for each channel. */
static bool is_scalar_constant(const pare_node *node, const pare_tensor *tensor) {
  bool element_wise = strcmp(node->op_type, "Add") == 0 || strcmp(node->op_type, "Mul") == 0;
  return element_wise && pare_tensor_count(tensor) <= 1;
}

/* Weights that are packed into bytes; of sizes that fit together. */
static bool read_blocks(const pare_stored *stored, pare_nbits *out) {
  if (!stored->node || strcmp(stored->node->op_type, "MatMulNBits") != 0 ||
      stored->tensor->dtype != PARE_U8 || !stored->scale || !pare_nbits_read(stored->node, out))
    return false;
  out->b = pare_u8(stored->tensor);
  out->scales = pare_f32(stored->scale);
  out->zeros = stored->zero_point ? pare_u8(stored->zero_point) : NULL;
  return pare_tensor_count(stored->tensor) == out->n * out->n_blocks * pare_nbits_blob(out) &&
         (!stored->zero_point ||
          pare_tensor_len_bytes(stored->zero_point) == (size_t)(out->n * pare_nbits_zero_row(out)));
}

static bool fill(const pare_model *model, const pare_node *node, const place *at, pare_stored *out) {
  int i_value = node->inputs[at->i_input];
  if (i_value < 0) return false;
  const pare_value *value = &model->values[i_value];
  *out = (pare_stored){.i_value = i_value, .is_parameter = !at->is_statistic};
  if (value->is_initializer) {
    out->tensor = &value->tensor;
    out->scale = initializer(model, node, at->i_scale);
    out->zero_point = initializer(model, node, at->i_zero_point);
  } else if (value->i_producer >= 0 && pare_node_is(&model->nodes[value->i_producer], "DequantizeLinear")) {
    const pare_node *dequantize = &model->nodes[value->i_producer];
    out->i_value = dequantize->inputs[0];
    out->tensor = initializer(model, dequantize, 0);
    out->scale = initializer(model, dequantize, 1);
    out->zero_point = initializer(model, dequantize, 2);
    out->axis = (int)pare_node_int(dequantize, "axis", 1);
    out->block = pare_node_int(dequantize, "block_size", 0);
  }
  if (out->tensor == NULL || out->tensor->data == NULL || is_scalar_constant(node, out->tensor)) return false;
  if (out->axis < 0) out->axis += out->tensor->shape.rank;
  out->node = node;
  out->bits = pare_dtype_bits(out->tensor->dtype);
  out->count = pare_tensor_count(out->tensor);
  pare_nbits blocks;
  if (read_blocks(out, &blocks)) {
    out->bits = blocks.bits;
    out->count = blocks.k * blocks.n;
  }
  return out->bits > 0;
}

int pare_stored_of(const pare_model *model, const pare_node *node, pare_stored out[PARE_MAX_STORED]) {
  int n = 0;
  for (int i = 0; i < node->n_inputs && n < PARE_MAX_STORED; i++) {
    const place *at = find_place(node, i);
    if (at != NULL && fill(model, node, at, &out[n])) n++;
  }
  return n;
}

static uint64_t count_f32(const pare_tensor *tensor) {
  uint64_t n = 0;
  const float *x = pare_f32(tensor);
  for (int64_t i = 0, count = pare_tensor_count(tensor); i < count; i++) n += x[i] != 0.0f;
  return n;
}

/* Zero points [before, blocks, after] of a tensor [before, n, after]. */
static uint64_t count_blocked(const pare_stored *stored) {
  const pare_tensor *tensor = stored->tensor, *zero = stored->zero_point;
  const pare_shape *shape = &tensor->shape;
  if (stored->axis < 0 || stored->axis >= shape->rank || zero->data == NULL) return 0;
  const int64_t n = shape->dims[stored->axis], n_blocks = (n + stored->block - 1) / stored->block;
  const int64_t after = pare_shape_count_range(shape, stored->axis + 1, shape->rank);
  const int64_t count = pare_tensor_count(tensor);
  uint64_t n_nonzero = 0;
  if (count == 0 || pare_tensor_count(zero) != count / n * n_blocks) return 0;
  for (int64_t i = 0; i < count; i++) {
    const int64_t row = i / after;
    const int64_t at = (row / n * n_blocks + row % n / stored->block) * after + i % after;
    n_nonzero += pare_tensor_get_s64(tensor, i) != pare_tensor_get_s64(zero, at);
  }
  return n_nonzero;
}

uint64_t pare_stored_nonzeros(const pare_stored *stored) {
  const pare_tensor *tensor = stored->tensor, *zero = stored->zero_point;
  pare_nbits blocks;
  if (tensor->dtype == PARE_F32) return count_f32(tensor);
  if (read_blocks(stored, &blocks)) return pare_nbits_nonzeros(&blocks);
  if (stored->block > 0 && zero != NULL) return count_blocked(stored);
  uint64_t n = 0;
  int64_t inner = 1, n_zero = zero == NULL || zero->data == NULL ? 0 : pare_tensor_count(zero);
  bool per_channel = n_zero > 1 && stored->axis >= 0 && stored->axis < tensor->shape.rank &&
                     n_zero == tensor->shape.dims[stored->axis];
  if (per_channel) inner = pare_shape_count_range(&tensor->shape, stored->axis + 1, tensor->shape.rank);
  for (int64_t i = 0, count = pare_tensor_count(tensor); i < count; i++) {
    double z = n_zero == 0 ? 0 : pare_tensor_get_f64(zero, per_channel ? i / inner % n_zero : 0);
    n += pare_tensor_get_f64(tensor, i) != z;
  }
  return n;
}

uint64_t pare_stored_bytes(const pare_stored *stored) {
  uint64_t bytes = pare_tensor_len_bytes(stored->tensor);
  if (stored->scale != NULL) bytes += pare_tensor_len_bytes(stored->scale);
  if (stored->zero_point != NULL) bytes += pare_tensor_len_bytes(stored->zero_point);
  return bytes;
}

/* In bits, of every `stride`-th byte from `first`. */
static double entropy_bits(const uint8_t *bytes, size_t len_bytes, size_t first, size_t stride) {
  uint64_t counts[256] = {0};
  double n = 0, bits = 0;
  for (size_t i = first; i < len_bytes; i += stride) counts[bytes[i]]++;
  for (int b = 0; b < 256; b++) n += (double)counts[b];
  for (int b = 0; b < 256; b++)
    if (counts[b] > 0) bits += (double)counts[b] * (pare_log(n / (double)counts[b]) / 0.69314718055994530942);
  return bits;
}

uint64_t pare_stored_entropy_bytes(const pare_stored *stored) {
  const pare_tensor *tensor = stored->tensor;
  size_t planes = pare_dtype_size(tensor->dtype) > 0 ? pare_dtype_size(tensor->dtype) : 1;
  size_t len_bytes = pare_tensor_len_bytes(tensor);
  double bits = 0;
  for (size_t i = 0; i < planes; i++) bits += entropy_bits(tensor->data, len_bytes, i, planes);
  return (uint64_t)((bits + 7.999999) / 8) + pare_stored_bytes(stored) - len_bytes;
}
