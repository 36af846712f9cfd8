/* What a model is, as JSON: inputs and outputs, opsets, layers, sums, and the operators that are not
 * there. A model that cannot run is described too, as far as its graph goes; "problem" then says what
 * stands in the way. */
#include <math.h>
#include <stdio.h>

#include "compress/pass.h"
#include "measure/measure.h"

/* Symbolic names where a dimension has one; "shape" holds -1 there. */
static void put_dims(pare_json *json, const pare_value *value) {
  pare_json_key(json, "dims");
  pare_json_array(json);
  for (int i = 0; i < value->shape.rank; i++) {
    if (value->shape.dims[i] >= 0)
      pare_json_int(json, value->shape.dims[i]);
    else
      pare_json_text(json, value->dim_names[i] != NULL ? value->dim_names[i] : "?");
  }
  pare_json_end(json, ']');
}

static void put_values(pare_json *json, const char *key, const pare_model *model, const int *values, int n) {
  pare_json_key(json, key);
  pare_json_array(json);
  for (int i = 0; i < n; i++) {
    const pare_value *value = &model->values[values[i]];
    pare_json_object(json);
    pare_json_put_text(json, "name", value->name);
    pare_json_put_text(json, "dtype", value->dtype == PARE_NONE ? NULL : pare_dtype_name(value->dtype));
    if (value->has_shape) {
      pare_json_put_shape(json, "shape", &value->shape);
      put_dims(json, value);
    } else {
      pare_json_put_text(json, "shape", NULL);
    }
    pare_json_end(json, '}');
  }
  pare_json_end(json, ']');
}

static void put_opsets(pare_json *json, const pare_model *model) {
  pare_json_key(json, "opsets");
  pare_json_array(json);
  for (int i = 0; i < model->n_opsets; i++) {
    pare_json_object(json);
    pare_json_put_text(json, "domain", model->opsets[i].domain);
    pare_json_put_int(json, "version", model->opsets[i].version);
    pare_json_end(json, '}');
  }
  pare_json_end(json, ']');
}

/* `place`: the node around the graph and a slash, "" for the model's own. */
static void put_missing(pare_json *json, const pare_model *model, const char *place) {
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    char name[256];
    snprintf(name, sizeof name, "%.120s%.120s", place, node->name);
    if (node->op == NULL) {
      pare_json_object(json);
      pare_json_put_text(json, "op", node->op_type);
      pare_json_put_text(json, "domain", node->domain);
      pare_json_put_text(json, "node", name);
      pare_json_end(json, '}');
    }
    snprintf(name, sizeof name, "%.120s%.120s/", place, node->name);
    for (int k = 0; k < node->n_attrs; k++)
      for (size_t g = 0; pare_attr_has_graphs(&node->attrs[k]) && g < node->attrs[k].n; g++)
        put_missing(json, node->attrs[k].graphs[g], name);
  }
}

static void put_unsupported(pare_json *json, const pare_model *model) {
  pare_json_key(json, "unsupported");
  pare_json_array(json);
  put_missing(json, model, "");
  pare_json_end(json, ']');
}

/* Commands and passes that work, or those that do not. */
static void put_words(pare_json *json, const char *key, bool works, bool runs) {
  static const char *const looking[] = {"show", "info"}, *const running[] = {"infer", "eval", "bench"};
  pare_json_key(json, key);
  pare_json_array(json);
  for (size_t i = 0; i < PARE_COUNT(looking) && works; i++) pare_json_text(json, looking[i]);
  for (size_t i = 0; i < PARE_COUNT(running) && works == runs; i++) pare_json_text(json, running[i]);
  for (int i = 0; i < pare_pass_count(); i++)
    if ((runs || !pare_pass_at(i)->needs_running) == works) pare_json_text(json, pare_pass_at(i)->name);
  pare_json_end(json, ']');
}

/* What works on a model that cannot run: its weights are there, and what is not known is carried along. */
static void put_possible(pare_json *json, bool runs) {
  put_words(json, "possible", true, runs);
  put_words(json, "impossible", false, runs);
}

static void put_about(pare_json *json, const pare_model *model) {
  pare_json_put_text(json, "graph", model->graph_name);
  pare_json_put_text(json, "producer", model->producer_name);
  pare_json_put_text(json, "producer_version", model->producer_version);
  pare_json_put_int(json, "ir_version", model->ir_version);
  put_opsets(json, model);
  put_values(json, "inputs", model, model->inputs, model->n_inputs);
  put_values(json, "outputs", model, model->outputs, model->n_outputs);
  pare_json_put_int(json, "nodes", model->n_nodes);
}

pare_status pare_model_info(const pare_model *model, pare_buffer *out) {
  pare_model_report report;
  pare_json json;
  *out = (pare_buffer){NULL, 0};
  pare_json_init(&json, model->ctx);
  pare_json_object(&json);
  put_about(&json, model);
  pare_status status = pare_measure_model(model, NULL, 0, &report);
  bool runs = status == PARE_OK;
  if (runs)
    pare_json_put_text(&json, "problem", NULL);
  else if (status != PARE_OUT_OF_MEMORY) {
    pare_json_put_text(&json, "problem", pare_error(model->ctx));
    status = pare_measure_weights(model, &report);
  }
  if (status != PARE_OK) {
    pare_json_free(&json);
    return status;
  }
  pare_json_put_bool(&json, "runs", runs);
  put_unsupported(&json, model);
  put_possible(&json, runs);
  pare_model_report_json(&report, &json);
  pare_model_report_free(&report);
  pare_json_end(&json, '}');
  if (runs) return pare_json_finish(&json, out);
  pare_error_clear(model->ctx);
  return pare_json_finish(&json, out);
}
