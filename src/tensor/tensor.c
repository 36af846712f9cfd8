/* Data types, shapes and tensors. */
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAX_ELEMENTS ((int64_t)1 << 40)

static const struct {
  int number;
  size_t size;
  const char *name;
} dtypes[] = {
#define PARE_X(name, number, size) {number, size, #name},
    PARE_DTYPE_LIST(PARE_X)
#undef PARE_X
};

bool pare_dtype_known(int64_t onnx_number) {
  for (size_t i = 0; i < PARE_COUNT(dtypes); i++)
    if (dtypes[i].number == onnx_number) return true;
  return false;
}

size_t pare_dtype_size(pare_dtype dtype) {
  for (size_t i = 0; i < PARE_COUNT(dtypes); i++)
    if (dtypes[i].number == (int)dtype) return dtypes[i].size;
  return 0;
}

int pare_dtype_bits(pare_dtype dtype) {
  return dtype == PARE_U4 || dtype == PARE_S4 ? 4 : 8 * (int)pare_dtype_size(dtype);
}

const char *pare_dtype_name(pare_dtype dtype) {
  switch (dtype) {
  case PARE_NONE: return "none";
  case PARE_F32: return "f32";
  case PARE_U8: return "u8";
  case PARE_S8: return "s8";
  case PARE_U16: return "u16";
  case PARE_S16: return "s16";
  case PARE_S32: return "s32";
  case PARE_S64: return "s64";
  case PARE_STRING: return "string";
  case PARE_BOOL: return "bool";
  case PARE_F16: return "f16";
  case PARE_F64: return "f64";
  case PARE_U32: return "u32";
  case PARE_U64: return "u64";
  case PARE_BF16: return "bf16";
  case PARE_U4: return "u4";
  case PARE_S4: return "s4";
  }
  return "?";
}

int64_t pare_shape_count_range(const pare_shape *shape, int first, int end) {
  int64_t count = 1;
  for (int i = first; i < end; i++) {
    if (shape->dims[i] < 0) return -1;
    count *= shape->dims[i];
  }
  return count;
}

int64_t pare_shape_count(const pare_shape *shape) {
  return pare_shape_count_range(shape, 0, shape->rank);
}

bool pare_shape_equal(const pare_shape *a, const pare_shape *b) {
  if (a->rank != b->rank) return false;
  for (int i = 0; i < a->rank; i++)
    if (a->dims[i] != b->dims[i]) return false;
  return true;
}

bool pare_shape_known(const pare_shape *shape) {
  for (int i = 0; i < shape->rank; i++)
    if (shape->dims[i] < 0) return false;
  return true;
}

char *pare_shape_text(const pare_shape *shape, char *text, size_t size) {
  size_t used = 0;
  if (size) text[0] = 0;
  for (int i = 0; i <= shape->rank && used < size; i++) {
    int n;
    if (i == shape->rank)
      n = snprintf(text + used, size - used, i ? "]" : "[]");
    else if (shape->dims[i] < 0)
      n = snprintf(text + used, size - used, "%s?", i ? "," : "[");
    else
      n = snprintf(text + used, size - used, "%s%lld", i ? "," : "[", (long long)shape->dims[i]);
    used += n > 0 ? (size_t)n : 0;
  }
  return text;
}

pare_shape pare_shape_of(const int64_t *dims, int rank) {
  pare_shape shape = {.rank = rank};
  for (int i = 0; i < rank && i < PARE_MAX_RANK; i++) shape.dims[i] = dims[i];
  return shape;
}

pare_status pare_tensor_bytes(pare_context *ctx, pare_dtype dtype, const pare_shape *shape, size_t *out) {
  char text[160];
  const size_t bits = (size_t)pare_dtype_bits(dtype);
  size_t total;
  if (!bits) return pare_fail(ctx, PARE_UNSUPPORTED, "tensors of type %s", pare_dtype_name(dtype));
  int64_t count = 1;
  bool zero = false;
  for (int i = 0; i < shape->rank; i++) {
    int64_t dim = shape->dims[i];
    if (dim < 0)
      return pare_fail(ctx, PARE_BAD_MODEL, "shape %s has a negative dimension",
                       pare_shape_text(shape, text, sizeof text));
    zero |= dim == 0;
    if (__builtin_mul_overflow(count, dim ? dim : 1, &count) || count > MAX_ELEMENTS)
      return pare_fail(ctx, PARE_BAD_MODEL, "shape %s has more than 2^40 elements",
                       pare_shape_text(shape, text, sizeof text));
  }
  if (zero) count = 0;
  if ((uint64_t)count > SIZE_MAX || !pare_mul_size((size_t)count, bits < 8 ? 1 : bits / 8, &total))
    return pare_fail(ctx, PARE_OUT_OF_MEMORY, "shape %s does not fit in memory",
                     pare_shape_text(shape, text, sizeof text));
  *out = bits < 8 ? (total * bits + 7) / 8 : total;
  return PARE_OK;
}

