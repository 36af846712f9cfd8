/* Runs ONNX's backend cases: see conformance.h. */
#include "conformance.h"

#include "onnx/onnx.h"
#include "session/session.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_IO = 64, MAX_CASES = 2048 };

/* ---- one case ------------------------------------------------------------------------------------------ */

typedef struct conformance {
  pare_context *ctx;
  const char *folder;
  pare_model *model;
  pare_session *session;
  pare_tensor inputs[MAX_IO]; /* in the order of the model's */
} conformance;

static pare_status read_pb(conformance *c, const char *what, int i, const pare_value *value, pare_tensor *out,
                           pare_buffer *name) {
  char path[600];
  pare_buffer bytes;
  snprintf(path, sizeof(path), "%s/test_data_set_0/%s_%d.pb", c->folder, what, i);
  *name = (pare_buffer){0};
  PARE_TRY(pare_file_read(c->ctx, path, &bytes));
  pare_status status;
  if (value->kind == PARE_KIND_SEQUENCE || value->kind == PARE_KIND_OPTIONAL) {
    status = pare_onnx_list_read(c->ctx, value->kind, bytes.data, bytes.len_bytes, out);
  } else {
    status = pare_onnx_tensor_read(c->ctx, path, bytes.data, bytes.len_bytes, out, name);
    /* ONNX's files hold bf16 as u16. */
    if (status == PARE_OK && value->dtype == PARE_BF16 && out->dtype == PARE_U16) out->dtype = PARE_BF16;
  }
  pare_buffer_free(c->ctx, &bytes);
  return status;
}

static const pare_value *graph_value(const conformance *c, const int *list, int i) {
  return &c->model->values[list[i]];
}

/* An input file belongs to the graph input of its name or, without one, of its number. */
static int input_of(const conformance *c, const char *name, int i) {
  for (int k = 0; name && k < c->model->n_inputs; k++)
    if (strcmp(graph_value(c, c->model->inputs, k)->name, name) == 0) return k;
  return i;
}

static pare_status read_inputs(conformance *c) {
  for (int i = 0; i < c->model->n_inputs && i < MAX_IO; i++) {
    pare_tensor tensor;
    pare_buffer name;
    PARE_TRY(read_pb(c, "input", i, graph_value(c, c->model->inputs, i), &tensor, &name));
    int k = input_of(c, (const char *)name.data, i);
    pare_buffer_free(c->ctx, &name);
    if (c->inputs[k].data || c->inputs[k].list) {
      pare_tensor_release(&tensor);
      return pare_fail(c->ctx, PARE_BAD_DATA, "input file %d has no graph input", i);
    }
    c->inputs[k] = tensor;
  }
  return PARE_OK;
}

static pare_status plan(conformance *c) {
  pare_shape shapes[MAX_IO];
  for (int i = 0; i < c->model->n_inputs; i++) shapes[i] = c->inputs[i].shape;
  pare_plan_options options = {
      .batch = 1, .input_shapes = shapes, .numerics = PARE_EXACT, .n_threads = 1, .fuse = true};
  return pare_session_plan(c->model, &options, &c->session);
}

