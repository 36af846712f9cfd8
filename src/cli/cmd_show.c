/* pare show MODEL: the graph as text. Long graphs as counts of each operator, unless --nodes picks some. --dot is for Graphviz, --json for programs. */
#include <math.h>
#include <string.h>

#include "cli/cli.h"
#include "measure/rows.h"

#define WHOLE_GRAPH 120 /* nodes that are still listed one by one */
#define COLUMNS     110

typedef struct view {
  const pare_model *model;
  const pare_session *session;    /* NULL: shapes are the file's own */
  pare_model_report report;       /* rows by name */
  const pare_layer_report **rows; /* [n_nodes], or NULL where a node has no row */
  const char *pattern;            /* or NULL: all */
} view;

/* ---- what is known ------------------------------------------------------------------------------------- */

static bool known(const view *v, int i_value, pare_dtype *dtype, pare_shape *shape) {
  const pare_value *value = &v->model->values[i_value];
  const pare_tensor *planned = v->session != NULL ? pare_session_value(v->session, value->name) : NULL;
  if (planned != NULL && planned->dtype != PARE_NONE) {
    *dtype = planned->dtype;
    *shape = planned->shape;
    return true;
  }
  *dtype = value->dtype;
  *shape = value->is_initializer ? value->tensor.shape : value->shape;
  return value->is_initializer || value->has_shape;
}

/* "[1,6,28,28]"; an open dimension by its name in the file, or "?". What does not fit is cut. */
static void dims_text(const pare_value *value, const pare_shape *shape, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "[");
  for (int k = 0; k < shape->rank && used < size; k++) {
    const char *name = value->dim_names[k] && *value->dim_names[k] ? value->dim_names[k] : "?";
    const char *comma = k ? "," : "";
    const int n = shape->dims[k] >= 0
                      ? snprintf(text + used, size - used, "%s%lld", comma, (long long)shape->dims[k])
                      : snprintf(text + used, size - used, "%s%.20s", comma, name);
    used += n > 0 ? (size_t)n : 0;
  }
  if (used < size) snprintf(text + used, size - used, "]");
}

/* "f32 [1,6,28,28]", "?" where the file does not say. */
static const char *type_text(const view *v, int i_value, char text[80]) {
  pare_dtype dtype;
  pare_shape shape;
  char dims[64] = "[?]";
  if (known(v, i_value, &dtype, &shape)) dims_text(&v->model->values[i_value], &shape, dims, sizeof dims);
  snprintf(text, 80, "%s %s", dtype == PARE_NONE ? "?" : pare_dtype_name(dtype), dims);
  return text;
}

/* Rows stand in the order of the nodes; a row's name is its node's, perhaps without "_OPERATOR" behind it. */
static pare_status index_rows(view *v) {
  int i_row = 0;
  v->rows = pare_alloc_array(v->model->ctx, (size_t)v->model->n_nodes + 1, sizeof *v->rows);
  if (v->rows == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < v->model->n_nodes && i_row < v->report.n_layers; i++) {
    const char *row = v->report.layers[i_row].name, *name = v->model->nodes[i].name;
    size_t length = strlen(row);
    if (strncmp(row, name, length) != 0 || (name[length] != '\0' && name[length] != '_')) continue;
    v->rows[i] = &v->report.layers[i_row++];
  }
  return PARE_OK;
}

/* '*' stands for any letters; case counts. */
static bool matches(const char *pattern, const char *text) {
  const char *star = NULL, *from = NULL;
  while (*text != '\0') {
    if (*pattern == '*') {
      star = ++pattern;
      from = text;
    } else if (*pattern == *text) {
      pattern++;
      text++;
    } else if (star != NULL) {
      pattern = star;
      text = ++from;
    } else {
      return false;
    }
  }
  while (*pattern == '*') pattern++;
  return *pattern == '\0';
}

static bool wanted(const view *v, const pare_node *node) {
  return v->pattern == NULL || matches(v->pattern, node->name) || matches(v->pattern, node->op_type);
}

