/* Taking channels out of a model. */
#ifndef PARE_SURGERY_H
#define PARE_SURGERY_H

#include "compress/prune/groups.h"

/* A copy of `source` without the elements whose root is marked in removed [n_elements]: initializers shrink, recorded shapes and the group
 * counts of depthwise convolutions follow. The result has been planned once, so it is known to run. */
pare_status pare_remove_channels(const pare_model *source, const pare_groups *groups, const bool *removed,
                                 pare_model **out);

#endif
