/* Runs every operator case (tests/unit/support/op_cases_*.c) for values and gradients, and checks the
 * registry itself. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "op_case.h"

static void case_holds(void **state) {
  const op_case *c = *state;
  op_case_check_forward(c);
  op_case_check_gradient(c);
}

static void every_case_names_an_operator(void **state) {
  (void)state;
  for (int i = 0; i < op_case_count(); i++)
    if (pare_op_find(op_case_domain(op_case_at(i)), op_case_at(i)->op) == NULL)
      fail_msg("there is no operator '%s'", op_case_at(i)->op);
}

/* An f32 input that is not a constant. */
static bool wants_gradient(const char *inputs) {
  for (const char *at = strstr(inputs, "f32"); at != NULL; at = strstr(at + 1, "f32"))
    if (at == inputs || at[-1] == ' ') return true;
  return false;
}

static bool has_gradient_case(const pare_op *op) {
  for (int i = 0; i < op_case_count(); i++) {
    const op_case *c = op_case_at(i);
    const bool fails = c->expect != NULL && c->expect[0] == '!';
    const bool same = strcmp(c->op, op->name) == 0 && strcmp(op_case_domain(c), op->domain) == 0;
    if (same && !fails && !c->no_gradient && wants_gradient(c->inputs)) return true;
  }
  return false;
}

static void every_operator_with_a_gradient_has_a_gradient_case(void **state) {
  (void)state;
  for (int i = 0; i < pare_op_count(); i++) {
    const pare_op *op = pare_op_at(i);
    if (op->backward != NULL && !has_gradient_case(op)) fail_msg("%s has a gradient and no case", op->name);
  }
}

static void every_operator_without_a_gradient_says_why(void **state) {
  (void)state;
  for (int i = 0; i < pare_op_count(); i++) {
    const pare_op *op = pare_op_at(i);
    if (op->backward == NULL && op->no_gradient == NULL) fail_msg("%s does not say why", op->name);
  }
}

static void every_operator_is_found_by_its_own_name(void **state) {
  (void)state;
  for (int i = 0; i < pare_op_count(); i++) {
    const pare_op *op = pare_op_at(i);
    assert_ptr_equal(pare_op_find(op->domain, op->name), op);
    assert_non_null(op->infer);
    assert_non_null(op->run);
    assert_true(op->max_in < 0 || op->min_in <= op->max_in);
    assert_true(op->max_out < 0 || op->min_out <= op->max_out);
  }
  assert_null(pare_op_find("", "NoSuchOperator"));
  assert_null(pare_op_find("some.domain", "Relu"));
  assert_ptr_equal(pare_op_find("ai.onnx", "Relu"), pare_op_find("", "Relu"));
}

static void training_needs_f32(void **state) {
  (void)state;
  static const char *const inputs[] = {"f16[2]{1,2}", "f64[2]{1,2}"};
  for (int i = 0; i < 2; i++) {
    const op_case softmax = {.op = "Softmax", .attrs = "", .inputs = inputs[i]};
    const pare_plan_options options = {.batch = 1, .training = true};
    pare_context *ctx;
    pare_model *model;
    pare_session *session;
    op_case_build(&softmax, &ctx, &model);
    assert_int_equal(pare_session_plan(model, &options, &session), PARE_UNSUPPORTED);
    assert_error_has(ctx, i ? "training in f64" : "training in f16");
    pare_model_free(model);
    pare_context_free(ctx);
  }
}

int main(void) {
  static const struct CMUnitTest fixed[] = {
      cmocka_unit_test(every_case_names_an_operator),
      cmocka_unit_test(every_operator_with_a_gradient_has_a_gradient_case),
      cmocka_unit_test(every_operator_without_a_gradient_says_why),
      cmocka_unit_test(every_operator_is_found_by_its_own_name),
      cmocka_unit_test(training_needs_f32),
  };
  const size_t n_fixed = sizeof fixed / sizeof fixed[0], n_cases = (size_t)op_case_count();
  struct CMUnitTest *tests = calloc(n_fixed + n_cases, sizeof *tests);
  char(*names)[128] = calloc(n_cases, sizeof *names);
  if (tests == NULL || names == NULL) return 1;
  memcpy(tests, fixed, sizeof fixed);
  for (size_t i = 0; i < n_cases; i++) {
    const op_case *c = op_case_at((int)i);
    snprintf(names[i], sizeof names[i], "%s %s", c->op, c->says);
    tests[n_fixed + i] = (struct CMUnitTest){names[i], case_holds, NULL, NULL, (void *)(uintptr_t)c};
  }
  const int n_failed = _cmocka_run_group_tests("ops", tests, n_fixed + n_cases, NULL, NULL);
  free(tests);
  free(names);
  return n_failed;
}
