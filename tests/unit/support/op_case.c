/* Builds a model of one node from an op_case, plans and runs it, and compares values and gradients. */
#include "op_case.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"

#define MAX_IO 16

#define OP_CASES(name) extern const op_case op_cases_##name[];
#include "op_cases.def"
#undef OP_CASES

#define OP_CASES(name) op_cases_##name,
static const op_case *const tables[] = {
#include "op_cases.def"
};
#undef OP_CASES

/* All cases, listed on first use. */
static const op_case *all[4096];
static int n_all;

int op_case_count(void) {
  if (n_all > 0) return n_all;
  for (size_t t = 0; t < PARE_COUNT(tables); t++)
    for (const op_case *c = tables[t]; c->op != NULL && n_all < (int)PARE_COUNT(all); c++) all[n_all++] = c;
  return n_all;
}

const op_case *op_case_at(int i) {
  return i < op_case_count() ? all[i] : NULL;
}

static void expect_ok(pare_context *ctx, pare_status status) {
  if (status != PARE_OK) fail_msg("%s: %s", pare_status_name(status), pare_error(ctx));
}

/* ---- reading tensors ----------------------------------------------------------------------------------- */
typedef struct spec {
  bool left_out, constant;
  pare_tensor tensor;
} spec;

static pare_dtype read_dtype(const char **text) {
  static const pare_dtype all[] = {
#define PARE_X(name, number, size) PARE_##name,
      PARE_DTYPE_LIST(PARE_X)
#undef PARE_X
  };
  for (size_t i = 0; i < PARE_COUNT(all); i++) {
    const char *name = pare_dtype_name(all[i]);
    const size_t n = strlen(name);
    if (strncmp(*text, name, n) == 0 && strchr("[{+", (*text)[n]) != NULL) {
      *text += n;
      return all[i];
    }
  }
  fail_msg("no data type in '%s'", *text);
  return PARE_NONE;
}

static int64_t count_values(const char *text) {
  if (text[1] == '}') return 0;
  int64_t n = 1;
  for (; *text != '}'; text++) n += *text == ',';
  return n;
}

/* Distinct numbers in (-1, 1), shuffled: no two of them, nor 0, are closer than half the grid's step. */
static void fill_grid(pare_tensor *tensor, bool positive, uint64_t seed) {
  const int64_t n = pare_tensor_count(tensor);
  uint32_t *order = calloc((size_t)n + 1, sizeof *order);
  pare_rng rng = pare_rng_new(seed, "op_case");
  for (int64_t i = 0; i < n; i++) order[i] = (uint32_t)i;
  pare_rng_shuffle(&rng, order, (size_t)n);
  for (int64_t i = 0; i < n; i++) {
    const double half = (double)((n + 1) / 2), k = (double)order[i];
    const double x = order[i] % 2 ? -(floor(k / 2) + 0.6) / half : (floor(k / 2) + 0.8) / half;
    pare_tensor_set_f64(tensor, i, positive ? 1.25 + 0.7 * x : x);
  }
  free(order);
}

static void read_values(const char **text, pare_tensor *tensor) {
  const int64_t n = pare_tensor_count(tensor), given = count_values(*text);
  char *end = (char *)(uintptr_t)(*text + 1);
  for (int64_t i = 0; i < given; i++) {
    if (tensor->dtype == PARE_S64 || tensor->dtype == PARE_U64) {
      const bool negative = *end == '-';
      const int64_t value = negative ? strtoll(end, &end, 10) : (int64_t)strtoull(end, &end, 10);
      for (int64_t k = i; k < (given == 1 ? n : i + 1); k++) pare_s64(tensor)[k] = value;
    } else {
      const double value = strtod(end, &end);
      for (int64_t k = i; k < (given == 1 ? n : i + 1); k++) pare_tensor_set_f64(tensor, k, value);
    }
    if (*end == ',') end++;
  }
  if (*end != '}' || (given != n && given != 1)) fail_msg("wrong values: '%s'", *text);
  *text = end + 1;
}

