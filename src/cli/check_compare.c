/* pare check: Pare's numbers beside another runtime's. The outputs first, as a session runs them; when one differs, every value in the order of the graph,
 * each node by itself, so that the first that differs can be named. */
#include <math.h>

#include "cli/check.h"

static bool is_float(pare_dtype dtype) {
  return dtype == PARE_F32 || dtype == PARE_F64 || dtype == PARE_F16 || dtype == PARE_BF16;
}

/* The difference of one element; 0 for two that count as equal (both NaN, the same infinity). */
static double difference(const pare_tensor *here, const pare_tensor *there, int64_t i, double *a, double *b) {
  *a = pare_tensor_get_f64(here, i);
  *b = pare_tensor_get_f64(there, i);
  if (!is_float(here->dtype)) {
    const int64_t x = pare_tensor_get_s64(here, i), y = pare_tensor_get_s64(there, i);
    return x == y ? 0 : fmax(1, fabs(*a - *b));
  }
  if (*a == *b || (isnan(*a) && isnan(*b))) return 0;
  return isfinite(*a) && isfinite(*b) ? fabs(*a - *b) : (double)INFINITY;
}

bool cli_check_compare(const cli_check *check, const char *name, const pare_tensor *here,
                       const pare_tensor *there, cli_difference *out) {
  *out = (cli_difference){.name = name, .shape = here->shape, .n = pare_tensor_count(here), .largest = -1};
  if (here->dtype != there->dtype)
    out->problem = "type";
  else if (!pare_shape_equal(&here->shape, &there->shape))
    out->problem = "shape";
  if (out->problem != NULL) return false;
  const bool exact = !is_float(here->dtype);
  for (int64_t i = 0; i < out->n; i++) {
    double a, b;
    const double gap = difference(here, there, i, &a, &b), relative = gap / fmax(fabs(b), 1e-30);
    out->n_beyond += exact ? gap > 0 : gap > check->atol + check->rtol * fabs(b);
    if (gap > 0 && relative > out->largest_relative) out->largest_relative = relative;
    if (!(gap > out->largest)) continue;
    out->largest = gap;
    out->at = i;
    out->here = a;
    out->there = b;
  }
  return out->n_beyond == 0;
}

/* ---- printing ------------------------------------------------------------------------------------------ */

static void place_text(const cli_difference *d, char text[96]) {
  int64_t rest = d->at;
  pare_shape place = d->shape;
  for (int i = place.rank - 1; i >= 0; i--) {
    place.dims[i] = d->shape.dims[i] > 0 ? rest % d->shape.dims[i] : 0;
    rest /= d->shape.dims[i] > 0 ? d->shape.dims[i] : 1;
  }
  pare_shape_text(&place, text, 96);
}

static void print_difference(const cli_difference *d, const pare_node *node) {
  char place[96];
  printf("'%s'", d->name);
  if (node != NULL) printf(", made by node '%s' (%s)", node->name, node->op_type);
  if (d->problem != NULL) {
    printf(": the %s is another\n", d->problem);
    return;
  }
  place_text(d, place);
  printf(": %lld of %lld elements beyond the tolerance; largest difference %.6g at %s (%.9g here, %.9g "
         "there), largest "
         "relative %.3g\n",
         (long long)d->n_beyond, (long long)d->n, d->largest, place, d->here, d->there, d->largest_relative);
}

static void put_difference(pare_json *json, const cli_difference *d, const pare_node *node, bool equal) {
  char place[96];
  pare_json_object(json);
  pare_json_put_text(json, "name", d->name);
  pare_json_put_text(json, "node", node == NULL ? NULL : node->name);
  pare_json_put_text(json, "op", node == NULL ? NULL : node->op_type);
  pare_json_put_bool(json, "within", equal);
  pare_json_put_text(json, "problem", d->problem);
  pare_json_put_int(json, "beyond", d->n_beyond);
  pare_json_put_int(json, "elements", d->n);
  if (d->problem == NULL && d->n > 0) {
    place_text(d, place);
    pare_json_put_number(json, "largest", d->largest);
    pare_json_put_number(json, "largest_relative", d->largest_relative);
    pare_json_put_text(json, "at", place);
    pare_json_put_number(json, "here", d->here);
    pare_json_put_number(json, "there", d->there);
  }
  pare_json_end(json, '}');
}

/* ---- comparing ----------------------------------------------------------------------------------------- */

typedef struct comparison {
  cli_check *check;
  const char *folder;
  pare_json json;
  int n_compared, n_beyond;
  cli_difference first; /* that is beyond, in the order of comparing */
  const pare_node *first_node;
} comparison;

static const pare_node *maker_of(const comparison *c, const char *name) {
  int i = pare_model_find_value(c->check->model, name);
  int producer = i < 0 ? -1 : c->check->model->values[i].i_producer;
  return producer < 0 ? NULL : &c->check->model->nodes[producer];
}

