/* Types that need no loops of their own: rows are read as f64 or s64, computed there, and stored in the tensor's type. Speed does
 * not matter for them; f32 has loops beside these wherever it does. u64 goes through s64 bit for bit: an operator for which
 * the sign matters looks at the type. */
#ifndef PARE_WIDE_H
#define PARE_WIDE_H

#include "ops/loop.h"
#include "ops/op_util.h"

enum { PARE_WIDE_ROW = 128 };

/* Elements at, at + step, ... (n <= PARE_WIDE_ROW). */
void pare_wide_read_f64(const pare_tensor *tensor, int64_t at, int64_t step, int64_t n, double *to);
void pare_wide_read_s64(const pare_tensor *tensor, int64_t at, int64_t step, int64_t n, int64_t *to);
void pare_wide_write_f64(pare_tensor *tensor, int64_t at, int64_t n, const double *from);
/* The low bits. */
void pare_wide_write_s64(pare_tensor *tensor, int64_t at, int64_t n, const int64_t *from);
/* The low bits of x as element i. */
void pare_wide_set_s64(pare_tensor *tensor, int64_t i, int64_t x);

static inline bool pare_wide_is_float(pare_dtype dtype) {
  return dtype == PARE_F32 || dtype == PARE_F64;
}
static inline bool pare_wide_is_narrow(pare_dtype dtype) {
  return dtype == PARE_F16 || dtype == PARE_BF16;
}
/* Any width and sign; not bool. */
static inline bool pare_wide_is_int(pare_dtype dtype) {
  return dtype == PARE_S8 || dtype == PARE_S16 || dtype == PARE_S32 || dtype == PARE_S64 ||
         dtype == PARE_U8 || dtype == PARE_U16 || dtype == PARE_U32 || dtype == PARE_U64;
}
static inline bool pare_wide_is_number(pare_dtype dtype) {
  return pare_wide_is_float(dtype) || pare_wide_is_int(dtype);
}
/* Elements i and j: -1, 0 or 1. A NaN is larger than every number. */
int pare_wide_compare(const pare_tensor *tensor, int64_t i, int64_t j);
/* Input i is there and of an f32, f64 or integer type; UNSUPPORTED. */
pare_status pare_wide_need_number(pare_call *call, int i);
/* Input i is there and f32 or f64; UNSUPPORTED. */
pare_status pare_wide_need_float(pare_call *call, int i);
/* Input i is there and of input 0's type; BAD_MODEL. */
pare_status pare_wide_need_same(pare_call *call, int i);

#endif
