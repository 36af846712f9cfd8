/* The table of passes, from passes.def, and the reading of a recipe step into a pass's own parameter
 * struct. */
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "compress/pass.h"

#define MAX_MEMBERS 256

static const pare_pass *const passes[] = {
#define PARE_PASS(variable) &variable,
#include "compress/passes.def"
#undef PARE_PASS
    NULL,
};

int pare_pass_count(void) {
  return (int)PARE_COUNT(passes) - 1;
}
const pare_pass *pare_pass_at(int i) {
  return i >= 0 && i < pare_pass_count() ? passes[i] : NULL;
}

const pare_pass *pare_pass_find(const char *name) {
  for (int i = 0; i < pare_pass_count(); i++)
    if (strcmp(passes[i]->name, name) == 0) return passes[i];
  return NULL;
}

/* Where a message comes from: "step 2 (train)". */
typedef struct reader {
  pare_arena *arena;
  const pare_pass *pass;
  const pare_json_doc *doc;
  int i_step;
  uint8_t *params;
} reader;

static pare_status bad(const reader *r, int token, const char *problem) {
  int line = 0, column = 0;
  pare_json_place(r->doc, token, &line, &column);
  return pare_fail(r->arena->ctx, PARE_BAD_RECIPE, "step %d (%s), line %d, column %d: %s", r->i_step + 1,
                   r->pass->name, line, column, problem);
}

#define BAD(r, token, ...)                                                                                   \
  do {                                                                                                       \
    const char *problem_ = pare_arena_printf((r)->arena, __VA_ARGS__);                                       \
    return problem_ == NULL ? PARE_OUT_OF_MEMORY : bad((r), (token), problem_);                              \
  } while (0)

static void put(const reader *r, const pare_param *param, const void *value, size_t size) {
  memcpy(r->params + param->offset, value, size);
}

static int count_choices(const pare_param *param) {
  int n = 0;
  while (param->choice(n) != NULL) n++;
  return n;
}

static void set_fallback(const reader *r, const pare_param *param) {
  int64_t whole = isfinite(param->fallback) ? (int64_t)param->fallback : 0;
  bool flag = whole != 0;
  pare_name_list none = {NULL, 0};
  switch (param->type) {
  case PARE_PARAM_CHOICE:
  case PARE_PARAM_INT: put(r, param, &whole, sizeof whole); break;
  case PARE_PARAM_FLOAT: put(r, param, &param->fallback, sizeof param->fallback); break;
  case PARE_PARAM_BOOL: put(r, param, &flag, sizeof flag); break;
  case PARE_PARAM_LAYERS: put(r, param, &none, sizeof none); break;
  case PARE_PARAM_MODEL:
  case PARE_PARAM_TEXT: put(r, param, &param->fallback_text, sizeof param->fallback_text); break;
  }
}

static pare_status read_number(const reader *r, const pare_param *param, int token) {
  double value = 0;
  bool whole = param->type == PARE_PARAM_INT;
  if (!pare_json_get_number(r->doc, token, &value)) BAD(r, token, "'%s' must be a number", param->name);
  if (whole && value != floor(value))
    BAD(r, token, "'%s' must be a whole number, not %g", param->name, value);
  if (!(value >= param->minimum && value <= param->maximum))
    BAD(r, token, "'%s' is %.17g, but must be from %.15g to %.15g", param->name, value, param->minimum,
        param->maximum);
  int64_t integer = whole ? (int64_t)value : 0;
  if (whole)
    put(r, param, &integer, sizeof integer);
  else
    put(r, param, &value, sizeof value);
  return PARE_OK;
}

static const char *choice_name(const void *arg, int i) {
  return ((const pare_param *)arg)->choice(i);
}

static pare_status read_choice(const reader *r, const pare_param *param, int token) {
  const char *text = pare_json_get_text(r->doc, token);
  pare_writer list;
  int n = count_choices(param);
  if (text != NULL)
    for (int64_t i = 0; i < n; i++)
      if (strcmp(param->choice((int)i), text) == 0) {
        put(r, param, &i, sizeof i);
        return PARE_OK;
      }
  pare_writer_init(&list, r->arena->ctx);
  for (int i = 0; i < n; i++)
    pare_writer_printf(&list, "%s%s", i == 0 ? "" : i == n - 1 ? " or " : ", ", param->choice(i));
  pare_writer_put(&list, "", 1);
  pare_buffer names;
  PARE_TRY(pare_writer_finish(&list, &names));
  const char *near = text == NULL ? NULL : pare_nearest_name(text, choice_name, param);
  const char *problem = pare_arena_printf(r->arena, "'%s' must be %s%s%s%s", param->name,
                                          (const char *)names.data, near == NULL ? "" : " (did you mean '",
                                          near == NULL ? "" : near, near == NULL ? "" : "'?)");
  pare_buffer_free(r->arena->ctx, &names);
  return problem == NULL ? PARE_OUT_OF_MEMORY : bad(r, token, problem);
}

