/* cmocka with what it needs in front of it. */
#ifndef PARE_UNIT_H
#define PARE_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pare/pare.h"

/* The context's message contains the text; shows both when it does not. */
#define assert_error_has(ctx, text)                                                                          \
  do {                                                                                                       \
    if (!strstr(pare_error(ctx), text)) fail_msg("'%s' is not in '%s'", text, pare_error(ctx));              \
  } while (0)

/* Setup and teardown of a group whose state is a context. */
static inline int context_setup(void **state) {
  return pare_context_new(NULL, (pare_context **)state) == PARE_OK ? 0 : 1;
}
static inline int context_teardown(void **state) {
  pare_context_free(*state);
  return 0;
}

#endif
