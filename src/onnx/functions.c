/* Model-local functions (FunctionProto, IR version 8): each call is replaced by the function's nodes when a model is read. A function is
 * read anew for each call, as its nodes may refer to the call's attributes; it has opsets of its own, so it is normalised by itself.
 * A function that calls itself is refused, and so is what grows beyond all measure. */
#include "onnx/onnx.h"

#include <string.h>

enum {
  FUNCTION_NAME = 1,
  FUNCTION_INPUT = 4,
  FUNCTION_OUTPUT = 5,
  FUNCTION_NODE = 7,
  FUNCTION_OPSET = 9,
  FUNCTION_DOMAIN = 10
};

#define MAX_NODES   ((int64_t)1 << 17)
#define MAX_WORK    ((int64_t)1 << 27) /* pairs of names that are compared */
#define MAX_DEPTH   32
#define LEAST_OPSET 7 /* what files of older ones are raised to */

struct pare_onnx_function {
  const char *domain, *name;
  pare_wire message;
  bool expanding; /* a call of it is being replaced just now */
};

/* ---- what there is ---------------------------------------------------------------------------------------- */

static pare_status read_title(pare_onnx_reader *reader, pare_onnx_function *function) {
  pare_wire wire = function->message;
  function->domain = function->name = "";
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number == FUNCTION_NAME)
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "a function's name", &function->name));
    if (field.number == FUNCTION_DOMAIN)
      PARE_TRY(pare_onnx_text(reader, &wire, &field, "a function's domain", &function->domain));
  }
}

pare_status pare_onnx_read_functions(pare_onnx_reader *reader, const pare_wire *model, uint32_t number,
                                     pare_onnx_functions *out) {
  pare_wire_field field;
  *out = (pare_onnx_functions){.n = 0};
  for (pare_wire wire = *model;;) {
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    out->n += field.number == number;
  }
  out->list = pare_arena_array(&reader->model->arena, out->n, sizeof(*out->list));
  if (!out->list) return PARE_OUT_OF_MEMORY;
  size_t n = 0;
  for (pare_wire wire = *model; n < out->n;) {
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number != number) continue;
    PARE_TRY(pare_wire_enter(&wire, &field, &out->list[n].message));
    PARE_TRY(read_title(reader, &out->list[n++]));
  }
  return PARE_OK;
}

static pare_onnx_function *find_function(const pare_onnx_functions *functions, const pare_node *node) {
  for (size_t i = 0; i < functions->n; i++)
    if (strcmp(functions->list[i].name, node->op_type) == 0 &&
        strcmp(functions->list[i].domain, node->domain) == 0)
      return &functions->list[i];
  return NULL;
}

/* ---- one call --------------------------------------------------------------------------------------------- */

static pare_status read_formal(pare_onnx_reader *reader, const pare_wire *wire,
                               const pare_wire_field *field) {
  const char *name;
  int before = reader->model->n_values, i_value;
  PARE_TRY(pare_onnx_text(reader, wire, field, "a function's input or output", &name));
  PARE_TRY(pare_onnx_value(reader, name, &i_value));
  if (field->number == FUNCTION_OUTPUT) return pare_onnx_add_output(reader, i_value);
  if (i_value < before) return pare_fail(reader->ctx, PARE_BAD_MODEL, "input '%s' is there twice", name);
  return pare_onnx_add_input(reader, i_value);
}

static pare_status read_part(pare_onnx_reader *reader, const pare_wire *wire, const pare_wire_field *field) {
  pare_wire inner;
  pare_opset opset;
  switch (field->number) {
  case FUNCTION_INPUT:
  case FUNCTION_OUTPUT: return read_formal(reader, wire, field);
  case FUNCTION_NODE:
    PARE_TRY(pare_wire_enter(wire, field, &inner));
    return pare_onnx_read_node(reader, &inner);
  case FUNCTION_OPSET:
    PARE_TRY(pare_wire_enter(wire, field, &inner));
    PARE_TRY(pare_onnx_read_opset(reader, &inner, &opset));
    return pare_model_set_opset(reader->model, opset.domain, opset.version);
  default: return PARE_OK;
  }
}

static pare_status read_body(pare_onnx_reader *reader, const pare_onnx_function *function) {
  static const uint32_t order[] = {FUNCTION_OPSET, FUNCTION_INPUT, FUNCTION_OUTPUT, FUNCTION_NODE};
  for (size_t i = 0; i < PARE_COUNT(order); i++) {
    for (pare_wire wire = function->message;;) {
      pare_wire_field field;
      PARE_TRY(pare_wire_next(&wire, &field));
      if (field.number == 0) break;
      if (field.number == order[i]) PARE_TRY(read_part(reader, &wire, &field));
    }
  }
  return PARE_OK;
}

