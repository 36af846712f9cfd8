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

#endif
