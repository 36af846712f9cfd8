/* SparseTensorProto: the elements that are not zero (values, whose name is the initializer's), where they stand (indices: s64, each one
 * number in row-major order, or one row of coordinates; ascending), and dims. Inside Pare the tensor is dense. */
#include "onnx/onnx.h"

#include <stdio.h>
#include <string.h>

enum { SPARSE_VALUES = 1, SPARSE_INDICES = 2, SPARSE_DIMS = 3 };

/* A few bytes must not ask for any amount of memory: beyond this, a tensor has at least one nonzero in so many elements. */
#define FREE_BYTES    ((size_t)16 << 20)
#define MOST_ELEMENTS 65536

typedef struct sparse_proto {
  pare_context *ctx;
  char what[160];
  pare_tensor_proto values, indices;
  bool has_values, has_indices;
  pare_shape shape;
  pare_tensor elements, places;
} sparse_proto;

static pare_status scan(pare_onnx_reader *reader, const pare_wire *message, sparse_proto *out) {
  pare_wire wire = *message, inner;
  for (;;) {
    pare_wire_field field;
    PARE_TRY(pare_wire_next(&wire, &field));
    if (field.number == 0) break;
    if (field.number != SPARSE_VALUES && field.number != SPARSE_INDICES) continue;
    bool is_values = field.number == SPARSE_VALUES;
    PARE_TRY(pare_wire_enter(&wire, &field, &inner));
    PARE_TRY(pare_onnx_tensor_scan(&inner, is_values ? &out->values : &out->indices));
    *(is_values ? &out->has_values : &out->has_indices) = true;
  }
  pare_wire_numbers dims = pare_wire_numbers_of(message, SPARSE_DIMS, PARE_VARINT);
  for (;;) {
    uint64_t bits;
    bool more;
    PARE_TRY(pare_wire_numbers_next(&dims, &bits, &more));
    if (!more) break;
    if (out->shape.rank == PARE_MAX_RANK)
      return pare_fail(reader->ctx, PARE_UNSUPPORTED, "a sparse initializer has more than %d dimensions",
                       PARE_MAX_RANK);
    out->shape.dims[out->shape.rank++] = (int64_t)bits;
  }
  if (out->has_values && out->has_indices && out->shape.rank > 0) return PARE_OK;
  return pare_fail(reader->ctx, PARE_BAD_MODEL,
                   "offset %zu: a sparse initializer lacks values, indices or dims",
                   pare_wire_offset(message, message->at));
}

static pare_status check(sparse_proto *s) {
  const pare_tensor *places = &s->places;
  const int64_t n = pare_tensor_count(&s->elements);
  const bool linear = places->shape.rank == 1;
  const bool fits = s->elements.shape.rank == 1 && places->dtype == PARE_S64 && places->shape.rank >= 1 &&
                    places->shape.rank <= 2 && places->shape.dims[0] == n &&
                    (linear || places->shape.dims[1] == s->shape.rank);
  if (!fits)
    return pare_fail(s->ctx, PARE_BAD_MODEL, "%s: values [n] need s64 indices [n] or [n,rank]", s->what);
  size_t dense_bytes;
  pare_status status = pare_tensor_bytes(s->ctx, s->elements.dtype, &s->shape, &dense_bytes);
  if (status != PARE_OK) return pare_fail_within(s->ctx, status, "%s", s->what);
  if (dense_bytes > FREE_BYTES && pare_shape_count(&s->shape) / MOST_ELEMENTS > n)
    return pare_fail(s->ctx, PARE_UNSUPPORTED, "%s: %lld values are too few for its size", s->what,
                     (long long)n);
  return PARE_OK;
}

/* The place of element i in row-major order, or -1. */
static int64_t place_of(const sparse_proto *s, int64_t i) {
  const int64_t *at = pare_s64(&s->places);
  if (s->places.shape.rank == 1) return at[i] < pare_shape_count(&s->shape) ? at[i] : -1;
  int64_t place = 0;
  for (int k = 0; k < s->shape.rank; k++) {
    const int64_t index = at[i * s->shape.rank + k];
    if (index < 0 || index >= s->shape.dims[k]) return -1;
    place = place * s->shape.dims[k] + index;
  }
  return place;
}

static pare_status scatter(const sparse_proto *s, pare_tensor *dense) {
  const size_t size = pare_dtype_size(s->elements.dtype);
  int64_t last = -1;
  for (int64_t i = 0; i < pare_tensor_count(&s->elements); i++) {
    const int64_t place = place_of(s, i);
    if (place <= last)
      return pare_fail(s->ctx, PARE_BAD_MODEL, "%s: index %lld is outside the shape, or not ascending",
                       s->what, (long long)i);
    memcpy((uint8_t *)dense->data + (size_t)place * size,
           (const uint8_t *)s->elements.data + (size_t)i * size, size);
    last = place;
  }
  return PARE_OK;
}

