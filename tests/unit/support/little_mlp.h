/* A small network for tests that need one that learns: x [N,2] -> Gemm 24 -> Relu -> Gemm 3 -> logits, for
 * the data set `spirals`. */
#ifndef PARE_LITTLE_MLP_H
#define PARE_LITTLE_MLP_H

#include "pare/pare.h"

/* Parameters: 2*24 + 24 + 24*3 + 3 = 147; multiply-accumulates 2*24 + 24*3 = 120. */
pare_model *little_mlp(pare_context *ctx);
/* The same as an ONNX file. */
pare_buffer little_mlp_file(pare_context *ctx);

#endif