static pare_status compare_value(comparison *c, const char *name, int at, const pare_tensor *here) {
  pare_tensor there = {0};
  bool found = false;
  cli_difference d;
  PARE_TRY(cli_check_saved(c->check, c->folder, name, at, &there, &found));
  if (!found) return PARE_OK;
  const bool within = cli_check_compare(c->check, name, here, &there, &d);
  pare_tensor_release(&there);
  const pare_node *node = maker_of(c, name);
  put_difference(&c->json, &d, node, within);
  c->n_compared++;
  if (within) return PARE_OK;
  if (c->n_beyond++ == 0) {
    c->first = d;
    c->first_node = node;
  }
  return PARE_OK;
}

static pare_status compare_outputs(comparison *c) {
  const pare_run_options run = cli_run_options(c->check->options);
  pare_plan_options wanted = {.numerics = run.numerics, .n_threads = run.n_threads, .fuse = true};
  pare_session *session = NULL;
  PARE_TRY(cli_plan_inputs(c->check->model, c->check->inputs, &wanted, &session));
  pare_status status = pare_session_run(session);
  for (int i = 0; status == PARE_OK && i < pare_session_n_outputs(session); i++) {
    const pare_tensor_view view = pare_session_output(session, i);
    const pare_tensor here = {.dtype = view.dtype, .shape = view.shape, .data = view.data};
    status = compare_value(c, view.name, i, &here);
  }
  pare_session_free(session);
  return status;
}

/* Each node by itself, nothing fused: values of the graph in its order. */
static pare_status compare_inside(comparison *c) {
  const pare_model *model = c->check->model;
  pare_plan_options wanted = {.keep_all = true};
  pare_session *session = NULL;
  PARE_TRY(cli_plan_inputs(model, c->check->inputs, &wanted, &session));
  pare_status status = pare_session_run(session);
  for (int i = 0; status == PARE_OK && i < model->n_nodes; i++) {
    for (int k = 0; status == PARE_OK && k < model->nodes[i].n_outputs; k++) {
      const int i_value = model->nodes[i].outputs[k];
      const pare_tensor *here = i_value < 0 ? NULL : pare_session_value(session, model->values[i_value].name);
      if (here != NULL && here->data != NULL)
        status = compare_value(c, model->values[i_value].name, -1, here);
    }
  }
  pare_session_free(session);
  return status;
}

static void print_result(const comparison *c, const comparison *inside, bool equal) {
  const cli_check *check = c->check;
  if (check->options->quiet) return;
  if (check->is_random)
    printf("inputs      random, seed %lld\n",
           (long long)(check->options->seed > 0 ? check->options->seed : 1));
  printf("outputs     %d compared, %d beyond rtol %g, atol %g\n", c->n_compared, c->n_beyond, check->rtol,
         check->atol);
  if (equal) return;
  print_difference(&c->first, c->first_node);
  if (inside->n_compared > inside->n_beyond || inside->first_node != c->first_node) {
    printf("inside      %d values compared, node by node\n", inside->n_compared);
    if (inside->n_beyond == 0)
      printf("None of them is beyond: the difference comes from running operators together.\n");
    else {
      printf("first that differs: ");
      print_difference(&inside->first, inside->first_node);
    }
  }
}

static pare_status finish(comparison *c, comparison *inside, bool equal) {
  pare_buffer text;
  pare_json *json = &c->json;
  if (!c->check->options->json) {
    print_result(c, inside, equal);
    return PARE_OK;
  }
  pare_json_put_bool(json, "within", equal);
  pare_json_put_bool(json, "random_inputs", c->check->is_random);
  pare_json_put_number(json, "rtol", c->check->rtol);
  pare_json_put_number(json, "atol", c->check->atol);
  pare_json_key(json, "first");
  const comparison *which = inside->n_beyond > 0 ? inside : c;
  if (equal)
    pare_json_raw(json, "null");
  else
    put_difference(json, &which->first, which->first_node, false);
  pare_json_end(json, '}');
  PARE_TRY(pare_json_finish(json, &text));
  cli_print_buffer(c->check->ctx, &text);
  return PARE_OK;
}

static pare_status compare(comparison *c, comparison *inside, bool *equal) {
  pare_json_init(&c->json, c->check->ctx);
  pare_json_object(&c->json);
  pare_json_key(&c->json, "outputs");
  pare_json_array(&c->json);
  PARE_TRY(compare_outputs(c));
  pare_json_end(&c->json, ']');
  if (c->n_compared == 0)
    return pare_fail(c->check->ctx, PARE_BAD_ARGUMENT,
                     "%s: it holds no output of the model (output_0.pb, or NAME.npy as the output is called)",
                     c->folder);
  *equal = c->n_beyond == 0;
  pare_json_init(&inside->json, c->check->ctx);
  pare_json_array(&inside->json);
  if (!*equal) PARE_TRY(compare_inside(inside));
  return finish(c, inside, *equal);
}

int cli_check_against(cli_check *check, const char *folder) {
  comparison c = {.check = check, .folder = folder}, inside = c;
  bool equal = false;
  const pare_status status = compare(&c, &inside, &equal);
  pare_json_free(&inside.json);
  if (status == PARE_OK) return equal ? CLI_OK : CLI_FAILED;
  pare_json_free(&c.json);
  return cli_fail(check->ctx);
}
