/* Contexts, failure messages and memory. Every block carries its size in a 16-byte header, so that an allocator needs no sizes of its
 * own and blocks keep 16-byte alignment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"

#define HEADER_BYTES 16
#define MAX_BLOCK    ((size_t)1 << (sizeof(size_t) > 4 ? 46 : 31))

static void *malloc_resize(void *user, void *old, size_t old_size, size_t new_size) {
  (void)user;
  (void)old_size;
  if (new_size == 0) {
    free(old);
    return NULL;
  }
  void *block = realloc(old, new_size);
  if (block) pare_pages_large(block, new_size);
  return block;
}

pare_status pare_context_new(const pare_allocator *allocator, pare_context **out) {
  pare_allocator chosen = allocator ? *allocator : (pare_allocator){malloc_resize, NULL};
  *out = NULL;
  pare_context *ctx = chosen.resize(chosen.user, NULL, 0, sizeof *ctx);
  if (!ctx) return PARE_OUT_OF_MEMORY;
  memset(ctx, 0, sizeof *ctx);
  ctx->allocator = chosen;
  *out = ctx;
  return PARE_OK;
}

void pare_context_free(pare_context *ctx) {
  if (ctx) ctx->allocator.resize(ctx->allocator.user, ctx, sizeof *ctx, 0);
}

const char *pare_error(const pare_context *ctx) {
  return ctx->message;
}

void pare_error_clear(pare_context *ctx) {
  ctx->message[0] = 0;
}

const char *pare_status_name(pare_status status) {
  switch (status) {
#define PARE_X(name, text)                                                                                   \
  case PARE_##name: return #name;
    PARE_STATUS_LIST(PARE_X)
#undef PARE_X
  }
  return "?";
}

const char *pare_version(void) {
  return PARE_VERSION;
}

pare_status(pare_fail)(pare_context *ctx, pare_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(ctx->message, sizeof ctx->message, format, args);
  va_end(args);
  return status;
}

pare_status(pare_fail_within)(pare_context *ctx, pare_status status, const char *format, ...) {
  char inner[sizeof ctx->message];
  memcpy(inner, ctx->message, sizeof inner);
  va_list args;
  va_start(args, format);
  vsnprintf(ctx->message, sizeof ctx->message, format, args);
  va_end(args);
  size_t len = strlen(ctx->message);
  snprintf(ctx->message + len, sizeof ctx->message - len, ": %s", inner);
  return status;
}

pare_status pare_out_of_memory(pare_context *ctx, size_t size) {
  return pare_fail(ctx, PARE_OUT_OF_MEMORY, "out of memory: %zu bytes were asked for", size);
}

static size_t block_size(const void *memory) {
  size_t size;
  memcpy(&size, (const uint8_t *)memory - HEADER_BYTES, sizeof size);
  return size;
}

void *pare_realloc(pare_context *ctx, void *old, size_t new_size) {
  if (new_size > MAX_BLOCK) {
    pare_out_of_memory(ctx, new_size);
    return NULL;
  }
  size_t old_size = old ? block_size(old) : 0;
  uint8_t *base = old ? (uint8_t *)old - HEADER_BYTES : NULL;
  uint8_t *block = ctx->allocator.resize(ctx->allocator.user, base, old ? old_size + HEADER_BYTES : 0,
                                         new_size + HEADER_BYTES);
  if (!block) {
    pare_out_of_memory(ctx, new_size);
    return NULL;
  }
  ctx->used_bytes += new_size - old_size;
  if (ctx->used_bytes > ctx->peak_bytes) ctx->peak_bytes = ctx->used_bytes;
  memcpy(block, &new_size, sizeof new_size);
  block += HEADER_BYTES;
  if (new_size > old_size) memset(block + old_size, 0, new_size - old_size);
  return block;
}

void *pare_alloc(pare_context *ctx, size_t size) {
  return pare_realloc(ctx, NULL, size);
}

void *pare_alloc_array(pare_context *ctx, size_t count, size_t size) {
  size_t bytes;
  if (pare_mul_size(count, size, &bytes)) return pare_alloc(ctx, bytes);
  pare_out_of_memory(ctx, SIZE_MAX);
  return NULL;
}

void pare_free(pare_context *ctx, void *memory) {
  if (!memory) return;
  size_t size = block_size(memory);
  ctx->used_bytes -= size;
  ctx->allocator.resize(ctx->allocator.user, (uint8_t *)memory - HEADER_BYTES, size + HEADER_BYTES, 0);
}

pare_status pare_buffer_new(pare_context *ctx, size_t len_bytes, pare_buffer *out) {
  *out = (pare_buffer){pare_alloc(ctx, len_bytes), len_bytes};
  if (out->data) return PARE_OK;
  out->len_bytes = 0;
  return PARE_OUT_OF_MEMORY;
}

void pare_buffer_free(pare_context *ctx, pare_buffer *buffer) {
  pare_free(ctx, buffer->data);
  *buffer = (pare_buffer){0};
}

pare_bytes *pare_bytes_adopt(pare_context *ctx, pare_buffer *buffer) {
  pare_bytes *bytes = pare_alloc(ctx, sizeof *bytes);
  if (bytes) {
    *bytes = (pare_bytes){ctx, 1, buffer->len_bytes, buffer->data};
    *buffer = (pare_buffer){0};
  } else {
    pare_buffer_free(ctx, buffer);
  }
  return bytes;
}

pare_bytes *pare_bytes_new(pare_context *ctx, size_t len_bytes) {
  pare_buffer buffer;
  return pare_buffer_new(ctx, len_bytes, &buffer) == PARE_OK ? pare_bytes_adopt(ctx, &buffer) : NULL;
}

pare_bytes *pare_bytes_retain(pare_bytes *bytes) {
  if (bytes) bytes->n_refs++;
  return bytes;
}

void pare_bytes_release(pare_bytes *bytes) {
  if (!bytes || --bytes->n_refs > 0) return;
  pare_free(bytes->ctx, bytes->data);
  pare_free(bytes->ctx, bytes);
}
