/* Tensors: a data type, a shape, and memory that is either counted (weights), the arena's, or borrowed. */
#ifndef PARE_TENSOR_H
#define PARE_TENSOR_H

#include "base/base.h"

/* Row-major, dense. A value: copy it freely; counted memory is kept with pare_tensor_retain. */
typedef struct pare_tensor {
  pare_dtype dtype;
  pare_shape shape;
  void *data;             /* NULL: not there (yet) */
  pare_bytes *owner;      /* NULL: the memory belongs to somebody else */
  struct pare_list *list; /* a sequence or an optional, which has nothing of the above; NULL: a tensor */
} pare_tensor;

/* ONNX's sequence (of tensors) and optional (nothing, or one tensor or sequence): counted, and never changed once shared. */
typedef struct pare_list {
  pare_context *ctx;
  uint32_t n_refs;
  bool is_optional;
  int64_t n;
  pare_tensor items[];
} pare_list;

#define PARE_MAX_LIST ((int64_t)1 << 16)

size_t pare_dtype_size(pare_dtype dtype);      /* bytes; 0 for NONE, STRING and what has less than a byte */
int pare_dtype_bits(pare_dtype dtype);         /* 0 for NONE and STRING */
const char *pare_dtype_name(pare_dtype dtype); /* "f32" */
bool pare_dtype_known(int64_t onnx_number);

/* Elements of a shape whose dims are all >= 0; -1 when one is unknown. Shapes that reach here were checked not to overflow. */
int64_t pare_shape_count(const pare_shape *shape);
int64_t pare_shape_count_range(const pare_shape *shape, int first,
                               int end); /* product of dims [first, end) */
bool pare_shape_equal(const pare_shape *a, const pare_shape *b);
bool pare_shape_known(const pare_shape *shape);
/* "[1,6,28,28]"; "?" for -1. Writes at most `size` bytes with the zero; returns `text`. */
char *pare_shape_text(const pare_shape *shape, char *text, size_t size);
#define PARE_SHAPE(...)                                                                                      \
  pare_shape_of((const int64_t[]){__VA_ARGS__}, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)))
pare_shape pare_shape_of(const int64_t *dims, int rank);
/* Bytes of a tensor, overflow and the 2^40-element limit checked; BAD_MODEL. */
pare_status pare_tensor_bytes(pare_context *ctx, pare_dtype dtype, const pare_shape *shape, size_t *out);

/* True while values made as a session runs, `len_bytes` more among them, stay within what one may hold. */
bool pare_tensor_room(const pare_context *ctx, size_t len_bytes);
#define PARE_MAX_MEMORY_BYTES ((size_t)1 << (sizeof(size_t) > 4 ? 35 : 31))

static inline int64_t pare_tensor_count(const pare_tensor *tensor) {
  return pare_shape_count(&tensor->shape);
}
size_t pare_tensor_len_bytes(const pare_tensor *tensor);

/* A zeroed tensor with memory of its own; release with pare_tensor_release. */
pare_status pare_tensor_new(pare_context *ctx, pare_dtype dtype, const pare_shape *shape, pare_tensor *out);
/* A copy with memory of its own. */
pare_status pare_tensor_copy(pare_context *ctx, const pare_tensor *from, pare_tensor *out);
pare_tensor pare_tensor_retain(const pare_tensor *tensor);
void pare_tensor_release(pare_tensor *tensor); /* leaves it empty */
/* A list of `n` empty items to be filled; release with pare_tensor_release. More than PARE_MAX_LIST: UNSUPPORTED. */
pare_status pare_list_new(pare_context *ctx, bool is_optional, int64_t n, pare_tensor *out);

/* Element i of any integer, bool or float type (f16 and bf16 widened). */
double pare_tensor_get_f64(const pare_tensor *tensor, int64_t i);
int64_t pare_tensor_get_s64(const pare_tensor *tensor, int64_t i);
void pare_tensor_set_f64(pare_tensor *tensor, int64_t i,
                         double value); /* integers: truncates toward zero, wraps as C */

float pare_f16_to_f32(uint16_t half);
uint16_t pare_f32_to_f16(float value); /* round half to even */
float pare_bf16_to_f32(uint16_t half);
uint16_t pare_f32_to_bf16(float value); /* round half to even */

static inline float *pare_f32(const pare_tensor *tensor) {
  return (float *)tensor->data;
}
static inline uint8_t *pare_u8(const pare_tensor *tensor) {
  return (uint8_t *)tensor->data;
}
static inline int8_t *pare_s8(const pare_tensor *tensor) {
  return (int8_t *)tensor->data;
}
static inline int32_t *pare_s32(const pare_tensor *tensor) {
  return (int32_t *)tensor->data;
}
static inline int64_t *pare_s64(const pare_tensor *tensor) {
  return (int64_t *)tensor->data;
}

#endif
