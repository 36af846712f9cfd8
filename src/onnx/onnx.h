/* ONNX files beyond what pare.h offers for whole models: single tensors, and the meeting point of the
 * reader's and writer's files. Format: onnx.proto, IR version 8 (onnx 1.12); later versions only add fields,
 * which are carried along unread. */
#ifndef PARE_ONNX_H
#define PARE_ONNX_H

#include "base/names.h"
#include "graph/graph.h"
#include "onnx/wire.h"

#define PARE_ONNX_MIN_OPSET 1
#define PARE_ONNX_MAX_OPSET 21
#define PARE_ONNX_MAX_IR    10
#define PARE_ONNX_SPARSE_IR 6 /* the first with sparse initializers */

/* metadata_props key whose value lists the initializers with masked zeros: names parted by commas, with \,
 * and \\ for , and \. */
#define PARE_ONNX_PRUNED_KEY "pare.pruned"

/* A TensorProto file (.pb), as in ONNX's test data. `file_name` is for messages. `tensor_name` (may be NULL)
 * gets the name inside, possibly "". BAD_MODEL, UNSUPPORTED. */
pare_status pare_onnx_tensor_read(pare_context *ctx, const char *file_name, const void *bytes,
                                  size_t len_bytes, pare_tensor *out, pare_buffer *tensor_name);
/* How long the model's file is, without writing it. */
pare_status pare_onnx_file_bytes(const pare_model *model, uint64_t *file_bytes);
/* A SequenceProto or OptionalProto (as `kind` says), in full. BAD_MODEL, UNSUPPORTED. */
pare_status pare_onnx_list_read(pare_context *ctx, pare_value_kind kind, const void *bytes, size_t len_bytes,
                                pare_tensor *out);
/* The content of a TensorProto, with raw_data. */
void pare_onnx_tensor_write(pare_writer *out, const char *name, const pare_tensor *tensor);

/* Makes a private clone be written in this opset, with the IR version that goes with it. UNSUPPORTED names the nodes that have no form in it. */
pare_status pare_onnx_set_opset(pare_model *model, int64_t opset);
/* The IR version that came with an opset. */
int64_t pare_onnx_ir_of_opset(int64_t opset);

/* Whether a value marked as sparse is written so: it is smaller then. */
bool pare_onnx_stays_sparse(const pare_value *value);

/* ---- inside src/onnx ----------------------------------------------------------------------------------- */

/* functions.c: the model-local functions of a file. */
typedef struct pare_onnx_function pare_onnx_function;
typedef struct pare_onnx_functions {
  pare_onnx_function *list; /* [n] */
  size_t n;
  int depth;
  int64_t work;
} pare_onnx_functions;

/* external.c: where weights outside the model file are. */
typedef struct pare_onnx_external {
  const char *folder; /* the model's; NULL: none */
  struct pare_onnx_given {
    const char *name;
    pare_bytes *bytes;
  } * files; /* [n] */
  int n;
} pare_onnx_external;

typedef struct pare_onnx_reader {
  pare_context *ctx;
  pare_model *model;
  pare_bytes *file;                   /* weights point into it */
  const pare_onnx_external *external; /* NULL: such weights are refused */
  pare_names values, nodes;
  int cap_inputs, cap_outputs;
  struct pare_onnx_reader *outer; /* of a graph inside a node: whose values it may capture; NULL otherwise */
  const pare_node
      *call; /* of a function's body: the node whose attributes stand for its references; NULL otherwise */
  const pare_wire *function; /* and the function's message, with its attributes' defaults */
} pare_onnx_reader;

/* A string field, copied into the model's arena. BAD_MODEL: not UTF-8, or a zero inside. */
pare_status pare_onnx_text(pare_onnx_reader *reader, const pare_wire *wire, const pare_wire_field *field,
                           const char *what, const char **out);
bool pare_onnx_is_text(pare_span bytes); /* UTF-8 without a zero */
/* Copies every field of a message but those in `known` (bit n: field n) into the model's arena, encoded as
 * they are. */
pare_status pare_onnx_keep(pare_onnx_reader *reader, const pare_wire *message, uint64_t known,
                           pare_span *out);
#define PARE_FIELD_BIT(number) (1ull << (number))
/* The index of the value of that name, made when it is not there. */
pare_status pare_onnx_value(pare_onnx_reader *reader, const char *name, int *out);

