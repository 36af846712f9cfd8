/* See failing_alloc.h. Each block remembers its size in front of itself. */
#include "failing_alloc.h"

#include <stdlib.h>

typedef struct block {
  size_t size, unused; /* 16 bytes, so that what follows stays aligned */
} block;

static struct {
  size_t fail_at, n_calls, live_bytes, wrong_sizes;
  bool happened;
} state;

static void *resize(void *user, void *old, size_t old_size, size_t new_size) {
  (void)user;
  block *before = old ? (block *)old - 1 : NULL;
  if (before && before->size != old_size) state.wrong_sizes++;
  if (new_size == 0) {
    if (before) state.live_bytes -= before->size;
    free(before);
    return NULL;
  }
  if (state.n_calls++ == state.fail_at) {
    state.happened = true;
    return NULL;
  }
  size_t had = before ? before->size : 0;
  if (new_size > SIZE_MAX - sizeof(block)) return NULL;
  block *after = realloc(before, sizeof(block) + new_size);
  if (!after) return NULL;
  after->size = new_size;
  state.live_bytes += new_size - had;
  return after + 1;
}

pare_context *failing_context(size_t fail_at) {
  state.fail_at = fail_at;
  state.n_calls = state.live_bytes = state.wrong_sizes = 0;
  state.happened = false;
  pare_context *ctx = NULL;
  pare_context_new(&(pare_allocator){.resize = resize}, &ctx);
  return ctx;
}

size_t failing_live_bytes(void) {
  return state.live_bytes;
}
size_t failing_calls(void) {
  return state.n_calls;
}
bool failing_happened(void) {
  return state.happened;
}
size_t failing_wrong_sizes(void) {
  return state.wrong_sizes;
}
