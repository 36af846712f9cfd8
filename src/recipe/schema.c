/* The JSON schema (draft 2020-12) of a recipe, from the passes' own declarations: what validates a recipe
 * also builds the page's forms and the help of the command line. "x-" members are for people and forms; a
 * validator passes over them. */
#include <math.h>
#include <string.h>

#include "recipe/recipe.h"

static const char *type_name(pare_param_type type) {
  switch (type) {
  case PARE_PARAM_INT: return "int";
  case PARE_PARAM_FLOAT: return "float";
  case PARE_PARAM_BOOL: return "bool";
  case PARE_PARAM_CHOICE: return "choice";
  case PARE_PARAM_LAYERS: return "layers";
  case PARE_PARAM_MODEL: return "model";
  case PARE_PARAM_TEXT: break;
  }
  return "text";
}

static const char *json_type(pare_param_type type) {
  switch (type) {
  case PARE_PARAM_INT: return "integer";
  case PARE_PARAM_FLOAT: return "number";
  case PARE_PARAM_BOOL: return "boolean";
  case PARE_PARAM_LAYERS: return "array";
  default: return "string";
  }
}

static void put_default(const pare_param *param, pare_json *json) {
  if (param->required || param->type == PARE_PARAM_LAYERS) {
    if (!param->required) {
      pare_json_key(json, "default");
      pare_json_raw(json, "[]");
    }
    return;
  }
  bool is_text = param->type == PARE_PARAM_TEXT || param->type == PARE_PARAM_MODEL;
  if (is_text && param->fallback_text == NULL) return;
  if (!is_text && !isfinite(param->fallback)) return;
  pare_json_key(json, "default");
  if (is_text)
    pare_json_text(json, param->fallback_text);
  else if (param->type == PARE_PARAM_BOOL)
    pare_json_bool(json, param->fallback != 0);
  else if (param->type == PARE_PARAM_CHOICE)
    pare_json_text(json, param->choice((int)param->fallback));
  else
    pare_json_number(json, param->fallback);
}

static void put_param(const pare_param *param, pare_json *json) {
  pare_json_key(json, param->name);
  pare_json_object(json);
  pare_json_put_text(json, "type", json_type(param->type));
  pare_json_put_text(json, "description", param->help);
  if (param->type == PARE_PARAM_INT || param->type == PARE_PARAM_FLOAT) {
    pare_json_put_number(json, "minimum", param->minimum);
    pare_json_put_number(json, "maximum", param->maximum);
  }
  if (param->type == PARE_PARAM_CHOICE) {
    pare_json_key(json, "enum");
    pare_json_array(json);
    for (int i = 0; param->choice(i) != NULL; i++) pare_json_text(json, param->choice(i));
    pare_json_end(json, ']');
  }
  if (param->type == PARE_PARAM_LAYERS) {
    pare_json_key(json, "items");
    pare_json_raw(json, "{\"type\":\"string\"}");
  }
  put_default(param, json);
  pare_json_put_text(json, "x-type", type_name(param->type));
  pare_json_put_text(json, "x-unit", param->unit == NULL ? "" : param->unit);
  pare_json_end(json, '}');
}

static void put_seed(pare_json *json, const char *description, bool has_default) {
  pare_json_key(json, "seed");
  pare_json_object(json);
  pare_json_put_text(json, "type", "integer");
  pare_json_put_text(json, "description", description);
  pare_json_put_int(json, "minimum", 0);
  pare_json_put_number(json, "maximum", PARE_RECIPE_MAX_SEED);
  if (has_default) pare_json_put_int(json, "default", PARE_RECIPE_SEED);
  pare_json_end(json, '}');
}

