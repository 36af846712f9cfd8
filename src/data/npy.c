/* NPY, numpy's array file (numpy.lib.format, versions 1.0 to 3.0): "\x93NUMPY", version, header length, then
 * a Python dictionary as text {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }, then the elements.
 * Fortran order is turned into C order. */
#include "data/dataset.h"

#include <stdio.h>
#include <string.h>

static const struct npy_type {
  const char *code; /* after the byte order */
  pare_dtype dtype;
} types[] = {{"f4", PARE_F32}, {"f8", PARE_F64}, {"f2", PARE_F16}, {"u1", PARE_U8},
             {"i1", PARE_S8},  {"u2", PARE_U16}, {"i2", PARE_S16}, {"u4", PARE_U32},
             {"i4", PARE_S32}, {"u8", PARE_U64}, {"i8", PARE_S64}, {"b1", PARE_BOOL}};

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

typedef struct npy_header {
  const char *at, *end;
  pare_dtype dtype;
  pare_shape shape;
  bool big_endian, fortran;
} npy_header;

/* ---- the dictionary ------------------------------------------------------------------------------------ */

static void skip_space(npy_header *h) {
  while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t' || *h->at == ',')) h->at++;
}

static bool take(npy_header *h, const char *word) {
  size_t n = strlen(word);
  if ((size_t)(h->end - h->at) < n || memcmp(h->at, word, n) != 0) return false;
  h->at += n;
  return true;
}

static bool take_quoted(npy_header *h, char *text, size_t size) {
  skip_space(h);
  if (h->at == h->end || (*h->at != '\'' && *h->at != '"')) return false;
  char quote = *h->at++;
  size_t n = 0;
  while (h->at < h->end && *h->at != quote) {
    if (n + 1 == size) return false;
    text[n++] = *h->at++;
  }
  text[n] = 0;
  return h->at++ < h->end;
}

static bool take_descr(npy_header *h) {
  char text[8];
  if (!take_quoted(h, text, sizeof(text)) || strlen(text) < 2) return false;
  h->big_endian = text[0] == '>';
  for (size_t i = 0; i < PARE_COUNT(types); i++) {
    if (strchr("<>|=", text[0]) && strcmp(text + 1, types[i].code) == 0) h->dtype = types[i].dtype;
  }
  return h->dtype != PARE_NONE;
}

static bool take_shape(npy_header *h) {
  if (!take(h, "(")) return false;
  for (skip_space(h); h->at < h->end && *h->at != ')'; skip_space(h)) {
    int64_t dim = 0;
    const char *start = h->at;
    for (; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
      if (dim > INT64_MAX / 20) return false;
      dim = 10 * dim + (*h->at - '0');
    }
    if (h->at == start || h->shape.rank == PARE_MAX_RANK) return false;
    h->shape.dims[h->shape.rank++] = dim;
    take(h, "L");
  }
  return take(h, ")");
}

/* NULL, or the key that is missing or not understood. */
static const char *read_dictionary(npy_header *h) {
  bool has_descr = false, has_order = false, has_shape = false;
  skip_space(h);
  if (!take(h, "{")) return "{";
  for (skip_space(h); h->at < h->end && *h->at != '}'; skip_space(h)) {
    char key[32];
    if (!take_quoted(h, key, sizeof(key))) return "a key";
    skip_space(h);
    if (!take(h, ":")) return ":";
    skip_space(h);
    if (strcmp(key, "descr") == 0) {
      if (!take_descr(h)) return "descr (a plain numeric type)";
      has_descr = true;
    } else if (strcmp(key, "fortran_order") == 0) {
      h->fortran = take(h, "True");
      if (!h->fortran && !take(h, "False")) return "fortran_order";
      has_order = true;
    } else if (strcmp(key, "shape") == 0) {
      if (has_shape || !take_shape(h)) return "shape (at most 8 dimensions)";
      has_shape = true;
    } else {
      return key[0] ? "an unknown key" : "a key";
    }
  }
  return !has_descr ? "descr" : !has_order ? "fortran_order" : !has_shape ? "shape" : NULL;
}

static pare_status read_header(pare_context *ctx, const char *name, const uint8_t *file, size_t len_bytes,
                               npy_header *out, size_t *start) {
  *out = (npy_header){0};
  if (len_bytes < 10 || memcmp(file, magic, sizeof(magic)) != 0) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 0: not an NPY file", name);
  }
  if (file[6] < 1 || file[6] > 3) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 6: NPY version %d.%d is not supported", name, file[6],
                     file[7]);
  }
  size_t prefix = file[6] == 1 ? 10 : 12, length = (size_t)file[8] | (size_t)file[9] << 8;
  if (prefix == 12 && len_bytes >= 12) length |= (size_t)file[10] << 16 | (size_t)file[11] << 24;
  if (len_bytes < prefix || length > len_bytes - prefix) {
    return pare_fail(ctx, PARE_BAD_DATA,
                     "%s: offset 8: the header of %zu bytes goes past the end of the file", name, length);
  }
  out->at = (const char *)file + prefix;
  out->end = out->at + length;
  const char *fault = read_dictionary(out);
  if (fault) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset %zu: the NPY header is not understood at: %s", name,
                     (size_t)(out->at - (const char *)file), fault);
  }
  *start = prefix + length;
  return PARE_OK;
}