static pare_status load(sparse_proto *s, pare_tensor *dense) {
  PARE_TRY(pare_onnx_tensor_load(&s->values, NULL, s->what, &s->elements));
  PARE_TRY(pare_onnx_tensor_load(&s->indices, NULL, s->what, &s->places));
  PARE_TRY(check(s));
  PARE_TRY(pare_tensor_new(s->ctx, s->elements.dtype, &s->shape, dense));
  pare_status status = scatter(s, dense);
  if (status != PARE_OK) pare_tensor_release(dense);
  return status;
}

pare_status pare_onnx_read_sparse(pare_onnx_reader *reader, const pare_wire *message) {
  sparse_proto s = {.ctx = reader->ctx};
  pare_tensor dense;
  int i_value;
  PARE_TRY(scan(reader, message, &s));
  if (!s.values.name.len_bytes || !pare_onnx_is_text(s.values.name))
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "offset %zu: a sparse initializer has no name",
                     pare_wire_offset(message, message->at));
  const char *name = pare_arena_text_n(&reader->model->arena, s.values.name.data, s.values.name.len_bytes);
  if (!name) return PARE_OUT_OF_MEMORY;
  snprintf(s.what, sizeof s.what, "sparse initializer '%.100s'", name);
  PARE_TRY(pare_onnx_value(reader, name, &i_value));
  if (reader->model->values[i_value].is_initializer)
    return pare_fail(reader->ctx, PARE_BAD_MODEL, "%s is there twice", s.what);
  pare_status status = load(&s, &dense);
  pare_tensor_release(&s.elements);
  pare_tensor_release(&s.places);
  PARE_TRY(status);
  pare_value *value = &reader->model->values[i_value];
  value->tensor = dense;
  value->is_initializer = value->has_shape = value->sparse = true;
  value->dtype = dense.dtype;
  value->shape = dense.shape;
  return PARE_OK;
}

/* ---- writing ------------------------------------------------------------------------------------------- */

/* Negative zeros are kept: only elements whose bytes are all zero are left out. */
static bool is_zero(const uint8_t *element, size_t size) {
  for (size_t i = 0; i < size; i++)
    if (element[i]) return false;
  return true;
}

static int64_t count_nonzeros(const pare_tensor *tensor) {
  const size_t size = pare_dtype_size(tensor->dtype);
  int64_t n = 0;
  for (int64_t i = 0; i < pare_tensor_count(tensor); i++)
    n += !is_zero((const uint8_t *)tensor->data + (size_t)i * size, size);
  return n;
}

bool pare_onnx_stays_sparse(const pare_value *value) {
  const pare_tensor *tensor = &value->tensor;
  const size_t size = value->is_initializer ? pare_dtype_size(tensor->dtype) : 0;
  if (!value->sparse || size == 0 || tensor->shape.rank == 0) return false;
  const size_t framing = 24; /* of the second tensor */
  return (size_t)count_nonzeros(tensor) * (size + sizeof(int64_t)) + framing < pare_tensor_len_bytes(tensor);
}

void pare_onnx_sparse_put(pare_writer *out, uint32_t number, const pare_value *value) {
  const pare_tensor *tensor = &value->tensor;
  const size_t size = pare_dtype_size(tensor->dtype);
  const int64_t n = pare_tensor_count(tensor), n_left = count_nonzeros(tensor);
  const size_t whole = pare_wire_begin(out, number), values = pare_wire_begin(out, SPARSE_VALUES);
  pare_wire_put_int(out, 1, n_left);
  pare_wire_put_int(out, 2, tensor->dtype);
  pare_wire_put_text(out, 8, value->name);
  size_t raw = pare_wire_begin(out, 9);
  for (int64_t i = 0; i < n; i++) {
    const uint8_t *element = (const uint8_t *)tensor->data + (size_t)i * size;
    if (!is_zero(element, size)) pare_writer_put(out, element, size);
  }
  pare_wire_end(out, raw);
  pare_wire_end(out, values);
  const size_t indices = pare_wire_begin(out, SPARSE_INDICES);
  pare_wire_put_int(out, 1, n_left);
  pare_wire_put_int(out, 2, PARE_S64);
  raw = pare_wire_begin(out, 9);
  for (int64_t i = 0; i < n; i++) {
    if (!is_zero((const uint8_t *)tensor->data + (size_t)i * size, size)) pare_writer_put(out, &i, sizeof i);
  }
  pare_wire_end(out, raw);
  pare_wire_end(out, indices);
  for (int i = 0; i < tensor->shape.rank; i++) pare_wire_put_int(out, SPARSE_DIMS, tensor->shape.dims[i]);
  pare_wire_end(out, whole);
}
