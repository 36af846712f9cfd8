/* Det: the determinant of every matrix, by elimination with the largest pivot of each column, in f64 (ONNX Det, opset 11). */
#include <math.h>

#include "ops/wide.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_wide_need_float(call, 0));
  pare_shape out = call->in[0]->shape;
  if (out.rank < 2 || out.dims[out.rank - 1] != out.dims[out.rank - 2])
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the input holds no square matrices");
  out.rank -= 2;
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static int64_t side_of(const pare_call *call) {
  return call->in[0]->shape.dims[call->in[0]->shape.rank - 1];
}

static pare_status prepare(pare_call *call) {
  size_t n = (size_t)side_of(call);
  if (pare_mul_size(n, n, &n) && pare_mul_size(n, sizeof(double), &call->scratch_bytes)) return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

/* The row, from `k` on, whose element in column k is largest. */
static int64_t pivot_of(const double *a, int64_t n, int64_t k) {
  int64_t best = k;
  for (int64_t i = k + 1; i < n; i++)
    if (fabs(a[i * n + k]) > fabs(a[best * n + k])) best = i;
  return best;
}

static double determinant(double *a, int64_t n) {
  double product = 1.0;
  for (int64_t k = 0; k < n; k++) {
    const int64_t pivot = pivot_of(a, n, k);
    if (a[pivot * n + k] == 0.0) return 0.0;
    for (int64_t j = 0; j < n && pivot != k; j++) {
      const double kept = a[k * n + j];
      a[k * n + j] = a[pivot * n + j];
      a[pivot * n + j] = kept;
    }
    product *= pivot == k ? a[k * n + k] : -a[k * n + k];
    for (int64_t i = k + 1; i < n; i++) {
      const double factor = a[i * n + k] / a[k * n + k];
      for (int64_t j = k; j < n; j++) a[i * n + j] -= factor * a[k * n + j];
    }
  }
  return product;
}

static pare_status run(pare_call *call) {
  const int64_t n = side_of(call), count = pare_tensor_count(call->out[0]);
  for (int64_t i = 0; i < count; i++) {
    double *a = call->scratch;
    for (int64_t k = 0; k < n * n; k++) a[k] = pare_tensor_get_f64(call->in[0], i * n * n + k);
    pare_tensor_set_f64(call->out[0], i, determinant(a, n));
  }
  return PARE_OK;
}

const pare_op pare_op_det = {
    .name = "Det",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "none yet: no network that is trained here has asked for it",
    .quant = PARE_QUANT_NONE,
};
