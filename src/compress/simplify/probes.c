#include "compress/simplify/probes.h"

#include <string.h>

#include "session/session.h"

#define MAX_SYMBOLS 64

/* Open dimensions that have one name, and all first ones without a name (the batch), are one symbol. */
typedef struct symbols {
  const char *names[MAX_SYMBOLS];
  int n;
} symbols;

static int symbol_of(symbols *known, const pare_value *value, int axis) {
  static const char batch[] = "", own[] = "?";
  const char *name = value->dim_names[axis];
  if (!name || !*name) name = axis == 0 ? batch : own;
  for (int i = 0; i < known->n && name != own; i++)
    if (strcmp(known->names[i], name) == 0) return i;
  if (known->n == MAX_SYMBOLS) return -1;
  known->names[known->n] = name;
  return known->n++;
}

static pare_status fill_shapes(const pare_model *model, int64_t scale, int64_t first, pare_shape *shapes) {
  symbols known = {.n = 0};
  for (int i = 0; i < model->n_inputs; i++) {
    const pare_value *value = &model->values[model->inputs[i]];
    if (value->kind != PARE_KIND_TENSOR || !value->has_shape)
      return pare_fail(model->ctx, PARE_UNSUPPORTED, "input '%s' has no shape in the file", value->name);
    shapes[i] = value->shape;
    for (int j = 0; j < shapes[i].rank; j++) {
      if (shapes[i].dims[j] >= 0) continue;
      const int symbol = symbol_of(&known, value, j);
      if (symbol < 0) return pare_fail(model->ctx, PARE_UNSUPPORTED, "too many dimensions are open");
      shapes[i].dims[j] = scale * (first + symbol);
    }
  }
  return PARE_OK;
}

static pare_status fold_at(const pare_model *model, int64_t scale, int64_t first, pare_model **out) {
  pare_model *folded = NULL;
  pare_shape *shapes = pare_alloc_array(model->ctx, (size_t)model->n_inputs + 1, sizeof *shapes);
  *out = NULL;
  if (!shapes) return PARE_OUT_OF_MEMORY;
  pare_status status = fill_shapes(model, scale, first, shapes);
  if (status == PARE_OK) status = pare_model_clone(model, &folded);
  if (status == PARE_OK) status = pare_fold_for_file(folded, shapes);
  pare_free(model->ctx, shapes);
  if (status == PARE_OK)
    *out = folded;
  else
    pare_model_free(folded);
  return status;
}

/* Small sizes first; where the network is not made for them (an image must outlast its poolings), large ones. */
static pare_status make_one(const pare_model *model, int i_probe, pare_model **out) {
  static const struct { int64_t scale, first; } sizes[PARE_N_PROBES] = {{1, 2}, {1, 17}, {32, 3}, {32, 7}};
  const int64_t first = sizes[i_probe].first;
  pare_status status = fold_at(model, sizes[i_probe].scale, first, out);
  if (status == PARE_OK || status == PARE_OUT_OF_MEMORY || sizes[i_probe].scale > 1) return status;
  return fold_at(model, 32, first, out);
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
    status = make_one(model, i, &out->models[i]);
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
