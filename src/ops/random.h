/* Random numbers inside a graph: MT19937 seeded by the node's `seed` attribute, or else by its name, anew in every run. So the same
 * model gives the same numbers everywhere and always. */
#ifndef PARE_OPS_RANDOM_H
#define PARE_OPS_RANDOM_H

#include "base/rng.h"
#include "ops/op.h"

void pare_random_start(const pare_call *call, pare_mt19937 *mt);
double pare_random_f64(pare_mt19937 *mt); /* [0,1), 53 bits, as numpy.random.uniform */

#endif
