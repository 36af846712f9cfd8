/* Will a release of ONNX Runtime run a model? From its opset, its IR version and its operators (runtimes.def); what the model would be saved as counts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "onnx/onnx.h"

typedef struct release {
  int minor, opset, ir;
} release;

static const release releases[] = {
#define RELEASE(minor, opset, ir) {minor, opset, ir},
#define CONTRIB(op, attr, value, minor)
#define KERNEL(op, attr, minor)
#define KERNEL_4BIT(op, minor)
#include "measure/runtimes.def"
#undef RELEASE
#undef CONTRIB
#undef KERNEL
#undef KERNEL_4BIT
};

static const struct feature {
  const char *domain, *op, *attr;
  int64_t value; /* of `attr`; 0: any */
  int minor;
  bool only_4bit;
} features[] = {
#define RELEASE(minor, opset, ir)
#define CONTRIB(op, attr, value, minor) {"com.microsoft", op, attr, value, minor, false},
#define KERNEL(op, attr, minor)         {"", op, attr, 0, minor, false},
#define KERNEL_4BIT(op, minor)          {"", op, NULL, 0, minor, true},
#include "measure/runtimes.def"
#undef RELEASE
#undef CONTRIB
#undef KERNEL
#undef KERNEL_4BIT
};

typedef struct checker {
  const pare_model *model;
  const int *ranks;
  int64_t opset; /* that it is saved in */
  pare_json json;
  int n_problems;
  int oldest; /* minor version that would do; -1: none */
} checker;

static const release *release_of(int minor) {
  const release *found = NULL;
  for (size_t i = 0; i < PARE_COUNT(releases); i++)
    if (releases[i].minor <= minor) found = &releases[i];
  return found;
}

static int first_with_opset(int64_t opset) {
  for (size_t i = 0; i < PARE_COUNT(releases); i++)
    if (releases[i].opset >= opset) return releases[i].minor;
  return -1;
}

static int first_with_ir(int64_t ir) {
  for (size_t i = 0; i < PARE_COUNT(releases); i++)
    if (releases[i].ir >= ir) return releases[i].minor;
  return -1;
}

static bool reads_4bit(const pare_model *model, const pare_node *node) {
  if (node->n_inputs < 1 || node->inputs[0] < 0) return false;
  const pare_dtype dtype = model->values[node->inputs[0]].dtype;
  return dtype == PARE_U4 || dtype == PARE_S4;
}

/* The first minor version that has this node's operator on the CPU, whatever its opset; -1: none that is known. */
static int first_with_node(const pare_model *model, const pare_node *node) {
  bool is_contrib = strcmp(node->domain, "com.microsoft") == 0;
  if (*node->domain && !is_contrib && strcmp(node->domain, "ai.onnx.ml") != 0) return -1;
  for (size_t i = 0; i < PARE_COUNT(features); i++) {
    const struct feature *f = &features[i];
    if (strcmp(f->domain, node->domain) != 0 || strcmp(f->op, node->op_type) != 0) continue;
    if (f->attr && !pare_node_attr(node, f->attr)) continue;
    if (f->only_4bit && !reads_4bit(model, node)) continue;
    if (!f->value || pare_node_int(node, f->attr, 0) == f->value) return f->minor;
  }
  return is_contrib ? -1 : 0;
}

static void put_problem(checker *c, const pare_node *node, const char *reason) {
  c->n_problems++;
  pare_json_object(&c->json);
  pare_json_put_text(&c->json, "node", node ? node->name : NULL);
  pare_json_put_text(&c->json, "op", node ? node->op_type : NULL);
  pare_json_put_text(&c->json, "domain", node ? node->domain : NULL);
  pare_json_put_text(&c->json, "reason", reason);
  pare_json_end(&c->json, '}');
}

static void need(checker *c, int minor) {
  if (minor < 0)
    c->oldest = -1;
  else if (c->oldest >= 0 && minor > c->oldest)
    c->oldest = minor;
}

