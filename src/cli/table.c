/* Numbers and tables for people, at most 110 columns wide. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define MAX_CONFUSION 20
#define WIDTH         110

double cli_number(const pare_json_doc *doc, int object, const char *key) {
  double value = NAN;
  int token = pare_json_member(doc, object, key);
  return pare_json_get_number(doc, token, &value) ? value : NAN;
}

void cli_print_buffer(pare_context *ctx, pare_buffer *buffer) {
  fwrite(buffer->data, 1, buffer->len_bytes, stdout);
  fputc('\n', stdout);
  pare_buffer_free(ctx, buffer);
}

void cli_print_wrapped(const char *text, int indent) {
  int column = indent;
  while (*text != '\0') {
    int length = (int)strcspn(text, " ");
    if (column > indent && column + 1 + length > WIDTH) {
      printf("\n%*s", indent, "");
      column = indent;
    }
    printf("%s%.*s", column > indent ? " " : "", length, text);
    column += length + (column > indent ? 1 : 0);
    text += length + (text[length] == ' ' ? 1 : 0);
  }
  printf("\n");
}

static const char *scaled(double value, const char *const units[4], char cell[CLI_CELL]) {
  int i = 0;
  if (isnan(value)) return "-";
  for (; value >= 9999.5 && i < 3; i++) value /= 1000;
  snprintf(cell, CLI_CELL, i == 0 || value >= 99.5 ? "%.0f%s" : "%.1f%s", value, units[i]);
  return cell;
}

const char *cli_bytes(double bytes, char cell[CLI_CELL]) {
  static const char *const units[4] = {" B", " kB", " MB", " GB"};
  return scaled(bytes, units, cell);
}

const char *cli_count(double count, char cell[CLI_CELL]) {
  static const char *const units[4] = {"", " k", " M", " G"};
  return scaled(count, units, cell);
}

const char *cli_percent(double share, char cell[CLI_CELL]) {
  if (isnan(share)) return "-";
  snprintf(cell, CLI_CELL, "%.2f %%", share * 100);
  return cell;
}

const char *cli_ms(double ms, char cell[CLI_CELL]) {
  if (isnan(ms)) return "-";
  snprintf(cell, CLI_CELL, "%.3f", ms);
  return cell;
}

static const char *shape_text(const pare_json_doc *doc, int layer, char text[32]) {
  int shape = pare_json_member(doc, layer, "shape");
  int n = pare_json_count(doc, shape);
  size_t used = 0;
  text[0] = '\0';
  for (int i = 0; i < n && used < 24; i++) {
    double dim = 0;
    pare_json_get_number(doc, pare_json_item(doc, shape, i), &dim);
    used += (size_t)snprintf(text + used, 32 - used, "%s%.0f", i > 0 ? "x" : "", dim);
    if (used > 31) used = 31;
  }
  return text;
}

static void print_layer(const pare_json_doc *doc, int layer) {
  char shape[32], c[7][CLI_CELL];
  const char *name = pare_json_get_text(doc, pare_json_member(doc, layer, "name"));
  const char *op = pare_json_get_text(doc, pare_json_member(doc, layer, "op"));
  double bits = cli_number(doc, layer, "bits"), parameters = cli_number(doc, layer, "parameters");
  if (isnan(bits))
    snprintf(c[2], CLI_CELL, "-");
  else
    snprintf(c[2], CLI_CELL, "%.0f", bits);
  double sqnr = cli_number(doc, layer, "sqnr_db");
  if (isnan(sqnr))
    snprintf(c[6], CLI_CELL, "-");
  else
    snprintf(c[6], CLI_CELL, "%.1f", sqnr);
  printf(
      "%-22.22s %-11.11s %-14.14s %9s %8s %4s %9s %9s %8s %6s\n", name == NULL ? "" : name,
      op == NULL ? "" : op, shape_text(doc, layer, shape), parameters > 0 ? cli_count(parameters, c[0]) : "-",
      cli_percent(cli_number(doc, layer, "sparsity"), c[1]), c[2],
      parameters > 0 ? cli_bytes(cli_number(doc, layer, "bytes"), c[3]) : "-",
      cli_count(cli_number(doc, layer, "macs"), c[4]), cli_ms(cli_number(doc, layer, "time_ms"), c[5]), c[6]);
}

typedef struct timed {
  int token;
  double ms;
} timed;

static int slowest_first(const void *a, const void *b) {
  double x = ((const timed *)a)->ms, y = ((const timed *)b)->ms;
  return (x < y) - (x > y);
}

void cli_print_layers(const pare_json_doc *doc, int layers, bool by_time) {
  int n = pare_json_count(doc, layers);
  timed *order = calloc((size_t)n + 1, sizeof *order);
  if (order == NULL) return;
  for (int i = 0, at = layers + 1; i < n; i++, at = pare_json_item(doc, layers, i)) {
    double ms = cli_number(doc, at, "time_ms");
    order[i] = (timed){at, isnan(ms) ? -1 : ms};
  }
  if (by_time) qsort(order, (size_t)n, sizeof *order, slowest_first);
  printf("%-22s %-11s %-14s %9s %8s %4s %9s %9s %8s %6s\n", "layer", "operator", "output", "params", "zeros",
         "bits", "weights", "MACs", "ms", "SQNR");
  for (int i = 0; i < n; i++) print_layer(doc, order[i].token);
  free(order);
}

void cli_print_confusion(const pare_json_doc *doc, int confusion) {
  int n = pare_json_count(doc, confusion);
  if (n < 2 || n > MAX_CONFUSION) return;
  printf("\nTrue class down, answered class across:\n     ");
  for (int i = 0; i < n; i++) printf("%5d", i);
  printf("\n");
  for (int i = 0; i < n; i++) {
    int row = pare_json_item(doc, confusion, i);
    printf("%5d", i);
    for (int k = 0; k < n; k++) {
      double count = 0;
      pare_json_get_number(doc, pare_json_item(doc, row, k), &count);
      if (count == 0)
        printf("    .");
      else
        printf("%5.0f", count);
    }
    printf("\n");
  }
}