/* Reads one tensor and the blanks behind it. */
static spec read_tensor(pare_context *ctx, const char **text, uint64_t seed) {
  spec s = {0};
  if (**text == '-') {
    s.left_out = true;
    (*text)++;
  } else {
    if ((s.constant = **text == '=')) (*text)++;
    const pare_dtype dtype = read_dtype(text);
    const bool positive = **text == '+';
    if (positive) (*text)++;
    pare_shape shape = {0};
    if (**text == '[') {
      for ((*text)++; **text != ']';) {
        shape.dims[shape.rank++] = strtoll(*text, (char **)(uintptr_t)text, 10);
        if (**text == ',') (*text)++;
      }
      (*text)++;
    } else {
      shape.rank = 1;
      shape.dims[0] = count_values(*text);
    }
    expect_ok(ctx, pare_tensor_new(ctx, dtype, &shape, &s.tensor));
    if (**text == '{')
      read_values(text, &s.tensor);
    else
      fill_grid(&s.tensor, positive, seed);
  }
  while (**text == ' ') (*text)++;
  return s;
}

/* ---- attributes ---------------------------------------------------------------------------------------- */
static pare_attr *edit_attr(pare_model *model, pare_node *node, const char *name) {
  expect_ok(model->ctx, pare_node_set_int(model, node, name, 0));
  return (pare_attr *)(uintptr_t)pare_node_attr(node, name);
}

static void read_number_attr(pare_model *model, pare_node *node, const char *name, const char *text) {
  float floats[64];
  int64_t ints[64];
  size_t n = 0;
  const bool list = strchr(text, ',') != NULL, real = strpbrk(text, ".") != NULL;
  for (char *at = (char *)(uintptr_t)text; *at && n < 64; n++) {
    char *start = at;
    floats[n] = strtof(start, &at);
    ints[n] = strtoll(start, NULL, 10);
    if (*at == ',') at++;
  }
  if (!list && real) {
    expect_ok(model->ctx, pare_node_set_float(model, node, name, floats[0]));
  } else if (!list) {
    expect_ok(model->ctx, pare_node_set_int(model, node, name, ints[0]));
  } else if (!real) {
    expect_ok(model->ctx, pare_node_set_ints(model, node, name, ints, n));
  } else {
    pare_attr *attr = edit_attr(model, node, name);
    float *copy = pare_arena_array(&model->arena, n, sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, floats, n * sizeof *copy);
    attr->type = PARE_ATTR_FLOATS;
    attr->floats = copy;
    attr->n = n;
  }
}

static void read_attrs(pare_model *model, pare_node *node, const char *text) {
  while (*text) {
    char name[64], value[1024];
    const size_t n_name = strcspn(text, "="), n_value = strcspn(text + n_name + 1, " ");
    assert_true(n_name < sizeof name && n_value < sizeof value);
    snprintf(name, sizeof name, "%.*s", (int)n_name, text);
    snprintf(value, sizeof value, "%.*s", (int)n_value, text + n_name + 1);
    if (value[0] == '\'') {
      value[strlen(value) - 1] = 0;
      expect_ok(model->ctx, pare_node_set_string(model, node, name, value + 1));
    } else if (strchr(value, '{') != NULL) {
      const char *at = value;
      pare_attr *attr = edit_attr(model, node, name);
      attr->tensor = read_tensor(model->ctx, &at, 0).tensor;
      attr->type = PARE_ATTR_TENSOR;
    } else {
      read_number_attr(model, node, name, value);
    }
    text += n_name + 1 + n_value;
    while (*text == ' ') text++;
  }
}

const char *op_case_domain(const op_case *c) {
  return c->domain ? c->domain : "";
}

/* ---- one node, planned --------------------------------------------------------------------------------- */
typedef struct rig {
  pare_context *ctx;
  pare_model *model;
  pare_session *session;
  int n_in, n_out;
  spec in[MAX_IO];
  char names[MAX_IO][8];
} rig;