/* TensorProto in two stages, so that messages can name the tensor and nothing moves before all was
 * understood. */
typedef struct pare_tensor_proto {
  pare_wire message;
  pare_span name;
  pare_shape shape;
  int64_t dtype;
  bool is_external;
  pare_span location, offset, length; /* of external data */
  bool has_raw;
  pare_span raw;     /* raw_data, or the one packed row of float_data */
  size_t room_bytes; /* of tag and length in front of `raw`: read for good, so data may slide over them */
} pare_tensor_proto;

pare_status pare_onnx_tensor_scan(const pare_wire *message, pare_tensor_proto *out);
/* `file` is where the message stands, or NULL: then data is always copied. `what` opens each message:
 * "initializer 'w'". */
pare_status pare_onnx_tensor_load(const pare_tensor_proto *proto, pare_bytes *file, const char *what,
                                  pare_tensor *out);

/* BAD_MODEL or UNSUPPORTED unless the type and shape can be; how many bytes they take. */
pare_status pare_onnx_tensor_check(const pare_tensor_proto *proto, const char *what, size_t *len_bytes);
/* The same as pare_onnx_tensor_load, from the reader's file or its external data. */
pare_status pare_onnx_load(const pare_onnx_reader *reader, const pare_tensor_proto *proto, const char *what,
                           pare_tensor *out);

/* ValueInfoProto: adds or completes the value of that name. */
pare_status pare_onnx_read_value(pare_onnx_reader *reader, const pare_wire *message, bool only_known,
                                 int *i_value);
/* sparse.c: SparseTensorProto in GraphProto.sparse_initializer. The tensor inside is dense; its value is marked. */
pare_status pare_onnx_read_sparse(pare_onnx_reader *reader, const pare_wire *message);
void pare_onnx_sparse_put(pare_writer *out, uint32_t number, const pare_value *value);
/* write.c: a TensorProto as field `number`. */
void pare_onnx_tensor_put(pare_writer *out, uint32_t number, const char *name, const pare_tensor *tensor);
pare_status pare_onnx_read_node(pare_onnx_reader *reader, const pare_wire *message);
/* GraphProto into reader->model. */
pare_status pare_onnx_read_graph(pare_onnx_reader *reader, const pare_wire *graph);
pare_status pare_onnx_add_output(pare_onnx_reader *reader, int i_value);
pare_status pare_onnx_add_input(pare_onnx_reader *reader, int i_value);
/* The graph of a node of `outer` as a model: what it reads but does not make becomes its last inputs; `captured` (in the outer
 * model's arena) are the outer values that they stand for. Not normalised or finished yet. */
pare_status pare_onnx_read_inner(pare_onnx_reader *outer, const pare_wire *graph, pare_model **out,
                                 int **captured);
pare_status pare_onnx_read_opset(pare_onnx_reader *reader, const pare_wire *message, pare_opset *out);
/* Once all of a model is read: its nodes' graphs and itself are normalised, calls of functions replaced, and it is finished. */
pare_status pare_onnx_finish(pare_model *model, pare_onnx_functions *functions);
pare_status pare_onnx_read_functions(pare_onnx_reader *reader, const pare_wire *model, uint32_t number,
                                     pare_onnx_functions *out);
pare_status pare_onnx_expand(pare_model *model, pare_onnx_functions *functions);

/* ranks.c: the rank of each value, -1 where it is not known. [n_values], pare_free; NULL: out of memory. */
int *pare_onnx_ranks(const pare_model *model);
/* normalize.c: from the forms of the model's opset to those of opset 18 that every operator here expects, and
 * back. */
pare_status pare_onnx_normalize(pare_model *model);
/* old_forms.c: from the forms of opsets 1 to 6 to those of opset 7. */
pare_status pare_onnx_raise_old(pare_model *model);
/* Turns a private clone into what is valid in its opset; raises the opset when a node has no form in it. */
pare_status pare_onnx_denormalize(pare_model *model);
/* The lowest opset, at least `opset`, in which the node has a form; `opset` itself for another domain's node. `ranks`: pare_onnx_ranks. */
int64_t pare_onnx_needed_opset(const pare_model *model, const pare_node *node, const int *ranks,
                               int64_t opset);

#endif
