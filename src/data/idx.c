/* IDX, the format of MNIST and its successors (LeCun, Cortes, Burges): 0, 0, element type, rank, then rank
 * big-endian 32-bit sizes, then big-endian elements in C order. */
#include "data/dataset.h"

#include <string.h>

static pare_dtype dtype_of(uint8_t code) {
  switch (code) {
  case 0x08: return PARE_U8;
  case 0x09: return PARE_S8;
  case 0x0B: return PARE_S16;
  case 0x0C: return PARE_S32;
  case 0x0D: return PARE_F32;
  case 0x0E: return PARE_F64;
  default: return PARE_NONE;
  }
}

static uint32_t read_u32_be(const uint8_t *at) {
  return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static void copy_from_big_endian(uint8_t *to, const uint8_t *from, size_t len_bytes, size_t size) {
  if (size == 1) {
    memcpy(to, from, len_bytes);
    return;
  }
  for (size_t i = 0; i < len_bytes; i++) to[i] = from[i - i % size + (size - 1 - i % size)];
}

pare_status pare_idx_read(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                          pare_tensor *out) {
  const uint8_t *file = bytes;
  *out = (pare_tensor){0};
  if (len_bytes < 4 || file[0] || file[1]) {
    return pare_fail(ctx, PARE_BAD_DATA,
                     "%s: offset 0: not an IDX file (it begins with two zero bytes, a type and a rank)",
                     name);
  }
  pare_dtype dtype = dtype_of(file[2]);
  if (dtype == PARE_NONE) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 2: IDX element type 0x%02x does not exist", name,
                     file[2]);
  }
  pare_shape shape = {.rank = file[3]};
  if (shape.rank < 1 || shape.rank > PARE_MAX_RANK) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 3: rank %d is not in 1 to %d", name, shape.rank,
                     PARE_MAX_RANK);
  }
  size_t start = 4 + 4 * (size_t)shape.rank, size;
  if (len_bytes < start) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 4: the file ends inside its %d sizes", name, shape.rank);
  }
  for (int i = 0; i < shape.rank; i++) shape.dims[i] = read_u32_be(file + 4 + 4 * i);
  char text[128];
  pare_shape_text(&shape, text, sizeof(text));
  if (pare_tensor_bytes(ctx, dtype, &shape, &size) != PARE_OK) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 4: shape %s is too big", name, text);
  }
  if (size != len_bytes - start) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s: offset %zu: shape %s of %s needs %zu bytes, but %zu are there",
                     name, start, text, pare_dtype_name(dtype), size, len_bytes - start);
  }
  PARE_TRY(pare_tensor_new(ctx, dtype, &shape, out));
  if (size) copy_from_big_endian(out->data, file + start, size, pare_dtype_size(dtype));
  return PARE_OK;
}
