/* What probes.h has found put into the model. */
#include "compress/simplify/simplify.h"

#include "ops/op.h"

static bool is_graph_output(const pare_model *model, int i_value) {
  for (int i = 0; i < model->n_outputs; i++)
    if (model->outputs[i] == i_value) return true;
  return false;
}

/* All its outputs are constants that the graph itself does not give. */
static bool gives_constants(const pare_model *model, const pare_node *node, const pare_probes *probes) {
  int n = 0;
  for (int i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] < 0) continue;
    if (!pare_probes_constant(probes, node->outputs[i]) || is_graph_output(model, node->outputs[i]))
      return false;
    n++;
  }
  return n > 0;
}

pare_status pare_simplify_constants(pare_model *model, const pare_probes *probes) {
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    if (node->removed || !gives_constants(model, node, probes)) continue;
    for (int k = 0; k < node->n_outputs; k++) {
      if (node->outputs[k] < 0) continue;
      pare_tensor shared = pare_tensor_retain(pare_probes_constant(probes, node->outputs[k]));
      pare_model_set_initializer(model, node->outputs[k], &shared);
    }
    node->removed = true;
  }
  return PARE_OK;
}

/* ---- Reshape ------------------------------------------------------------------------------------------------------------------ */

/* The same number in every probe. */
static bool is_fixed(const pare_tensor *const targets[PARE_N_PROBES], int64_t i, int64_t *out) {
  *out = pare_s64(targets[0])[i];
  for (int k = 1; k < PARE_N_PROBES; k++)
    if (pare_s64(targets[k])[i] != *out) return false;
  return true;
}

/* In every probe what dimension i of the input is. */
static bool is_copied(const pare_probes *probes, const pare_tensor *const targets[PARE_N_PROBES], int i_data,
                      int64_t i) {
  for (int k = 0; k < PARE_N_PROBES; k++) {
    const pare_value *data = pare_probes_value(probes, k, i_data);
    if (!data || !data->has_shape || i >= data->shape.rank || pare_s64(targets[k])[i] != data->shape.dims[i])
      return false;
  }
  return true;
}

/* Writes 0, -1 and fixed numbers; false where they do not suffice. A 0 that is meant (no elements) does not go with a 0 that copies. */
static bool find_target(const pare_probes *probes, const pare_tensor *const targets[PARE_N_PROBES],
                        int i_data, int64_t *out, int64_t n) {
  bool rest_is_used = false;
  for (int64_t i = 0; i < n; i++) {
    if (is_fixed(targets, i, &out[i])) {
      if (out[i] == -1 && rest_is_used) return false;
      rest_is_used = rest_is_used || out[i] == -1;
    } else if (is_copied(probes, targets, i_data, i)) {
      out[i] = 0;
    } else {
      if (rest_is_used) return false;
      rest_is_used = true;
      out[i] = -1;
    }
  }
  return true;
}

static bool read_targets(const pare_probes *probes, int i_value, const pare_tensor *targets[PARE_N_PROBES]) {
  for (int k = 0; k < PARE_N_PROBES; k++) {
    targets[k] = pare_probes_whole_numbers(probes, k, i_value);
    if (!targets[k] || targets[k]->shape.rank != 1 || targets[k]->shape.dims[0] > PARE_MAX_RANK ||
        !pare_shape_equal(&targets[k]->shape, &targets[0]->shape))
      return false;
  }
  return true;
}

static pare_status fix_reshape(pare_model *model, int i_node, const pare_probes *probes) {
  const pare_tensor *targets[PARE_N_PROBES];
  const int *in = model->nodes[i_node].inputs;
  int64_t found[PARE_MAX_RANK];
  if (model->nodes[i_node].n_inputs != 2 || in[0] < 0 || in[1] < 0 || model->values[in[1]].is_initializer)
    return PARE_OK;
  if (pare_node_int(&model->nodes[i_node], "allowzero", 0) || !read_targets(probes, in[1], targets))
    return PARE_OK;
  const int64_t n = targets[0]->shape.dims[0];
  if (!find_target(probes, targets, in[0], found, n)) return PARE_OK;
  pare_tensor made;
  int i_made;
  PARE_TRY(pare_tensor_new(model->ctx, PARE_S64, &targets[0]->shape, &made));
  for (int64_t i = 0; i < n; i++) pare_s64(&made)[i] = found[i];
  PARE_TRY(pare_model_add_initializer(model, model->values[in[1]].name, &made, &i_made));
  model->nodes[i_node].inputs[1] = i_made;
  return PARE_OK;
}

pare_status pare_simplify_reshapes(pare_model *model, const pare_probes *probes) {
  for (int i = 0; i < model->n_nodes; i++)
    if (!model->nodes[i].removed && pare_node_is(&model->nodes[i], "Reshape"))
      PARE_TRY(fix_reshape(model, i, probes));
  return PARE_OK;
}

