/* The list of criteria. */
#include "compress/prune/criteria.h"

static const pare_criterion *const criteria[] = {
#define PARE_CRITERION(variable) &variable,
#include "compress/prune/criteria.def"
#undef PARE_CRITERION
};

const pare_criterion *pare_criterion_at(int i) {
  return i >= 0 && (size_t)i < PARE_COUNT(criteria) ? criteria[i] : NULL;
}

const char *pare_criterion_name(int i) {
  const pare_criterion *criterion = pare_criterion_at(i);
  return criterion ? criterion->name : NULL;
}
