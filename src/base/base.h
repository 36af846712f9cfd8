/* What every part of Pare stands on: failure with a message, memory that may fail, spans, growing text, time.
 * Knows nothing of machine learning. */
#ifndef PARE_BASE_H
#define PARE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pare/pare.h"

/* Runs a fallible expression and hands its status on. */
#define PARE_TRY(expression)                                                                                 \
  do {                                                                                                       \
    pare_status pare_try_ = (expression);                                                                    \
    if (pare_try_ != PARE_OK) return pare_try_;                                                              \
  } while (0)

#define PARE_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Promises that a loop's iterations do not depend on each other, also when an output stands in its input's
 * memory. */
#if defined(__clang__)
#define PARE_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define PARE_IVDEP _Pragma("GCC ivdep")
#else
#define PARE_IVDEP
#endif

typedef struct pare_span {
  const uint8_t *data;
  size_t len_bytes;
} pare_span;

/* Writes the message and returns `status`. */
pare_status pare_fail(pare_context *ctx, pare_status status, const char *format, ...) PARE_PRINTF(3, 4);
/* Puts "text: " in front of the current message (outer places name themselves as a failure passes through). */
pare_status pare_fail_within(pare_context *ctx, pare_status status, const char *format, ...)
    PARE_PRINTF(3, 4);
#ifdef __clang_analyzer__ /* cannot see into them: they give back `status`, never PARE_OK (their definitions: name in parentheses) */
#define pare_fail(ctx, status, ...)        ((void)(pare_fail)(ctx, status, __VA_ARGS__), (status))
#define pare_fail_within(ctx, status, ...) ((void)(pare_fail_within)(ctx, status, __VA_ARGS__), (status))
#endif
void pare_error_clear(pare_context *ctx);

/* Zeroed memory, 16-byte aligned, or NULL with the error set. `size` 0 gives a pointer that must be freed too. */
void *pare_alloc(pare_context *ctx, size_t size);
/* count * size with overflow checked. */
void *pare_alloc_array(pare_context *ctx, size_t count, size_t size);
/* The new part is zeroed; on failure NULL and `old` stays valid. */
void *pare_realloc(pare_context *ctx, void *old, size_t new_size);
void pare_free(pare_context *ctx, void *memory);
pare_status pare_out_of_memory(pare_context *ctx, size_t size);

static inline bool pare_mul_size(size_t a, size_t b, size_t *out) {
  return !__builtin_mul_overflow(a, b, out);
}
static inline bool pare_add_size(size_t a, size_t b, size_t *out) {
  return !__builtin_add_overflow(a, b, out);
}

double pare_now_ms(void); /* monotonic */
/* Asks for large pages under memory that was just allocated, where there are such. */
void pare_pages_large(void *memory, size_t len_bytes);

/* ---- arena: many small things freed together ------------------------------------------------------------------ */
typedef struct pare_arena_block pare_arena_block;
typedef struct pare_arena {
  pare_context *ctx;
  pare_arena_block *blocks;
} pare_arena;

void pare_arena_init(pare_arena *arena, pare_context *ctx);
void pare_arena_free(pare_arena *arena);
/* Zeroed, 16-byte aligned, NULL with the error set. */
void *pare_arena_alloc(pare_arena *arena, size_t size);
void *pare_arena_array(pare_arena *arena, size_t count, size_t size);
char *pare_arena_text(pare_arena *arena, const char *text); /* copy of a zero-ended text */
char *pare_arena_text_n(pare_arena *arena, const void *text, size_t len_bytes); /* adds the zero */
char *pare_arena_printf(pare_arena *arena, const char *format, ...) PARE_PRINTF(2, 3);
size_t pare_arena_used_bytes(const pare_arena *arena);

/* ---- reference-counted bytes ---------------------------------------------------------------------------------- */
typedef struct pare_bytes {
  pare_context *ctx;
  uint32_t n_refs;
  size_t len_bytes;
  uint8_t *data; /* 16-byte aligned */
} pare_bytes;

pare_bytes *pare_bytes_new(pare_context *ctx, size_t len_bytes); /* zeroed; NULL with the error set */
pare_bytes *pare_bytes_adopt(pare_context *ctx,
                             pare_buffer *buffer); /* takes over; NULL (buffer freed) on failure */
pare_bytes *pare_bytes_retain(pare_bytes *bytes);
void pare_bytes_release(pare_bytes *bytes); /* NULL is fine */

/* ---- growing bytes and text ------------------------------------------------------------------------------------ */
/* Appending after a failure does nothing: check once, in pare_writer_finish. */
typedef struct pare_writer {
  pare_context *ctx;
  uint8_t *data;
  size_t len_bytes, capacity;
  bool failed;
  bool counting; /* keeps no bytes, only their number */
} pare_writer;

void pare_writer_init(pare_writer *writer, pare_context *ctx);
void pare_writer_put(pare_writer *writer, const void *bytes, size_t len_bytes);
void pare_writer_text(pare_writer *writer, const char *text);
void pare_writer_printf(pare_writer *writer, const char *format, ...) PARE_PRINTF(2, 3);
/* Moves the bytes out (a zero stands behind them, not counted), or frees them and returns OUT_OF_MEMORY. */
pare_status pare_writer_finish(pare_writer *writer, pare_buffer *out);
void pare_writer_free(pare_writer *writer);

/* ---- files (IO names the path) ---------------------------------------------------------------------------------- */
pare_status pare_file_read(pare_context *ctx, const char *path, pare_buffer *out);
/* `len_bytes` bytes from `offset` on into `to`. BAD_MODEL: the file is too short. */
pare_status pare_file_read_part(pare_context *ctx, const char *path, uint64_t offset, void *to,
                                size_t len_bytes);
pare_status pare_file_write(pare_context *ctx, const char *path, const void *bytes, size_t len_bytes);

/* ---- context ----------------------------------------------------------------------------------------------------- */
struct pare_context {
  pare_allocator allocator;
  size_t used_bytes,
      peak_bytes; /* in blocks of pare_alloc, now and at most (who measures sets the peak back) */
  char message[1024];
};

#endif