static pare_status read_layers(const reader *r, const pare_param *param, int token) {
  if (!pare_json_is(r->doc, token, 'a')) BAD(r, token, "'%s' must be a list of layer names", param->name);
  pare_name_list list = {.names = NULL, .n = pare_json_count(r->doc, token)};
  list.names = pare_arena_array(r->arena, (size_t)list.n, sizeof *list.names);
  if (list.names == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0, at = token + 1; i < list.n; i++, at++) { /* texts are one token each */
    const char *text = pare_json_get_text(r->doc, at);
    if (text == NULL) BAD(r, token, "'%s' must hold names only", param->name);
    list.names[i] = pare_arena_text(r->arena, text);
    if (list.names[i] == NULL) return PARE_OUT_OF_MEMORY;
  }
  put(r, param, &list, sizeof list);
  return PARE_OK;
}

static pare_status read_text(const reader *r, const pare_param *param, int token) {
  const char *text = pare_json_get_text(r->doc, token);
  if (text == NULL) BAD(r, token, "'%s' must be a text", param->name);
  const char *copy = pare_arena_text(r->arena, text);
  if (copy == NULL) return PARE_OUT_OF_MEMORY;
  put(r, param, &copy, sizeof copy);
  return PARE_OK;
}

static pare_status read_param(const reader *r, const pare_param *param, int token) {
  bool flag = false;
  switch (param->type) {
  case PARE_PARAM_INT:
  case PARE_PARAM_FLOAT: return read_number(r, param, token);
  case PARE_PARAM_CHOICE: return read_choice(r, param, token);
  case PARE_PARAM_LAYERS: return read_layers(r, param, token);
  case PARE_PARAM_TEXT:
  case PARE_PARAM_MODEL: return read_text(r, param, token);
  case PARE_PARAM_BOOL: break;
  }
  if (!pare_json_get_bool(r->doc, token, &flag)) BAD(r, token, "'%s' must be true or false", param->name);
  put(r, param, &flag, sizeof flag);
  return PARE_OK;
}

static const pare_param *find_param(const pare_pass *pass, const char *name) {
  for (int i = 0; i < pass->n_params; i++)
    if (strcmp(pass->params[i].name, name) == 0) return &pass->params[i];
  return NULL;
}

static const char *param_name(const void *arg, int i) {
  const pare_pass *pass = arg;
  return i < pass->n_params ? pass->params[i].name : NULL;
}

static bool belongs_to_recipe(const char *key) {
  return strcmp(key, "pass") == 0 || strcmp(key, "name") == 0 || strcmp(key, "seed") == 0;
}

static pare_status read_member(const reader *r, int object, const char *key, int token) {
  if (pare_json_member(r->doc, object, key) != token) BAD(r, token, "'%s' is given twice", key);
  if (belongs_to_recipe(key)) return PARE_OK;
  const pare_param *param = find_param(r->pass, key);
  if (param != NULL) return read_param(r, param, token);
  const char *near = pare_nearest_name(key, param_name, r->pass);
  if (near != NULL) BAD(r, token, "there is no parameter '%.60s' (did you mean '%s'?)", key, near);
  BAD(r, token, "there is no parameter '%.60s'", key);
}

pare_status pare_params_read(pare_arena *arena, const pare_pass *pass, const pare_json_doc *doc, int object,
                             int i_step, void *params) {
  reader r = {.arena = arena, .pass = pass, .doc = doc, .i_step = i_step, .params = params};
  memset(params, 0, pass->params_bytes);
  for (int i = 0; i < pass->n_params; i++) set_fallback(&r, &pass->params[i]);
  if (pare_json_count(doc, object) > MAX_MEMBERS)
    BAD(&r, object, "a step has at most %d members", MAX_MEMBERS);
  for (int i = 0; i < pare_json_count(doc, object); i++) {
    const char *key = NULL;
    int token = pare_json_member_at(doc, object, i, &key);
    PARE_TRY(read_member(&r, object, key, token));
  }
  for (int i = 0; i < pass->n_params; i++)
    if (pass->params[i].required && pare_json_member(doc, object, pass->params[i].name) < 0)
      BAD(&r, object, "'%s' is missing", pass->params[i].name);
  return PARE_OK;
}
