/* Growing bytes and text. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

void pare_writer_init(pare_writer *writer, pare_context *ctx) {
  *writer = (pare_writer){.ctx = ctx};
}

/* Room for `more` bytes and a zero. */
static bool reserve(pare_writer *writer, size_t more) {
  size_t need;
  if (writer->failed) return false;
  if (!pare_add_size(writer->len_bytes + 1, more, &need)) {
    writer->failed = true;
    return false;
  }
  if (need <= writer->capacity) return true;
  size_t capacity = writer->capacity < 128 ? 256 : writer->capacity + writer->capacity / 2;
  if (capacity < need) capacity = need;
  uint8_t *data = pare_realloc(writer->ctx, writer->data, capacity);
  if (!data) {
    writer->failed = true;
    return false;
  }
  writer->data = data;
  writer->capacity = capacity;
  return true;
}

void pare_writer_put(pare_writer *writer, const void *bytes, size_t len_bytes) {
  if (writer->counting) {
    writer->len_bytes += len_bytes;
    return;
  }
  if (!len_bytes || !reserve(writer, len_bytes)) return;
  memcpy(writer->data + writer->len_bytes, bytes, len_bytes);
  writer->len_bytes += len_bytes;
}

void pare_writer_text(pare_writer *writer, const char *text) {
  pare_writer_put(writer, text, strlen(text));
}

void pare_writer_printf(pare_writer *writer, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  if (len < 0 || !reserve(writer, (size_t)len)) return;
  va_start(args, format);
  vsnprintf((char *)writer->data + writer->len_bytes, (size_t)len + 1, format, args);
  va_end(args);
  writer->len_bytes += (size_t)len;
}

pare_status pare_writer_finish(pare_writer *writer, pare_buffer *out) {
  *out = (pare_buffer){0};
  if (!reserve(writer, 0)) {
    pare_writer_free(writer);
    return pare_out_of_memory(writer->ctx, writer->len_bytes);
  }
  writer->data[writer->len_bytes] = 0;
  *out = (pare_buffer){writer->data, writer->len_bytes};
  *writer = (pare_writer){.ctx = writer->ctx};
  return PARE_OK;
}

void pare_writer_free(pare_writer *writer) {
  pare_free(writer->ctx, writer->data);
  writer->data = NULL;
  writer->len_bytes = writer->capacity = 0;
}