static int count_outputs(const op_case *c) {
  if (c->n_out > 0) return c->n_out;
  if (c->expect == NULL || c->expect[0] == '!') return 1;
  int n = 1;
  for (const char *p = c->expect; *p; p++) n += *p == ' ';
  return n;
}

static void add_input(rig *r, int i, int *index) {
  spec *in = &r->in[i];
  *index = -1;
  if (in->left_out) return;
  snprintf(r->names[i], sizeof r->names[i], "in%d", i);
  if (in->constant) {
    pare_tensor copy;
    expect_ok(r->ctx, pare_tensor_copy(r->ctx, &in->tensor, &copy));
    expect_ok(r->ctx, pare_model_add_initializer(r->model, r->names[i], &copy, index));
    return;
  }
  expect_ok(r->ctx, pare_model_add_value(r->model, r->names[i], in->tensor.dtype, &in->tensor.shape, index));
  r->model->inputs[r->model->n_inputs++] = *index;
}

static void build(rig *r, const op_case *c) {
  int inputs[MAX_IO], outputs[MAX_IO];
  expect_ok(NULL, pare_context_new(NULL, &r->ctx));
  expect_ok(r->ctx, pare_model_new(r->ctx, &r->model));
  expect_ok(r->ctx, pare_model_set_opset(r->model, "", 18));
  if (c->domain) expect_ok(r->ctx, pare_model_set_opset(r->model, c->domain, 1));
  r->model->inputs = pare_arena_array(&r->model->arena, MAX_IO, sizeof(int));
  r->model->outputs = pare_arena_array(&r->model->arena, MAX_IO, sizeof(int));
  for (const char *text = c->inputs; *text && r->n_in < MAX_IO; r->n_in++) {
    r->in[r->n_in] = read_tensor(r->ctx, &text, (uint64_t)r->n_in + 1);
    add_input(r, r->n_in, &inputs[r->n_in]);
  }
  r->n_out = count_outputs(c);
  for (int i = 0; i < r->n_out; i++) {
    char name[16];
    snprintf(name, sizeof name, "out%d", i);
    expect_ok(r->ctx, pare_model_add_value(r->model, name, PARE_NONE, NULL, &outputs[i]));
    r->model->outputs[r->model->n_outputs++] = outputs[i];
  }
  pare_node *node;
  expect_ok(r->ctx, pare_model_add_node(r->model, c->op, op_case_domain(c), "node", inputs, r->n_in, outputs,
                                        r->n_out, &node));
  read_attrs(r->model, node, c->attrs);
}

void op_case_build(const op_case *c, pare_context **ctx, pare_model **model) {
  rig r = {0};
  build(&r, c);
  expect_ok(r.ctx, pare_model_finish(r.model));
  for (int i = 0; i < r.n_in; i++) pare_tensor_release(&r.in[i].tensor);
  *ctx = r.ctx;
  *model = r.model;
}

static pare_status plan(rig *r, bool training) {
  const pare_plan_options options = {
      .batch = 1, .numerics = PARE_EXACT, .n_threads = 1, .training = training};
  PARE_TRY(pare_model_finish(r->model));
  PARE_TRY(pare_session_plan(r->model, &options, &r->session));
  for (int i = 0; i < r->n_in; i++) {
    if (r->in[i].left_out || r->in[i].constant) continue;
    pare_tensor *to = pare_session_value(r->session, r->names[i]);
    const size_t len_bytes = pare_tensor_len_bytes(&r->in[i].tensor);
    if (to != NULL && len_bytes > 0) memcpy(to->data, r->in[i].tensor.data, len_bytes);
  }
  return PARE_OK;
}

static void tear_down(rig *r) {
  pare_session_free(r->session);
  pare_model_free(r->model);
  for (int i = 0; i < r->n_in; i++) pare_tensor_release(&r->in[i].tensor);
  pare_context_free(r->ctx);
}

