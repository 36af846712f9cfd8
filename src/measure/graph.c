/* The graph of a model as JSON, for drawing: nodes in order with the values that they read and make, and what is
 * known of each value. Shapes are those of a session at batch 1 where one can be planned, else the file's own. */
#include "measure/measure.h"
#include "measure/rows.h"

typedef struct drawing {
  const pare_model *model;
  const pare_session *session; /* NULL: it cannot run */
  const int *owner;            /* row of the layer table that a node belongs to */
  pare_json *json;
} drawing;

static void put_names(const drawing *d, const char *key, const int *values, int n) {
  pare_json_key(d->json, key);
  pare_json_array(d->json);
  for (int i = 0; i < n; i++)
    pare_json_text(d->json, values[i] < 0 ? NULL : d->model->values[values[i]].name);
  pare_json_end(d->json, ']');
}

static pare_status put_node(const drawing *d, int i) {
  const pare_node *node = &d->model->nodes[i];
  pare_arena arena;
  pare_arena_init(&arena, d->model->ctx);
  const char *layer = pare_group_name(&arena, &d->model->nodes[d->owner[i]]);
  if (layer) {
    pare_json_object(d->json);
    pare_json_put_text(d->json, "name", node->name);
    pare_json_put_text(d->json, "op", node->op_type);
    pare_json_put_text(d->json, "domain", node->domain);
    pare_json_put_bool(d->json, "supported", node->op != NULL);
    pare_json_put_text(d->json, "layer", layer);
    put_names(d, "inputs", node->inputs, node->n_inputs);
    put_names(d, "outputs", node->outputs, node->n_outputs);
    pare_json_end(d->json, '}');
  }
  pare_arena_free(&arena);
  return layer ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static void put_value(const drawing *d, const pare_value *value) {
  const pare_tensor *planned = d->session ? pare_session_value(d->session, value->name) : NULL;
  if (planned && planned->dtype == PARE_NONE) planned = NULL;
  const pare_dtype dtype = planned ? planned->dtype : value->dtype;
  pare_json_object(d->json);
  pare_json_put_text(d->json, "name", value->name);
  pare_json_put_text(d->json, "dtype", dtype == PARE_NONE ? NULL : pare_dtype_name(dtype));
  if (planned)
    pare_json_put_shape(d->json, "shape", &planned->shape);
  else if (value->has_shape || value->is_initializer)
    pare_json_put_shape(d->json, "shape", value->is_initializer ? &value->tensor.shape : &value->shape);
  else
    pare_json_put_text(d->json, "shape", NULL);
  pare_json_put_bool(d->json, "constant", value->is_initializer);
  pare_json_end(d->json, '}');
}

static pare_status put_all(const drawing *d) {
  const pare_model *model = d->model;
  pare_json_object(d->json);
  put_names(d, "inputs", model->inputs, model->n_inputs);
  put_names(d, "outputs", model->outputs, model->n_outputs);
  pare_json_key(d->json, "nodes");
  pare_json_array(d->json);
  for (int i = 0; i < model->n_nodes; i++) PARE_TRY(put_node(d, i));
  pare_json_end(d->json, ']');
  pare_json_key(d->json, "values");
  pare_json_array(d->json);
  for (int i = 0; i < model->n_values; i++) put_value(d, &model->values[i]);
  pare_json_end(d->json, ']');
  pare_json_end(d->json, '}');
  return PARE_OK;
}

pare_status pare_model_graph(const pare_model *model, pare_buffer *out) {
  const pare_plan_options options = {.batch = 1};
  pare_session *session = NULL;
  int *owner = NULL;
  *out = (pare_buffer){NULL, 0};
  pare_status status = pare_session_plan(model, &options, &session);
  if (status == PARE_OUT_OF_MEMORY) return status;
  if (status != PARE_OK) pare_error_clear(model->ctx); /* drawn all the same */
  status = pare_groups_find(model, &owner);
  pare_json json;
  pare_json_init(&json, model->ctx);
  const drawing d = {model, session, owner, &json};
  if (status == PARE_OK) status = put_all(&d);
  pare_session_free(session);
  pare_free(model->ctx, owner);
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}
