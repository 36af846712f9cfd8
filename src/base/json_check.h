/* The grammar of RFC 8259, checked before jsmn numbers the tokens: jsmn lets through what is not JSON. */
#ifndef PARE_JSON_CHECK_H
#define PARE_JSON_CHECK_H

#include "base/base.h"

#define PARE_JSON_MAX_DEPTH 64
#define PARE_JSON_MAX_BYTES (1u << 26)

/* NULL when `text` is one JSON value; otherwise what is wrong, and where. *n_tokens counts values and
 * keys. */
const char *pare_json_check(const char *text, size_t len_bytes, size_t *n_tokens, size_t *error_offset);

#endif
