/* TensorProto: a name, a type, dims, and the elements in one of six fields (onnx.proto). raw_data and packed
 * float_data are used where they stand in the file. Data in a protobuf file has no alignment, but in front of
 * it stand its own tag and length, which are read by then: the data slides down over them to its alignment
 * (up to 3 bytes for f32; raw_data of 128 bytes or more has at least 3). What has no such room (small
 * tensors, 8-byte types) is copied. Rows of varints are decoded into a new tensor. */
#include "onnx/onnx.h"

#include <string.h>

enum {
  DIMS = 1,
  DATA_TYPE = 2,
  SEGMENT = 3,
  FLOAT_DATA = 4,
  INT32_DATA = 5,
  INT64_DATA = 7,
  NAME = 8,
  RAW_DATA = 9
};
enum { DOUBLE_DATA = 10, UINT64_DATA = 11, EXTERNAL_DATA = 13, DATA_LOCATION = 14 };

static pare_status read_location(const pare_wire *message, const pare_wire_field *field,
                                 pare_tensor_proto *out) {
  pare_wire entry;
  PARE_TRY(pare_wire_enter(message, field, &entry));
  pare_span key = {0}, value = {0};
  for (;;) {
    pare_wire_field inner;
    PARE_TRY(pare_wire_next(&entry, &inner));
    if (inner.number == 0) break;
    if (inner.number == 1) key = inner.bytes;
    if (inner.number == 2) value = inner.bytes;
  }
  if (key.len_bytes == 8 && memcmp(key.data, "location", 8) == 0) out->location = value;
  if (key.len_bytes == 6 && memcmp(key.data, "offset", 6) == 0) out->offset = value;
  if (key.len_bytes == 6 && memcmp(key.data, "length", 6) == 0) out->length = value;
  return PARE_OK;
}

static pare_status read_dims(pare_tensor_proto *out) {
  const pare_wire *message = &out->message;
  pare_wire_numbers dims = pare_wire_numbers_of(message, DIMS, PARE_VARINT);
  for (;;) {
    uint64_t bits;
    bool more;
    PARE_TRY(pare_wire_numbers_next(&dims, &bits, &more));
    if (!more) return PARE_OK;
    /* One more than fits is counted, so that the message can wait until the tensor has a name. */
    if (out->shape.rank < PARE_MAX_RANK) out->shape.dims[out->shape.rank] = (int64_t)bits;
    if (out->shape.rank <= PARE_MAX_RANK) out->shape.rank++;
  }
}

static void take_row(const pare_wire_field *field, pare_tensor_proto *out) {
  out->raw = field->bytes;
  out->room_bytes = (size_t)(field->bytes.data - field->whole.data);
}

pare_status pare_onnx_tensor_scan(const pare_wire *message, pare_tensor_proto *out) {
  *out = (pare_tensor_proto){.message = *message};
  pare_wire wire = *message;
  int n_float_fields = 0;
  bool float_row = false, typed = false;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    switch (field.number) {
    case DATA_TYPE:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_VARINT, "a tensor's data_type"));
      out->dtype = (int64_t)field.value;
      break;
    case NAME:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_BYTES, "a tensor's name"));
      out->name = field.bytes;
      break;
    case RAW_DATA:
      PARE_TRY(pare_wire_expect(&wire, &field, PARE_BYTES, "raw_data"));
      /* An empty raw_data beside typed data is what some writers leave behind. */
      out->has_raw = field.bytes.len_bytes > 0;
      if (out->has_raw) take_row(&field, out);
      break;
    case FLOAT_DATA:
      n_float_fields++;
      float_row = field.type == PARE_BYTES;
      typed = true;
      if (float_row && !out->has_raw) take_row(&field, out);
      break;
    case INT32_DATA:
    case INT64_DATA:
    case DOUBLE_DATA:
    case UINT64_DATA: typed = true; break;
    case EXTERNAL_DATA: PARE_TRY(read_location(&wire, &field, out)); break;
    case DATA_LOCATION: out->is_external = field.value == 1; break;
    case SEGMENT:
      return pare_fail(wire.ctx, PARE_UNSUPPORTED, "offset %zu: tensors in segments are not supported",
                       pare_wire_offset(&wire, field.whole.data));
    default: break;
    }
  }
  if (out->has_raw && typed) {
    return pare_fail(wire.ctx, PARE_BAD_MODEL, "offset %zu: a tensor has both raw_data and typed data",
                     pare_wire_offset(&wire, message->at));
  }
  if (float_row && n_float_fields == 1 && out->dtype == PARE_F32) out->has_raw = true;
  return read_dims(out);
}

/* Bytes that belong together. */
static size_t stored_size(const pare_tensor_proto *proto) {
  const size_t size = pare_dtype_size((pare_dtype)proto->dtype);
  return size ? size : 1;
}

/* ---- elements in typed fields -------------------------------------------------------------------------- */

static pare_wire_numbers typed_numbers(const pare_tensor_proto *proto) {
  switch ((pare_dtype)proto->dtype) {
  case PARE_F32: return pare_wire_numbers_of(&proto->message, FLOAT_DATA, PARE_FIXED32);
  case PARE_F64: return pare_wire_numbers_of(&proto->message, DOUBLE_DATA, PARE_FIXED64);
  case PARE_S64: return pare_wire_numbers_of(&proto->message, INT64_DATA, PARE_VARINT);
  case PARE_U32:
  case PARE_U64: return pare_wire_numbers_of(&proto->message, UINT64_DATA, PARE_VARINT);
  default: return pare_wire_numbers_of(&proto->message, INT32_DATA, PARE_VARINT);
  }
}

