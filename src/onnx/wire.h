/* Protobuf's wire format, as far as ONNX needs it: a reader with hard bounds over bytes that stay where they
 * are, and a writer. Source: "Encoding", protobuf.dev. A message is a row of fields; a field is a tag (number
 * << 3 | type) and a varint (type 0), 8 bytes (1), a length and bytes (2), or 4 bytes (5). Groups (3, 4)
 * never occur in ONNX and are refused. */
#ifndef PARE_WIRE_H
#define PARE_WIRE_H

#include "base/base.h"

#define PARE_WIRE_MAX_DEPTH 32

typedef enum pare_wire_type {
  PARE_VARINT = 0,
  PARE_FIXED64 = 1,
  PARE_BYTES = 2,
  PARE_FIXED32 = 5
} pare_wire_type;

/* A place in a message. A value: copy it to read the message again. */
typedef struct pare_wire {
  pare_context *ctx;
  const uint8_t *file; /* first byte of the file: errors give offsets from here */
  const uint8_t *at, *end;
  int depth;
} pare_wire;

typedef struct pare_wire_field {
  uint32_t number; /* 0: the message is over */
  pare_wire_type type;
  uint64_t value;  /* VARINT, FIXED64, FIXED32 */
  pare_span bytes; /* BYTES */
  pare_span whole; /* tag and all, for carrying along what is not understood */
} pare_wire_field;

pare_wire pare_wire_new(pare_context *ctx, const void *bytes, size_t len_bytes);
/* The next field. BAD_MODEL names the offset. */
pare_status pare_wire_next(pare_wire *wire, pare_wire_field *field);
/* The message inside a field of type BYTES. BAD_MODEL: another type, or nested more than PARE_WIRE_MAX_DEPTH
 * deep. */
pare_status pare_wire_enter(const pare_wire *wire, const pare_wire_field *field, pare_wire *inner);
/* BAD_MODEL unless the field has this type; `what` names it in the message. */
pare_status pare_wire_expect(const pare_wire *wire, const pare_wire_field *field, pare_wire_type type,
                             const char *what);
/* The elements of a repeated number field of a message, whether packed into rows or not. Bits as on the
 * wire. */
typedef struct pare_wire_numbers {
  pare_wire message, row;
  uint32_t number;
  pare_wire_type element; /* VARINT, FIXED32 or FIXED64 */
} pare_wire_numbers;

pare_wire_numbers pare_wire_numbers_of(const pare_wire *message, uint32_t number, pare_wire_type element);
pare_status pare_wire_numbers_next(pare_wire_numbers *numbers, uint64_t *value, bool *more);
pare_status pare_wire_numbers_count(pare_wire_numbers numbers, size_t *n);
size_t pare_wire_offset(const pare_wire *wire, const uint8_t *at);
float pare_wire_f32(uint64_t bits);

/* ---- writing ------------------------------------------------------------------------------------------- */
void pare_wire_put_varint(pare_writer *out, uint64_t value);
void pare_wire_put_tag(pare_writer *out, uint32_t number, pare_wire_type type);
void pare_wire_put_int(pare_writer *out, uint32_t number, int64_t value);
void pare_wire_put_f32(pare_writer *out, uint32_t number, float value);
void pare_wire_put_bytes(pare_writer *out, uint32_t number, const void *bytes, size_t len_bytes);
void pare_wire_put_text(pare_writer *out, uint32_t number, const char *text); /* NULL and "": nothing */
/* A message inside: what is put between begin and end becomes its content. */
size_t pare_wire_begin(pare_writer *out, uint32_t number);
void pare_wire_end(pare_writer *out, size_t mark);

#endif
