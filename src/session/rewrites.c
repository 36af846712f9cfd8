/* The table of rewrites (rewrites.def). */
#include "session/plan.h"

pare_status pare_plan_rewrite(pare_model *model, pare_numerics numerics) {
  (void)model, (void)numerics;
#define PARE_REWRITE(function) PARE_TRY(function(model, numerics));
#include "session/rewrites.def"
#undef PARE_REWRITE
  return PARE_OK;
}
