/* Conv in training on images that stand side by side, [C,H,W,N] (kernels/f32_batch): node->batch_last is set. */
#ifndef PARE_CONV_BATCH_H
#define PARE_CONV_BATCH_H

#include "ops/op.h"

pare_status pare_conv_batch_prepare(pare_call *call);
void pare_conv_batch_run(const pare_call *call);
void pare_conv_batch_backward(const pare_grad_call *grad);

#endif