static pare_status load_typed(const pare_tensor_proto *proto, const char *what, pare_tensor *out) {
  pare_context *ctx = proto->message.ctx;
  pare_wire_numbers numbers = typed_numbers(proto);
  size_t n, count = (size_t)pare_shape_count(&proto->shape), size = stored_size(proto);
  if (pare_dtype_bits((pare_dtype)proto->dtype) < 8) count = (count + 1) / 2; /* a number for each byte */
  PARE_TRY(pare_wire_numbers_count(numbers, &n));
  if (n != count) {
    char shape[128];
    return pare_fail(ctx, PARE_BAD_MODEL, "%s: shape %s needs %zu numbers, but there are %zu", what,
                     pare_shape_text(&proto->shape, shape, sizeof(shape)), count, n);
  }
  PARE_TRY(pare_tensor_new(ctx, (pare_dtype)proto->dtype, &proto->shape, out));
  for (uint8_t *at = out->data; n > 0; n--, at += size) {
    uint64_t bits;
    bool more;
    pare_status status = pare_wire_numbers_next(&numbers, &bits, &more);
    if (status != PARE_OK) {
      pare_tensor_release(out);
      return status;
    }
    memcpy(at, &bits, size); /* little-endian: the low bytes are the narrower number */
  }
  return PARE_OK;
}

/* ---- elements in place --------------------------------------------------------------------------------- */

static bool slide_into_place(const pare_tensor_proto *proto, pare_bytes *file, size_t alignment,
                             pare_tensor *out) {
  if (!file) return false;
  size_t offset = (size_t)(proto->raw.data - file->data), shift = offset % alignment;
  if (shift > proto->room_bytes) return false;
  uint8_t *at = file->data + offset - shift;
  if (shift) memmove(at, proto->raw.data, proto->raw.len_bytes);
  *out = (pare_tensor){.dtype = (pare_dtype)proto->dtype, .shape = proto->shape, .data = at};
  out->owner = pare_bytes_retain(file);
  return true;
}

pare_status pare_onnx_tensor_check(const pare_tensor_proto *proto, const char *what, size_t *len_bytes) {
  pare_context *ctx = proto->message.ctx;
  if (!pare_dtype_known(proto->dtype) || pare_dtype_bits((pare_dtype)proto->dtype) == 0) {
    return pare_fail(ctx, PARE_UNSUPPORTED, "%s: element type %lld%s is not supported", what,
                     (long long)proto->dtype, proto->dtype == PARE_STRING ? " (string)" : "");
  }
  if (proto->shape.rank > PARE_MAX_RANK) {
    return pare_fail(ctx, PARE_UNSUPPORTED, "%s: more than %d dimensions", what, PARE_MAX_RANK);
  }
  for (int i = 0; i < proto->shape.rank; i++) {
    if (proto->shape.dims[i] < 0) {
      return pare_fail(ctx, PARE_BAD_MODEL, "%s: dimension %d is negative (%lld)", what, i,
                       (long long)proto->shape.dims[i]);
    }
  }
  pare_status status = pare_tensor_bytes(ctx, (pare_dtype)proto->dtype, &proto->shape, len_bytes);
  return status == PARE_OK ? status : pare_fail_within(ctx, status, "%s", what);
}

pare_status pare_onnx_tensor_load(const pare_tensor_proto *proto, pare_bytes *file, const char *what,
                                  pare_tensor *out) {
  size_t len_bytes;
  *out = (pare_tensor){0};
  if (proto->is_external) {
    return pare_fail(proto->message.ctx, PARE_UNSUPPORTED, "%s: its data is in another file ('%.*s')", what,
                     (int)(proto->location.len_bytes < 200 ? proto->location.len_bytes : 200),
                     proto->location.len_bytes ? (const char *)proto->location.data : "");
  }
  PARE_TRY(pare_onnx_tensor_check(proto, what, &len_bytes));
  if (!proto->has_raw && len_bytes > 0) return load_typed(proto, what, out);
  size_t raw_bytes = proto->has_raw ? proto->raw.len_bytes : 0;
  if (raw_bytes != len_bytes) {
    char shape[128];
    return pare_fail(proto->message.ctx, PARE_BAD_MODEL, "%s: %s %s needs %zu bytes, but its data has %zu",
                     what, pare_dtype_name((pare_dtype)proto->dtype),
                     pare_shape_text(&proto->shape, shape, sizeof(shape)), len_bytes, raw_bytes);
  }
  if (raw_bytes > 0 && slide_into_place(proto, file, stored_size(proto), out)) return PARE_OK;
  PARE_TRY(pare_tensor_new(proto->message.ctx, (pare_dtype)proto->dtype, &proto->shape, out));
  if (raw_bytes > 0) memcpy(out->data, proto->raw.data, raw_bytes);
  return PARE_OK;
}

pare_status pare_onnx_tensor_read(pare_context *ctx, const char *file_name, const void *bytes,
                                  size_t len_bytes, pare_tensor *out, pare_buffer *tensor_name) {
  *out = (pare_tensor){0};
  if (tensor_name) *tensor_name = (pare_buffer){0};
  pare_wire message = pare_wire_new(ctx, bytes, len_bytes);
  pare_tensor_proto proto;
  pare_status status = pare_onnx_tensor_scan(&message, &proto);
  if (status != PARE_OK) return pare_fail_within(ctx, status, "%s", file_name);
  PARE_TRY(pare_onnx_tensor_load(&proto, NULL, file_name, out));
  if (!tensor_name) return PARE_OK;
  pare_writer text;
  pare_writer_init(&text, ctx);
  if (proto.name.len_bytes) pare_writer_put(&text, proto.name.data, proto.name.len_bytes);
  status = pare_writer_finish(&text, tensor_name);
  if (status != PARE_OK) pare_tensor_release(out);
  return status;
}
