/* Which initializers a node stores, and what they take. A weight behind DequantizeLinear is the integers,
 * not the floats they stand for.
 *
 * Entropy (Shannon 1948) is order 0: H = sum_b n_b log2(n / n_b) bits over the counts n_b of the byte
 * values b. The four bytes of floats are told apart because sign and exponent repeat and mantissas do not.
 * It says what a good coder would need, without being one. */
#include <string.h>

#include "kernels/f32_math/f32_math.h"
#include "measure/stored.h"

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
    {"QLinearConv", 3, false, 4, 5},           {"QLinearConv", 8, false, -1, -1},
    {"QLinearMatMul", 3, false, 4, 5},         {"ConvInteger", 1, false, -1, 3},
    {"MatMulInteger", 1, false, -1, 3},        {"DynamicQuantizeLSTM", 1, false, 8, 9},
    {"DynamicQuantizeLSTM", 2, false, 10, 11}, {"DynamicQuantizeLSTM", 3, false, -1, -1},
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
  }
  if (out->tensor == NULL || out->tensor->data == NULL || is_scalar_constant(node, out->tensor)) return false;
  if (out->axis < 0) out->axis += out->tensor->shape.rank;
  return pare_dtype_size(out->tensor->dtype) > 0;
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

uint64_t pare_stored_nonzeros(const pare_stored *stored) {
  const pare_tensor *tensor = stored->tensor, *zero = stored->zero_point;
  if (tensor->dtype == PARE_F32) return count_f32(tensor);
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
  size_t planes = pare_dtype_size(tensor->dtype);
  size_t len_bytes = pare_tensor_len_bytes(tensor);
  double bits = 0;
  for (size_t i = 0; i < planes; i++) bits += entropy_bits(tensor->data, len_bytes, i, planes);
  return (uint64_t)((bits + 7.999999) / 8) + pare_stored_bytes(stored) - len_bytes;
}
