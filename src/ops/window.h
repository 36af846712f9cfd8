/* Reads the window attributes of Conv and the pools: kernel_shape, strides, pads, dilations, auto_pad,
 * ceil_mode (ONNX opset 11 to 22). */
#ifndef PARE_OPS_WINDOW_H
#define PARE_OPS_WINDOW_H

#include "kernels/window.h"
#include "ops/op.h"

/* in: [N,C,W] or [N,C,H,W]. `weight_kernel` [spatial rank]: the kernel that the weights have; NULL: the
 * attribute must be there. `pools`: ceil_mode counts, and pads must be smaller than the window. Whatever
 * passes has out >= 1, all numbers < 2^31 and pads >= 0. BAD_MODEL, UNSUPPORTED (other ranks). */
pare_status pare_window_read(pare_call *call, const pare_shape *in, const int64_t *weight_kernel, bool pools,
                             pare_window *out);
/* [N, channels, out...] in the input's rank. */
pare_shape pare_window_out_shape(const pare_shape *in, int64_t channels, const pare_window *window);

/* The same for [N,C,...] of any rank from 3 to 8. */
pare_status pare_window_read_nd(pare_call *call, const pare_shape *in, const int64_t *weight_kernel,
                                bool pools, pare_window_nd *out);
pare_shape pare_window_out_shape_nd(const pare_shape *in, int64_t channels, const pare_window_nd *window);

/* Attribute `name` with n numbers in [low, 2^31); `fallback` for each when it is not there (*there, which may
 * be NULL, says so). BAD_MODEL. */
pare_status pare_window_ints(pare_call *call, const char *name, size_t n, int64_t low, int64_t fallback,
                             int64_t *out, bool *there);
/* auto_pad, checked. BAD_MODEL. */
pare_status pare_window_auto_pad(pare_call *call, const char **out);

#endif
