/* Makes small ONNX files for tests, right or deliberately wrong: the graph's messages are put one after another into a writer. */
#ifndef PARE_ONNX_MAKER_H
#define PARE_ONNX_MAKER_H

#include "onnx/onnx.h"

enum { MAKE_INITIALIZER = 5, MAKE_INPUT = 11, MAKE_OUTPUT = 12, MAKE_VALUE = 13 }; /* GraphProto fields */

/* "x,,y" are three names, of which the second is left out. "" is none. */
void make_node(pare_writer *graph, const char *op, const char *name, const char *inputs, const char *outputs);
/* The same, open for attributes until make_node_end. */
size_t make_node_begin(pare_writer *graph, const char *op, const char *name, const char *inputs,
                       const char *outputs);
void make_attr_int(pare_writer *graph, const char *name, int64_t value);
void make_attr_float(pare_writer *graph, const char *name, float value);
void make_attr_ints(pare_writer *graph, const char *name, const int64_t *values, size_t n);
void make_value(pare_writer *graph, uint32_t field, const char *name, int64_t dtype, const int64_t *dims,
                int rank);
void make_tensor(pare_writer *graph, uint32_t field, const char *name, int64_t dtype, const int64_t *dims,
                 int rank, const void *raw, size_t len_bytes);
/* Wraps the graph (and frees it) into a whole model. */
pare_buffer make_model(pare_writer *graph, int64_t ir, int64_t opset);
/* y = Gemm(x [N,3], w [2,3], b [2], transB), Relu: a small valid model with a Constant and an old-style Clip beside it. */
pare_buffer make_small_model(pare_context *ctx);

#endif