/* ---- forward ------------------------------------------------------------------------------------------- */
static bool same_number(double got, double want, double tolerance) {
  if (want != want) return got != got;
  if (got == want) return true;
  return fabs(got - want) <= tolerance * (1.0 + fabs(want));
}

static void check_output(const op_case *c, int i, const pare_tensor *got, const pare_tensor *want) {
  char left[128], right[128];
  if (got->dtype != want->dtype || !pare_shape_equal(&got->shape, &want->shape))
    fail_msg("%s %s: output %d is %s %s, not %s %s", c->op, c->says, i, pare_dtype_name(got->dtype),
             pare_shape_text(&got->shape, left, sizeof left), pare_dtype_name(want->dtype),
             pare_shape_text(&want->shape, right, sizeof right));
  const bool real = want->dtype == PARE_F32 || want->dtype == PARE_F64;
  const double tolerance = !real ? 0.0 : c->tolerance > 0 ? c->tolerance : 1e-5;
  for (int64_t k = 0; k < pare_tensor_count(want); k++) {
    const bool equal =
        pare_dtype_size(want->dtype) == 8 && !real
            ? pare_s64(got)[k] == pare_s64(want)[k]
            : same_number(pare_tensor_get_f64(got, k), pare_tensor_get_f64(want, k), tolerance);
    if (!equal)
      fail_msg("%s %s: element %lld of output %d is %.9g, not %.9g", c->op, c->says, (long long)k, i,
               pare_tensor_get_f64(got, k), pare_tensor_get_f64(want, k));
  }
}

static void check_outputs(const op_case *c, rig *r) {
  const char *text = c->expect;
  for (int i = 0; i < r->n_out && *text; i++) {
    spec want = read_tensor(r->ctx, &text, 0);
    if (!want.left_out) {
      const pare_tensor_view view = pare_session_output(r->session, i);
      const pare_tensor got = {.dtype = view.dtype, .shape = view.shape, .data = view.data};
      check_output(c, i, &got, &want.tensor);
    }
    pare_tensor_release(&want.tensor);
  }
}

void op_case_check_forward(const op_case *c) {
  if (c->expect == NULL) return;
  rig r = {0};
  build(&r, c);
  pare_status status = plan(&r, false);
  if (status == PARE_OK) status = pare_session_run(r.session);
  if (c->expect[0] == '!') {
    if (strcmp(pare_status_name(status), c->expect + 1) != 0)
      fail_msg("%s %s: %s (%s), not %s", c->op, c->says, pare_status_name(status), pare_error(r.ctx),
               c->expect + 1);
    assert_string_not_equal(pare_error(r.ctx), "");
  } else {
    expect_ok(r.ctx, status);
    check_outputs(c, &r);
  }
  tear_down(&r);
}

/* ---- gradient ------------------------------------------------------------------------------------------ */
typedef struct gradients {
  pare_tensor d_in[MAX_IO], d_out[MAX_IO];
  pare_tensor *in[MAX_IO], *out[MAX_IO];
} gradients;

/* loss = sum of weight * output, in double. */
static double loss_of(rig *r, const gradients *g) {
  expect_ok(r->ctx, pare_session_run(r->session));
  double loss = 0;
  for (int i = 0; i < r->n_out; i++) {
    if (g->out[i] == NULL) continue;
    const pare_tensor_view view = pare_session_output(r->session, i);
    for (int64_t k = 0; k < pare_shape_count(&view.shape); k++)
      loss += (double)pare_f32(g->out[i])[k] * (double)((const float *)view.data)[k];
  }
  return loss;
}