static void put_properties(const pare_pass *pass, pare_json *json) {
  pare_json_key(json, "properties");
  pare_json_object(json);
  pare_json_key(json, "pass");
  pare_json_object(json);
  pare_json_put_text(json, "const", pass->name);
  pare_json_end(json, '}');
  for (int i = 0; i < pass->n_params; i++) put_param(&pass->params[i], json);
  pare_json_key(json, "name");
  pare_json_raw(json, "{\"type\":\"string\",\"description\":\"What to call this step in the report.\"}");
  put_seed(json, "Seed of this step; without it, drawn from the recipe's.", false);
  pare_json_end(json, '}');
}

static void put_pass(const pare_pass *pass, pare_json *json) {
  pare_json_key(json, pass->name);
  pare_json_object(json);
  pare_json_put_text(json, "title", pass->title);
  pare_json_put_text(json, "description", pass->help);
  pare_json_put_text(json, "type", "object");
  pare_json_put_text(json, "x-title", pass->title);
  pare_json_put_text(json, "x-kind", pass->kind);
  pare_json_put_bool(json, "x-needs-data", pass->needs_data);
  pare_json_key(json, "required");
  pare_json_array(json);
  pare_json_text(json, "pass");
  for (int i = 0; i < pass->n_params; i++)
    if (pass->params[i].required) pare_json_text(json, pass->params[i].name);
  pare_json_end(json, ']');
  pare_json_put_bool(json, "additionalProperties", false);
  put_properties(pass, json);
  pare_json_end(json, '}');
}

static pare_status put_steps(pare_context *ctx, pare_json *json) {
  pare_json_key(json, "steps");
  pare_json_object(json);
  pare_json_put_text(json, "type", "array");
  pare_json_put_text(json, "description", "The passes, in the order in which they run.");
  pare_json_put_int(json, "maxItems", PARE_RECIPE_MAX_STEPS);
  pare_json_key(json, "items");
  pare_json_object(json);
  pare_json_key(json, "oneOf");
  pare_json_array(json);
  for (int i = 0; i < pare_pass_count(); i++) {
    pare_writer reference;
    pare_buffer text;
    pare_writer_init(&reference, ctx);
    pare_writer_printf(&reference, "#/$defs/%s", pare_pass_at(i)->name);
    PARE_TRY(pare_writer_finish(&reference, &text));
    pare_json_object(json);
    pare_json_put_text(json, "$ref", (const char *)text.data);
    pare_json_end(json, '}');
    pare_buffer_free(ctx, &text);
  }
  pare_json_end(json, ']');
  pare_json_end(json, '}');
  pare_json_end(json, '}');
  return PARE_OK;
}

static pare_status put_schema(pare_context *ctx, pare_json *json) {
  pare_json_object(json);
  pare_json_put_text(json, "$schema", "https://json-schema.org/draft/2020-12/schema");
  pare_json_put_text(json, "title", "A Pare recipe");
  pare_json_put_text(json, "description", "An ordered list of passes over a neural network, and one seed.");
  pare_json_put_text(json, "type", "object");
  pare_json_key(json, "required");
  pare_json_raw(json, "[\"steps\"]");
  pare_json_put_bool(json, "additionalProperties", false);
  pare_json_key(json, "properties");
  pare_json_object(json);
  pare_json_key(json, "$schema");
  pare_json_raw(json, "{\"type\":\"string\"}");
  pare_json_key(json, "name");
  pare_json_raw(json, "{\"type\":\"string\"}");
  put_seed(json, "The same model, data, recipe and seed give the same weights everywhere.", true);
  PARE_TRY(put_steps(ctx, json));
  pare_json_end(json, '}');
  pare_json_key(json, "$defs");
  pare_json_object(json);
  for (int i = 0; i < pare_pass_count(); i++) put_pass(pare_pass_at(i), json);
  pare_json_end(json, '}');
  pare_json_end(json, '}');
  return PARE_OK;
}

pare_status pare_schema(pare_context *ctx, pare_buffer *out) {
  pare_json json;
  *out = (pare_buffer){NULL, 0};
  pare_json_init(&json, ctx);
  pare_status status = put_schema(ctx, &json);
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}