bool pare_tensor_room(const pare_context *ctx, size_t len_bytes) {
  return len_bytes <= PARE_MAX_MEMORY_BYTES && ctx->used_bytes <= PARE_MAX_MEMORY_BYTES - len_bytes;
}

size_t pare_tensor_len_bytes(const pare_tensor *tensor) {
  int64_t count = pare_tensor_count(tensor);
  return count < 0 ? 0 : ((size_t)count * (size_t)pare_dtype_bits(tensor->dtype) + 7) / 8;
}

pare_status pare_tensor_new(pare_context *ctx, pare_dtype dtype, const pare_shape *shape, pare_tensor *out) {
  size_t size;
  *out = (pare_tensor){0};
  PARE_TRY(pare_tensor_bytes(ctx, dtype, shape, &size));
  pare_bytes *owner = pare_bytes_new(ctx, size);
  if (!owner) return PARE_OUT_OF_MEMORY;
  *out = (pare_tensor){.dtype = dtype, .shape = *shape, .data = owner->data, .owner = owner};
  return PARE_OK;
}

pare_status pare_tensor_copy(pare_context *ctx, const pare_tensor *from, pare_tensor *out) {
  PARE_TRY(pare_tensor_new(ctx, from->dtype, &from->shape, out));
  size_t len = pare_tensor_len_bytes(from);
  if (len) memcpy(out->data, from->data, len);
  return PARE_OK;
}

pare_tensor pare_tensor_retain(const pare_tensor *tensor) {
  pare_bytes_retain(tensor->owner);
  if (tensor->list) tensor->list->n_refs++;
  return *tensor;
}

/* At most two lists deep: an optional holds a sequence, a sequence holds tensors. */
static void release_list(pare_list *list) {
  if (!list || --list->n_refs > 0) return;
  for (int64_t i = 0; i < list->n; i++) pare_tensor_release(&list->items[i]);
  pare_free(list->ctx, list);
}

void pare_tensor_release(pare_tensor *tensor) {
  pare_bytes_release(tensor->owner);
  release_list(tensor->list);
  *tensor = (pare_tensor){0};
}

pare_status pare_list_new(pare_context *ctx, bool is_optional, int64_t n, pare_tensor *out) {
  *out = (pare_tensor){0};
  if (n > PARE_MAX_LIST)
    return pare_fail(ctx, PARE_UNSUPPORTED, "a sequence of more than %lld items", (long long)PARE_MAX_LIST);
  pare_list *list = pare_alloc(ctx, sizeof *list + (size_t)n * sizeof(pare_tensor));
  if (!list) return PARE_OUT_OF_MEMORY;
  *list = (pare_list){.ctx = ctx, .n_refs = 1, .is_optional = is_optional, .n = n};
  out->list = list;
  return PARE_OK;
}

static int half_byte(const pare_tensor *tensor, int64_t i) {
  return (((const uint8_t *)tensor->data)[i / 2] >> (i % 2 ? 4 : 0)) & 15;
}

static void set_half_byte(pare_tensor *tensor, int64_t i, int value) {
  uint8_t *byte = &((uint8_t *)tensor->data)[i / 2];
  *byte = (uint8_t)(i % 2 ? (*byte & 0x0f) | (value & 15) << 4 : (*byte & 0xf0) | (value & 15));
}

double pare_tensor_get_f64(const pare_tensor *tensor, int64_t i) {
  switch (tensor->dtype) {
  case PARE_F32: return (double)((const float *)tensor->data)[i];
  case PARE_F64: return ((const double *)tensor->data)[i];
  case PARE_F16: return (double)pare_f16_to_f32(((const uint16_t *)tensor->data)[i]);
  case PARE_BF16: return (double)pare_bf16_to_f32(((const uint16_t *)tensor->data)[i]);
  case PARE_U64: return (double)((const uint64_t *)tensor->data)[i];
  default: return (double)pare_tensor_get_s64(tensor, i);
  }
}

