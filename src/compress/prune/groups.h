/* Which channels must go together. Every index along every axis of every value is an element of a union-find structure; operators join
 * elements (op.h, couple). A set of joined elements is a group, the idea of DepGraph (Fang et al. 2023) down to single indices, so that
 * residual sums, depthwise convolutions, concatenations and flattenings need no cases of their own. */
#ifndef PARE_GROUPS_H
#define PARE_GROUPS_H

#include "session/session.h"

typedef struct pare_groups {
  pare_context *ctx;
  pare_session
      *session;    /* unfused, batch 1: shapes, and the planned model whose values the elements belong to */
  int64_t *base;   /* [n_values * PARE_MAX_RANK + 1]: first element of (value, axis) */
  int32_t *parent; /* [n_elements] */
  bool *frozen;    /* [n_elements]: of the root */
  bool *
      is_filter; /* [n_values * PARE_MAX_RANK]: slices of this weight along this axis make channels of an output */
  int64_t n_elements;
} pare_groups;

pare_status pare_groups_new(const pare_model *model, pare_groups **out);
void pare_groups_free(pare_groups *groups);
int32_t pare_groups_root(const pare_groups *groups, int64_t element);

#endif