static pare_status run(conformance *c) {
  for (int i = 0; i < c->model->n_inputs; i++) {
    if (c->inputs[i].list) {
      PARE_TRY(pare_session_give(c->session, i, &c->inputs[i]));
      continue;
    }
    pare_tensor_view view = pare_session_input(c->session, i);
    size_t len_bytes = pare_tensor_len_bytes(&c->inputs[i]);
    if (view.dtype != c->inputs[i].dtype || view.len_bytes != len_bytes) {
      return pare_fail(c->ctx, PARE_BAD_DATA, "input '%s' has %zu bytes of %s, the file %zu of %s", view.name,
                       view.len_bytes, pare_dtype_name(view.dtype), len_bytes,
                       pare_dtype_name(c->inputs[i].dtype));
    }
    if (len_bytes) memcpy(view.data, c->inputs[i].data, len_bytes);
  }
  return pare_session_run(c->session);
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

/* Relative; 0: exact. ONNX 1.12 made its bf16 files by cutting bits off, which is up to one unit (1/128) from
 * rounding. */
static double tolerance_of(pare_dtype dtype) {
  if (dtype == PARE_BF16) return 1.0 / 128;
  return dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16 ? 1e-3 : 0;
}

/* Random numbers cannot be compared: ONNX's files hold what one run of numpy without a seed gave. Type and shape must be right. */
static bool is_random(const conformance *c) {
  static const char *const names[] = {"Bernoulli", "RandomNormal", "RandomNormalLike", "RandomUniform",
                                      "RandomUniformLike"};
  for (int i = 0; i < c->model->n_nodes; i++)
    for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
      if (pare_node_is(&c->model->nodes[i], names[k])) return true;
  return false;
}

/* ONNX 1.12 computed this case with epsilon = 0.01 and did not write the attribute down. */
static pare_status complete_attributes(conformance *c) {
  if (!strstr(c->folder, "test_adam_multiple")) return PARE_OK;
  pare_model *model;
  PARE_TRY(pare_model_clone(c->model, &model));
  pare_model_free(c->model);
  c->model = model;
  PARE_TRY(pare_node_set_float(model, &model->nodes[0], "epsilon", 0.01f));
  return pare_model_finish(model);
}

static bool close_enough(double have, double want, double tolerance) {
  if (isnan(want)) return isnan(have);
  if (tolerance == 0 || isinf(want)) return have == want;
  return fabs(have - want) <= 1e-7 + tolerance * fabs(want);
}

static pare_status compare_tensors(conformance *c, const char *name, const pare_tensor *have,
                                   const pare_tensor *want) {
  char a[128], b[128];
  if (have->dtype != want->dtype || !pare_shape_equal(&have->shape, &want->shape)) {
    return pare_fail(c->ctx, PARE_BAD_DATA, "output '%s' is %s %s, not %s %s", name,
                     pare_dtype_name(have->dtype), pare_shape_text(&have->shape, a, sizeof(a)),
                     pare_dtype_name(want->dtype), pare_shape_text(&want->shape, b, sizeof(b)));
  }
  if (is_random(c)) return PARE_OK;
  double tolerance = tolerance_of(want->dtype);
  for (int64_t i = 0; i < pare_tensor_count(want); i++) {
    double have_i = pare_tensor_get_f64(have, i), want_i = pare_tensor_get_f64(want, i);
    bool equal = tolerance == 0 ? pare_tensor_get_s64(have, i) == pare_tensor_get_s64(want, i)
                                : close_enough(have_i, want_i, tolerance);
    if (equal) continue;
    return pare_fail(c->ctx, PARE_BAD_DATA, "output '%s' %s element %lld is %.9g, not %.9g", name,
                     pare_shape_text(&have->shape, a, sizeof(a)), (long long)i, have_i, want_i);
  }
  return PARE_OK;
}

static pare_status compare(conformance *c, const char *name, const pare_tensor *have,
                           const pare_tensor *want) {
  if (!want->list && !have->list) return compare_tensors(c, name, have, want);
  if (!want->list || !have->list || want->list->is_optional != have->list->is_optional ||
      want->list->n != have->list->n)
    return pare_fail(c->ctx, PARE_BAD_DATA, "output '%s' is another kind or number of things", name);
  for (int64_t i = 0; i < want->list->n; i++)
    PARE_TRY(compare(c, name, &have->list->items[i], &want->list->items[i]));
  return PARE_OK;
}

static pare_status compare_outputs(conformance *c) {
  for (int i = 0; i < c->model->n_outputs; i++) {
    const pare_value *value = graph_value(c, c->model->outputs, i);
    pare_tensor want;
    pare_buffer name;
    PARE_TRY(read_pb(c, "output", i, value, &want, &name));
    const pare_tensor *have = &c->session->tensors[c->session->model->outputs[i]];
    pare_status status = compare(c, value->name, have, &want);
    pare_tensor_release(&want);
    pare_buffer_free(c->ctx, &name);
    PARE_TRY(status);
  }
  return PARE_OK;
}

/* ---- outcomes ------------------------------------------------------------------------------------------ */

static pare_status load(conformance *c) {
  char path[600];
  snprintf(path, sizeof(path), "%s/model.onnx", c->folder);
  return pare_model_load_file(c->ctx, path, &c->model);
}

static pare_status try_case(conformance *c) {
  PARE_TRY(load(c));
  PARE_TRY(complete_attributes(c));
  PARE_TRY(read_inputs(c));
  PARE_TRY(plan(c));
  PARE_TRY(run(c));
  return compare_outputs(c);
}

/* The operator that a case is about: of one node, or all of a network. */
static const char *subject(const conformance *c, const char *group) {
  if (!c->model) return "(not read)";
  if (c->model->n_nodes == 0) return "(no node)";
  return strcmp(group, "node") == 0 || c->model->n_nodes == 1 ? c->model->nodes[0].op_type : "(several)";
}

void run_conformance_case(const char *group, const char *folder, case_result *out) {
  conformance c = {.folder = folder};
  *out = (case_result){.outcome = CASE_FAILED};
  if (pare_context_new(NULL, &c.ctx) != PARE_OK) return;
  pare_status status = try_case(&c);
  out->outcome = status == PARE_OK            ? CASE_PASSED
                 : status == PARE_UNSUPPORTED ? CASE_UNSUPPORTED
                                              : CASE_FAILED;
  if (status != PARE_OK)
    snprintf(out->message, sizeof(out->message), "%s: %s", pare_status_name(status), pare_error(c.ctx));
  snprintf(out->op, sizeof(out->op), "%s", subject(&c, group));
  out->claimed = c.model && pare_model_has_every_operator(c.model);
  for (int i = 0; i < MAX_IO; i++) pare_tensor_release(&c.inputs[i]);
  pare_session_free(c.session);
  pare_model_free(c.model);
  pare_context_free(c.ctx);
}

/* ---- all cases ----------------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b) {
  return strcmp(a, b);
}

static size_t list_cases(const char *folder, char (*names)[128]) {
  size_t n = 0;
  DIR *dir = opendir(folder);
  if (!dir) return 0;
  for (struct dirent *entry; (entry = readdir(dir)) && n < MAX_CASES;)
    if (entry->d_name[0] != '.') snprintf(names[n++], sizeof(names[0]), "%.127s", entry->d_name);
  closedir(dir);
  qsort(names, n, sizeof(names[0]), by_text);
  return n;
}

int run_conformance(const char *root, const char *only,
                    void (*each)(void *user, const char *group, const char *name, const case_result *result),
                    void *user) {
  static const char *const groups[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
  static char names[MAX_CASES][128];
  int n_run = 0;
  for (size_t g = 0; g < PARE_COUNT(groups); g++) {
    char folder[400], path[600];
    snprintf(folder, sizeof(folder), "%s/%s", root, groups[g]);
    size_t n = list_cases(folder, names);
    for (size_t i = 0; i < n; i++) {
      int length = snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
      if (length < 0 || (size_t)length >= sizeof(path) || (only && !strstr(path, only))) continue;
      case_result result;
      run_conformance_case(groups[g], path, &result);
      each(user, groups[g], names[i], &result);
      n_run++;
    }
  }
  return n_run;
}
