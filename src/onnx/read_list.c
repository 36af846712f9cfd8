/* SequenceProto and OptionalProto files, as in ONNX's test data (onnx-data.proto, onnx.proto): sequences of tensors, and optionals of a
 * tensor or such a sequence. */
#include "onnx/onnx.h"

enum { NAME = 1, ELEMENT = 2, TENSOR = 3, SPARSE = 4, SEQUENCE = 5, MAP = 6, OPTIONAL = 7 };

static pare_status refuse(const pare_wire *wire, const pare_wire_field *field) {
  return pare_fail(wire->ctx, PARE_UNSUPPORTED, "offset %zu: neither a tensor nor a sequence of tensors",
                   pare_wire_offset(wire, field->whole.data));
}

static pare_status read_item(const pare_wire *wire, const pare_wire_field *field, pare_tensor *out) {
  pare_wire message;
  pare_tensor_proto proto;
  PARE_TRY(pare_wire_enter(wire, field, &message));
  PARE_TRY(pare_onnx_tensor_scan(&message, &proto));
  return pare_onnx_tensor_load(&proto, NULL, "a tensor", out);
}

/* Calls nothing twice: `n` tensors are counted first. */
static pare_status count_items(pare_wire wire, int64_t *n) {
  for (*n = 0;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) return PARE_OK;
    if (field.number >= SPARSE && field.number <= OPTIONAL) return refuse(&wire, &field);
    *n += field.number == TENSOR;
  }
}

static pare_status read_sequence(pare_wire wire, pare_tensor *out) {
  int64_t n;
  PARE_TRY(count_items(wire, &n));
  PARE_TRY(pare_list_new(wire.ctx, false, n, out));
  for (int64_t i = 0; i < n;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == TENSOR) PARE_TRY(read_item(&wire, &field, &out->list->items[i++]));
  }
  return PARE_OK;
}

static pare_status read_optional(pare_wire wire, pare_tensor *out) {
  pare_tensor held = {0};
  pare_status status = PARE_OK;
  for (bool found = false; status == PARE_OK;) {
    pare_wire_field field;
    pare_wire inner;
    status = pare_wire_next(&wire, &field);
    if (status != PARE_OK || field.number == 0) break;
    if (field.number == TENSOR && !found) {
      status = read_item(&wire, &field, &held);
      found = true;
    } else if (field.number == SEQUENCE && !found) {
      status = pare_wire_enter(&wire, &field, &inner);
      if (status == PARE_OK) status = read_sequence(inner, &held);
      found = true;
    } else if (field.number >= SPARSE && field.number <= OPTIONAL) {
      status = refuse(&wire, &field);
    }
  }
  bool holds = held.data || held.list;
  if (status == PARE_OK) status = pare_list_new(wire.ctx, true, holds ? 1 : 0, out);
  if (status == PARE_OK && holds)
    out->list->items[0] = held;
  else
    pare_tensor_release(&held);
  return status;
}

pare_status pare_onnx_list_read(pare_context *ctx, pare_value_kind kind, const void *bytes, size_t len_bytes,
                                pare_tensor *out) {
  pare_wire wire = pare_wire_new(ctx, bytes, len_bytes);
  *out = (pare_tensor){0};
  pare_status status = kind == PARE_KIND_OPTIONAL ? read_optional(wire, out) : read_sequence(wire, out);
  if (status != PARE_OK) pare_tensor_release(out);
  return status;
}
