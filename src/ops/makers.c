/* Tensors made from numbers and shapes: EyeLike (ONNX opset 9), Range (11), Size (13). */
#include <math.h>

#include "ops/wide.h"

/* ---- EyeLike: ones on the k-th diagonal ---------------------------------------------------------------- */
static pare_status infer_eye(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  const int64_t dtype = pare_node_int(call->node, "dtype", (int64_t)call->in[0]->dtype);
  if (call->in[0]->shape.rank != 2) return pare_fail(call->ctx, PARE_BAD_MODEL, "the input is no matrix");
  if (!pare_dtype_known(dtype) || pare_dtype_size((pare_dtype)dtype) == 0)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "type %lld", (long long)dtype);
  return pare_op_set_out(call, 0, (pare_dtype)dtype, &call->in[0]->shape);
}

static pare_status run_eye(pare_call *call) {
  const int64_t rows = call->in[0]->shape.dims[0], columns = call->in[0]->shape.dims[1];
  const int64_t k = pare_node_int(call->node, "k", 0);
  const size_t len_bytes = pare_tensor_len_bytes(call->out[0]);
  if (len_bytes) memset(call->out[0]->data, 0, len_bytes);
  for (int64_t i = 0; i < rows; i++) {
    if (k >= columns - i || k < -i) continue;
    pare_tensor_set_f64(call->out[0], i * columns + i + k, 1.0);
  }
  return PARE_OK;
}

/* ---- Range: start, start + delta, ... below limit -------------------------------------------------------- */
static pare_status infer_range(pare_call *call) {
  PARE_TRY(pare_wide_need_number(call, 0));
  for (int i = 0; i < 3; i++) {
    PARE_TRY(pare_wide_need_same(call, i));
    if (pare_tensor_count(call->in[i]) != 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is not one number", i);
    PARE_TRY(pare_op_need_data(call, i));
  }
  const double start = pare_tensor_get_f64(call->in[0], 0), limit = pare_tensor_get_f64(call->in[1], 0),
               delta = pare_tensor_get_f64(call->in[2], 0);
  const double n = ceil((limit - start) / delta);
  if (delta == 0 || !(n < 0x1p40)) return pare_fail(call->ctx, PARE_BAD_MODEL, "the range has no end");
  const pare_shape out = {.rank = 1, .dims = {n > 0 ? (int64_t)n : 0}};
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status run_range(pare_call *call) {
  pare_tensor *out = call->out[0];
  const int64_t n = pare_tensor_count(out);
  const bool is_float = pare_wide_is_float(out->dtype);
  for (int64_t i = 0; i < n; i++) {
    if (is_float)
      pare_tensor_set_f64(
          out, i, pare_tensor_get_f64(call->in[0], 0) + (double)i * pare_tensor_get_f64(call->in[2], 0));
    else
      pare_wide_set_s64(out, i,
                        (int64_t)((uint64_t)pare_tensor_get_s64(call->in[0], 0) +
                                  (uint64_t)i * (uint64_t)pare_tensor_get_s64(call->in[2], 0)));
  }
  return PARE_OK;
}

/* ---- Size: how many elements --------------------------------------------------------------------------- */
static pare_status infer_size(pare_call *call) {
  PARE_TRY(pare_op_need(call, 0));
  return pare_op_set_out(call, 0, PARE_S64, &(pare_shape){.rank = 0});
}

static pare_status run_size(pare_call *call) {
  *pare_s64(call->out[0]) = pare_tensor_count(call->in[0]);
  return PARE_OK;
}

#define MAKER(variable, onnx_name, n_in, infer_, run_)                                                       \
  const pare_op pare_op_##variable = {                                                                       \
      .name = (onnx_name),                                                                                   \
      .domain = "",                                                                                          \
      .min_in = (n_in),                                                                                      \
      .max_in = (n_in),                                                                                      \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = (infer_),                                                                                     \
      .run = (run_),                                                                                         \
      .no_gradient = "no value flows through it",                                                            \
      .quant = PARE_QUANT_NONE,                                                                              \
  };
MAKER(eye_like, "EyeLike", 1, infer_eye, run_eye)
MAKER(range, "Range", 3, infer_range, run_range)
MAKER(size, "Size", 1, infer_size, run_size)