/* ---- text ---------------------------------------------------------------------------------------------- */

/* Words in lines of at most COLUMNS. */
typedef struct line {
  size_t column;
  bool is_empty;
} line;

static void start_line(line *at, size_t indent) {
  printf("%*s", (int)indent, "");
  *at = (line){indent, true};
}

static void put(line *at, const char *word) {
  size_t length = strlen(word);
  if (!at->is_empty && at->column + 2 + length > COLUMNS) {
    printf("\n");
    start_line(at, 8);
  }
  printf("%s%s", at->is_empty ? "" : "  ", word);
  at->column += length + (at->is_empty ? 0 : 2);
  at->is_empty = false;
}

static void attr_text(const pare_attr *attr, char *text, size_t size) {
  size_t used = (size_t)snprintf(text, size, "%.40s=", attr->name);
  switch (attr->type) {
  case PARE_ATTR_INT: snprintf(text + used, size - used, "%lld", (long long)attr->i); break;
  case PARE_ATTR_FLOAT: snprintf(text + used, size - used, "%g", (double)attr->f); break;
  case PARE_ATTR_STRING: snprintf(text + used, size - used, "%.60s", attr->s); break;
  case PARE_ATTR_TENSOR:
    snprintf(text + used, size - used, "%s", pare_dtype_name(attr->tensor.dtype));
    used = strlen(text);
    pare_shape_text(&attr->tensor.shape, text + used, size - used);
    break;
  case PARE_ATTR_INTS:
    for (size_t i = 0; i < attr->n && used + 24 < size; i++)
      used +=
          (size_t)snprintf(text + used, size - used, "%s%lld", i > 0 ? "," : "", (long long)attr->ints[i]);
    break;
  case PARE_ATTR_FLOATS:
    for (size_t i = 0; i < attr->n && used + 24 < size; i++)
      used += (size_t)snprintf(text + used, size - used, "%s%g", i > 0 ? "," : "", (double)attr->floats[i]);
    break;
  default: snprintf(text + used, size - used, "..."); break;
  }
}

/* The nodes of the graphs that a node holds (branches, loop bodies), one line each. */
static void print_inner(const pare_node *node, int indent) {
  for (int i = 0; i < node->n_attrs; i++) {
    const pare_attr *attr = &node->attrs[i];
    for (size_t g = 0; pare_attr_has_graphs(attr) && g < attr->n; g++) {
      const pare_model *graph = attr->graphs[g];
      printf("%*s%s: %d nodes\n", indent, "", attr->name, graph->n_nodes);
      for (int k = 0; k < graph->n_nodes; k++) {
        const pare_node *inner = &graph->nodes[k];
        printf("%*s%s%s%s '%s'%s\n", indent + 2, "", inner->domain, *inner->domain ? "." : "", inner->op_type,
               inner->name, inner->op == NULL ? "  (not there: carried along)" : "");
        print_inner(inner, indent + 4);
      }
    }
  }
}

static void put_inputs(const view *v, const pare_node *node, line *at) {
  char text[300], type[80];
  for (int i = 0; i < node->n_inputs; i++) {
    int i_value = node->inputs[i];
    if (i_value < 0) {
      put(at, "-");
      continue;
    }
    const pare_value *value = &v->model->values[i_value];
    if (value->is_initializer)
      snprintf(text, sizeof text, "%.120s %s", value->name, type_text(v, i_value, type));
    else
      snprintf(text, sizeof text, "%.120s%s", value->name,
               i >= node->n_inputs - node->n_captured ? " (captured)" : "");
    put(at, text);
  }
}