static int64_t f64_to_s64(double value) {
  if (!(value >= -0x1p63)) return INT64_MIN; /* NaN too */
  return value >= 0x1p63 ? INT64_MAX : (int64_t)value;
}

int64_t pare_tensor_get_s64(const pare_tensor *tensor, int64_t i) {
  switch (tensor->dtype) {
  case PARE_U4: return half_byte(tensor, i);
  case PARE_S4: return (half_byte(tensor, i) ^ 8) - 8;
  case PARE_U8:
  case PARE_BOOL: return ((const uint8_t *)tensor->data)[i];
  case PARE_S8: return ((const int8_t *)tensor->data)[i];
  case PARE_U16: return ((const uint16_t *)tensor->data)[i];
  case PARE_S16: return ((const int16_t *)tensor->data)[i];
  case PARE_S32: return ((const int32_t *)tensor->data)[i];
  case PARE_U32: return ((const uint32_t *)tensor->data)[i];
  case PARE_S64: return ((const int64_t *)tensor->data)[i];
  case PARE_U64: return (int64_t)((const uint64_t *)tensor->data)[i];
  case PARE_F32:
  case PARE_F64:
  case PARE_F16:
  case PARE_BF16: return f64_to_s64(pare_tensor_get_f64(tensor, i));
  default: return 0;
  }
}

void pare_tensor_set_f64(pare_tensor *tensor, int64_t i, double value) {
  int64_t whole = f64_to_s64(value);
  switch (tensor->dtype) {
  case PARE_F32: ((float *)tensor->data)[i] = (float)value; break;
  case PARE_F64: ((double *)tensor->data)[i] = value; break;
  case PARE_F16: ((uint16_t *)tensor->data)[i] = pare_f32_to_f16((float)value); break;
  case PARE_BF16: ((uint16_t *)tensor->data)[i] = pare_f32_to_bf16((float)value); break;
  case PARE_BOOL: ((uint8_t *)tensor->data)[i] = value != 0; break;
  case PARE_U4:
  case PARE_S4: set_half_byte(tensor, i, (int)(whole & 15)); break;
  case PARE_U8:
  case PARE_S8: ((uint8_t *)tensor->data)[i] = (uint8_t)whole; break;
  case PARE_U16:
  case PARE_S16: ((uint16_t *)tensor->data)[i] = (uint16_t)whole; break;
  case PARE_U32:
  case PARE_S32: ((uint32_t *)tensor->data)[i] = (uint32_t)whole; break;
  case PARE_S64: ((int64_t *)tensor->data)[i] = whole; break;
  case PARE_U64:
    ((uint64_t *)tensor->data)[i] = value >= 0x1p63 && value < 0x1p64 ? (uint64_t)value : (uint64_t)whole;
    break;
  default: break;
  }
}

static uint32_t f32_bits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return bits;
}

static float bits_f32(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

float pare_f16_to_f32(uint16_t half) {
  uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 31) return bits_f32(sign | 0x7f800000u | (fraction << 13));
  if (exponent) return bits_f32(sign | ((exponent + 112) << 23) | (fraction << 13));
  float small = (float)fraction * 0x1p-24f;
  return sign ? -small : small;
}

uint16_t pare_f32_to_f16(float value) {
  uint32_t bits = f32_bits(value), sign = (bits >> 16) & 0x8000u, rest = bits & 0x7fffffffu;
  if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
  if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u); /* 65520 and more round to infinity */
  if (rest < 0x38800000u) {                                   /* below 2^-14: a multiple of 2^-24 */
    return (uint16_t)(sign | (uint32_t)rintf(bits_f32(rest) * 0x1p24f));
  }
  uint32_t odd = (rest >> 13) & 1;
  return (uint16_t)(sign | ((rest + 0xfffu + odd - 0x38000000u) >> 13));
}

float pare_bf16_to_f32(uint16_t half) {
  return bits_f32((uint32_t)half << 16);
}

uint16_t pare_f32_to_bf16(float value) {
  uint32_t bits = f32_bits(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
  return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}
