/* Rows of any type as f64 or s64; see wide.h. */
#include "ops/wide.h"

#define READ(type, wide)                                                                                     \
  do {                                                                                                       \
    const type *x = (const type *)tensor->data + at;                                                         \
    for (int64_t i = 0; i < n; i++) to[i] = (wide)x[i * step];                                               \
  } while (0)

#define WRITE(type)                                                                                          \
  do {                                                                                                       \
    type *y = (type *)tensor->data + at;                                                                     \
    for (int64_t i = 0; i < n; i++) y[i] = (type)from[i];                                                    \
  } while (0)

void pare_wide_read_f64(const pare_tensor *tensor, int64_t at, int64_t step, int64_t n, double *to) {
  switch (tensor->dtype) {
  case PARE_F32: READ(float, double); break;
  case PARE_F64: READ(double, double); break;
  default:
    for (int64_t i = 0; i < n; i++) to[i] = pare_tensor_get_f64(tensor, at + i * step);
  }
}

void pare_wide_read_s64(const pare_tensor *tensor, int64_t at, int64_t step, int64_t n, int64_t *to) {
  switch (tensor->dtype) {
  case PARE_S64: READ(int64_t, int64_t); break;
  case PARE_S32: READ(int32_t, int64_t); break;
  case PARE_U8: READ(uint8_t, int64_t); break;
  default:
    for (int64_t i = 0; i < n; i++) to[i] = pare_tensor_get_s64(tensor, at + i * step);
  }
}

void pare_wide_write_f64(pare_tensor *tensor, int64_t at, int64_t n, const double *from) {
  switch (tensor->dtype) {
  case PARE_F32: WRITE(float); break;
  case PARE_F64: WRITE(double); break;
  default:
    for (int64_t i = 0; i < n; i++) pare_tensor_set_f64(tensor, at + i, from[i]);
  }
}

void pare_wide_write_s64(pare_tensor *tensor, int64_t at, int64_t n, const int64_t *from) {
  switch (pare_dtype_size(tensor->dtype)) {
  case 1: WRITE(uint8_t); break;
  case 2: WRITE(uint16_t); break;
  case 4: WRITE(uint32_t); break;
  default: WRITE(int64_t); break;
  }
}

void pare_wide_set_s64(pare_tensor *tensor, int64_t i, int64_t x) {
  pare_wide_write_s64(tensor, i, 1, &x);
}

static int order_f64(double a, double b) {
  if (a != a || b != b) return (a != a) - (b != b);
  return (a > b) - (a < b);
}

int pare_wide_compare(const pare_tensor *tensor, int64_t i, int64_t j) {
  if (pare_wide_is_float(tensor->dtype))
    return order_f64(pare_tensor_get_f64(tensor, i), pare_tensor_get_f64(tensor, j));
  const int64_t a = pare_tensor_get_s64(tensor, i), b = pare_tensor_get_s64(tensor, j);
  if (tensor->dtype == PARE_U64) return ((uint64_t)a > (uint64_t)b) - ((uint64_t)a < (uint64_t)b);
  return (a > b) - (a < b);
}

static pare_status refuse(pare_call *call, int i) {
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "input %d of type %s", i,
                   pare_dtype_name(call->in[i]->dtype));
}

pare_status pare_wide_need_number(pare_call *call, int i) {
  PARE_TRY(pare_op_need(call, i));
  return pare_wide_is_number(call->in[i]->dtype) ? PARE_OK : refuse(call, i);
}

pare_status pare_wide_need_float(pare_call *call, int i) {
  PARE_TRY(pare_op_need(call, i));
  return pare_wide_is_float(call->in[i]->dtype) ? PARE_OK : refuse(call, i);
}

pare_status pare_wide_need_same(pare_call *call, int i) {
  PARE_TRY(pare_op_need(call, i));
  if (call->in[i]->dtype == call->in[0]->dtype) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of different types, %s and %s",
                   pare_dtype_name(call->in[0]->dtype), pare_dtype_name(call->in[i]->dtype));
}
