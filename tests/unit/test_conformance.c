/* Every one of ONNX's own backend cases passes, or is refused as UNSUPPORTED because it has an operator that is not there or is about
 * strings: see support/conformance.h. PARE_ONNX_TESTDATA names another folder; PARE_CASE runs only cases whose path has that text, and
 * says more. */
#include "unit.h"

#include "conformance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What passes today: it may only grow. */
enum { MIN_PASSED = 1045 };

enum { MAX_OPS = 512 };

typedef struct tally {
  struct {
    char op[64];
    int n[3];
  } ops[MAX_OPS];
  int n_ops, totals[3], n_claimed_unsupported;
} tally;

static void count(tally *t, const case_result *result) {
  int i = 0;
  t->totals[result->outcome]++;
  while (i < t->n_ops && strcmp(t->ops[i].op, result->op) != 0) i++;
  if (i == MAX_OPS) return;
  if (i == t->n_ops) snprintf(t->ops[t->n_ops++].op, sizeof(t->ops[0].op), "%s", result->op);
  t->ops[i].n[result->outcome]++;
}

static void take(void *user, const char *group, const char *name, const case_result *result) {
  tally *t = user;
  count(t, result);
  bool claimed = result->outcome == CASE_UNSUPPORTED && result->claimed;
  bool about_strings = strstr(result->message, "string") != NULL;
  if (claimed && !about_strings) t->n_claimed_unsupported++;
  if (result->outcome == CASE_FAILED || claimed || (result->outcome != CASE_PASSED && getenv("PARE_CASE")))
    printf("%s %s/%s: %s\n", result->outcome == CASE_FAILED ? "FAILED" : "unsupported", group, name,
           result->message);
}

static int by_op(const void *a, const void *b) {
  return strcmp(a, b);
}

static void print_table(tally *t) {
  qsort(t->ops, (size_t)t->n_ops, sizeof(t->ops[0]), by_op);
  printf("%-32s %7s %7s %12s\n", "operator", "passed", "failed", "unsupported");
  for (int i = 0; i < t->n_ops; i++)
    printf("%-32s %7d %7d %12d\n", t->ops[i].op, t->ops[i].n[0], t->ops[i].n[1], t->ops[i].n[2]);
  printf("%-32s %7d %7d %12d\n", "all", t->totals[0], t->totals[1], t->totals[2]);
}

static void onnx_backend_cases_pass_or_are_refused(void **state) {
  (void)state;
  static tally t;
  const char *root = getenv("PARE_ONNX_TESTDATA"), *only = getenv("PARE_CASE");
  if (run_conformance(root ? root : CONFORMANCE_FOLDER, only, take, &t) == 0) skip();
  print_table(&t);
  assert_int_equal(t.totals[CASE_FAILED], 0);
  assert_int_equal(t.n_claimed_unsupported,
                   0); /* operators that are there take every case but those about strings */
  int n_all = t.totals[CASE_PASSED] + t.totals[CASE_FAILED] + t.totals[CASE_UNSUPPORTED];
  if (only) return;
  assert_true(t.totals[CASE_PASSED] >= MIN_PASSED);
  assert_true(100 * t.totals[CASE_PASSED] >= 93 * n_all);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(onnx_backend_cases_pass_or_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
