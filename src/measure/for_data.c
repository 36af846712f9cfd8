/* Networks that take images of any size: with a data set, the size is that of its samples. */
#include "measure/measure.h"

static bool is_open(const pare_value *input, const pare_dataset *dataset) {
  if (!input->has_shape || input->shape.rank != dataset->sample_shape.rank + 1) return false;
  for (int i = 1; i < input->shape.rank; i++)
    if (input->shape.dims[i] < 0) return true;
  return false;
}

pare_status pare_model_for_data(const pare_model *model, const pare_dataset *dataset, pare_model **out) {
  *out = NULL;
  if (!dataset || model->n_inputs < 1 || !is_open(&model->values[model->inputs[0]], dataset)) {
    *out = pare_model_retain(model);
    return PARE_OK;
  }
  PARE_TRY(pare_model_clone(model, out));
  pare_value *input = &(*out)->values[(*out)->inputs[0]];
  for (int i = 1; i < input->shape.rank; i++) input->assumed[i] = dataset->sample_shape.dims[i - 1];
  return PARE_OK;
}
