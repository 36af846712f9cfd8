/* What all parts of the ONNX reader use: text and carried fields. */
#include "onnx/onnx.h"

#include <string.h>

/* Bytes of the UTF-8 sequence at `at` (RFC 3629), or 0. */
static size_t sequence_len(const uint8_t *at, size_t left) {
  uint8_t a = at[0];
  if (a < 0x80) return a ? 1 : 0;
  size_t n = a >= 0xC2 && a <= 0xDF ? 2 : a >= 0xE0 && a <= 0xEF ? 3 : a >= 0xF0 && a <= 0xF4 ? 4 : 0;
  if (n == 0 || n > left) return 0;
  for (size_t i = 1; i < n; i++) {
    if ((at[i] & 0xC0) != 0x80) return 0;
  }
  bool overlong = (a == 0xE0 && at[1] < 0xA0) || (a == 0xF0 && at[1] < 0x90);
  bool surrogate = a == 0xED && at[1] > 0x9F;
  bool too_big = a == 0xF4 && at[1] > 0x8F;
  return overlong || surrogate || too_big ? 0 : n;
}

bool pare_onnx_is_text(pare_span bytes) {
  for (size_t i = 0; i < bytes.len_bytes;) {
    size_t n = sequence_len(bytes.data + i, bytes.len_bytes - i);
    if (n == 0) return false;
    i += n;
  }
  return true;
}

pare_status pare_onnx_text(pare_onnx_reader *reader, const pare_wire *wire, const pare_wire_field *field,
                           const char *what, const char **out) {
  PARE_TRY(pare_wire_expect(wire, field, PARE_BYTES, what));
  if (!pare_onnx_is_text(field->bytes)) {
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: %s is not UTF-8 text",
                     pare_wire_offset(wire, field->whole.data), what);
  }
  *out = pare_arena_text_n(&reader->model->arena, field->bytes.data, field->bytes.len_bytes);
  return *out ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static pare_status each_unknown(const pare_wire *message, uint64_t known, uint8_t *to, size_t *len_bytes) {
  pare_wire wire = *message;
  for (*len_bytes = 0;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number < 64 && (known & PARE_FIELD_BIT(field.number))) continue;
    if (to) memcpy(to + *len_bytes, field.whole.data, field.whole.len_bytes);
    *len_bytes += field.whole.len_bytes;
  }
}

pare_status pare_onnx_keep(pare_onnx_reader *reader, const pare_wire *message, uint64_t known,
                           pare_span *out) {
  size_t len_bytes;
  PARE_TRY(each_unknown(message, known, NULL, &len_bytes));
  *out = (pare_span){0};
  if (len_bytes == 0) return PARE_OK;
  uint8_t *copy = pare_arena_alloc(&reader->model->arena, len_bytes);
  if (!copy) return PARE_OUT_OF_MEMORY;
  *out = (pare_span){copy, len_bytes};
  return each_unknown(message, known, copy, &len_bytes);
}