/* True when some input wants a gradient. */
static bool prepare_gradients(rig *r, gradients *g) {
  bool any = false;
  for (int i = 0; i < r->n_out; i++) {
    const pare_tensor_view view = pare_session_output(r->session, i);
    if (view.dtype != PARE_F32) continue;
    expect_ok(r->ctx, pare_tensor_new(r->ctx, PARE_F32, &view.shape, &g->d_out[i]));
    fill_grid(&g->d_out[i], false, 77 + (uint64_t)i);
    g->out[i] = &g->d_out[i];
  }
  for (int i = 0; i < r->n_in; i++) {
    if (r->in[i].left_out || r->in[i].constant || r->in[i].tensor.dtype != PARE_F32) continue;
    expect_ok(r->ctx, pare_tensor_new(r->ctx, PARE_F32, &r->in[i].tensor.shape, &g->d_in[i]));
    /* backward must add to what is there */
    for (int64_t k = 0; k < pare_tensor_count(&g->d_in[i]); k++) pare_f32(&g->d_in[i])[k] = 0.5f;
    g->in[i] = &g->d_in[i];
    any = true;
  }
  return any;
}

static void compare_input(const op_case *c, rig *r, const gradients *g, int i) {
  pare_tensor *x = pare_session_value(r->session, r->names[i]);
  assert_non_null(x);
  for (int64_t k = 0; k < pare_tensor_count(x); k++) {
    const float middle = pare_f32(x)[k], low = middle - 1.0f / 128, high = middle + 1.0f / 128;
    pare_f32(x)[k] = high;
    const double above = loss_of(r, g);
    pare_f32(x)[k] = low;
    const double below = loss_of(r, g);
    pare_f32(x)[k] = middle;
    const double numeric = (above - below) / ((double)high - (double)low);
    const double analytic = (double)pare_f32(g->in[i])[k] - 0.5;
    if (!(fabs(analytic - numeric) <= 2e-3 * (1 + fabs(numeric))))
      fail_msg("%s %s: the gradient of element %lld of input %d is %.6g, differences give %.6g", c->op,
               c->says, (long long)k, i, analytic, numeric);
  }
}

/* What is set is what is added to zeros, to the byte. The gradient of input 0 is there alone. */
static void check_fresh(const op_case *c, const pare_op *op, pare_grad_call grad) {
  pare_tensor *only[MAX_IO] = {grad.d_in[0]}, *dx = only[0];
  const size_t len_bytes = pare_tensor_len_bytes(dx);
  float *added = malloc(len_bytes + 1), *before = malloc(len_bytes + 1);
  assert_true(added && before);
  memcpy(before, dx->data, len_bytes);
  grad.d_in = only;
  memset(dx->data, 0, len_bytes);
  assert_int_equal(op->backward(&grad), PARE_OK);
  memcpy(added, dx->data, len_bytes);
  memset(dx->data, 0xee, len_bytes);
  grad.fresh = true;
  assert_int_equal(op->backward(&grad), PARE_OK);
  if (memcmp(added, dx->data, len_bytes) != 0)
    fail_msg("%s %s: a first gradient is not what is added to zeros", c->op, c->says);
  memcpy(dx->data, before, len_bytes);
  free(added), free(before);
}

void op_case_check_gradient(const op_case *c) {
  const pare_op *op = pare_op_find(op_case_domain(c), c->op);
  if (c->no_gradient || !strstr(c->inputs, "f32") || (c->expect != NULL && c->expect[0] == '!') ||
      op == NULL || op->backward == NULL)
    return;
  rig r = {0};
  gradients g = {0};
  build(&r, c);
  expect_ok(r.ctx, plan(&r, true));
  expect_ok(r.ctx, pare_session_run(r.session));
  /* no step is left when everything was constant */
  if (r.session->n_steps == 1 && prepare_gradients(&r, &g)) {
    pare_grad_call grad = {.call = &r.session->steps[0].call, .d_out = g.out, .d_in = g.in};
    if (op->sets_gradient && g.in[0] != NULL) check_fresh(c, op, grad);
    expect_ok(r.ctx, op->backward(&grad));
    for (int i = 0; i < r.n_in; i++)
      if (g.in[i] != NULL) compare_input(c, &r, &g, i);
  }
  for (int i = 0; i < MAX_IO; i++) {
    pare_tensor_release(&g.d_in[i]);
    pare_tensor_release(&g.d_out[i]);
  }
  tear_down(&r);
}
