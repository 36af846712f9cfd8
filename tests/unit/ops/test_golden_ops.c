/* Values and gradients of the heavy operators against PyTorch (ops.txt and ops_nd.txt of tests/golden/ops, made by
 * make_ops.py). Each case runs three times straight through the operator's descriptor: with constant
 * inputs (weights are packed ahead), with inputs that may change, and in training with the backward pass. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"
#include "support/unit.h"

enum { MOST = 8 };

typedef struct golden_case {
  char op[32], title[96];
  bool train_only;
  pare_attr attrs[16];
  int n_attrs;
  pare_tensor in[MOST], out[MOST], d_out[MOST], d_in[MOST], after[MOST];
  int n_in, n_out;
} golden_case;

static pare_context *ctx;

/* ---- reading
 * ----------------------------------------------------------------------------------------------------- */
static char *word(char **at) {
  while (**at == ' ') (*at)++;
  char *start = *at;
  while (**at && **at != ' ') (*at)++;
  if (**at) *(*at)++ = 0;
  return start;
}

static pare_tensor read_tensor(char **at) {
  const char *type = word(at);
  const pare_dtype dtype = strcmp(type, "f32") == 0   ? PARE_F32
                           : strcmp(type, "s32") == 0 ? PARE_S32
                                                      : PARE_BOOL;
  pare_shape shape = {0};
  for (char *dims = word(at); isdigit((unsigned char)*dims);) {
    shape.dims[shape.rank++] = strtoll(dims, &dims, 10);
    if (*dims == ',') dims++;
  }
  pare_tensor t;
  assert_int_equal(pare_tensor_new(ctx, dtype, &shape, &t), PARE_OK);
  const int64_t n = pare_tensor_count(&t);
  for (int64_t i = 0; i < n; i++) pare_tensor_set_f64(&t, i, strtod(word(at), NULL));
  return t;
}

static void read_attr(golden_case *c, char *at) {
  pare_attr *attr = &c->attrs[c->n_attrs++];
  attr->name = strdup(word(&at));
  const char *type = word(&at);
  if (strcmp(type, "i") == 0) {
    attr->type = PARE_ATTR_INT;
    attr->i = strtoll(at, NULL, 10);
  } else if (strcmp(type, "f") == 0) {
    attr->type = PARE_ATTR_FLOAT;
    attr->f = strtof(at, NULL);
  } else if (strcmp(type, "s") == 0) {
    attr->type = PARE_ATTR_STRING;
    attr->s = strdup(at);
  } else if (strcmp(type, "ints") == 0) {
    int64_t *ints = calloc(16, sizeof *ints);
    attr->type = PARE_ATTR_INTS;
    attr->ints = ints;
    while (*at) ints[attr->n++] = strtoll(word(&at), NULL, 10);
  } else if (strcmp(type, "floats") == 0) {
    float *floats = calloc(16, sizeof *floats);
    attr->type = PARE_ATTR_FLOATS;
    attr->floats = floats;
    while (*at) floats[attr->n++] = strtof(word(&at), NULL);
  } else {
    const char **strings = calloc(16, sizeof *strings);
    attr->type = PARE_ATTR_STRINGS;
    attr->strings = strings;
    while (*at) strings[attr->n++] = strdup(word(&at));
  }
}

static bool read_line(golden_case *c, char *at) {
  const char *kind = word(&at);
  if (strcmp(kind, "case") == 0) {
    snprintf(c->op, sizeof c->op, "%s", word(&at));
    snprintf(c->title, sizeof c->title, "%s", at);
  } else if (strcmp(kind, "mode") == 0) {
    c->train_only = true;
  } else if (strcmp(kind, "attr") == 0) {
    read_attr(c, at);
  } else if (strcmp(kind, "end") == 0) {
    return true;
  } else {
    const int i = atoi(word(&at));
    assert_true(i < MOST);
    const pare_tensor t = read_tensor(&at);
    if (strcmp(kind, "in") == 0)
      c->in[i] = t, c->n_in = i + 1;
    else if (strcmp(kind, "out") == 0)
      c->out[i] = t, c->n_out = i + 1;
    else if (strcmp(kind, "dout") == 0)
      c->d_out[i] = t;
    else if (strcmp(kind, "din") == 0)
      c->d_in[i] = t;
    else if (strcmp(kind, "after") == 0)
      c->after[i] = t;
    else
      fail_msg("a line starts with '%s'", kind);
  }
  return false;
}

