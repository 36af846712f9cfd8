/* Reading a recipe: {"seed": 1, "steps": [{"pass": "prune", "amount": 0.9}, ...]}. Each step may have a
 * "name" (its label) and a "seed"; without one its seed is drawn from the recipe's by the pass's name and
 * how often that pass came before, so that putting another kind of pass in between changes no step's
 * random numbers. */
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/text.h"
#include "recipe/recipe.h"

typedef struct reader {
  pare_context *ctx;
  pare_recipe *recipe;
  const pare_json_doc *doc;
} reader;

static pare_status bad(const reader *r, int token, const char *problem) {
  int line = 0, column = 0;
  pare_json_place(r->doc, token, &line, &column);
  return pare_fail(r->ctx, PARE_BAD_RECIPE, "recipe, line %d, column %d: %s", line, column, problem);
}

static pare_status bad_step(const reader *r, int i_step, int token, const char *problem) {
  int line = 0, column = 0;
  pare_json_place(r->doc, token, &line, &column);
  return pare_fail(r->ctx, PARE_BAD_RECIPE, "step %d, line %d, column %d: %s", i_step + 1, line, column,
                   problem);
}

static bool read_seed(const pare_json_doc *doc, int token, uint64_t *out) {
  double value = 0;
  if (!pare_json_get_number(doc, token, &value)) return false;
  if (value != floor(value) || value < 0 || value > PARE_RECIPE_MAX_SEED) return false;
  *out = (uint64_t)value;
  return true;
}

static const char *pass_name(const void *arg, int i) {
  (void)arg;
  const pare_pass *pass = pare_pass_at(i);
  return pass == NULL ? NULL : pass->name;
}

static pare_status unknown_pass(const reader *r, int i_step, int token, const char *name) {
  char known[400] = "";
  for (int i = 0; i < pare_pass_count(); i++) {
    size_t used = strlen(known);
    const char *next = pare_pass_at(i)->name;
    if (used + strlen(next) + 3 > sizeof known) break;
    if (i > 0) strcat(known, ", ");
    strcat(known, next);
  }
  int line = 0, column = 0;
  pare_json_place(r->doc, token, &line, &column);
  const char *near = pare_nearest_name(name, pass_name, NULL);
  if (near != NULL)
    return pare_fail(
        r->ctx, PARE_BAD_RECIPE,
        "step %d, line %d, column %d: there is no pass '%.60s' (did you mean '%s'? There are: %s)",
        i_step + 1, line, column, name, near, known);
  return pare_fail(r->ctx, PARE_BAD_RECIPE,
                   "step %d, line %d, column %d: there is no pass '%.60s' (there are: %s)", i_step + 1, line,
                   column, name, known);
}

/* How many of the steps before are of the same pass. */
static int earlier(const pare_recipe *recipe, int i_step) {
  int n = 0;
  for (int i = 0; i < i_step; i++) n += recipe->steps[i].pass == recipe->steps[i_step].pass;
  return n;
}

static pare_status derive_seed(pare_recipe *recipe, int i_step) {
  pare_recipe_step *step = &recipe->steps[i_step];
  char *purpose = pare_arena_printf(&recipe->arena, "step %s %d", step->pass->name, earlier(recipe, i_step));
  if (purpose == NULL) return PARE_OUT_OF_MEMORY;
  pare_rng rng = pare_rng_new(recipe->seed, purpose);
  uint64_t high = pare_rng_u32(&rng) >> 11, low = pare_rng_u32(&rng);
  step->seed = high << 32 | low; /* 53 bits */
  return PARE_OK;
}

static pare_status read_step(const reader *r, int i_step, int object) {
  pare_recipe_step *step = &r->recipe->steps[i_step];
  if (!pare_json_is(r->doc, object, 'o')) return bad_step(r, i_step, object, "a step must be an object");
  int pass_token = pare_json_member(r->doc, object, "pass");
  const char *pass_name_given = pare_json_get_text(r->doc, pass_token);
  if (pass_token < 0) return bad_step(r, i_step, object, "'pass' is missing");
  if (pass_name_given == NULL) return bad_step(r, i_step, pass_token, "'pass' must be a text");
  step->pass = pare_pass_find(pass_name_given);
  if (step->pass == NULL) return unknown_pass(r, i_step, pass_token, pass_name_given);
  int name = pare_json_member(r->doc, object, "name"), seed = pare_json_member(r->doc, object, "seed");
  step->name = name < 0 ? step->pass->name : pare_json_get_text(r->doc, name);
  if (step->name == NULL) return bad_step(r, i_step, name, "'name' must be a text");
  if (seed < 0)
    PARE_TRY(derive_seed(r->recipe, i_step));
  else if (!read_seed(r->doc, seed, &step->seed))
    return bad_step(r, i_step, seed, "'seed' must be a whole number from 0 to 2^53");
  step->params = pare_arena_alloc(&r->recipe->arena, step->pass->params_bytes);
  if (step->params == NULL) return PARE_OUT_OF_MEMORY;
  return pare_params_read(&r->recipe->arena, step->pass, r->doc, object, i_step, step->params);
}

