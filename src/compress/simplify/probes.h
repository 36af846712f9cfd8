/* What stays the same whatever the open dimensions are: the network is planned for four sets of sizes, from small to large, and what all
 * four agree on is taken for constant. So no operator needs rules for symbols, and a size that is clipped (the first 100 of a length that is
 * open) shows itself, unless no input that the network takes is shorter. */
#ifndef PARE_PROBES_H
#define PARE_PROBES_H

#include "graph/graph.h"

#define PARE_N_PROBES    4
#define PARE_MAX_SYMBOLS 64

typedef struct pare_probes {
  pare_context *ctx;
  pare_model *models[PARE_N_PROBES]; /* folded */
  int *places[PARE_N_PROBES];        /* [model->n_values]: the value's index in models[i], or -1 */
  int64_t scale[PARE_N_PROBES], first[PARE_N_PROBES]; /* symbol s is scale * (first + s) there */
  const char *symbols[PARE_MAX_SYMBOLS]; /* their names in the file, "" where there is none; the model's */
  int n_symbols;
} pare_probes;

/* Fails as planning does, where the network takes none of the sizes, and with UNSUPPORTED where an input has no rank. */
pare_status pare_probes_make(const pare_model *model, pare_probes *out);
void pare_probes_free(pare_probes *probes);
/* The constant that value `i` of the model is in every probe; NULL. It stays the probes'. */
const pare_tensor *pare_probes_constant(const pare_probes *probes, int i_value);
/* The value's data in one probe where it is a constant of type s64 there; NULL. */
const pare_tensor *pare_probes_whole_numbers(const pare_probes *probes, int i_probe, int i_value);
/* Tells the value the shape that all probes agree on: numbers, symbols by their names, -1 for what is neither. False when they do not
 * know as much as its rank. `names` [PARE_MAX_RANK] may be NULL each. */
bool pare_probes_shape(const pare_probes *probes, int i_value, pare_shape *shape, const char **names);
/* What is known of the value in one probe: its dtype, and its shape where has_shape; NULL. */
const pare_value *pare_probes_value(const pare_probes *probes, int i_probe, int i_value);

#endif