static void free_case(golden_case *c) {
  for (int i = 0; i < c->n_attrs; i++) {
    pare_attr *a = &c->attrs[i];
    for (size_t k = 0; a->type == PARE_ATTR_STRINGS && k < a->n; k++) free((void *)a->strings[k]);
    free((void *)a->name), free((void *)a->s), free((void *)a->ints), free((void *)a->strings);
    free((void *)a->floats);
  }
  for (int i = 0; i < MOST; i++) {
    pare_tensor *const all[] = {&c->in[i], &c->out[i], &c->d_out[i], &c->d_in[i], &c->after[i]};
    for (size_t k = 0; k < PARE_COUNT(all); k++) pare_tensor_release(all[k]);
  }
}

/* ---- running
 * ------------------------------------------------------------------------------------------------------ */
static void check_near(const golden_case *c, const char *what, int i, const pare_tensor *got,
                       const pare_tensor *expected) {
  if (!pare_shape_equal(&got->shape, &expected->shape))
    fail_msg("%s '%s': the shape of %s %d", c->op, c->title, what, i);
  const int64_t n = pare_tensor_count(got);
  for (int64_t k = 0; k < n; k++) {
    const double a = pare_tensor_get_f64(got, k), b = pare_tensor_get_f64(expected, k);
    if (!(fabs(a - b) <= 2e-5 * (1 + fabs(b))))
      fail_msg("%s '%s': %s %d [%d] is %.8g, not %.8g", c->op, c->title, what, i, (int)k, a, b);
  }
}

static bool has_gradient(const golden_case *c) {
  bool any = false;
  for (int i = 0; i < MOST; i++) any |= c->d_in[i].data != NULL;
  return any;
}

enum run_mode { CONSTANT, CHANGING, TRAINING };

static void backward(const golden_case *c, pare_call *call) {
  pare_tensor d_in[MOST] = {0}, *d_in_of[MOST] = {0}, *d_out_of[MOST] = {0};
  for (int i = 0; i < c->n_in; i++) {
    if (!c->d_in[i].data) continue;
    assert_int_equal(pare_tensor_new(ctx, PARE_F32, &c->d_in[i].shape, &d_in[i]), PARE_OK);
    const int64_t n = pare_tensor_count(&d_in[i]);
    for (int64_t k = 0; k < n; k++) pare_f32(&d_in[i])[k] = 1; /* backward adds */
    d_in_of[i] = &d_in[i];
  }
  for (int i = 0; i < c->n_out; i++) d_out_of[i] = c->d_out[i].data ? (pare_tensor *)&c->d_out[i] : NULL;
  pare_grad_call grad = {.call = call, .d_out = d_out_of, .d_in = d_in_of};
  memset(call->scratch, 0xee, call->scratch_bytes);
  assert_int_equal(call->node->op->backward(&grad), PARE_OK);
  for (int i = 0; i < c->n_in; i++) {
    if (!d_in_of[i]) continue;
    const int64_t n = pare_tensor_count(&d_in[i]);
    for (int64_t k = 0; k < n; k++) pare_f32(&d_in[i])[k] -= 1;
    check_near(c, "gradient", i, &d_in[i], &c->d_in[i]);
    pare_tensor_release(&d_in[i]);
  }
}