static void print_node(const view *v, int i_node) {
  const pare_node *node = &v->model->nodes[i_node];
  const pare_layer_report *row = v->rows[i_node];
  char text[300], type[80], cell[CLI_CELL];
  line at;
  printf("%5d  %s%s%s '%s'", i_node + 1, node->domain, *node->domain ? "." : "", node->op_type, node->name);
  at = (line){.column = 0, .is_empty = false};
  at.column = 12 + strlen(node->domain) + strlen(node->op_type) + strlen(node->name);
  if (node->op == NULL) put(&at, "(not there: carried along)");
  for (int i = 0; i < node->n_attrs; i++) {
    if (pare_attr_has_graphs(&node->attrs[i])) continue;
    attr_text(&node->attrs[i], text, sizeof text);
    put(&at, text);
  }
  if (row != NULL && row->parameters > 0) {
    snprintf(text, sizeof text, "%s parameters of %.0f bits", cli_count((double)row->parameters, cell),
             row->bits);
    put(&at, text);
  }
  if (row != NULL && row->macs > 0) {
    snprintf(text, sizeof text, "%s MACs", cli_count((double)row->macs, cell));
    put(&at, text);
  }
  printf("\n");
  start_line(&at, 7);
  put_inputs(v, node, &at);
  for (int i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] < 0) continue;
    snprintf(text, sizeof text, "%s%.120s %s", i == 0 ? "-> " : "", v->model->values[node->outputs[i]].name,
             type_text(v, node->outputs[i], type));
    put(&at, text);
  }
  printf("\n");
  print_inner(node, 9);
}

static void print_ends(const view *v, const char *title, const int *values, int n) {
  char type[80];
  for (int i = 0; i < n; i++)
    printf("%-7s %s  %s\n", title, v->model->values[values[i]].name, type_text(v, values[i], type));
}

/* How often each operator is there, in the order of first appearance. */
static void print_operators(const view *v) {
  const pare_model *model = v->model;
  char cell[2][CLI_CELL];
  printf("\n%-28s %7s %12s %12s\n", "operator", "nodes", "parameters", "MACs");
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    double parameters = 0, macs = 0;
    int n = 0, before = 0;
    for (int k = 0; k < model->n_nodes; k++) {
      const pare_node *other = &model->nodes[k];
      if (strcmp(node->op_type, other->op_type) != 0 || strcmp(node->domain, other->domain) != 0) continue;
      const pare_layer_report *row = v->rows[k];
      before += k < i;
      n++;
      parameters += row == NULL ? 0 : (double)row->parameters;
      macs += row == NULL ? 0 : (double)row->macs;
    }
    if (before > 0) continue;
    char name[64];
    snprintf(name, sizeof name, "%s%s%s", node->domain, *node->domain ? "." : "", node->op_type);
    printf("%-28s %7d %12s %12s%s\n", name, n, cli_count(parameters, cell[0]), cli_count(macs, cell[1]),
           node->op == NULL ? "  not there" : "");
  }
}

static void print_text(const view *v, const char *problem) {
  const pare_model *model = v->model;
  char cell[2][CLI_CELL];
  int shown = 0;
  printf("%s: %d nodes, %s parameters, %s MACs at batch 1\n",
         *model->graph_name ? model->graph_name : "graph", model->n_nodes,
         cli_count((double)v->report.parameters, cell[0]), cli_count((double)v->report.macs, cell[1]));
  if (problem != NULL)
    printf("It cannot run: %s\nShapes and compute are shown as far as the file says them.\n", problem);
  print_ends(v, "input", model->inputs, model->n_inputs);
  print_ends(v, "output", model->outputs, model->n_outputs);
  if (v->pattern == NULL && model->n_nodes > WHOLE_GRAPH) {
    print_operators(v);
    printf("\n--nodes PATTERN lists nodes by name or operator: --nodes 'Conv', --nodes '*attention*', "
           "--nodes '*'\n");
    return;
  }
  printf("\n");
  for (int i = 0; i < model->n_nodes; i++) {
    if (!wanted(v, &model->nodes[i])) continue;
    print_node(v, i);
    shown++;
  }
  if (v->pattern != NULL) printf("%d of %d nodes\n", shown, model->n_nodes);
}

