/* The registry of operators: one table made from ops.def. A new operator is a line there, nothing here. */
#include "ops/op.h"

#include <string.h>

#define PARE_OP(variable) &variable,
static const pare_op *const ops[] = {
#include "ops/ops.def"
};
#undef PARE_OP

int pare_op_count(void) {
  return (int)PARE_COUNT(ops);
}

const pare_op *pare_op_at(int i) {
  return i >= 0 && i < pare_op_count() ? ops[i] : NULL;
}

const pare_op *pare_op_find(const char *domain, const char *name) {
  if (strcmp(domain, "ai.onnx") == 0) domain = ""; /* two spellings of ONNX's own domain */
  for (int i = 0; i < pare_op_count(); i++)
    if (strcmp(ops[i]->name, name) == 0 && strcmp(ops[i]->domain, domain) == 0) return ops[i];
  return NULL;
}
