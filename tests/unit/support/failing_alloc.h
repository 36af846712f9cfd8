/* A context whose allocator counts, and fails once. For tests that make each allocation fail in turn:
 *
 *   for (size_t fail_at = 0;; fail_at++) {
 *     pare_context *ctx = failing_context(fail_at);       // NULL: making the context itself failed
 *     if (ctx) { ... everything that was made is freed ...; pare_context_free(ctx); }
 *     assert_int_equal(failing_live_bytes(), 0);
 *     if (!failing_happened()) break;                     // went through without reaching call `fail_at`
 *   }
 */
#ifndef PARE_FAILING_ALLOC_H
#define PARE_FAILING_ALLOC_H

#include "pare/pare.h"

/* The call number `fail_at` (counted from 0; freeing does not count) fails. SIZE_MAX: none. */
pare_context *failing_context(size_t fail_at);
size_t failing_live_bytes(void);
size_t failing_calls(void);
bool failing_happened(void);
/* Blocks whose stated old size was wrong: must stay 0. */
size_t failing_wrong_sizes(void);

#endif
