#include "compress/simplify/probes.h"

#include <string.h>

#include "session/session.h"

/* Open dimensions that have one name, and all first ones without a name (the batch), are one symbol. -1: too many. */
static int symbol_of(pare_probes *known, const pare_value *value, int axis) {
  const char *name = value->dim_names[axis] ? value->dim_names[axis] : "";
  const bool is_own = !*name && axis > 0;
  for (int i = 0; i < known->n_symbols && !is_own; i++)
    if (known->symbols[i] && strcmp(known->symbols[i], name) == 0) return i;
  if (known->n_symbols == PARE_MAX_SYMBOLS) return -1;
  known->symbols[known->n_symbols] = is_own ? NULL : name;
  return known->n_symbols++;
}

static pare_status fill_shapes(const pare_model *model, pare_probes *probes, int i_probe,
                               pare_shape *shapes) {
  probes->n_symbols = 0;
  for (int i = 0; i < model->n_inputs; i++) {
    const pare_value *value = &model->values[model->inputs[i]];
    if (value->kind != PARE_KIND_TENSOR || !value->has_shape)
      return pare_fail(model->ctx, PARE_UNSUPPORTED, "input '%s' has no shape in the file", value->name);
    shapes[i] = value->shape;
    for (int j = 0; j < shapes[i].rank; j++) {
      if (shapes[i].dims[j] >= 0) continue;
      const int symbol = symbol_of(probes, value, j);
      if (symbol < 0) return pare_fail(model->ctx, PARE_UNSUPPORTED, "too many dimensions are open");
      shapes[i].dims[j] = probes->scale[i_probe] * (probes->first[i_probe] + symbol);
    }
  }
  return PARE_OK;
}

static pare_status fold_at(const pare_model *model, pare_probes *probes, int i_probe) {
  pare_model *folded = NULL;
  pare_shape *shapes = pare_alloc_array(model->ctx, (size_t)model->n_inputs + 1, sizeof *shapes);
  if (!shapes) return PARE_OUT_OF_MEMORY;
  pare_status status = fill_shapes(model, probes, i_probe, shapes);
  if (status == PARE_OK) status = pare_model_clone(model, &folded);
  if (status == PARE_OK) status = pare_fold_for_file(folded, shapes);
  pare_free(model->ctx, shapes);
  if (status == PARE_OK)
    probes->models[i_probe] = folded;
  else
    pare_model_free(folded);
  return status;
}

/* Small sizes first; where the network is not made for them (an image must outlast its poolings), large ones. */
static pare_status make_one(const pare_model *model, pare_probes *probes, int i) {
  static const int64_t scales[PARE_N_PROBES] = {1, 1, 32, 32}, firsts[PARE_N_PROBES] = {2, 17, 3, 7};
  probes->scale[i] = scales[i];
  probes->first[i] = firsts[i];
  const pare_status status = fold_at(model, probes, i);
  if (status == PARE_OK || status == PARE_OUT_OF_MEMORY || scales[i] > 1) return status;
  probes->scale[i] = 32;
  return fold_at(model, probes, i);
}

/* Finishing a model keeps the order of what stays and puts what is new behind it. */
static pare_status find_places(const pare_model *model, const pare_model *folded, int **out) {
  int *places = pare_alloc_array(model->ctx, (size_t)model->n_values + 1, sizeof(int));
  if (!places) return PARE_OUT_OF_MEMORY;
  for (int i = 0, at = 0; i < model->n_values; i++) {
    const bool stays = at < folded->n_values && strcmp(folded->values[at].name, model->values[i].name) == 0;
    places[i] = stays ? at++ : -1;
  }
  *out = places;
  return PARE_OK;
}

pare_status pare_probes_make(const pare_model *model, pare_probes *out) {
  *out = (pare_probes){.ctx = model->ctx};
  pare_status status = PARE_OK;
  for (int i = 0; i < PARE_N_PROBES && status == PARE_OK; i++) {
    status = make_one(model, out, i);
    if (status == PARE_OK) status = find_places(model, out->models[i], &out->places[i]);
  }
  if (status != PARE_OK) pare_probes_free(out);
  return status;
}

void pare_probes_free(pare_probes *probes) {
  for (int i = 0; i < PARE_N_PROBES; i++) {
    pare_model_free(probes->models[i]);
    pare_free(probes->ctx, probes->places[i]);
  }
  *probes = (pare_probes){.ctx = probes->ctx};
}

const pare_value *pare_probes_value(const pare_probes *probes, int i_probe, int i_value) {
  const int place = probes->places[i_probe][i_value];
  return place >= 0 ? &probes->models[i_probe]->values[place] : NULL;
}

static const pare_tensor *constant_in(const pare_probes *probes, int i_probe, int i_value) {
  const pare_value *value = pare_probes_value(probes, i_probe, i_value);
  return value && value->is_initializer ? &value->tensor : NULL;
}

static bool same(const pare_tensor *a, const pare_tensor *b) {
  return a->dtype == b->dtype && pare_shape_equal(&a->shape, &b->shape) &&
         memcmp(a->data, b->data, pare_tensor_len_bytes(a)) == 0;
}

const pare_tensor *pare_probes_constant(const pare_probes *probes, int i_value) {
  const pare_tensor *first = constant_in(probes, 0, i_value);
  for (int i = 1; i < PARE_N_PROBES && first; i++) {
    const pare_tensor *other = constant_in(probes, i, i_value);
    if (!other || !same(first, other)) return NULL;
  }
  return first;
}

const pare_tensor *pare_probes_whole_numbers(const pare_probes *probes, int i_probe, int i_value) {
  const pare_tensor *tensor = constant_in(probes, i_probe, i_value);
  return tensor && tensor->dtype == PARE_S64 ? tensor : NULL;
}

/* -1: neither a number nor a symbol. */
static int64_t dimension(const pare_probes *probes, const pare_value *const in[PARE_N_PROBES], int axis,
                         int *symbol) {
  const int64_t first = in[0]->shape.dims[axis];
  bool is_fixed = true;
  *symbol = (int)(first / probes->scale[0] - probes->first[0]);
  for (int k = 0; k < PARE_N_PROBES; k++) {
    const int64_t here = in[k]->shape.dims[axis];
    is_fixed = is_fixed && here == first;
    if (here != probes->scale[k] * (probes->first[k] + *symbol)) *symbol = -1;
  }
  if (*symbol >= probes->n_symbols) *symbol = -1;
  return is_fixed ? first : -1;
}

bool pare_probes_shape(const pare_probes *probes, int i_value, pare_shape *shape, const char **names) {
  const pare_value *in[PARE_N_PROBES];
  for (int k = 0; k < PARE_N_PROBES; k++) {
    in[k] = pare_probes_value(probes, k, i_value);
    if (!in[k] || !in[k]->has_shape || in[k]->shape.rank != in[0]->shape.rank) return false;
  }
  *shape = in[0]->shape;
  for (int axis = 0; axis < shape->rank; axis++) {
    int symbol;
    shape->dims[axis] = dimension(probes, in, axis, &symbol);
    const bool is_symbol = shape->dims[axis] < 0 && symbol >= 0;
    names[axis] =
        is_symbol && probes->symbols[symbol] && *probes->symbols[symbol] ? probes->symbols[symbol] : NULL;
  }
  return true;
}
