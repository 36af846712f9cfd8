/* ONNX's own backend tests (Debian's libonnx-testdata): each case has a model, inputs and expected outputs.
 * Every case must pass or be refused as UNSUPPORTED; a table says how many of each, per operator. Tolerances
 * are ONNX's: 1e-3 relative, 1e-7 absolute, integers exact. PARE_ONNX_TESTDATA names another folder;
 * PARE_CASE runs only cases whose path has that text, and says more. */
#include "unit.h"

#include "onnx/onnx.h"
#include "session/session.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What passes today: it may only grow. */
enum { MIN_PASSED = 558 };

enum { MAX_IO = 64, MAX_CASES = 2048, MAX_OPS = 512 };
typedef enum outcome { PASSED, FAILED, UNSUPPORTED } outcome;

static struct {
  char op[64];
  int n[3];
} table[MAX_OPS];
static int n_ops;

static void count(const char *op, outcome what) {
  int i = 0;
  while (i < n_ops && strcmp(table[i].op, op) != 0) i++;
  if (i == MAX_OPS) return;
  if (i == n_ops) snprintf(table[n_ops++].op, sizeof(table[0].op), "%s", op);
  table[i].n[what]++;
}

/* ---- one case ------------------------------------------------------------------------------------------ */

typedef struct conformance {
  pare_context *ctx;
  const char *folder;
  pare_model *model;
  pare_session *session;
  pare_tensor tensors[MAX_IO]; /* inputs, in the order of the model's */
  char message[1200];
} conformance;

static pare_status read_pb(conformance *c, const char *kind, int i, pare_tensor *out, pare_buffer *name) {
  char path[600];
  pare_buffer bytes;
  snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%d.pb", c->folder, kind, i);
  *name = (pare_buffer){0};
  PARE_TRY(pare_file_read(c->ctx, path, &bytes));
  pare_status status = pare_onnx_tensor_read(c->ctx, path, bytes.data, bytes.len_bytes, out, name);
  pare_buffer_free(c->ctx, &bytes);
  return status;
}

/* ONNX's files hold bf16 as u16. */
static void retype(pare_tensor *tensor, pare_dtype model_dtype) {
  if (model_dtype == PARE_BF16 && tensor->dtype == PARE_U16) tensor->dtype = PARE_BF16;
}

/* An input file belongs to the graph input of its name or, without one, of its number. */
static int input_of(const conformance *c, const char *name, int i) {
  for (int k = 0; k < c->model->n_inputs; k++) {
    if (strcmp(c->model->values[c->model->inputs[k]].name, name) == 0) return k;
  }
  return i < c->model->n_inputs ? i : -1;
}

static pare_status read_inputs(conformance *c) {
  for (int i = 0; i < c->model->n_inputs && i < MAX_IO; i++) {
    pare_tensor tensor;
    pare_buffer name;
    pare_status status = read_pb(c, "input", i, &tensor, &name);
    if (status == PARE_IO) return PARE_OK; /* fewer files than inputs: the rest is found out by the plan */
    PARE_TRY(status);
    int k = input_of(c, (const char *)name.data, i);
    pare_buffer_free(c->ctx, &name);
    if (k < 0 || c->tensors[k].data) {
      pare_tensor_release(&tensor);
      return pare_fail(c->ctx, PARE_BAD_DATA, "input file %d has no graph input", i);
    }
    c->tensors[k] = tensor;
    retype(&c->tensors[k], c->model->values[c->model->inputs[k]].dtype);
  }
  return PARE_OK;
}

static pare_status plan_once(conformance *c) {
  pare_shape shapes[MAX_IO];
  for (int i = 0; i < c->model->n_inputs; i++) {
    if (!c->tensors[i].data)
      return pare_fail(c->ctx, PARE_UNSUPPORTED, "graph input %d has no tensor file", i);
    shapes[i] = c->tensors[i].shape;
  }
  pare_plan_options options = {
      .batch = 1, .input_shapes = shapes, .numerics = PARE_EXACT, .n_threads = 1, .fuse = true};
  return pare_session_plan(c->model, &options, &c->session);
}

