/* An operator: one descriptor with all its facts as separate functions. Adding one is a file in src/ops and a line in ops.def.
 *
 * Inside Pare every node has the form of the newest opset it keeps (axes as inputs, Clip bounds as inputs, ...): the ONNX reader
 * normalises older forms, so no operator looks at opset numbers. */
#ifndef PARE_OP_H
#define PARE_OP_H

#include "graph/graph.h"

typedef struct pare_pool pare_pool; /* base/parallel.h */

/* One node with its tensors: what every function of an operator gets. */
typedef struct pare_call pare_call;
struct pare_call {
  pare_context *ctx;
  const pare_node *node;
  int n_in, n_out;
  pare_tensor **in;        /* [n_in]; NULL where left out */
  pare_tensor **out;       /* [n_out]; NULL where left out */
  const bool *in_is_const; /* [n_in]: data is there at planning time and never changes */
  bool wants_data;         /* set by infer when it fails only because the data of an input is not known yet */
  bool through_f32; /* set by pare_call_infer: the operator does not compute in the type of its inputs */
  bool training;    /* values are kept for the backward pass; weights change: nothing may be packed ahead */
  pare_numerics numerics;
  pare_pool *pool;      /* NULL: one thread */
  pare_arena *arena;    /* prepare only: packed weights and other state, for the life of the session */
  void *state;          /* set by prepare */
  bool sparse;          /* set by prepare: the constant weights' zeros are left out (reports say so) */
  size_t scratch_bytes; /* set by prepare: memory wanted during run and backward; contents do not last */
  void *scratch;
  size_t
      saved_bytes; /* set by prepare when training: kept from run to backward (gates, argmax, batch statistics) */
  void *saved;
  /* For operators with graphs (If, Loop, Scan, SequenceMap), in run only: runs the graph of attribute `attr` on `in` [n_in] (what it
   * captures is added); `out` [n_out] is yours to release. BAD_MODEL: another number of inputs or outputs. */
  pare_status (*run_graph)(pare_call *call, const char *attr, const pare_tensor *in, int n_in,
                           pare_tensor *out, int n_out);
  void *frame; /* run_graph's */
};

/* For backward: gradients beside the tensors. */
typedef struct pare_grad_call {
  pare_call *call;     /* in, out and saved hold the forward values */
  pare_tensor **d_out; /* [n_out]; NULL: no gradient arrives there (it counts as zero) */
  pare_tensor **d_in;  /* [n_in]; NULL: not wanted. backward ADDS to these */
  bool
      fresh; /* nothing is in d_in[0] yet: backward sets it. Only where op->sets_gradient, and d_out[0] is there */
} pare_grad_call;

#define PARE_GRAD_FRESH                                                                                      \
  2048 /* floats that are zeroed right before something is added: they stay in the nearest cache */

typedef struct pare_cost {
  uint64_t macs;           /* multiply-accumulates, dense */
  uint64_t effective_macs; /* those whose weight is not zero; = macs without constant weights */
} pare_cost;

/* Channel coupling for structured pruning: every index along one axis of a tensor is an element of a union-find structure; an
 * operator joins the elements that must be kept or removed together. See compress/prune/groups.h. */
typedef struct pare_coupler pare_coupler;

/* What quantization may do with an operator. */
typedef enum pare_quant_kind {
  PARE_QUANT_NONE,     /* stays f32 */
  PARE_QUANT_WEIGHTED, /* has weights: input, weight and output become int8 */
  PARE_QUANT_SAME, /* moves or selects values: output keeps the input's scale and zero point (MaxPool, Flatten, Reshape, ...) */
  PARE_QUANT_VALUES /* computes on values: runs on int8 inputs with an output scale of its own (Add, GlobalAveragePool, ...) */
} pare_quant_kind;

/* How an operator takes its images, tensors of four dimensions, where the session keeps them channels last (session/layout.c). A node that runs
 * so has channels_last set; its weights stay as ONNX has them. */
typedef enum pare_layout {
  PARE_LAYOUT_FIXED,   /* needs ONNX's order, [N,C,H,W] */
  PARE_LAYOUT_ANY,     /* element by element, operands broadcast: looks at no axis, any order does */
  PARE_LAYOUT_FOLLOWS, /* has a form for [N,H,W,C] of in[0] (of every image, with any number of inputs) */
  PARE_LAYOUT_CHANNELS_LAST /* the same, and is so much faster that turning its input is worth it */
} pare_layout;

/* The same for training, where images may stand side by side, [C,H,W,N], so that vectors lie along them: batch_last
 * is set. Element by element operators (PARE_LAYOUT_ANY) follow where no operand is repeated. */
typedef enum pare_batch_layout {
  PARE_BATCH_FIXED,
  PARE_BATCH_FOLLOWS,
  PARE_BATCH_LAST /* is so much faster that turning its input is worth it */
} pare_batch_layout;

