/* QLinearConv and ConvInteger in three dimensions and more, plainly (qlinear_conv.c has one and two). */
#ifndef PARE_QCONV_ND_H
#define PARE_QCONV_ND_H

#include "ops/quantized.h"

static inline bool pare_qconv_is_nd(const pare_call *call) {
  return call->in[0]->shape.rank > 4;
}
/* After channels, groups and quantization were checked; i_w: the weights, 3 or 1. */
pare_status pare_qconv_nd_infer(pare_call *call, int i_w, pare_dtype dtype);
pare_status pare_qconv_nd_prepare(pare_call *call, int i_w);
pare_status pare_qconv_nd_run(pare_call *call);

#endif
