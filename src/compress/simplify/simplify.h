/* Between the files of the pass `simplify`. */
#ifndef PARE_SIMPLIFY_H
#define PARE_SIMPLIFY_H

#include "compress/simplify/probes.h"

/* Values that every probe agrees on become initializers. */
pare_status pare_simplify_constants(pare_model *model, const pare_probes *probes);
/* The target of a Reshape that is computed becomes a constant with 0 (as in the input) and -1 (the rest). */
pare_status pare_simplify_reshapes(pare_model *model, const pare_probes *probes);
/* Values are told their types and shapes, as far as they do not depend on what is open. */
void pare_simplify_shapes(pare_model *model, const pare_probes *probes);
/* A Cast to the type that its input has (in the probes) becomes Identity. */
void pare_simplify_casts(pare_model *model, const pare_probes *probes);
/* Identity, Dropout that drops nothing, Transpose that turns nothing, Concat, Sum, Max, Min and Mean of one input go. */
void pare_simplify_no_ops(pare_model *model);
/* Nodes whose outputs nobody reads go; those whose operator is not there stay. */
void pare_simplify_dead(pare_model *model);

#endif