/* ---- shapes -------------------------------------------------------------------------------------------------------------------- */

void pare_simplify_shapes(pare_model *model, const pare_probes *probes) {
  for (int i = 0; i < model->n_values; i++) {
    pare_value *value = &model->values[i];
    const char *names[PARE_MAX_RANK];
    pare_shape shape;
    if (value->i_producer < 0 || value->has_shape || value->kind != PARE_KIND_TENSOR) continue;
    if (!pare_probes_shape(probes, i, &shape, names)) continue;
    const pare_dtype dtype = pare_probes_value(probes, 0, i)->dtype;
    if (dtype == PARE_NONE) continue;
    value->dtype = dtype;
    value->has_shape = true;
    value->shape = shape;
    for (int k = 0; k < shape.rank; k++) value->dim_names[k] = names[k];
  }
}

/* ---- what does nothing ----------------------------------------------------------------------------------------------------------- */

void pare_simplify_casts(pare_model *model, const pare_probes *probes) {
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    if (node->removed || !pare_node_is(node, "Cast") || node->n_inputs != 1 || node->inputs[0] < 0 ||
        node->outputs[0] < 0)
      continue;
    const pare_value *in = pare_probes_value(probes, 0, node->inputs[0]);
    const pare_value *out = pare_probes_value(probes, 0, node->outputs[0]);
    if (!in || !out || in->dtype == PARE_NONE || in->dtype != out->dtype) continue;
    for (int k = 0; k < node->n_attrs; k++) pare_attr_release(&node->attrs[k]);
    node->n_attrs = 0;
    node->op_type = "Identity";
  }
}

static bool drops_nothing(const pare_model *model, const pare_node *node) {
  if (!pare_node_is(node, "Dropout")) return false;
  if (node->n_outputs > 1 && node->outputs[1] >= 0 && model->values[node->outputs[1]].n_uses) return false;
  if (node->n_inputs < 3 || node->inputs[2] < 0) return true;
  const pare_tensor *training = pare_model_const_input(model, node, 2);
  return training && training->dtype == PARE_BOOL && pare_tensor_count(training) == 1 && !*pare_u8(training);
}

static bool turns_nothing(const pare_node *node) {
  size_t n;
  const int64_t *perm = pare_node_ints(node, "perm", &n);
  bool same = pare_node_is(node, "Transpose") && n > 0;
  for (size_t i = 0; i < n && same; i++) same = perm[i] == (int64_t)i;
  return same;
}

static bool does_nothing(const pare_model *model, const pare_node *node) {
  static const char *const of_one[] = {"Concat", "Sum", "Max", "Min", "Mean"};
  if (node->n_inputs < 1 || node->inputs[0] < 0 || node->n_outputs < 1 || node->outputs[0] < 0) return false;
  for (size_t i = 0; i < PARE_COUNT(of_one); i++)
    if (node->n_inputs == 1 && pare_node_is(node, of_one[i])) return true;
  return pare_node_is(node, "Identity") || drops_nothing(model, node) || turns_nothing(node);
}

/* The node before gives what this one gave. */
static bool take_over(pare_model *model, const pare_node *node) {
  const int i_in = node->inputs[0], i_producer = model->values[i_in].i_producer;
  if (i_producer < 0 || model->values[i_in].n_uses != 1) return false;
  pare_node *producer = &model->nodes[i_producer];
  for (int i = 0; i < producer->n_outputs; i++) {
    if (producer->outputs[i] != i_in) continue;
    producer->outputs[i] = node->outputs[0];
    model->values[node->outputs[0]].i_producer = i_producer;
    return true;
  }
  return false;
}

/* An output of the graph keeps its name: there the node goes only where the value before has no other reader. */
void pare_simplify_no_ops(pare_model *model) {
  for (int i = 0; i < model->n_nodes; i++) {
    pare_node *node = &model->nodes[i];
    if (node->removed || !does_nothing(model, node)) continue;
    const int i_in = node->inputs[0], i_out = node->outputs[0];
    if (is_graph_output(model, i_out)) {
      node->removed = take_over(model, node);
      continue;
    }
    pare_model_replace_uses(model, i_out, i_in);
    model->values[i_in].n_uses += model->values[i_out].n_uses - 1;
    node->removed = true;
  }
}

void pare_simplify_dead(pare_model *model) {
  for (int i = model->n_nodes - 1; i >= 0; i--) {
    pare_node *node = &model->nodes[i];
    bool is_read = node->op == NULL;
    for (int k = 0; k < node->n_outputs; k++)
      is_read = is_read || (node->outputs[k] >= 0 && model->values[node->outputs[k]].n_uses > 0);
    if (is_read || node->removed) continue;
    for (int k = 0; k < node->n_inputs; k++)
      if (node->inputs[k] >= 0) model->values[node->inputs[k]].n_uses--;
    node->removed = true;
  }
}
