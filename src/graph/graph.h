/* The model: values, nodes in topological order, initializers, and what an ONNX file says around them.
 *
 * A model that a caller can see never changes: pare_model_clone gives a private copy (structure copied, tensors shared by
 * reference count), a pass edits that with the functions below, calls pare_model_finish, and returns it. Everything but
 * tensor memory lives in the model's arena, so an edit that fails half-way leaks nothing. */
#ifndef PARE_GRAPH_H
#define PARE_GRAPH_H

#include "tensor/tensor.h"

struct pare_op; /* ops/op.h */

/* ONNX AttributeProto.AttributeType. What is not in this list is kept as `raw` and written back. */
typedef enum pare_attr_type {
  PARE_ATTR_RAW = 0,
  PARE_ATTR_FLOAT = 1,
  PARE_ATTR_INT = 2,
  PARE_ATTR_STRING = 3,
  PARE_ATTR_TENSOR = 4,
  PARE_ATTR_GRAPH = 5,
  PARE_ATTR_FLOATS = 6,
  PARE_ATTR_INTS = 7,
  PARE_ATTR_STRINGS = 8,
  PARE_ATTR_GRAPHS = 10
} pare_attr_type;

typedef struct pare_attr {
  const char *name;
  pare_attr_type type;
  float f;
  int64_t i;
  const char *s;        /* zero-ended copy */
  pare_tensor tensor;   /* released with the model */
  const float *floats;  /* [n] */
  const int64_t *ints;  /* [n] */
  const char **strings; /* [n] */
  struct pare_model *
      *graphs; /* [n], 1 for GRAPH; released with the model, never changed: clones share them */
  size_t n;
  pare_span
      raw; /* the whole encoded AttributeProto when type is RAW, and of graphs as long as it still says what they say; in
                  * the model's arena */
} pare_attr;

/* ONNX TypeProto's kinds as far as they are told apart; the type itself of what is no tensor stays encoded in `extra`. */
typedef enum pare_value_kind {
  PARE_KIND_TENSOR,
  PARE_KIND_SEQUENCE,
  PARE_KIND_OPTIONAL,
  PARE_KIND_OTHER
} pare_value_kind;

typedef struct pare_value {
  const char *name; /* unique in the model; never "" */
  pare_value_kind kind;
  pare_dtype dtype; /* NONE: not known */
  bool has_shape;
  pare_shape shape;                     /* -1: unknown */
  const char *dim_names[PARE_MAX_RANK]; /* symbolic dims, or NULL */
  int64_t assumed[PARE_MAX_RANK]; /* what sessions take for dims that the file leaves open; 0: nothing */
  bool is_initializer;            /* then `tensor` holds dtype, shape and data */
  bool pruned;                    /* zeros of this initializer are masked: training keeps them zero */
  bool sparse;       /* this initializer is written as sparse_initializer, where that is smaller */
  bool listed_input; /* this initializer also stands among the graph's inputs in the file, as before IR 4 */
  bool
      from_attr; /* this initializer stands for an attribute of an older opset (onnx/normalize.c): not a weight */
  pare_span extra; /* ValueInfoProto fields that are not understood, encoded; in the model's arena */
  pare_tensor tensor;
  int i_producer; /* node, or -1: graph input or initializer */
  int n_uses;     /* node inputs plus graph outputs; kept by pare_model_finish */
} pare_value;

typedef struct pare_node {
  const char *name; /* given, or made unique from op_type; never "" */
  const char *op_type;
  const char *domain; /* "" is ONNX's own */
  const char *doc;    /* or NULL */
  int n_inputs, n_outputs;
  int *inputs;  /* value indices; -1 where left out */
  int *outputs; /* value indices; -1 where left out */
  int n_attrs;
  pare_attr *attrs;
  const struct pare_op *op;    /* NULL: not there; such a node is only carried along */
  bool removed;                /* until pare_model_finish */
  float clamp_low, clamp_high; /* fused activation; session only: -INFINITY, INFINITY otherwise */
  bool channels_last;          /* its images are [N,H,W,C]; session only (session/layout.c) */
  bool batch_last; /* they are [C,H,W,N]: what takes images and channels alike sees channels last */
  bool
      batched_scan; /* a Scan as opset 8 has it, with a batch and sequence lengths; nothing of later opsets says the same */
  pare_span extra; /* unknown NodeProto fields, encoded */
  int n_captured; /* the last `n_captured` inputs are what its graphs capture, graph by graph: they are not written as inputs */
} pare_node;

typedef struct pare_opset {
  const char *domain;
  int64_t version;
} pare_opset;

typedef struct pare_text_pair {
  const char *key, *value;
} pare_text_pair;

struct pare_model {
  pare_context *ctx;
  uint32_t n_refs;
  pare_arena arena;
  pare_value *values;
  int n_values, cap_values;
  pare_node *nodes;
  int n_nodes, cap_nodes;
  int *inputs; /* graph inputs that are not initializers */
  int n_inputs;
  int n_captured; /* of a node's graph: the last `n_captured` inputs are outer values, given with the node's inputs */
  int *outputs;
  int n_outputs;
  const char *graph_name;
  int64_t ir_version;
  pare_opset *
      opsets; /* as written on save; nodes are always in the newest form Pare keeps inside (opset 18 semantics) */
  int n_opsets;
  const char *producer_name, *producer_version, *domain, *doc;
  int64_t model_version;
  pare_text_pair *metadata;
  int n_metadata;
  pare_span extra, graph_extra; /* unknown fields, encoded */
};

