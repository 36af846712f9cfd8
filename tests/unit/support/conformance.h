/* ONNX's own backend tests (Debian's libonnx-testdata): each case has a model, inputs and expected outputs. A case passes, fails, or is
 * unsupported, and only the core itself says which is unsupported: by the status of loading, planning or running. Tolerances are ONNX's:
 * 1e-3 relative, 1e-7 absolute, integers exact. Used by the unit test and by the program that runs natively and under WASI. */
#ifndef PARE_CONFORMANCE_H
#define PARE_CONFORMANCE_H

#include "base/base.h"

typedef enum case_outcome { CASE_PASSED, CASE_FAILED, CASE_UNSUPPORTED } case_outcome;

typedef struct case_result {
  case_outcome outcome;
  char op[64];  /* the operator that it is about, or "(several)" */
  bool claimed; /* every operator in it is there */
  char message[1200];
} case_result;

#define CONFORMANCE_FOLDER "/usr/share/libonnx-testdata/data"

/* `folder`: of one case. */
void run_conformance_case(const char *group, const char *folder, case_result *out);
/* Calls `each` for every case below `root` whose path has the text `only` (NULL: all), sorted. Returns how many there were. */
int run_conformance(const char *root, const char *only,
                    void (*each)(void *user, const char *group, const char *name, const case_result *result),
                    void *user);

#endif