/* What is known of the types of a call's inputs. */
static void tell_types(const pare_model *outer, const pare_node *call, pare_model *body) {
  for (int i = 0; i < body->n_inputs && i < call->n_inputs; i++)
    if (call->inputs[i] >= 0)
      pare_value_set_type(&body->values[body->inputs[i]], &outer->values[call->inputs[i]]);
}

static pare_status read_call(const pare_onnx_function *function, const pare_model *outer,
                             const pare_node *call, pare_model **out) {
  /* `file` is NULL: what is read more than once stays as it is. */
  pare_onnx_reader reader = {.ctx = outer->ctx,
                             .values = {.ctx = outer->ctx},
                             .nodes = {.ctx = outer->ctx},
                             .call = call,
                             .function = &function->message};
  PARE_TRY(pare_model_new(outer->ctx, &reader.model));
  pare_status status = pare_model_set_opset(reader.model, "", pare_model_opset(outer, ""));
  if (status == PARE_OK) status = read_body(&reader, function);
  pare_names_free(&reader.values);
  pare_names_free(&reader.nodes);
  if (status == PARE_OK) {
    tell_types(outer, call, reader.model);
    *out = reader.model;
  } else {
    pare_model_free(reader.model);
  }
  return status;
}

/* A model of functions alone need not name an opset of ONNX's own operators: it has the body's then, and Identity needs one at least. */
static pare_status take_opset(pare_model *model, const pare_model *body) {
  const int64_t opset = pare_model_opset(body, "");
  if (pare_model_opset(model, "") != 0) return PARE_OK;
  return pare_model_set_opset(model, "", opset ? opset : LEAST_OPSET);
}

static pare_status put_body(pare_model *model, int i_node, const pare_model *body) {
  const pare_node *call = &model->nodes[i_node];
  if (call->n_captured || call->n_inputs > body->n_inputs || call->n_outputs > body->n_outputs)
    return pare_fail(model->ctx, PARE_BAD_MODEL, "%d inputs and %d outputs; the function has %d and %d",
                     call->n_inputs, call->n_outputs, body->n_inputs, body->n_outputs);
  size_t n_in = (size_t)body->n_inputs, n_out = (size_t)body->n_outputs;
  int *links = pare_arena_array(&model->arena, n_in + n_out, sizeof(*links));
  if (!links) return PARE_OUT_OF_MEMORY;
  for (size_t i = 0; i < n_in; i++) links[i] = (int)i < call->n_inputs ? call->inputs[i] : -1;
  for (size_t i = 0; i < n_out; i++) links[n_in + i] = (int)i < call->n_outputs ? call->outputs[i] : -1;
  PARE_TRY(take_opset(model, body));
  PARE_TRY(pare_model_inline(model, body, links, links + n_in));
  model->nodes[i_node].removed = true;
  return PARE_OK;
}

static pare_status check_growth(pare_onnx_functions *functions, const pare_model *model,
                                const pare_model *body) {
  int64_t names = (int64_t)model->n_values + model->n_nodes,
          added = (int64_t)body->n_values + body->n_nodes + 1;
  functions->work += added * names;
  if (functions->work <= MAX_WORK && model->n_nodes + body->n_nodes <= MAX_NODES) return PARE_OK;
  return pare_fail(model->ctx, PARE_UNSUPPORTED, "its functions make the network too large");
}

static pare_status expand_call(pare_model *model, int i_node, pare_onnx_functions *functions,
                               pare_onnx_function *function) {
  if (function->expanding) return pare_fail(model->ctx, PARE_BAD_MODEL, "the function calls itself");
  if (functions->depth == MAX_DEPTH)
    return pare_fail(model->ctx, PARE_UNSUPPORTED, "functions call each other more than %d deep", MAX_DEPTH);
  pare_model *body = NULL;
  PARE_TRY(read_call(function, model, &model->nodes[i_node], &body));
  function->expanding = true;
  functions->depth++;
  pare_status status = pare_onnx_finish(body, functions);
  functions->depth--;
  function->expanding = false;
  if (status == PARE_OK) status = check_growth(functions, model, body);
  if (status == PARE_OK) status = put_body(model, i_node, body);
  pare_model_free(body);
  return status;
}

pare_status pare_onnx_expand(pare_model *model, pare_onnx_functions *functions) {
  for (int i = 0, n = model->n_nodes; functions->n && i < n; i++) {
    pare_onnx_function *function = find_function(functions, &model->nodes[i]);
    if (!function) continue;
    pare_status status = expand_call(model, i, functions, function);
    if (status != PARE_OK)
      return pare_fail_within(model->ctx, status, "node '%s' (%s)", model->nodes[i].name,
                              model->nodes[i].op_type);
  }
  return PARE_OK;
}
