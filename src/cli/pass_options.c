/* The parameters of the pass that a command stands for, as a step of a recipe. */
#include <string.h>

#include "cli/recipe_run.h"

static const pare_param *find_param(const pare_pass *pass, const char *name) {
  for (int i = 0; i < pass->n_params; i++)
    if (strcmp(pass->params[i].name, name) == 0) return &pass->params[i];
  return NULL;
}

static void put_names(pare_json *json, const char *text) {
  pare_json_array(json);
  while (*text) {
    char name[256];
    size_t length = strcspn(text, ",");
    snprintf(name, sizeof name, "%.*s", (int)(length < 255 ? length : 255), text);
    pare_json_text(json, name);
    text += length + (text[length] == ',' ? 1 : 0);
  }
  pare_json_end(json, ']');
}

/* Numbers go into the recipe as they were typed, so that its reader judges them; what is no JSON becomes a
 * text, which it refuses by name. */
void cli_put_value(pare_context *ctx, const pare_param *param, const char *text, pare_json *json) {
  bool is_text = param != NULL && (param->type == PARE_PARAM_CHOICE || param->type == PARE_PARAM_TEXT ||
                                   param->type == PARE_PARAM_MODEL);
  pare_json_doc *doc = NULL;
  if (param != NULL && param->type == PARE_PARAM_LAYERS)
    put_names(json, text);
  else if (!is_text && pare_json_parse(ctx, text, strlen(text), PARE_BAD_ARGUMENT, &doc) == PARE_OK)
    pare_json_raw(json, text);
  else
    pare_json_text(json, text);
  pare_json_doc_free(doc);
}

void cli_put_step(pare_context *ctx, const cli_options *options, const pare_pass *pass, pare_json *json) {
  pare_json_object(json);
  pare_json_put_text(json, "pass", pass->name);
  for (int i = 0; i + 1 < options->params.n; i += 2) {
    const char *name = options->params.items[i];
    if (strcmp(name, "seed") == 0) continue;
    pare_json_key(json, name);
    cli_put_value(ctx, find_param(pass, name), options->params.items[i + 1], json);
  }
  pare_json_end(json, '}');
}
