/* A recipe step becomes a pass's parameter struct; what does not fit is refused by name, place and bounds. */
#include "unit.h"

#include "compress/pass.h"

#include <string.h>

typedef struct paint {
  int64_t coats, colour;
  double amount;
  bool glossy;
  pare_name_list layers;
  const char *note, *teacher;
} paint;

static const char *colour(int i) {
  static const char *const names[] = {"red", "green", "blue"};
  return i < 3 ? names[i] : NULL;
}

static const pare_param params[] = {
    {.name = "coats",
     .type = PARE_PARAM_INT,
     .offset = offsetof(paint, coats),
     .minimum = 1,
     .maximum = 9,
     .fallback = 2},
    {.name = "colour",
     .type = PARE_PARAM_CHOICE,
     .offset = offsetof(paint, colour),
     .choice = colour,
     .fallback = 1},
    {.name = "amount",
     .type = PARE_PARAM_FLOAT,
     .offset = offsetof(paint, amount),
     .minimum = 0,
     .maximum = 1,
     .required = true},
    {.name = "glossy", .type = PARE_PARAM_BOOL, .offset = offsetof(paint, glossy), .fallback = 1},
    {.name = "layers", .type = PARE_PARAM_LAYERS, .offset = offsetof(paint, layers)},
    {.name = "note", .type = PARE_PARAM_TEXT, .offset = offsetof(paint, note), .fallback_text = "none"},
    {.name = "teacher",
     .type = PARE_PARAM_MODEL,
     .offset = offsetof(paint, teacher),
     .fallback_text = "original"},
};

static const pare_pass pass = {
    .name = "paint", .params_bytes = sizeof(paint), .params = params, .n_params = (int)PARE_COUNT(params)};

static pare_context *ctx;
static pare_arena arena;

static int set_up(void **state) {
  (void)state;
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 1;
  pare_arena_init(&arena, ctx);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  pare_arena_free(&arena);
  pare_context_free(ctx);
  return 0;
}

static pare_status read_step(const char *text, paint *out) {
  pare_json_doc *doc = NULL;
  assert_int_equal(pare_json_parse(ctx, text, strlen(text), PARE_BAD_RECIPE, &doc), PARE_OK);
  pare_status status = pare_params_read(&arena, &pass, doc, 0, 1, out);
  pare_json_doc_free(doc);
  return status;
}

static void what_is_left_out_takes_its_fallback(void **state) {
  (void)state;
  paint p;
  assert_int_equal(read_step("{\"pass\": \"paint\", \"amount\": 0.5}", &p), PARE_OK);
  assert_int_equal(p.coats, 2);
  assert_int_equal(p.colour, 1);
  assert_true(p.amount == 0.5);
  assert_true(p.glossy);
  assert_int_equal(p.layers.n, 0);
  assert_string_equal(p.note, "none");
  assert_string_equal(p.teacher, "original");
}

static void what_is_given_is_taken(void **state) {
  (void)state;
  paint p;
  assert_int_equal(
      read_step("{\"pass\": \"paint\", \"name\": \"x\", \"seed\": 3, \"amount\": 1, \"coats\": 9, "
                "\"colour\": \"blue\","
                " \"glossy\": false, \"layers\": [\"a\", \"b\\n\"], \"note\": \"\", \"teacher\": \"big\"}",
                &p),
      PARE_OK);
  assert_int_equal(p.coats, 9);
  assert_int_equal(p.colour, 2);
  assert_true(p.amount == 1);
  assert_false(p.glossy);
  assert_int_equal(p.layers.n, 2);
  assert_string_equal(p.layers.names[0], "a");
  assert_string_equal(p.layers.names[1], "b\n");
  assert_string_equal(p.note, "");
  assert_string_equal(p.teacher, "big");
}