/* ---- life ------------------------------------------------------------------------------------------------------- */
pare_status pare_model_new(pare_context *ctx, pare_model **out); /* empty, ir 8, opset 13 */
pare_model *pare_model_retain(const pare_model *model);          /* models are immutable once shared */
pare_status pare_model_clone(const pare_model *model, pare_model **out);
/* Drops removed nodes and unused values, sorts, recomputes producers and uses, looks operators up, validates.
 * Indices of values and nodes change. BAD_MODEL names a cycle, a missing input, a value made twice. */
pare_status pare_model_finish(pare_model *model);

/* ---- reading ---------------------------------------------------------------------------------------------------- */
/* The recorded shape with open dims filled in: the first by `batch`, the others by what is assumed; -1 where nothing is. */
pare_shape pare_value_shape_at(const pare_value *value, int64_t batch);
int pare_model_find_value(const pare_model *model, const char *name);     /* -1 */
int pare_model_find_node(const pare_model *model, const char *name);      /* -1 */
const pare_attr *pare_node_attr(const pare_node *node, const char *name); /* NULL */
int64_t pare_node_int(const pare_node *node, const char *name, int64_t fallback);
float pare_node_float(const pare_node *node, const char *name, float fallback);
const char *pare_node_string(const pare_node *node, const char *name, const char *fallback);
/* n = 0 when it is not there */
const int64_t *pare_node_ints(const pare_node *node, const char *name, size_t *n);
static inline bool pare_node_is(const pare_node *node, const char *op_type) {
  const char *a = node->op_type;
  while (*a && *a == *op_type) a++, op_type++;
  return *a == *op_type && node->domain[0] == 0;
}
/* False when a node, or one in a node's graphs, has an operator that is not there: then the model is only carried along. */
bool pare_model_has_every_operator(const pare_model *model);
/* Where in node->inputs the values stand that graph `i_graph` of `attr` captures, in the order of its captured inputs. */
int pare_node_first_captured(const pare_node *node, const pare_attr *attr, size_t i_graph);
static inline bool pare_attr_has_graphs(const pare_attr *attr) {
  return attr->type == PARE_ATTR_GRAPH || attr->type == PARE_ATTR_GRAPHS;
}
/* The initializer behind input i, or NULL. */
const pare_tensor *pare_model_const_input(const pare_model *model, const pare_node *node, int i);
int64_t pare_model_opset(const pare_model *model, const char *domain);     /* 0 when not imported */
const char *pare_model_metadata(const pare_model *model, const char *key); /* NULL */

/* ---- editing a private clone (each may run out of memory) -------------------------------------------------------- */
/* `name` is copied and made unique ("x", "x_1", ...). dtype NONE: unknown. */
pare_status pare_model_add_value(pare_model *model, const char *name, pare_dtype dtype,
                                 const pare_shape *shape, int *out);
/* The model takes the tensor over (also on failure). */
pare_status pare_model_add_initializer(pare_model *model, const char *name, pare_tensor *tensor, int *out);
/* Replaces an initializer's tensor, taking `tensor` over. */
void pare_model_set_initializer(pare_model *model, int i_value, pare_tensor *tensor);
/* Memory of this initializer that this model alone owns, for writing. */
pare_status pare_model_edit_initializer(pare_model *model, int i_value, pare_tensor **out);
/* `inputs`/`outputs` are copied. The pointer holds until the next add. Position does not matter: finish sorts. */
pare_status pare_model_add_node(pare_model *model, const char *op_type, const char *domain, const char *name,
                                const int *inputs, int n_inputs, const int *outputs, int n_outputs,
                                pare_node **out);
pare_status pare_node_set_int(pare_model *model, pare_node *node, const char *name, int64_t value);
pare_status pare_node_set_float(pare_model *model, pare_node *node, const char *name, float value);
pare_status pare_node_set_string(pare_model *model, pare_node *node, const char *name, const char *value);
pare_status pare_node_set_ints(pare_model *model, pare_node *node, const char *name, const int64_t *values,
                               size_t n);
void pare_node_remove_attr(pare_node *node, const char *name);
/* `node` of `model` gets copies of the attributes of `from`, which may be another model's. */
pare_status pare_node_copy_attrs(pare_model *model, pare_node *node, const pare_node *from);
/* `out` is a copy of an attribute, which may be another model's, in the arena of `model`. */
pare_status pare_attr_copy(pare_model *model, const pare_attr *attr, pare_attr *out);
/* The value's kind, type and shape become those of `from`. */
void pare_value_set_type(pare_value *value, const pare_value *from);
/* Releases what an attribute counts. */
void pare_attr_release(pare_attr *attr);
/* Puts the nodes of `graph` into the model: `inputs` [graph->n_inputs] are the values that stand for its inputs, and Identity gives
 * its outputs to `outputs` [graph->n_outputs] (-1: not wanted). Names are made unique. */
pare_status pare_model_inline(pare_model *model, const pare_model *graph, const int *inputs,
                              const int *outputs);
/* Every node input and graph output that reads `from` reads `to`; producers stay. */
void pare_model_replace_uses(pare_model *model, int from, int to);
pare_status pare_model_set_opset(pare_model *model, const char *domain, int64_t version);
pare_status pare_model_set_metadata(pare_model *model, const char *key, const char *value);

#endif
