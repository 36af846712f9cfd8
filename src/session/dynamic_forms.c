/* Compiled once for each WebAssembly module. */
#include "session/plan.h"

const pare_dynamic_forms *pare_dynamic_forms_here(void) {
#ifdef PARE_WITHOUT_RARE
  return NULL;
#else
  static const pare_dynamic_forms forms = {
      .plan = pare_dynamic_plan, .run = pare_dynamic_run, .free = pare_dynamic_free};
  return &forms;
#endif
}
