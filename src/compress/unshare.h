/* Models whose layers have parameters of their own. */
#ifndef PARE_UNSHARE_H
#define PARE_UNSHARE_H

#include "graph/graph.h"

/* `source` itself (retained), or a copy of it, in which no two nodes read the same vector, and neither Identity nor Constant nodes
 * stand for initializers. OUT_OF_MEMORY. */
pare_status pare_unshare(const pare_model *source, pare_model **out);

#endif
