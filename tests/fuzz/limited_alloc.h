/* An allocator of little memory, so that a huge shape is a failed allocation; it counts, so that a leak is seen at once. */
#ifndef PARE_LIMITED_ALLOC_H
#define PARE_LIMITED_ALLOC_H

#include <stdio.h>
#include <stdlib.h>

#include "base/base.h"

#ifndef LIMITED_BYTES
#define LIMITED_BYTES ((size_t)64 << 20)
#endif

static size_t limited_live_bytes;

static void *limited_resize(void *user, void *old, size_t old_size, size_t new_size) {
  (void)user;
  if (new_size == 0) {
    free(old);
    limited_live_bytes -= old_size;
    return NULL;
  }
  if (new_size > LIMITED_BYTES || limited_live_bytes + new_size > LIMITED_BYTES) return NULL;
  void *memory = realloc(old, new_size);
  if (memory) limited_live_bytes += new_size - old_size;
  return memory;
}

static inline pare_status limited_context(pare_context **out) {
  limited_live_bytes = 0;
  return pare_context_new(&(pare_allocator){.resize = limited_resize}, out);
}

static inline void limited_check(void) {
  if (limited_live_bytes == 0) return;
  fprintf(stderr, "%zu bytes leaked\n", limited_live_bytes);
  abort(); /* what libFuzzer reports */
}

#endif