/* Every graph input but the first (or the only one) becomes an initializer with the case's value. */
static pare_status make_constant(conformance *c) {
  pare_model *model;
  PARE_TRY(pare_model_clone(c->model, &model));
  pare_model_free(c->model);
  c->model = model;
  int first = model->n_inputs > 1 ? 1 : 0;
  for (int i = first; i < model->n_inputs; i++) {
    pare_tensor shared = pare_tensor_retain(&c->tensors[i]);
    pare_model_set_initializer(model, model->inputs[i], &shared);
  }
  model->n_inputs = first;
  return pare_model_finish(model);
}

/* The cases feed shapes, axes and the like, which here must be constants, as graph inputs. */
static pare_status plan(conformance *c) {
  pare_status status = plan_once(c);
  if (status != PARE_UNSUPPORTED || c->model->n_inputs < 1 || !strstr(pare_error(c->ctx), "constant"))
    return status;
  PARE_TRY(make_constant(c));
  return plan_once(c);
}

static pare_status run(conformance *c) {
  for (int i = 0; i < pare_session_n_inputs(c->session); i++) {
    pare_tensor_view view = pare_session_input(c->session, i);
    int k = input_of(c, view.name, i);
    size_t len_bytes = pare_tensor_len_bytes(&c->tensors[k]);
    if (view.dtype != c->tensors[k].dtype || view.len_bytes != len_bytes) {
      return pare_fail(c->ctx, PARE_BAD_DATA, "input '%s' has %zu bytes of %s, the file %zu of %s", view.name,
                       view.len_bytes, pare_dtype_name(view.dtype), len_bytes,
                       pare_dtype_name(c->tensors[k].dtype));
    }
    if (len_bytes) memcpy(view.data, c->tensors[k].data, len_bytes);
  }
  return pare_session_run(c->session);
}

/* Relative; 0: exact. ONNX 1.12 made its bf16 files by cutting bits off, which is up to one unit (1/128) from
 * rounding. */
static double tolerance_of(pare_dtype dtype) {
  if (dtype == PARE_BF16) return 1.0 / 128;
  return dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16 ? 1e-3 : 0;
}

static bool close_enough(double have, double want, double tolerance) {
  if (isnan(want)) return isnan(have);
  if (tolerance == 0 || isinf(want)) return have == want;
  return fabs(have - want) <= 1e-7 + tolerance * fabs(want);
}

static pare_status compare(conformance *c, const pare_tensor *want, const pare_tensor_view *view) {
  pare_tensor have = {.dtype = view->dtype, .shape = view->shape, .data = view->data};
  char a[128], b[128];
  if (have.dtype != want->dtype || !pare_shape_equal(&have.shape, &want->shape)) {
    return pare_fail(c->ctx, PARE_BAD_DATA, "output '%s' is %s %s, not %s %s", view->name,
                     pare_dtype_name(have.dtype), pare_shape_text(&have.shape, a, sizeof(a)),
                     pare_dtype_name(want->dtype), pare_shape_text(&want->shape, b, sizeof(b)));
  }
  double tolerance = tolerance_of(want->dtype);
  for (int64_t i = 0; i < pare_tensor_count(want); i++) {
    double have_i = pare_tensor_get_f64(&have, i), want_i = pare_tensor_get_f64(want, i);
    if (close_enough(have_i, want_i, tolerance)) continue;
    return pare_fail(c->ctx, PARE_BAD_DATA, "output '%s' %s element %lld is %.9g, not %.9g", view->name,
                     pare_shape_text(&have.shape, a, sizeof(a)), (long long)i, have_i, want_i);
  }
  return PARE_OK;
}

static pare_status compare_outputs(conformance *c) {
  for (int i = 0; i < pare_session_n_outputs(c->session); i++) {
    pare_tensor want;
    pare_buffer name;
    PARE_TRY(read_pb(c, "output", i, &want, &name));
    pare_tensor_view view = pare_session_output(c->session, i);
    retype(&want, view.dtype);
    pare_status status = compare(c, &want, &view);
    pare_tensor_release(&want);
    pare_buffer_free(c->ctx, &name);
    if (status != PARE_OK) return status;
  }
  return PARE_OK;
}

