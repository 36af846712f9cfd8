/* Makes small ONNX files for tests, right or deliberately wrong: the graph's messages are put one after
 * another into a writer. */
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
/* y = Gemm(x [N,3], w [2,3], b [2], transB), Relu: a small valid model with a Constant and an old-style Clip
 * beside it. */
pare_buffer make_small_model(pare_context *ctx);

/* What another program sees in a saved file. */
typedef struct saved_model {
  pare_buffer bytes;
  uint64_t opset;
} saved_model;

saved_model save_for_test(pare_context *ctx, const pare_model *model);
/* A node's inputs and attributes by name, as "x,w|transB". */
void describe_saved_node(pare_context *ctx, const saved_model *raw, const char *name, char *out, size_t size);

#define assert_saved(ctx, raw, name, text)                                                                   \
  do {                                                                                                       \
    char described_[600];                                                                                    \
    describe_saved_node(ctx, raw, name, described_, sizeof(described_));                                     \
    assert_string_equal(described_, text);                                                                   \
  } while (0)

/* Loads and frees the bytes; saves and loads. A failure fails the test. */
pare_model *load_for_test(pare_context *ctx, pare_buffer *bytes);
pare_model *reload_for_test(pare_context *ctx, const pare_model *model);
const pare_node *node_for_test(const pare_model *model, const char *name);

/* ONNX's own checker (Debian's python3-onnx), where it is installed. */
bool have_onnx_checker(void);
bool onnx_checker_accepts(const pare_model *model);

#endif
