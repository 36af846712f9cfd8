/* HannWindow, HammingWindow, BlackmanWindow: a sum of cosines over n places, periodic or symmetric (ONNX opset 17; Harris 1978).
 * MelWeightMatrix: triangles that lead DFT bins to mel bands (ONNX opset 17; O'Shaughnessy 1987: mel = 2595 log10(1 + f / 700)). */
#include <math.h>

#include "kernels/f32_math/f32_math.h"
#include "ops/wide.h"

static pare_status out_type(pare_call *call, pare_dtype *dtype) {
  const int64_t number = pare_node_int(call->node, "output_datatype", PARE_F32);
  *dtype = pare_dtype_known(number) ? (pare_dtype)number : PARE_NONE;
  if (pare_wide_is_number(*dtype) || pare_wide_is_narrow(*dtype)) return PARE_OK;
  return pare_fail(call->ctx, PARE_UNSUPPORTED, "an output of type %lld", (long long)number);
}

static pare_status need_number(pare_call *call, int i) {
  PARE_TRY(pare_wide_need_number(call, i));
  if (pare_tensor_count(call->in[i]) != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is not one number", i);
  return pare_op_need_data(call, i);
}

/* ---- windows: y[i] = c0 - c1 cos(a) + c2 cos(2 a), a = 2 pi i / n ---------------------------------------- */
static pare_status infer_window(pare_call *call) {
  pare_dtype dtype;
  PARE_TRY(out_type(call, &dtype));
  PARE_TRY(need_number(call, 0));
  const pare_shape out = {.rank = 1, .dims = {pare_tensor_get_s64(call->in[0], 0)}};
  return pare_op_set_out(call, 0, dtype, &out);
}

static pare_status run_window(pare_call *call) {
  const double *c = (const double *)call->node->op->family;
  const int64_t n = pare_tensor_count(call->out[0]);
  const bool periodic = pare_node_int(call->node, "periodic", 1) != 0;
  const double length = (double)(periodic ? n : n - 1);
  for (int64_t i = 0; i < n; i++) {
    const double angle = length > 0 ? 6.28318530717958647693 * (double)i / length : 0;
    pare_tensor_set_f64(call->out[0], i, c[0] - c[1] * pare_cos(angle) + c[2] * pare_cos(2 * angle));
  }
  return PARE_OK;
}

/* ---- mel weights ----------------------------------------------------------------------------------------- */
static double mel_of(double hertz) {
  return 2595.0 * pare_log(1.0 + hertz / 700.0) / 2.30258509299404568402;
}
static double hertz_of(double mel) {
  return 700.0 * (pare_exp(mel * 2.30258509299404568402 / 2595.0) - 1.0);
}

enum { N_MEL, DFT_LENGTH, SAMPLE_RATE, LOWER, UPPER };

static pare_status infer_mel(pare_call *call) {
  pare_dtype dtype;
  PARE_TRY(out_type(call, &dtype));
  for (int i = 0; i < 5; i++) PARE_TRY(need_number(call, i));
  const int64_t n_mel = pare_tensor_get_s64(call->in[N_MEL], 0),
                length = pare_tensor_get_s64(call->in[DFT_LENGTH], 0);
  if (n_mel < 1 || n_mel > 1 << 20 || length < 1 || pare_tensor_get_s64(call->in[SAMPLE_RATE], 0) < 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "no bands, no samples, or no rate");
  const pare_shape out = PARE_SHAPE(length / 2 + 1, n_mel);
  return pare_op_set_out(call, 0, dtype, &out);
}

/* The DFT bin where edge i of the n_mel + 2 stands. */
static double edge(const pare_call *call, int64_t i) {
  const double low = mel_of(pare_tensor_get_f64(call->in[LOWER], 0)),
               high = mel_of(pare_tensor_get_f64(call->in[UPPER], 0));
  const double n_edges = pare_tensor_get_f64(call->in[N_MEL], 0) + 2.0;
  const double hertz = hertz_of(low + (double)i * ((high - low) / n_edges));
  const double length = pare_tensor_get_f64(call->in[DFT_LENGTH], 0);
  return floor((length + 1.0) * hertz / pare_tensor_get_f64(call->in[SAMPLE_RATE], 0));
}

static pare_status run_mel(pare_call *call) {
  const int64_t n_bins = call->out[0]->shape.dims[0], n_mel = call->out[0]->shape.dims[1];
  for (int64_t m = 0; m < n_mel; m++) {
    const double low = edge(call, m), middle = edge(call, m + 1), high = edge(call, m + 2);
    for (int64_t b = 0; b < n_bins; b++) {
      const double bin = (double)b;
      double y = 0;
      if (low == middle && bin == middle)
        y = 1.0;
      else if (bin >= low && bin <= middle && middle > low)
        y = (bin - low) / (middle - low);
      else if (bin >= middle && bin < high && high > middle)
        y = (high - bin) / (high - middle);
      pare_tensor_set_f64(call->out[0], b * n_mel + m, y);
    }
  }
  return PARE_OK;
}

#define MAKER(variable, onnx_name, n_in, infer_, run_, family_)                                              \
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
      .family = (family_),                                                                                   \
  };
static const double blackman[] = {0.42, 0.5, 0.08}, hann[] = {0.5, 0.5, 0.0},
                    hamming[] = {25.0 / 46.0, 21.0 / 46.0, 0.0};
MAKER(blackman_window, "BlackmanWindow", 1, infer_window, run_window, blackman)
MAKER(hamming_window, "HammingWindow", 1, infer_window, run_window, hamming)
MAKER(hann_window, "HannWindow", 1, infer_window, run_window, hann)
MAKER(mel_weight_matrix, "MelWeightMatrix", 5, infer_mel, run_mel, NULL)