/* Reading the files of a case fails as BAD_MODEL when they hold no tensor but a sequence or an optional. */
static pare_status try_case(conformance *c) {
  char path[600];
  snprintf(path, sizeof(path), "%s/model.onnx", c->folder);
  PARE_TRY(pare_model_load_file(c->ctx, path, &c->model));
  for (int i = 0; i < c->model->n_inputs; i++) {
    const pare_value *value = &c->model->values[c->model->inputs[i]];
    if (value->dtype == PARE_NONE || value->dtype == PARE_STRING) {
      return pare_fail(c->ctx, PARE_UNSUPPORTED, "input '%s' is no tensor of numbers", value->name);
    }
  }
  PARE_TRY(read_inputs(c));
  PARE_TRY(plan(c));
  PARE_TRY(run(c));
  return compare_outputs(c);
}

/* The operator that a case is about: of one node, or the group's name for whole networks. */
static const char *subject(const conformance *c, const char *group) {
  if (!c->model) return "(not read)";
  if (c->model->n_nodes == 0) return "(no node)";
  return strcmp(group, "node") == 0 || c->model->n_nodes == 1 ? c->model->nodes[0].op_type : "(several)";
}

static outcome run_case(const char *group, const char *folder) {
  conformance c = {.folder = folder};
  if (pare_context_new(NULL, &c.ctx) != PARE_OK) return FAILED;
  pare_status status = try_case(&c);
  outcome what = status == PARE_OK ? PASSED : status == PARE_UNSUPPORTED ? UNSUPPORTED : FAILED;
  if (what == FAILED || (what != PASSED && getenv("PARE_CASE"))) {
    printf("%s %s: %s: %s\n", what == FAILED ? "FAILED" : "unsupported", folder, pare_status_name(status),
           pare_error(c.ctx));
  }
  count(subject(&c, group), what);
  for (int i = 0; i < MAX_IO; i++) pare_tensor_release(&c.tensors[i]);
  pare_session_free(c.session);
  pare_model_free(c.model);
  pare_context_free(c.ctx);
  return what;
}

/* ---- all cases ----------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
  return strcmp(a, b);
}

static void run_group(const char *root, const char *group, int totals[3]) {
  static char names[MAX_CASES][128];
  char folder[400];
  size_t n = 0;
  snprintf(folder, sizeof(folder), "%s/%s", root, group);
  DIR *dir = opendir(folder);
  if (!dir) return;
  for (struct dirent *entry; (entry = readdir(dir)) && n < MAX_CASES;) {
    if (entry->d_name[0] != '.') snprintf(names[n++], sizeof(names[0]), "%.127s", entry->d_name);
  }
  closedir(dir);
  qsort(names, n, sizeof(names[0]), by_text);
  const char *only = getenv("PARE_CASE");
  for (size_t i = 0; i < n; i++) {
    char path[600];
    int length = snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
    if (length < 0 || (size_t)length >= sizeof(path)) continue;
    if (!only || strstr(path, only)) totals[run_case(group, path)]++;
  }
}

static int by_op(const void *a, const void *b) {
  return strcmp(((const char *)a), ((const char *)b));
}

static void print_table(const int totals[3]) {
  qsort(table, (size_t)n_ops, sizeof(table[0]), by_op);
  printf("%-32s %7s %7s %12s\n", "operator", "passed", "failed", "unsupported");
  for (int i = 0; i < n_ops; i++)
    printf("%-32s %7d %7d %12d\n", table[i].op, table[i].n[0], table[i].n[1], table[i].n[2]);
  printf("%-32s %7d %7d %12d\n", "all", totals[0], totals[1], totals[2]);
}

static void onnx_backend_cases_pass_or_are_refused(void **state) {
  (void)state;
  static const char *const groups[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
  const char *root = getenv("PARE_ONNX_TESTDATA");
  if (!root) root = "/usr/share/libonnx-testdata/data";
  int totals[3] = {0};
  for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) run_group(root, groups[i], totals);
  if (totals[0] + totals[1] + totals[2] == 0) skip();
  print_table(totals);
  assert_int_equal(totals[FAILED], 0);
  if (!getenv("PARE_CASE")) assert_true(totals[PASSED] >= MIN_PASSED);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(onnx_backend_cases_pass_or_are_refused)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
