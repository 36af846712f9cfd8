/* A model's weights as a caller sees them: its initializers in graph order, without those that only stand for
 * an attribute of an older opset, so that a model and its file have the same ones. */
#include "base/sha256.h"
#include "onnx/onnx.h"

static bool is_weight(const pare_value *value) {
  return value->is_initializer && !value->from_attr;
}

int pare_model_n_weights(const pare_model *model) {
  int n = 0;
  for (int i = 0; i < model->n_values; i++) n += is_weight(&model->values[i]);
  return n;
}

pare_tensor_view pare_model_weight(const pare_model *model, int i) {
  for (int k = 0; k < model->n_values && i >= 0; k++) {
    const pare_value *value = &model->values[k];
    if (!is_weight(value) || i-- > 0) continue;
    const pare_tensor *tensor = &value->tensor;
    return (pare_tensor_view){value->name, tensor->dtype, tensor->shape, tensor->data,
                              pare_tensor_len_bytes(tensor)};
  }
  return (pare_tensor_view){0};
}

pare_status pare_model_weights_sha256(const pare_model *model, char hex[65]) {
  pare_sha256 hash;
  pare_sha256_start(&hash);
  for (int i = 0; i < model->n_values; i++) {
    const pare_value *value = &model->values[i];
    if (is_weight(value)) pare_sha256_add(&hash, value->tensor.data, pare_tensor_len_bytes(&value->tensor));
  }
  pare_sha256_finish_hex(&hash, hex);
  return PARE_OK;
}
