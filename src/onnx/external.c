/* Weights in files beside the model (TensorProto.external_data: location, offset, length; onnx/docs/ExternalData.md): from the model's
 * own folder, or from files that the caller gave. A location may name nothing outside that folder: no absolute path, no "..", no link. */
#include "onnx/onnx.h"

#include <string.h>
#include <sys/stat.h>

enum { MAX_PATH_BYTES = 1024 };

static pare_status refuse(const pare_tensor_proto *proto, pare_status status, const char *what,
                          const char *why) {
  return pare_fail(proto->message.ctx, status, "%s: its data is in another file ('%.*s')%s", what,
                   (int)(proto->location.len_bytes < 200 ? proto->location.len_bytes : 200),
                   proto->location.len_bytes ? (const char *)proto->location.data : "", why);
}

/* "123"; nothing there leaves `value` as it is. */
static bool read_decimal(pare_span text, uint64_t *value) {
  if (text.len_bytes == 0) return true;
  *value = 0;
  for (size_t i = 0; i < text.len_bytes; i++) {
    if (text.data[i] < '0' || text.data[i] > '9') return false;
    if (__builtin_mul_overflow(*value, 10, value)) return false;
    if (__builtin_add_overflow(*value, (uint64_t)(text.data[i] - '0'), value)) return false;
  }
  return true;
}

/* Every part of the path is a plain name. */
static bool stays_inside(const char *location) {
  if (!*location) return false;
  for (const char *part = location;;) {
    size_t len = strcspn(part, "/");
    if (len == 0 || (len == 1 && part[0] == '.') || (len == 2 && part[0] == '.' && part[1] == '.'))
      return false;
    if (strcspn(part, "\\:") < len) return false; /* parts and drives on other systems */
    if (!part[len]) return true;
    part += len + 1;
  }
}

static bool is_link(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0 && S_ISLNK(info.st_mode);
}

/* `path` [MAX_PATH_BYTES]: folder/location; no part of the location is a link. */
static pare_status find_path(const pare_onnx_external *external, const pare_tensor_proto *proto,
                             const char *location, const char *what, char *path) {
  size_t used = strlen(external->folder), len = strlen(location);
  if (used + len + 2 > MAX_PATH_BYTES) return refuse(proto, PARE_BAD_MODEL, what, ": that path is too long");
  memcpy(path, external->folder, used);
  path[used++] = '/';
  for (size_t i = 0; i <= len; i++) {
    path[used + i] = 0;
    bool part_ends = location[i] == '/' || location[i] == 0;
    if (part_ends && is_link(path))
      return refuse(proto, PARE_BAD_MODEL, what,
                    ", which is a link: only files of the model's own folder are read");
    path[used + i] = location[i];
  }
  return PARE_OK;
}

static pare_status from_folder(const pare_onnx_external *external, const pare_tensor_proto *proto,
                               const char *location, uint64_t offset, const char *what, pare_tensor *out) {
  char path[MAX_PATH_BYTES];
  PARE_TRY(find_path(external, proto, location, what, path));
  PARE_TRY(pare_tensor_new(proto->message.ctx, (pare_dtype)proto->dtype, &proto->shape, out));
  pare_status status =
      pare_file_read_part(proto->message.ctx, path, offset, out->data, pare_tensor_len_bytes(out));
  if (status == PARE_OK) return PARE_OK;
  pare_tensor_release(out);
  return pare_fail_within(proto->message.ctx, status, "%s", what);
}

static const char *last_part(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static pare_bytes *find_given(const pare_onnx_external *external, const char *location) {
  for (int i = 0; i < external->n; i++)
    if (strcmp(external->files[i].name, location) == 0) return external->files[i].bytes;
  for (int i = 0; i < external->n; i++)
    if (strcmp(last_part(external->files[i].name), last_part(location)) == 0) return external->files[i].bytes;
  return NULL;
}

/* In place where the data is aligned. */
static pare_status from_given(pare_bytes *file, const pare_tensor_proto *proto, uint64_t offset,
                              size_t len_bytes, const char *what, pare_tensor *out) {
  if (offset > file->len_bytes || len_bytes > file->len_bytes - offset)
    return refuse(proto, PARE_BAD_MODEL, what, ", which is too short");
  uint8_t *at = file->data + offset;
  size_t size = pare_dtype_size((pare_dtype)proto->dtype);
  if (len_bytes && (uintptr_t)at % (size ? size : 1) == 0) {
    *out = (pare_tensor){.dtype = (pare_dtype)proto->dtype, .shape = proto->shape, .data = at};
    out->owner = pare_bytes_retain(file);
    return PARE_OK;
  }
  PARE_TRY(pare_tensor_new(proto->message.ctx, (pare_dtype)proto->dtype, &proto->shape, out));
  if (len_bytes) memcpy(out->data, at, len_bytes);
  return PARE_OK;
}

static pare_status load_external(const pare_onnx_reader *reader, const pare_tensor_proto *proto,
                                 const char *what, pare_tensor *out) {
  const pare_onnx_external *external = reader->external;
  char location[MAX_PATH_BYTES];
  size_t len_bytes, location_len = proto->location.len_bytes;
  uint64_t offset = 0, length;
  PARE_TRY(pare_onnx_tensor_check(proto, what, &len_bytes));
  length = len_bytes;
  if (location_len >= sizeof location || !pare_onnx_is_text(proto->location))
    return refuse(proto, PARE_BAD_MODEL, what, ": that is no path");
  if (location_len) memcpy(location, proto->location.data, location_len);
  location[location_len] = 0;
  if (!stays_inside(location))
    return refuse(proto, PARE_BAD_MODEL, what, ": only files of the model's own folder are read");
  if (!read_decimal(proto->offset, &offset) || !read_decimal(proto->length, &length))
    return refuse(proto, PARE_BAD_MODEL, what, ": its offset or length is no number");
  if (length != len_bytes) return refuse(proto, PARE_BAD_MODEL, what, ": its length does not fit its shape");
  pare_bytes *given = find_given(external, location);
  if (given) return from_given(given, proto, offset, len_bytes, what, out);
  if (external->folder) return from_folder(external, proto, location, offset, what, out);
  return refuse(proto, PARE_UNSUPPORTED, what, ": give that file too");
}

pare_status pare_onnx_load(const pare_onnx_reader *reader, const pare_tensor_proto *proto, const char *what,
                           pare_tensor *out) {
  *out = (pare_tensor){0};
  if (proto->is_external && reader->external) return load_external(reader, proto, what, out);
  return pare_onnx_tensor_load(proto, reader->file, what, out);
}
