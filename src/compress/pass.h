/* A pass: model in, new model out, with parameters that describe themselves. The page's forms, `pare help PASS`, the recipe schema and
 * the TypeScript types are made from these declarations. Adding one is a file and a line in passes.def. */
#ifndef PARE_PASS_H
#define PARE_PASS_H

#include "base/json.h"
#include "data/dataset.h"
#include "graph/graph.h"

typedef enum pare_param_type {
  PARE_PARAM_INT,
  PARE_PARAM_FLOAT,
  PARE_PARAM_BOOL,
  PARE_PARAM_CHOICE, /* one of choice(0), choice(1), ... until NULL */
  PARE_PARAM_TEXT,
  PARE_PARAM_LAYERS, /* a list of node names; empty: none */
  PARE_PARAM_MODEL   /* name of a model: "original" or one given to the run */
} pare_param_type;

/* Where the value goes in the pass's own parameter struct: int64_t, double, bool, int64_t (choice index), const char *,
 * pare_name_list, const char *. */
typedef struct pare_name_list {
  const char **names;
  int n;
} pare_name_list;

typedef struct pare_param {
  const char *name;
  pare_param_type type;
  size_t offset;
  double minimum, maximum, fallback; /* numbers; bool: fallback 0 or 1; choice: index */
  const char *fallback_text;         /* TEXT, MODEL */
  const char *(*choice)(int i);
  const char *unit; /* "" when none */
  const char *help; /* one sentence */
  bool required;
} pare_param;

/* What a running pass works with. */
typedef struct pare_pass_env {
  pare_context *ctx;
  const pare_model *model;     /* the step's input */
  const pare_model *original;  /* the recipe's input */
  const pare_dataset *dataset; /* may be NULL unless needs_data */
  const pare_run_options *options;
  uint64_t seed;      /* of this step */
  const void *params; /* filled, in bounds */
} pare_pass_env;

typedef struct pare_pass_progress {
  uint64_t done, total;
  double loss, accuracy; /* NaN when there is none */
} pare_pass_progress;

typedef struct pare_pass {
  const char *name;
  const char *title; /* "Prune weights" */
  const char *help;  /* one sentence */
  const char *kind;  /* "prune", "train", "distill", "quantize": shape of its point in charts */
  size_t params_bytes;
  const pare_param *params;
  int n_params;
  bool needs_data;
  bool
      needs_running; /* does nothing for a network that cannot run: an operator is not there, a shape is open */
  /* One line for people: "prune 90 % of weights, smallest first, everywhere". */
  void (*describe)(const void *params, char *text, size_t size);
  /* Quick passes: the whole work. NULL for long ones. */
  pare_status (*apply)(const pare_pass_env *env, pare_model **out, pare_json *details);
  /* Long passes: state machine. `start` may keep pointers in env (env outlives the state). */
  pare_status (*start)(const pare_pass_env *env, void **state);
  /* Runs for about budget_ms. When finished: *out is the new model (else NULL); `details` gets members of the report's
   * "details" object (never keys of their own brackets). */
  pare_status (*step)(void *state, uint32_t budget_ms, pare_pass_progress *progress, pare_model **out,
                      pare_json *details);
  void (*stop)(void *state); /* frees */
  /* NULL: a resumed recipe starts this step again. */
  pare_status (*save)(void *state, pare_writer *out);
  pare_status (*restore)(const pare_pass_env *env, pare_span saved, void **state);
} pare_pass;

#define PARE_PASS(variable) extern const pare_pass variable;
#include "compress/passes.def"
#undef PARE_PASS
const pare_pass *pare_pass_find(const char *name);
int pare_pass_count(void);
const pare_pass *pare_pass_at(int i);
/* Fills params (fallbacks first) from a recipe step's object; BAD_RECIPE names step, parameter, bounds; unknown names fail.
 * Members "pass", "name" and "seed" belong to the recipe. Texts and lists live in `arena`. */
pare_status pare_params_read(pare_arena *arena, const pare_pass *pass, const pare_json_doc *doc, int object,
                             int i_step, void *params);

#endif
