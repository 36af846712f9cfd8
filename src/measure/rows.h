/* What the files of src/measure share: a session's steps by name, and the rows of a report. */
#ifndef PARE_ROWS_H
#define PARE_ROWS_H

#include "measure/measure.h"

typedef struct pare_steps {
  pare_context *ctx;
  const pare_step **sorted; /* by node name */
  int n;
} pare_steps;

pare_status pare_steps_index(const pare_session *session, pare_steps *out);
const pare_step *pare_steps_find(const pare_steps *steps, const char *name); /* NULL */
void pare_steps_free(pare_steps *steps);

/* (*out)[i]: the node whose row node i belongs to (itself, unless a layer takes several nodes). Release
 * with pare_free. */
pare_status pare_groups_find(const pare_model *model, int **out);
/* What the row of a group is called: the head's name without "_OPERATOR" behind it. NULL: out of memory. */
char *pare_group_name(pare_arena *arena, const pare_node *head);

/* Rows and sums from the graph and, unless NULL, the steps of an unfused session. `out` has its arena. */
pare_status pare_measure_rows(const pare_model *model, const pare_steps *steps, pare_model_report *out);

/* Runs twice, in WebAssembly for about so long, until times mean something. */
pare_status pare_warm_up(pare_session *session, double wasm_ms);
/* Time of each step of a session planned with `profile`: the mean of the middle half of `n_runs` runs
 * (browsers' clocks are too coarse for a median, other programs too loud for a plain mean). step_ms
 * [session->n_steps]. Fewer runs when it takes over `patience_ms`. */
pare_status pare_profile_steps(pare_session *session, int n_runs, double patience_ms, double *step_ms);

/* Plain input for timing: numbers in [0, 1), none so small that a processor slows down. */
void pare_fill_inputs(pare_session *session);

#endif