/* ---- Graphviz ------------------------------------------------------------------------------------------ */

static void put_quoted(const char *text) {
  for (; *text; text++) {
    if (*text == '"' || *text == '\\') putchar('\\');
    putchar(*text);
  }
}

static void print_dot_edges(const view *v, int i_node) {
  const pare_node *node = &v->model->nodes[i_node];
  char type[80];
  for (int i = 0; i < node->n_inputs; i++) {
    int i_value = node->inputs[i];
    if (i_value < 0 || v->model->values[i_value].is_initializer) continue;
    int producer = v->model->values[i_value].i_producer;
    if (producer >= 0)
      printf("  n%d -> n%d", producer, i_node);
    else
      printf("  v%d -> n%d", i_value, i_node);
    printf(" [label=\"%s\"];\n", type_text(v, i_value, type));
  }
}

static void print_dot(const view *v) {
  const pare_model *model = v->model;
  printf("digraph \"");
  put_quoted(model->graph_name);
  printf("\" {\n  node [shape=box, style=rounded];\n");
  for (int i = 0; i < model->n_inputs; i++) {
    printf("  v%d [shape=ellipse, label=\"", model->inputs[i]);
    put_quoted(model->values[model->inputs[i]].name);
    printf("\"];\n");
  }
  for (int i = 0; i < model->n_nodes; i++) {
    const pare_node *node = &model->nodes[i];
    printf("  n%d [label=\"", i);
    put_quoted(node->op_type);
    printf("\\n");
    put_quoted(node->name);
    printf("\"%s];\n", node->op == NULL ? ", style=dashed" : "");
    print_dot_edges(v, i);
  }
  for (int i = 0; i < model->n_outputs; i++) {
    const pare_value *value = &model->values[model->outputs[i]];
    printf("  o%d [shape=ellipse, label=\"", i);
    put_quoted(value->name);
    printf("\"];\n");
    if (value->i_producer >= 0) printf("  n%d -> o%d;\n", value->i_producer, i);
  }
  printf("}\n");
}

/* ---- the command --------------------------------------------------------------------------------------- */

/* With shapes and compute when it can run; else `problem` (of the caller, [size]) says why not. */
static pare_status measure(pare_context *ctx, view *v, char *problem, size_t size) {
  const pare_plan_options options = {.batch = 1};
  pare_session *session = NULL;
  pare_status status = pare_session_plan(v->model, &options, &session);
  v->session = session;
  if (status == PARE_OK) return pare_measure_model(v->model, NULL, 0, &v->report);
  if (status == PARE_OUT_OF_MEMORY) return status;
  snprintf(problem, size, "%s", pare_error(ctx));
  pare_error_clear(ctx);
  return pare_measure_weights(v->model, &v->report);
}

static pare_status show(pare_context *ctx, const cli_options *options, const pare_model *model) {
  view v = {.model = model, .pattern = options->nodes};
  char problem[1000] = "";
  if (options->json) {
    pare_buffer json;
    PARE_TRY(pare_model_graph(model, &json));
    cli_print_buffer(ctx, &json);
    return PARE_OK;
  }
  pare_status status = measure(ctx, &v, problem, sizeof problem);
  if (status == PARE_OK) status = index_rows(&v);
  if (status == PARE_OK) {
    if (options->dot)
      print_dot(&v);
    else
      print_text(&v, *problem ? problem : NULL);
  }
  pare_free(ctx, (void *)v.rows);
  pare_model_report_free(&v.report);
  pare_session_free((pare_session *)(uintptr_t)v.session);
  return status;
}

int cli_run_show(pare_context *ctx, const cli_options *options) {
  pare_model *model = NULL;
  pare_status status = cli_load_model(ctx, options->arguments.items[0], &model);
  if (status == PARE_OK) status = show(ctx, options, model);
  pare_model_free(model);
  return status == PARE_OK ? CLI_OK : cli_fail(ctx);
}
