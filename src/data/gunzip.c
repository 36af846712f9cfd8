/* Gzip (RFC 1952): header and trailer are read and checked here, the deflate stream inside is inflated by
 * stb_image's decoder (public domain), straight into memory of the size that the trailer states. One member
 * per file. */
#include "data/dataset.h"

#include <limits.h>
#include <string.h>

/* The decoder inflates into memory that it is given; nothing of stb_image that allocates is called. */
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_NO_THREAD_LOCALS /* not in a module without threads */
#define STBI_ONLY_PNG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#define STBI_ASSERT(condition)  ((void)0)
#define STBI_MALLOC(size)       ((void)(size), (void *)NULL)
#define STBI_REALLOC(old, size) ((void)(old), (void)(size), (void *)NULL)
#define STBI_FREE(memory)       ((void)(memory))
/* stb_image leaves static functions undeclared or unused; gcc looks at that at the end of the file, so there
 * is no pop. */
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>

enum { FLAG_CRC = 2, FLAG_EXTRA = 4, FLAG_NAME = 8, FLAG_COMMENT = 16, FLAGS_RESERVED = 0xE0 };
enum { HEADER_BYTES = 10, TRAILER_BYTES = 8 };
#define MAX_OUT_BYTES (1u << 30)
#define MAX_RATIO     1032u /* deflate cannot do better */

static uint32_t read_u32(const uint8_t *at) {
  return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* CRC-32 of RFC 1952, section 8. */
static uint32_t crc32_of(const uint8_t *bytes, size_t len_bytes) {
  uint32_t table[256], crc = 0xFFFFFFFFu;
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t c = n;
    for (int k = 0; k < 8; k++) c = c & 1 ? 0xEDB88320u ^ c >> 1 : c >> 1;
    table[n] = c;
  }
  for (size_t i = 0; i < len_bytes; i++) crc = table[(crc ^ bytes[i]) & 255] ^ crc >> 8;
  return ~crc;
}

static bool skip_text(const uint8_t *bytes, size_t end, size_t *at) {
  while (*at < end && bytes[*at]) ++*at;
  return ++*at <= end;
}

/* Where the deflate stream begins, or 0. */
static size_t skip_header(const uint8_t *bytes, size_t end) {
  if (end < HEADER_BYTES) return 0;
  size_t at = HEADER_BYTES;
  uint8_t flags = bytes[3];
  if (bytes[2] != 8 || (flags & FLAGS_RESERVED)) return 0;
  if (flags & FLAG_EXTRA) {
    if (end - at < 2) return 0;
    at += 2u + (size_t)bytes[at] + 256u * (size_t)bytes[at + 1];
    if (at > end) return 0;
  }
  if ((flags & FLAG_NAME) && !skip_text(bytes, end, &at)) return 0;
  if ((flags & FLAG_COMMENT) && !skip_text(bytes, end, &at)) return 0;
  if (flags & FLAG_CRC) at += 2;
  return at <= end ? at : 0;
}

static pare_status inflate(pare_context *ctx, const char *name, pare_span deflated, pare_buffer *out) {
  /* The decoder wants 16 bits in hand to the last, where the stream may have fewer left: the trailer behind
   * it gives them. */
  int got =
      stbi_zlib_decode_noheader_buffer((char *)out->data, (int)out->len_bytes, (const char *)deflated.data,
                                       (int)(deflated.len_bytes + TRAILER_BYTES));
  if (got >= 0 && (size_t)got == out->len_bytes) return PARE_OK;
  if (got >= 0) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: the gzip data inflates to %d bytes, but its end says %zu", name,
                     got, out->len_bytes);
  }
  return pare_fail(ctx, PARE_BAD_DATA, "%s: the gzip data is broken or cut off (%s)", name,
                   stbi_failure_reason());
}

pare_status pare_gunzip(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                        bool *was_gzip, pare_buffer *out) {
  const uint8_t *file = bytes;
  *out = (pare_buffer){0};
  *was_gzip = len_bytes >= 2 && file[0] == 0x1F && file[1] == 0x8B;
  if (!*was_gzip) return PARE_OK;
  size_t end = len_bytes >= TRAILER_BYTES ? len_bytes - TRAILER_BYTES : 0, start = skip_header(file, end);
  if (start == 0)
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 0: the gzip header is broken or cut off", name);
  pare_span deflated = {file + start, end - start};
  uint32_t crc = read_u32(file + end), size = read_u32(file + end + 4);
  if (size > MAX_OUT_BYTES || deflated.len_bytes > INT_MAX - TRAILER_BYTES) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: over 1 GiB when inflated (%lu bytes), or cut off", name,
                     (unsigned long)size);
  }
  if (size / MAX_RATIO > deflated.len_bytes) {
    return pare_fail(ctx, PARE_BAD_DATA,
                     "%s: offset %zu: %zu bytes of gzip data cannot hold the %lu bytes stated; cut off?",
                     name, end, deflated.len_bytes, (unsigned long)size);
  }
  PARE_TRY(pare_buffer_new(ctx, size, out));
  pare_status status = inflate(ctx, name, deflated, out);
  if (status == PARE_OK && crc32_of(out->data, out->len_bytes) != crc) {
    status = pare_fail(ctx, PARE_BAD_DATA, "%s: the gzip checksum does not match: the file is damaged", name);
  }
  if (status != PARE_OK) pare_buffer_free(ctx, out);
  return status;
}
