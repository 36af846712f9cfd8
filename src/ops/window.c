/* The window attributes, read and checked (window.h). Output length, with e = (kernel - 1) * dilation + 1:
 *   explicit pads: floor((in + pads - e) / stride) + 1, or ceil with ceil_mode, less one when the last
 *                  window would start in the end's padding (PyTorch's rule, ONNX's since opset 19)
 *   SAME_*:        ceil(in / stride), pads as needed, the odd one at the end (UPPER) or the beginning (LOWER)
 *   VALID:         no pads */
#include "ops/window.h"

#include "ops/op_util.h"

#define MOST INT64_C(0x7fffffff)

pare_status pare_window_ints(pare_call *call, const char *name, size_t n, int64_t low, int64_t fallback,
                             int64_t *out, bool *there) {
  size_t have;
  PARE_TRY(pare_op_attr_type(call, name, PARE_ATTR_INTS));
  const int64_t *values = pare_node_ints(call->node, name, &have);
  if (there) *there = have != 0;
  if (have && have != n) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute '%s' has %zu numbers, expected %zu", name, have,
                     n);
  }
  for (size_t i = 0; i < n; i++) {
    out[i] = have ? values[i] : fallback;
    if (out[i] < low || out[i] > MOST) {
      return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute '%s' has %lld, outside %lld to %lld", name,
                       (long long)out[i], (long long)low, (long long)MOST);
    }
  }
  return PARE_OK;
}

static bool same_text(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

static pare_status out_length(pare_call *call, pare_window_nd *w, int i, const char *auto_pad, bool pools) {
  const int64_t extent = (w->kernel[i] - 1) * w->dilation[i] + 1, stride = w->stride[i];
  if (same_text(auto_pad, "SAME_UPPER") || same_text(auto_pad, "SAME_LOWER")) {
    w->out[i] = (w->in[i] + stride - 1) / stride;
    const int64_t need = (w->out[i] - 1) * stride + extent - w->in[i], pads = need > 0 ? need : 0;
    w->pad_begin[i] = same_text(auto_pad, "SAME_UPPER") ? pads / 2 : pads - pads / 2;
    w->pad_end[i] = pads - w->pad_begin[i];
    return PARE_OK;
  }
  if (same_text(auto_pad, "VALID")) w->pad_begin[i] = w->pad_end[i] = 0;
  if (pools && (w->pad_begin[i] >= extent || w->pad_end[i] >= extent)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "padding of %lld and %lld is not smaller than the window of %lld",
                     (long long)w->pad_begin[i], (long long)w->pad_end[i], (long long)extent);
  }
  const int64_t room = w->in[i] + w->pad_begin[i] + w->pad_end[i] - extent;
  if (room < 0) {
    return pare_fail(call->ctx, PARE_BAD_MODEL,
                     "a window of %lld does not fit %lld with padding of %lld and %lld", (long long)extent,
                     (long long)w->in[i], (long long)w->pad_begin[i], (long long)w->pad_end[i]);
  }
  const bool ceil_mode = pools && pare_node_int(call->node, "ceil_mode", 0) != 0;
  w->out[i] = (room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (ceil_mode && (w->out[i] - 1) * stride >= w->in[i] + w->pad_begin[i]) w->out[i]--;
  return PARE_OK;
}

pare_status pare_window_auto_pad(pare_call *call, const char **out) {
  PARE_TRY(pare_op_attr_type(call, "auto_pad", PARE_ATTR_STRING));
  const char *auto_pad = pare_node_string(call->node, "auto_pad", "NOTSET");
  *out = auto_pad;
  if (same_text(auto_pad, "NOTSET") || same_text(auto_pad, "SAME_UPPER") ||
      same_text(auto_pad, "SAME_LOWER") || same_text(auto_pad, "VALID"))
    return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "auto_pad '%.20s' is not known", auto_pad);
}

pare_status pare_window_read_nd(pare_call *call, const pare_shape *in, const int64_t *weight_kernel,
                                bool pools, pare_window_nd *out) {
  const int n = in->rank - 2;
  if (in->rank < 3)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input has rank %d, expected [N,C,H,W] or [N,C,W]", in->rank);
  *out = (pare_window_nd){.n = n};
  int64_t pads[2 * PARE_WINDOW_MAX];
  bool there;
  const char *auto_pad;
  PARE_TRY(pare_window_ints(call, "kernel_shape", (size_t)n, 1, 1, out->kernel, &there));
  if (!there && !weight_kernel)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'kernel_shape' is missing");
  PARE_TRY(pare_window_ints(call, "strides", (size_t)n, 1, 1, out->stride, NULL));
  PARE_TRY(pare_window_ints(call, "dilations", (size_t)n, 1, 1, out->dilation, NULL));
  PARE_TRY(pare_window_ints(call, "pads", 2 * (size_t)n, 0, 0, pads, NULL));
  PARE_TRY(pare_op_attr_type(call, "ceil_mode", PARE_ATTR_INT));
  PARE_TRY(pare_window_auto_pad(call, &auto_pad));
  for (int i = 0; i < n; i++) {
    const int64_t length = in->dims[2 + i];
    if (length < 1 || length > MOST)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input length %lld", (long long)length);
    out->in[i] = length;
    out->pad_begin[i] = pads[i];
    out->pad_end[i] = pads[n + i];
    if (weight_kernel) {
      if (weight_kernel[i] < 1 || weight_kernel[i] > MOST || (there && weight_kernel[i] != out->kernel[i])) {
        return pare_fail(call->ctx, PARE_BAD_MODEL, "kernel_shape does not fit the weights");
      }
      out->kernel[i] = weight_kernel[i];
    }
    PARE_TRY(out_length(call, out, i, auto_pad, pools));
  }
  return PARE_OK;
}

pare_status pare_window_read(pare_call *call, const pare_shape *in, const int64_t *weight_kernel, bool pools,
                             pare_window *out) {
  const int n = in->rank - 2, first = 2 - n;
  pare_window_nd nd;
  if (n > 2)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "windows over %d dimensions (1 and 2 are there)", n);
  PARE_TRY(pare_window_read_nd(call, in, weight_kernel, pools, &nd));
  *out = (pare_window){{1, 1}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}, {1, 1}};
  for (int i = 0; i < n; i++) {
    const int k = first + i;
    out->kernel[k] = nd.kernel[i], out->stride[k] = nd.stride[i], out->dilation[k] = nd.dilation[i];
    out->pad_begin[k] = nd.pad_begin[i], out->pad_end[k] = nd.pad_end[i];
    out->in[k] = nd.in[i], out->out[k] = nd.out[i];
  }
  return PARE_OK;
}

static pare_shape out_shape(const pare_shape *in, int64_t channels, const int64_t *lengths) {
  pare_shape shape = *in;
  shape.dims[1] = channels;
  for (int i = 2; i < in->rank; i++) shape.dims[i] = lengths[i - 2];
  return shape;
}

pare_shape pare_window_out_shape(const pare_shape *in, int64_t channels, const pare_window *window) {
  return out_shape(in, channels, window->out + (4 - in->rank));
}

pare_shape pare_window_out_shape_nd(const pare_shape *in, int64_t channels, const pare_window_nd *window) {
  return out_shape(in, channels, window->out);
}