static void check_node(checker *c, const pare_node *node, int minor, const release *have) {
  char reason[160];
  const int first = first_with_node(c->model, node);
  need(c, first);
  if (first > minor || first < 0) {
    if (first < 0)
      snprintf(reason, sizeof reason,
               "an operator of domain '%.40s' that ONNX Runtime's own are not known to have", node->domain);
    else
      snprintf(reason, sizeof reason, "there from ONNX Runtime 1.%d", first);
    put_problem(c, node, reason);
    return;
  }
  const int64_t opset = pare_onnx_needed_opset(c->model, node, c->ranks, 7);
  if (*node->domain || opset <= have->opset) return;
  snprintf(reason, sizeof reason, "needs opset %lld", (long long)opset);
  put_problem(c, node, reason);
}

static void check(checker *c, int minor) {
  const release *have = release_of(minor);
  char reason[160];
  const int64_t ir = c->model->ir_version;
  for (int i = 0; i < c->model->n_nodes; i++) check_node(c, &c->model->nodes[i], minor, have);
  const bool forced = c->n_problems > 0;
  need(c, first_with_opset(c->opset));
  need(c, first_with_ir(ir));
  if (c->opset > have->opset) {
    snprintf(reason, sizeof reason, "opset %lld, the newest there is %d%s", (long long)c->opset, have->opset,
             forced ? "" : ": write it in that one");
    put_problem(c, NULL, reason);
  }
  if (ir > have->ir) {
    snprintf(reason, sizeof reason, "IR version %lld, the newest there is %d", (long long)ir, have->ir);
    put_problem(c, NULL, reason);
  }
}

static pare_status read_version(pare_context *ctx, const char *runtime, int *minor) {
  static const char name[] = "onnxruntime@1.";
  char *end = NULL;
  const size_t n = sizeof name - 1;
  if (strncmp(runtime, name, n) == 0 && runtime[n] >= '0' && runtime[n] <= '9') {
    const long value = strtol(runtime + n, &end, 10);
    if ((*end == 0 || *end == '.') && value >= 0 && value < 1000) {
      *minor = (int)value;
      return PARE_OK;
    }
  }
  return pare_fail(ctx, PARE_BAD_ARGUMENT,
                   "'%.60s' is no runtime that is known: onnxruntime@1.0 and later are", runtime);
}

static void put_report(checker *c, int minor) {
  char version[32];
  pare_json *json = &c->json;
  pare_json_object(json);
  pare_json_put_text(json, "runtime", "onnxruntime");
  snprintf(version, sizeof version, "1.%d", minor);
  pare_json_put_text(json, "version", version);
  pare_json_put_int(json, "opset", c->opset);
  pare_json_put_int(json, "newest_opset", release_of(minor)->opset);
  pare_json_put_int(json, "ir_version", c->model->ir_version);
  pare_json_put_int(json, "newest_ir_version", release_of(minor)->ir);
  pare_json_key(json, "problems");
  pare_json_array(json);
  check(c, minor);
  pare_json_end(json, ']');
  pare_json_put_bool(json, "runs", c->n_problems == 0);
  snprintf(version, sizeof version, "1.%d", c->oldest);
  pare_json_put_text(json, "oldest", c->oldest < 0 ? NULL : version);
  pare_json_end(json, '}');
}

pare_status pare_model_check_runtime(const pare_model *model, const char *runtime, pare_buffer *out) {
  int minor = 0;
  *out = (pare_buffer){NULL, 0};
  PARE_TRY(read_version(model->ctx, runtime, &minor));
  int *ranks = pare_onnx_ranks(model);
  if (!ranks) return PARE_OUT_OF_MEMORY;
  checker c = {.model = model, .ranks = ranks, .opset = pare_model_opset(model, "")};
  for (int i = 0; i < model->n_nodes; i++)
    c.opset = pare_onnx_needed_opset(model, &model->nodes[i], ranks, c.opset);
  pare_json_init(&c.json, model->ctx);
  put_report(&c, minor);
  pare_free(model->ctx, ranks);
  return pare_json_finish(&c.json, out);
}