static void run_case(const golden_case *c, enum run_mode mode) {
  const pare_op *op = pare_op_find("", c->op);
  pare_node node = {.name = "node",
                    .op_type = c->op,
                    .domain = "",
                    .n_inputs = c->n_in,
                    .n_outputs = c->n_out,
                    .n_attrs = c->n_attrs,
                    .attrs = (pare_attr *)c->attrs,
                    .op = op,
                    .clamp_low = -INFINITY,
                    .clamp_high = INFINITY};
  pare_tensor in[MOST] = {0}, out[MOST] = {0}, *in_of[MOST] = {0}, *out_of[MOST] = {0};
  bool is_const[MOST];
  pare_arena arena;
  pare_arena_init(&arena, ctx);
  for (int i = 0; i < c->n_in; i++) {
    /* lengths, scales and the like are planned with */
    is_const[i] = mode == CONSTANT || c->in[i].dtype != PARE_F32 || (has_gradient(c) && !c->d_in[i].data);
    if (!c->in[i].data) continue;
    assert_int_equal(pare_tensor_copy(ctx, &c->in[i], &in[i]), PARE_OK);
    in_of[i] = &in[i];
  }
  for (int i = 0; i < c->n_out; i++) out_of[i] = c->out[i].data ? &out[i] : NULL;
  pare_call call = {.ctx = ctx,
                    .node = &node,
                    .n_in = c->n_in,
                    .n_out = c->n_out,
                    .in = in_of,
                    .out = out_of,
                    .in_is_const = is_const,
                    .training = mode == TRAINING,
                    .arena = &arena};
  if (op->infer(&call) != PARE_OK) fail_msg("%s '%s': %s", c->op, c->title, pare_error(ctx));
  for (int i = 0; i < c->n_out; i++) {
    const pare_shape shape = out[i].shape;
    if (out_of[i]) assert_int_equal(pare_tensor_new(ctx, PARE_F32, &shape, &out[i]), PARE_OK);
  }
  if (op->prepare && op->prepare(&call) != PARE_OK) fail_msg("%s '%s': %s", c->op, c->title, pare_error(ctx));
  call.scratch = malloc(call.scratch_bytes + 1);
  call.saved = malloc(call.saved_bytes + 1);
  memset(call.scratch, 0xee, call.scratch_bytes);
  assert_int_equal(op->run(&call), PARE_OK);
  for (int i = 0; i < c->n_out; i++)
    if (out_of[i]) check_near(c, "output", i, &out[i], &c->out[i]);
  if (mode == TRAINING) backward(c, &call);
  for (int i = 0; i < c->n_in; i++)
    if (c->after[i].data) check_near(c, "input afterwards", i, &in[i], &c->after[i]);
  free(call.scratch), free(call.saved);
  for (int i = 0; i < MOST; i++) pare_tensor_release(&in[i]), pare_tensor_release(&out[i]);
  pare_arena_free(&arena);
}

static int check_file(const char *path) {
  FILE *file = fopen(path, "r");
  assert_non_null(file);
  char *line = NULL;
  size_t size = 0;
  int n_cases = 0;
  golden_case c = {0};
  while (getline(&line, &size, file) > 0) {
    line[strcspn(line, "\n")] = 0;
    if (line[0] == '#' || !read_line(&c, line)) continue;
    if (!c.train_only) run_case(&c, CONSTANT), run_case(&c, CHANGING);
    if (has_gradient(&c)) run_case(&c, TRAINING);
    free_case(&c);
    c = (golden_case){0};
    n_cases++;
  }
  free(line);
  fclose(file);
  return n_cases;
}

static void values_and_gradients_equal_pytorchs(void **state) {
  (void)state;
  assert_true(check_file(PARE_SOURCE_DIR "/tests/golden/ops/ops.txt") > 60);
}

static void those_of_any_dimension_equal_pytorchs(void **state) {
  (void)state;
  assert_true(check_file(PARE_SOURCE_DIR "/tests/golden/ops/ops_nd.txt") > 35);
}

static int make_context(void **state) {
  (void)state;
  return pare_context_new(NULL, &ctx) == PARE_OK ? 0 : 1;
}
static int free_context(void **state) {
  (void)state;
  pare_context_free(ctx);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values_and_gradients_equal_pytorchs),
                                     cmocka_unit_test(those_of_any_dimension_equal_pytorchs)};
  return cmocka_run_group_tests(tests, make_context, free_context);
}
