/* Protobuf wire format: see wire.h. Every read is checked against the end of the message it stands in, and a
 * message against the one around it, so no length in a file can lead outside the file. */
#include "onnx/wire.h"

#include <string.h>

pare_wire pare_wire_new(pare_context *ctx, const void *bytes, size_t len_bytes) {
  const uint8_t *start = bytes;
  return (pare_wire){.ctx = ctx, .file = start, .at = start, .end = start + len_bytes};
}

size_t pare_wire_offset(const pare_wire *wire, const uint8_t *at) {
  return (size_t)(at - wire->file);
}

float pare_wire_f32(uint64_t bits) {
  uint32_t word = (uint32_t)bits;
  float value;
  memcpy(&value, &word, sizeof(value));
  return value;
}

static pare_status read_varint(pare_wire *wire, uint64_t *out) {
  const uint8_t *start = wire->at;
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (wire->at == wire->end) {
      return pare_fail(wire->ctx, PARE_BAD_MODEL, "offset %zu: the file or message ends inside a number",
                       pare_wire_offset(wire, start));
    }
    uint8_t byte = *wire->at++;
    value |= (uint64_t)(byte & 127) << shift;
    if (byte < 128) {
      *out = value;
      return PARE_OK;
    }
  }
  return pare_fail(wire->ctx, PARE_BAD_MODEL, "offset %zu: a number of more than 10 bytes",
                   pare_wire_offset(wire, start));
}

static pare_status read_fixed(pare_wire *wire, size_t size, uint64_t *out) {
  if ((size_t)(wire->end - wire->at) < size) {
    return pare_fail(wire->ctx, PARE_BAD_MODEL,
                     "offset %zu: the file or message ends inside a %zu-byte number",
                     pare_wire_offset(wire, wire->at), size);
  }
  *out = 0;
  for (size_t i = 0; i < size; i++) *out |= (uint64_t)wire->at[i] << (8 * i);
  wire->at += size;
  return PARE_OK;
}

static pare_status read_bytes(pare_wire *wire, pare_span *out) {
  const uint8_t *start = wire->at;
  uint64_t len_bytes = 0;
  PARE_TRY(read_varint(wire, &len_bytes));
  size_t left = (size_t)(wire->end - wire->at);
  if (len_bytes > left) {
    return pare_fail(wire->ctx, PARE_BAD_MODEL, "offset %zu: a field of %llu bytes, but only %zu are left",
                     pare_wire_offset(wire, start), (unsigned long long)len_bytes, left);
  }
  *out = (pare_span){wire->at, (size_t)len_bytes};
  wire->at += len_bytes;
  return PARE_OK;
}

pare_status pare_wire_next(pare_wire *wire, pare_wire_field *field) {
  *field = (pare_wire_field){0};
  if (wire->at == wire->end) return PARE_OK;
  const uint8_t *start = wire->at;
  uint64_t tag = 0;
  PARE_TRY(read_varint(wire, &tag));
  uint64_t number = tag >> 3;
  if (number == 0 || number > 536870911) {
    return pare_fail(wire->ctx, PARE_BAD_MODEL,
                     "offset %zu: field number %llu does not exist; not an ONNX file?",
                     pare_wire_offset(wire, start), (unsigned long long)number);
  }
  field->number = (uint32_t)number;
  field->type = (pare_wire_type)(tag & 7);
  switch (field->type) {
  case PARE_VARINT: PARE_TRY(read_varint(wire, &field->value)); break;
  case PARE_FIXED64: PARE_TRY(read_fixed(wire, 8, &field->value)); break;
  case PARE_FIXED32: PARE_TRY(read_fixed(wire, 4, &field->value)); break;
  case PARE_BYTES: PARE_TRY(read_bytes(wire, &field->bytes)); break;
  default:
    return pare_fail(wire->ctx, PARE_BAD_MODEL,
                     "offset %zu: wire type %d does not exist in ONNX; not an ONNX file?",
                     pare_wire_offset(wire, start), (int)(tag & 7));
  }
  field->whole = (pare_span){start, (size_t)(wire->at - start)};
  return PARE_OK;
}

pare_status pare_wire_expect(const pare_wire *wire, const pare_wire_field *field, pare_wire_type type,
                             const char *what) {
  if (field->type == type) return PARE_OK;
  return pare_fail(wire->ctx, PARE_BAD_MODEL, "offset %zu: %s has wire type %d, not %d",
                   pare_wire_offset(wire, field->whole.data), what, (int)field->type, (int)type);
}