typedef struct pare_op {
  const char *name, *domain;
  int min_in, max_in, min_out, max_out; /* max -1: any number */
  /* Sets dtype and shape of every out; in[i]->data is not NULL only for constants. Checks ranks, types and attributes:
   * whatever passes here must be safe to run. Fails with a text that does not name the node: the caller adds it. */
  pare_status (*infer)(pare_call *call);
  /* May be NULL. Packs weights, sets scratch_bytes and saved_bytes. */
  pare_status (*prepare)(pare_call *call);
  pare_status (*run)(pare_call *call);
  /* NULL: no gradient, and `no_gradient` says why. */
  pare_status (*backward)(pare_grad_call *call);
  const char *no_gradient;
  bool sets_gradient; /* backward heeds `fresh`, and gives the bytes of adding to zeros */
  /* NULL: no multiply-accumulates. */
  void (*cost)(const pare_call *call, pare_cost *cost);
  /* NULL: no channel of its tensors may be removed. */
  pare_status (*couple)(const pare_call *call, pare_coupler *coupler);
  pare_quant_kind quant;
  bool
      same_bytes; /* out[0] has the bytes of in[0] (Reshape, Flatten, ...): the session may let them share memory */
  bool in_place; /* out[0] may stand in in[0]'s memory when shape and type are equal (element-wise) */
  /* The output's shape depends on the inputs' values (NonZero, Compress, ...): infer is called only when the data of every
   * input is there (all in_is_const), which planning has for constants, and a dynamic session for everything. */
  bool shape_from_data;
  bool random; /* what it gives is drawn: never a constant of a file */
  /* run sets the outputs itself, as tensors of its own or lists (control flow, sequences, optionals): only a dynamic session runs
   * such an operator, and infer only checks. */
  bool own_outputs;
  pare_layout layout;
  /* Instead of `layout`, where it depends on the node: called in ONNX's order, after infer. May be NULL. */
  pare_status (*choose_layout)(pare_call *call, pare_layout *layout);
  pare_batch_layout batch_layout;
  const void *family; /* what the shared functions of a family of operators read (elementwise.h, reduce.h) */
} pare_op;

/* An operator's infer, prepare and run, through f32 where it does not compute in f16, bf16 or f64 (ops/through_f32.c). The scratch
 * memory counts in. Training needs f32: UNSUPPORTED. */
pare_status pare_call_infer(pare_call *call);
pare_status pare_call_prepare(pare_call *call);
pare_status pare_call_run(pare_call *call);

/* NULL when it is not there. */
const pare_op *pare_op_find(const char *domain, const char *name);
int pare_op_count(void);
const pare_op *pare_op_at(int i);

#define PARE_OP(variable) extern const pare_op variable;
#include "ops/ops.def"
#undef PARE_OP

/* ---- helpers shared by operator files (ops/op_util.c) ------------------------------------------------------------ */
/* axis in [-rank, rank) made positive; BAD_MODEL otherwise. */
pare_status pare_op_axis(pare_call *call, int64_t axis, int rank, int *out);
/* Numpy broadcasting of two shapes; BAD_MODEL. */
pare_status pare_op_broadcast(pare_call *call, const pare_shape *a, const pare_shape *b, pare_shape *out);
/* UNSUPPORTED unless in[i] is there and its dtype is one of `dtypes` (zero-ended by PARE_NONE). */
pare_status pare_op_need_dtype(pare_call *call, int i, const pare_dtype *dtypes);
/* Input i must be there with its data (shape-like inputs); otherwise UNSUPPORTED, and call->wants_data is set: a dynamic session
 * asks again when it has been computed. */
pare_status pare_op_need_data(pare_call *call, int i);
/* The same, of type s32 or s64 and at most rank 1. Reads s32/s64 into `out` (at most `max`). */
pare_status pare_op_const_ints(pare_call *call, int i, int64_t *out, size_t max, size_t *n);
/* out[0] = in[0]'s dtype and shape: the infer function of element-wise operators. */
pare_status pare_op_infer_same(pare_call *call);
/* The shape of an image in ONNX's order, [N,C,H,W], whatever the order of the node's images; other shapes as they are. */
pare_shape pare_op_image(const pare_call *call, const pare_tensor *tensor);
/* out[0] = an image of this shape, given in ONNX's order. */
pare_status pare_op_set_image(pare_call *call, pare_dtype dtype, const pare_shape *shape);
/* The axis of the node's images that ONNX counts as `axis` (>= 0). */
static inline int pare_op_image_axis(const pare_call *call, int axis) {
  return !call->node->channels_last || axis == 0 ? axis : axis == 1 ? 3 : axis - 1;
}
static inline bool pare_call_has(const pare_call *call, int i) {
  return i < call->n_in && call->in[i] != NULL;
}
static inline bool pare_grad_wants(const pare_grad_call *grad, int i) {
  return i < grad->call->n_in && grad->d_in[i] != NULL;
}

/* ---- for couple functions (compress/prune/groups.c) --------------------------------------------------------------- */
/* Tensors are named by their place: in(i) is i, out(i) is PARE_OUT(i). */
#define PARE_OUT(i) (-1 - (i))
/* Element a_index of axis a_axis of tensor a goes with b_index of axis b_axis of tensor b. OUT_OF_MEMORY only. */
pare_status pare_couple(pare_coupler *coupler, int a, int a_axis, int64_t a_index, int b, int b_axis,
                        int64_t b_index);
/* All indices of two axes of equal length go together. */
pare_status pare_couple_axes(pare_coupler *coupler, int a, int a_axis, int b, int b_axis);
/* No index of this axis may be removed. */
pare_status pare_couple_freeze(pare_coupler *coupler, int a, int a_axis);
/* Every other axis of `a` than those coupled stays as it is: axes that are never coupled are frozen by default. */

#endif