/* ---- the elements -------------------------------------------------------------------------------------- */

static void swap_bytes(uint8_t *bytes, size_t len_bytes, size_t size) {
  for (size_t i = 0; i < len_bytes; i += size) {
    for (size_t k = 0; k < size / 2; k++) {
      uint8_t byte = bytes[i + k];
      bytes[i + k] = bytes[i + size - 1 - k];
      bytes[i + size - 1 - k] = byte;
    }
  }
}

/* `from` has its first index moving fastest, `to` its last. */
static void copy_from_fortran(uint8_t *to, const uint8_t *from, const pare_shape *shape, size_t size) {
  size_t strides[PARE_MAX_RANK] = {0}, index[PARE_MAX_RANK] = {0}, stride = size, offset = 0;
  for (int i = 0; i < shape->rank; i++) {
    strides[i] = stride;
    stride *= (size_t)shape->dims[i];
  }
  for (int64_t n = pare_shape_count(shape); n > 0; n--, to += size) {
    memcpy(to, from + offset, size);
    for (int i = shape->rank - 1; i >= 0; i--) {
      offset += strides[i];
      if (++index[i] < (size_t)shape->dims[i]) break;
      offset -= strides[i] * index[i];
      index[i] = 0;
    }
  }
}

pare_status pare_npy_read(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                          pare_tensor *out) {
  const uint8_t *file = bytes;
  npy_header header;
  size_t start = 0, need;
  *out = (pare_tensor){0};
  PARE_TRY(read_header(ctx, name, file, len_bytes, &header, &start));
  char text[128];
  pare_shape_text(&header.shape, text, sizeof(text));
  if (pare_tensor_bytes(ctx, header.dtype, &header.shape, &need) != PARE_OK) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: shape %s is too big", name, text);
  }
  if (need != len_bytes - start) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset %zu: shape %s of %s needs %zu bytes, but %zu are there",
                     name, start, text, pare_dtype_name(header.dtype), need, len_bytes - start);
  }
  PARE_TRY(pare_tensor_new(ctx, header.dtype, &header.shape, out));
  size_t size = pare_dtype_size(header.dtype);
  if (need && header.fortran)
    copy_from_fortran(out->data, file + start, &header.shape, size);
  else if (need)
    memcpy(out->data, file + start, need);
  if (header.big_endian) swap_bytes(out->data, need, size);
  return PARE_OK;
}

pare_status pare_npy_write(const pare_tensor *tensor, pare_writer *out) {
  const char *code = NULL;
  for (size_t i = 0; i < PARE_COUNT(types); i++) {
    if (types[i].dtype == tensor->dtype) code = types[i].code;
  }
  if (!code)
    return pare_fail(out->ctx, PARE_UNSUPPORTED, "NPY has no type for %s", pare_dtype_name(tensor->dtype));
  char header[512];
  int n = snprintf(header, sizeof(header), "{'descr': '%c%s', 'fortran_order': False, 'shape': (",
                   pare_dtype_size(tensor->dtype) == 1 ? '|' : '<', code);
  for (int i = 0; i < tensor->shape.rank; i++) {
    n += snprintf(header + n, sizeof(header) - (size_t)n, "%lld%s", (long long)tensor->shape.dims[i],
                  tensor->shape.rank == 1      ? ","
                  : i + 1 < tensor->shape.rank ? ", "
                                               : "");
  }
  n += snprintf(header + n, sizeof(header) - (size_t)n, "), }");
  size_t padded = ((size_t)n + 1 + 10 + 63) / 64 * 64 - 10; /* the elements begin at a multiple of 64 */
  uint8_t prefix[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (uint8_t)padded, (uint8_t)(padded >> 8)};
  pare_writer_put(out, prefix, sizeof(prefix));
  pare_writer_put(out, header, (size_t)n);
  for (size_t i = (size_t)n; i + 1 < padded; i++) pare_writer_put(out, " ", 1);
  pare_writer_put(out, "\n", 1);
  size_t len_bytes = pare_tensor_len_bytes(tensor);
  if (len_bytes) pare_writer_put(out, tensor->data, len_bytes);
  return PARE_OK;
}