static void what_does_not_fit_is_refused_by_name(void **state) {
  (void)state;
  static const struct {
    const char *text, *error;
  } cases[] = {
      {"{\"pass\": \"paint\"}", "step 2 (paint), line 1, column 1: 'amount' is missing"},
      {"{\"amount\": 1.5}", "'amount' is 1.5, but must be from 0 to 1"},
      {"{\"amount\": -0.001}", "but must be from 0 to 1"},
      {"{\"amount\": \"much\"}", "'amount' must be a number"},
      {"{\"amount\": 1e999}", "but must be from 0 to 1"},
      {"{\"amount\": 0,\n \"coats\": 1.5}", "line 2, column 11: 'coats' must be a whole number, not 1.5"},
      {"{\"amount\": 0, \"coats\": 10}", "'coats' is 10, but must be from 1 to 9"},
      {"{\"amount\": 0, \"colour\": \"gren\"}",
       "'colour' must be red, green or blue (did you mean 'green'?)"},
      {"{\"amount\": 0, \"colour\": 1}", "'colour' must be red, green or blue"},
      {"{\"amount\": 0, \"glossy\": 1}", "'glossy' must be true or false"},
      {"{\"amount\": 0, \"layers\": \"a\"}", "'layers' must be a list of layer names"},
      {"{\"amount\": 0, \"layers\": [1]}", "'layers' must hold names only"},
      {"{\"amount\": 0, \"layers\": [[\"a\"]]}", "'layers' must hold names only"},
      {"{\"amount\": 0, \"note\": null}", "'note' must be a text"},
      {"{\"amonut\": 0}", "there is no parameter 'amonut' (did you mean 'amount'?)"},
      {"{\"amount\": 0, \"zzzzzzzzz\": 0}", "there is no parameter 'zzzzzzzzz'"},
      {"{\"amount\": 0, \"amount\": 1}", "'amount' is given twice"},
      {"{\"amount\": 0, \"name\": \"a\", \"name\": \"b\"}", "'name' is given twice"},
  };
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    paint p;
    if (read_step(cases[i].text, &p) != PARE_BAD_RECIPE) fail_msg("accepted: %s", cases[i].text);
    assert_error_has(ctx, cases[i].error);
  }
}

/* What the real passes declare is what the schema and the forms are made of. */
static void every_fallback_of_every_pass_is_within_its_bounds(void **state) {
  (void)state;
  for (int i = 0; i < pare_pass_count(); i++) {
    const pare_pass *p = pare_pass_at(i);
    assert_ptr_equal(pare_pass_find(p->name), p);
    assert_non_null(p->title);
    assert_non_null(p->help);
    assert_non_null(p->kind);
    assert_true((p->apply != NULL) != (p->start != NULL && p->step != NULL && p->stop != NULL));
    assert_int_equal(p->save != NULL, p->restore != NULL);
    for (int k = 0; k < p->n_params; k++) {
      const pare_param *param = &p->params[k];
      if (param->help == NULL || param->offset >= p->params_bytes) fail_msg("%s.%s", p->name, param->name);
      bool is_number = param->type == PARE_PARAM_INT || param->type == PARE_PARAM_FLOAT;
      if (is_number && !param->required &&
          !(param->fallback >= param->minimum && param->fallback <= param->maximum))
        fail_msg("%s.%s: fallback %g is not within %g and %g", p->name, param->name, param->fallback,
                 param->minimum, param->maximum);
      if (param->type == PARE_PARAM_CHOICE && param->choice((int)param->fallback) == NULL)
        fail_msg("%s.%s: the fallback is no choice", p->name, param->name);
    }
  }
  assert_null(pare_pass_find("no such pass"));
  assert_null(pare_pass_at(-1));
  assert_null(pare_pass_at(pare_pass_count()));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(what_is_left_out_takes_its_fallback),
      cmocka_unit_test(what_is_given_is_taken),
      cmocka_unit_test(what_does_not_fit_is_refused_by_name),
      cmocka_unit_test(every_fallback_of_every_pass_is_within_its_bounds),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