pare_status pare_wire_enter(const pare_wire *wire, const pare_wire_field *field, pare_wire *inner) {
  if (field->type != PARE_BYTES) {
    return pare_fail(wire->ctx, PARE_BAD_MODEL,
                     "offset %zu: field %u should be a message, but has wire type %d",
                     pare_wire_offset(wire, field->whole.data), (unsigned)field->number, (int)field->type);
  }
  if (wire->depth + 1 > PARE_WIRE_MAX_DEPTH) {
    return pare_fail(wire->ctx, PARE_BAD_MODEL, "offset %zu: messages are nested more than %d deep",
                     pare_wire_offset(wire, field->whole.data), PARE_WIRE_MAX_DEPTH);
  }
  *inner = *wire;
  inner->at = field->bytes.data;
  inner->end = field->bytes.data + field->bytes.len_bytes;
  inner->depth = wire->depth + 1;
  return PARE_OK;
}

pare_wire_numbers pare_wire_numbers_of(const pare_wire *message, uint32_t number, pare_wire_type element) {
  pare_wire_numbers numbers = {.message = *message, .row = *message, .number = number, .element = element};
  numbers.row.at = numbers.row.end;
  return numbers;
}

pare_status pare_wire_numbers_next(pare_wire_numbers *numbers, uint64_t *value, bool *more) {
  *more = true;
  while (numbers->row.at == numbers->row.end) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&numbers->message, &field));
    if (field.number == 0) {
      *more = false;
      return PARE_OK;
    }
    if (field.number != numbers->number) continue;
    if (field.type == numbers->element) {
      *value = field.value;
      return PARE_OK;
    }
    PARE_TRY(pare_wire_expect(&numbers->message, &field, PARE_BYTES, "a row of numbers"));
    numbers->row.at = field.bytes.data;
    numbers->row.end = field.bytes.data + field.bytes.len_bytes;
  }
  if (numbers->element == PARE_VARINT) return read_varint(&numbers->row, value);
  return read_fixed(&numbers->row, numbers->element == PARE_FIXED32 ? 4 : 8, value);
}

pare_status pare_wire_numbers_count(pare_wire_numbers numbers, size_t *n) {
  uint64_t value;
  bool more;
  for (*n = 0;; ++*n) {
    PARE_TRY(pare_wire_numbers_next(&numbers, &value, &more));
    if (!more) return PARE_OK;
  }
}

/* ---- writing ------------------------------------------------------------------------------------------- */

static size_t encode_varint(uint64_t value, uint8_t bytes[10]) {
  size_t n = 0;
  while (value >= 128) {
    bytes[n++] = (uint8_t)(value | 128);
    value >>= 7;
  }
  bytes[n++] = (uint8_t)value;
  return n;
}

void pare_wire_put_varint(pare_writer *out, uint64_t value) {
  uint8_t bytes[10];
  pare_writer_put(out, bytes, encode_varint(value, bytes));
}

void pare_wire_put_tag(pare_writer *out, uint32_t number, pare_wire_type type) {
  pare_wire_put_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

void pare_wire_put_int(pare_writer *out, uint32_t number, int64_t value) {
  pare_wire_put_tag(out, number, PARE_VARINT);
  pare_wire_put_varint(out, (uint64_t)value);
}

void pare_wire_put_f32(pare_writer *out, uint32_t number, float value) {
  uint32_t word;
  memcpy(&word, &value, sizeof(word));
  uint8_t bytes[4] = {(uint8_t)word, (uint8_t)(word >> 8), (uint8_t)(word >> 16), (uint8_t)(word >> 24)};
  pare_wire_put_tag(out, number, PARE_FIXED32);
  pare_writer_put(out, bytes, sizeof(bytes));
}

void pare_wire_put_bytes(pare_writer *out, uint32_t number, const void *bytes, size_t len_bytes) {
  pare_wire_put_tag(out, number, PARE_BYTES);
  pare_wire_put_varint(out, len_bytes);
  pare_writer_put(out, bytes, len_bytes);
}

void pare_wire_put_text(pare_writer *out, uint32_t number, const char *text) {
  if (text && *text) pare_wire_put_bytes(out, number, text, strlen(text));
}

/* The length stands before the content but is known only after it: one byte is left for it, and the content
 * moves up when that is too few. */
size_t pare_wire_begin(pare_writer *out, uint32_t number) {
  pare_wire_put_tag(out, number, PARE_BYTES);
  pare_wire_put_varint(out, 0);
  return out->len_bytes;
}

void pare_wire_end(pare_writer *out, size_t mark) {
  if (out->failed) return;
  uint8_t bytes[10];
  size_t content = out->len_bytes - mark;
  size_t n = encode_varint(content, bytes);
  pare_writer_put(out, bytes, n - 1); /* only to make room */
  if (out->failed || out->counting) return;
  memmove(out->data + mark - 1 + n, out->data + mark, content);
  memcpy(out->data + mark - 1, bytes, n);
}