static pare_status read_members(const reader *r) {
  if (!pare_json_is(r->doc, 0, 'o')) return bad(r, 0, "it must be an object with \"steps\"");
  for (int i = 0; i < pare_json_count(r->doc, 0); i++) {
    const char *key = NULL;
    int token = pare_json_member_at(r->doc, 0, i, &key);
    bool known = strcmp(key, "seed") == 0 || strcmp(key, "steps") == 0 || strcmp(key, "name") == 0 ||
                 strcmp(key, "$schema") == 0;
    if (!known) return bad(r, token, "only \"seed\", \"steps\", \"name\" and \"$schema\" may stand here");
    if (pare_json_member(r->doc, 0, key) != token) return bad(r, token, "this member is given twice");
  }
  int seed = pare_json_member(r->doc, 0, "seed");
  r->recipe->seed = PARE_RECIPE_SEED;
  if (seed >= 0 && !read_seed(r->doc, seed, &r->recipe->seed))
    return bad(r, seed, "'seed' must be a whole number from 0 to 2^53");
  return PARE_OK;
}

static pare_status read_steps(const reader *r) {
  int steps = pare_json_member(r->doc, 0, "steps");
  if (steps < 0) return bad(r, 0, "\"steps\" is missing");
  if (!pare_json_is(r->doc, steps, 'a')) return bad(r, steps, "\"steps\" must be a list");
  int n = pare_json_count(r->doc, steps);
  if (n > PARE_RECIPE_MAX_STEPS) return bad(r, steps, "there are more than 64 steps");
  r->recipe->n_steps = n;
  r->recipe->steps = pare_arena_array(&r->recipe->arena, (size_t)n + 1, sizeof *r->recipe->steps);
  if (r->recipe->steps == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < n; i++) PARE_TRY(read_step(r, i, pare_json_item(r->doc, steps, i)));
  return PARE_OK;
}

pare_status pare_recipe_read(pare_context *ctx, const char *text, size_t len_bytes, pare_recipe *out) {
  *out = (pare_recipe){.ctx = ctx};
  if (len_bytes > PARE_RECIPE_MAX_BYTES) return pare_fail(ctx, PARE_BAD_RECIPE, "the recipe is over 1 MiB");
  pare_arena_init(&out->arena, ctx);
  pare_status status = pare_json_parse(ctx, text, len_bytes, PARE_BAD_RECIPE, &out->doc);
  if (status == PARE_BAD_RECIPE) status = pare_fail_within(ctx, status, "recipe");
  reader r = {.ctx = ctx, .recipe = out, .doc = out->doc};
  if (status == PARE_OK) status = read_members(&r);
  if (status == PARE_OK) status = read_steps(&r);
  if (status != PARE_OK) pare_recipe_free(out);
  return status;
}

void pare_recipe_free(pare_recipe *recipe) {
  if (recipe->ctx == NULL) return;
  pare_json_doc_free(recipe->doc);
  pare_arena_free(&recipe->arena);
  *recipe = (pare_recipe){.ctx = NULL};
}

static bool has_model(const pare_run_options *options, const char *name) {
  if (strcmp(name, "original") == 0) return true;
  for (int i = 0; options != NULL && i < options->n_models; i++)
    if (strcmp(options->models[i].name, name) == 0) return true;
  return false;
}

static pare_status check_models(const pare_recipe *recipe, int i_step, const pare_run_options *options) {
  const pare_recipe_step *step = &recipe->steps[i_step];
  for (int i = 0; i < step->pass->n_params; i++) {
    const pare_param *param = &step->pass->params[i];
    const char *name = NULL;
    if (param->type != PARE_PARAM_MODEL) continue;
    memcpy(&name, (const uint8_t *)step->params + param->offset, sizeof name);
    if (name == NULL || name[0] == '\0' || has_model(options, name)) continue;
    return pare_fail(recipe->ctx, PARE_BAD_RECIPE,
                     PARE_STEP_PLACE ": '%s' names the model '%s', which was not given to the run",
                     i_step + 1, step->pass->name, param->name, name);
  }
  return PARE_OK;
}

pare_status pare_recipe_check(const pare_recipe *recipe, const pare_dataset *dataset,
                              const pare_run_options *options) {
  for (int i = 0; i < recipe->n_steps; i++) {
    if (recipe->steps[i].pass->needs_data && dataset == NULL)
      return pare_fail(recipe->ctx, PARE_BAD_DATA,
                       PARE_STEP_PLACE ": this pass needs data, and none was given", i + 1,
                       recipe->steps[i].pass->name);
    PARE_TRY(check_models(recipe, i, options));
  }
  return PARE_OK;
}
