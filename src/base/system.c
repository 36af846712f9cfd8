/* What the operating system gives: files, a clock and pages. */
#ifdef __linux__
#define _DEFAULT_SOURCE /* madvise */
#endif
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#ifdef __linux__
#include <sys/mman.h>
#endif

#include "base/base.h"

#define LARGE_PAGE ((uintptr_t)2 << 20)

/* Training walks over tens of megabytes a step, a channel here and a channel there: with pages of 4 KiB it waits for
 * their addresses. */
void pare_pages_large(void *memory, size_t len_bytes) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
  const uintptr_t start = ((uintptr_t)memory + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1),
                  end = ((uintptr_t)memory + len_bytes) & ~(LARGE_PAGE - 1);
  if (start < end)
    madvise((void *)start, end - start, MADV_HUGEPAGE); /* a wish: where it is refused nothing changes */
#else
  (void)memory, (void)len_bytes;
#endif
}

double pare_now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

static pare_status io_error(pare_context *ctx, const char *path, const char *what) {
  return pare_fail(ctx, PARE_IO, "%s: %s: %s", path, what, strerror(errno));
}

static pare_status read_open_file(pare_context *ctx, const char *path, FILE *file, pare_buffer *out) {
  errno = 0;
  if (fseek(file, 0, SEEK_END) != 0) return io_error(ctx, path, "cannot be read");
  long size = ftell(file);
  if (size < 0 || size == (long)(~0ul >> 1) || fseek(file, 0, SEEK_SET) != 0) {
    if (!errno) errno = EISDIR;
    return io_error(ctx, path, "cannot be read");
  }
  PARE_TRY(pare_buffer_new(ctx, (size_t)size, out));
  if (fread(out->data, 1, (size_t)size, file) == (size_t)size) return PARE_OK;
  pare_buffer_free(ctx, out);
  return io_error(ctx, path, "cannot be read");
}

pare_status pare_file_read(pare_context *ctx, const char *path, pare_buffer *out) {
  *out = (pare_buffer){0};
  FILE *file = fopen(path, "rb");
  if (!file) return io_error(ctx, path, "cannot be opened");
  pare_status status = read_open_file(ctx, path, file, out);
  fclose(file);
  return status;
}

static pare_status read_part(pare_context *ctx, const char *path, FILE *file, uint64_t offset, void *to,
                             size_t len_bytes) {
  errno = 0;
  if (fseeko(file, 0, SEEK_END) != 0) return io_error(ctx, path, "cannot be read");
  off_t size = ftello(file);
  if (size < 0) return io_error(ctx, path, "cannot be read");
  if (offset > (uint64_t)size || len_bytes > (uint64_t)size - offset)
    return pare_fail(ctx, PARE_BAD_MODEL, "%s: %zu bytes at offset %llu are wanted, but the file has %lld",
                     path, len_bytes, (unsigned long long)offset, (long long)size);
  if (fseeko(file, (off_t)offset, SEEK_SET) != 0 || fread(to, 1, len_bytes, file) != len_bytes)
    return io_error(ctx, path, "cannot be read");
  return PARE_OK;
}

pare_status pare_file_read_part(pare_context *ctx, const char *path, uint64_t offset, void *to,
                                size_t len_bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) return io_error(ctx, path, "cannot be opened");
  pare_status status = read_part(ctx, path, file, offset, to, len_bytes);
  fclose(file);
  return status;
}

pare_status pare_file_write(pare_context *ctx, const char *path, const void *bytes, size_t len_bytes) {
  FILE *file = fopen(path, "wb");
  if (!file) return io_error(ctx, path, "cannot be written");
  bool written = fwrite(bytes, 1, len_bytes, file) == len_bytes;
  if (fclose(file) != 0 || !written) return io_error(ctx, path, "cannot be written");
  return PARE_OK;
}
