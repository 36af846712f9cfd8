/* JSON in and out: what RFC 8259 allows is read, what it does not is refused with line and column. */
#include "unit.h"

#include "base/json.h"
#include "base/text.h"
#include "failing_alloc.h"

#include <math.h>
#include <string.h>

static pare_context *ctx;

static int set_up(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) == PARE_OK ? 0 : 1;
}

static int tear_down(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

static pare_json_doc *read_text(const char *text) {
  pare_json_doc *doc = NULL;
  if (pare_json_parse(ctx, text, strlen(text), PARE_BAD_RECIPE, &doc) != PARE_OK)
    fail_msg("%s: %s", text, pare_error(ctx));
  return doc;
}

static void values_of_every_kind_are_read(void **state) {
  (void)state;
  pare_json_doc *doc = read_text(
      " {\"a\": [1, -2.5e-1, true, null], \"b\": {\"c\": \"x\"}, \"d\": {}, \"e\": [], \"f\": false}\n");
  double number = 0;
  bool flag = false;
  const char *key = NULL;
  assert_true(pare_json_is(doc, 0, 'o'));
  assert_int_equal(pare_json_count(doc, 0), 5);
  int list = pare_json_member(doc, 0, "a");
  assert_int_equal(pare_json_count(doc, list), 4);
  assert_true(pare_json_get_number(doc, pare_json_item(doc, list, 1), &number));
  assert_true(number == -0.25);
  assert_true(pare_json_get_bool(doc, pare_json_item(doc, list, 2), &flag));
  assert_true(flag);
  assert_true(pare_json_is(doc, pare_json_item(doc, list, 3), '0'));
  assert_int_equal(pare_json_item(doc, list, 4), -1);
  int inner = pare_json_member(doc, pare_json_member(doc, 0, "b"), "c");
  assert_string_equal(pare_json_get_text(doc, inner), "x");
  assert_int_equal(pare_json_count(doc, pare_json_member_at(doc, 0, 2, &key)), 0);
  assert_string_equal(key, "d");
  assert_true(pare_json_is(doc, pare_json_member_at(doc, 0, 4, &key), 'b'));
  assert_string_equal(key, "f");
  assert_int_equal(pare_json_member(doc, 0, "c"), -1);
  assert_int_equal(pare_json_member(doc, list, "a"), -1);
  assert_null(pare_json_get_text(doc, list));
  assert_false(pare_json_get_number(doc, inner, &number));
  pare_json_doc_free(doc);
}

static void escapes_become_characters(void **state) {
  (void)state;
  pare_json_doc *doc =
      read_text("[\"a\\n\\t\\\"\\\\\\/\\b\\f\\r\", \"\\u00e9\\u20AC\\ud83d\\ude00\", \"\xC3\xA9\"]");
  assert_string_equal(pare_json_get_text(doc, 1), "a\n\t\"\\/\b\f\r");
  assert_string_equal(pare_json_get_text(doc, 2), "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80");
  assert_string_equal(pare_json_get_text(doc, 3), "\xC3\xA9");
  pare_json_doc_free(doc);
}

static void the_source_and_the_place_of_a_value_are_known(void **state) {
  (void)state;
  pare_json_doc *doc = read_text("{\n  \"\xC3\xA9\": \"t\", \"k\": [1, {\"z\": 2}]}");
  int line = 0, column = 0;
  int token = pare_json_member(doc, 0, "k");
  pare_span source = pare_json_source(doc, token);
  assert_int_equal(source.len_bytes, 13);
  assert_memory_equal(source.data, "[1, {\"z\": 2}]", 13);
  pare_json_place(doc, token, &line, &column);
  assert_int_equal(line, 2);
  assert_int_equal(column, 18);
  source = pare_json_source(doc, pare_json_member(doc, 0, "\xC3\xA9"));
  assert_memory_equal(source.data, "\"t\"", 3);
  pare_json_doc_free(doc);
}

static void roots_may_be_scalars(void **state) {
  (void)state;
  static const char *const texts[] = {"0", "-0", "1e5", "\"\"", "true", "false", "null", " [] ", "{}"};
  for (size_t i = 0; i < PARE_COUNT(texts); i++) pare_json_doc_free(read_text(texts[i]));
}

static void what_is_not_json_is_refused_with_its_place(void **state) {
  (void)state;
  static const struct {
    const char *text, *error;
  } cases[] = {
      {"", "line 1, column 1: a value is missing"},
      {"{", "column 2: a key in quotes"},
      {"[1,]", "column 4: a value is expected"},
      {"[1 2]", "column 4: ',' or ']'"},
      {"[1}", "column 3: ',' or ']'"},
      {"{\"a\" 1}", "column 6: ':'"},
      {"{\"a\": 1,}", "column 9: a key"},
      {"{\"a\": 1, 2}", "column 10: a key"},
      {"{a: 1}", "column 2: a key"},
      {"{\"a\"}", "column 5: ':'"},
      {"{1: 2}", "a key"},
      {"[\n01]", "line 2, column 2: a number may not start with 0"},
      {"[1.]", "column 4: a digit"},
      {"[.5]", "a value is expected"},
      {"[+1]", "a value is expected"},
      {"[1e]", "a digit"},
      {"[-]", "a digit"},
      {"[NaN]", "a value"},
      {"nul", "a value is expected"},
      {"[tru]", "a value is expected"},
      {"truex", "something stands after the end"},
      {"{} {}", "something stands after the end"},
      {"[1]]", "something stands after the end"},
      {"\"abc", "the text is not closed"},
      {"\"a\\", "the text is not closed"},
      {"\"\\x\"", "no such escape"},
      {"\"\\u12g4\"", "four hexadecimal"},
      {"\"\\u0000\"", "\\u0000"},
      {"\"\\ud800\"", "high surrogate"},
      {"\"\\ud800\\u0041\"", "high surrogate"},
      {"\"\\udc00\"", "low surrogate"},
      {"\"a\nb\"", "control character"},
      {"\"\xC3\"", "not UTF-8"},
      {"\"\xED\xA0\x80\"", "not UTF-8"},
      {"// x\n1", "a value is expected"},
  };
  for (size_t i = 0; i < PARE_COUNT(cases); i++) {
    pare_json_doc *doc = NULL;
    pare_status status = pare_json_parse(ctx, cases[i].text, strlen(cases[i].text), PARE_BAD_RECIPE, &doc);
    if (status != PARE_BAD_RECIPE || doc != NULL) fail_msg("'%s' was accepted", cases[i].text);
    assert_error_has(ctx, cases[i].error);
  }
  pare_json_doc *doc = NULL;
  assert_int_equal(pare_json_parse(ctx, "1\0", 2, PARE_BAD_RECIPE, &doc), PARE_BAD_RECIPE);
}

static void depth_is_limited_to_64(void **state) {
  (void)state;
  char text[131];
  pare_json_doc *doc = NULL;
  memset(text, '[', 65);
  memset(text + 65, ']', 65);
  assert_int_equal(pare_json_parse(ctx, text, 130, PARE_BAD_RECIPE, &doc), PARE_BAD_RECIPE);
  assert_error_has(ctx, "nested too deeply");
  assert_int_equal(pare_json_parse(ctx, text + 1, 128, PARE_BAD_RECIPE, &doc), PARE_OK);
  pare_json_doc_free(doc);
}

static void every_part_of_a_document_cut_short_is_refused(void **state) {
  (void)state;
  const char *text = "{\"a\": [1, -2.5e1, \"\\u20ac\\n\", true], \"b\": {\"c\": null}}";
  for (size_t length = 0; length < strlen(text); length++) {
    pare_json_doc *doc = NULL;
    assert_int_equal(pare_json_parse(ctx, text, length, PARE_BAD_RECIPE, &doc), PARE_BAD_RECIPE);
    assert_null(doc);
  }
}

static void expect_number(double value, const char *text) {
  pare_json json;
  pare_buffer out;
  pare_json_init(&json, ctx);
  pare_json_number(&json, value);
  assert_int_equal(pare_json_finish(&json, &out), PARE_OK);
  assert_string_equal((const char *)out.data, text);
  pare_buffer_free(ctx, &out);
}

static void numbers_are_written_with_the_fewest_digits(void **state) {
  (void)state;
  expect_number(0, "0");
  expect_number(-3, "-3");
  expect_number(0.5, "0.5");
  expect_number((double)0.1f, "0.1");
  expect_number(0.9066, "0.9066");
  expect_number(1.0 / 3.0, "0.3333333333333333");
  expect_number(9007199254740991.0, "9007199254740991");
  expect_number(9007199254740992.0, "9007199254740992");
  expect_number(1e300, "1e+300");
  expect_number((double)NAN, "null");
  expect_number((double)INFINITY, "null");
}

static void the_writer_puts_commas_and_escapes(void **state) {
  (void)state;
  pare_json json;
  pare_buffer out;
  pare_json_init(&json, ctx);
  pare_json_object(&json);
  pare_json_put_text(&json, "a\"b", "\n\x01\\ \xC3\xA9 \xFF");
  pare_json_put_text(&json, "none", NULL);
  pare_json_key(&json, "list");
  pare_json_array(&json);
  pare_json_int(&json, -1);
  pare_json_bool(&json, true);
  pare_json_object(&json);
  pare_json_end(&json, '}');
  pare_json_raw(&json, "[2]");
  pare_json_end(&json, ']');
  pare_shape shape = {.rank = 2, .dims = {3, 4}};
  pare_json_put_shape(&json, "shape", &shape);
  pare_json_end(&json, '}');
  assert_int_equal(pare_json_finish(&json, &out), PARE_OK);
  assert_string_equal((const char *)out.data,
                      "{\"a\\\"b\":\"\\n\\u0001\\\\ \xC3\xA9 \xEF\xBF\xBD\",\"none\":null,"
                      "\"list\":[-1,true,{},[2]],\"shape\":[3,4]}");
  pare_buffer_free(ctx, &out);
}

static const char *pass_name(const void *arg, int i) {
  (void)arg;
  static const char *const names[] = {"prune", "train", "quantize", NULL};
  return names[i];
}

static void the_nearest_name_takes_the_fewest_edits(void **state) {
  (void)state;
  assert_string_equal(pare_nearest_name("prun", pass_name, NULL), "prune");
  assert_string_equal(pare_nearest_name("quantise", pass_name, NULL), "quantize");
  assert_string_equal(pare_nearest_name("tarin", pass_name, NULL), "train");
  assert_null(pare_nearest_name("xxxxxxxx", pass_name, NULL));
}

static void memory_that_runs_out_leaks_nothing(void **state) {
  (void)state;
  const char *text = "{\"a\": [1, \"x\"]}";
  for (size_t fail_at = 0;; fail_at++) {
    pare_context *poor = failing_context(fail_at);
    if (poor != NULL) {
      pare_json_doc *doc = NULL;
      pare_status status = pare_json_parse(poor, text, strlen(text), PARE_BAD_RECIPE, &doc);
      assert_int_equal(status == PARE_OK, doc != NULL);
      pare_json_doc_free(doc);
      pare_context_free(poor);
    }
    assert_int_equal(failing_live_bytes(), 0);
    assert_int_equal(failing_wrong_sizes(), 0);
    if (!failing_happened()) break;
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(values_of_every_kind_are_read),
      cmocka_unit_test(escapes_become_characters),
      cmocka_unit_test(the_source_and_the_place_of_a_value_are_known),
      cmocka_unit_test(roots_may_be_scalars),
      cmocka_unit_test(what_is_not_json_is_refused_with_its_place),
      cmocka_unit_test(depth_is_limited_to_64),
      cmocka_unit_test(every_part_of_a_document_cut_short_is_refused),
      cmocka_unit_test(numbers_are_written_with_the_fewest_digits),
      cmocka_unit_test(the_writer_puts_commas_and_escapes),
      cmocka_unit_test(the_nearest_name_takes_the_fewest_edits),
      cmocka_unit_test(memory_that_runs_out_leaks_nothing),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
