/* Small helps for text: UTF-8, and the nearest of the known names for a message about an unknown one. */
#ifndef PARE_TEXT_H
#define PARE_TEXT_H

#include "base/base.h"

/* Bytes of the character that starts at `text` (1..4), 0 when it is not valid UTF-8. */
size_t pare_utf8_length(const char *text, size_t len_bytes);

/* The name(0), name(1), ... (until NULL) that takes the fewest edits to become `wanted`; NULL when none is
 * near. */
const char *pare_nearest_name(const char *wanted, const char *(*name)(const void *arg, int i),
                              const void *arg);

#endif
