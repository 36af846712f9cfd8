/* A session: a model planned for given input shapes. Planning clones the model, folds constants (so exporters'
 * Shape-Gather-Concat chains vanish), rewrites it for speed (fuse.h), infers shapes, prepares each node, lays all values into one
 * arena by lifetime, and packs weights. Running allocates nothing.
 *
 * Where shapes depend on data, or values are no tensors (control flow, sequences), the session is dynamic (dynamic.c): each node is
 * inferred and its outputs are allocated when its turn comes, and shapes are those of the last run. */
#ifndef PARE_SESSION_H
#define PARE_SESSION_H

#include "base/parallel.h"
#include "ops/op.h"

/* So that an endless loop ends with an error: 16 units for each node run inside a graph of a node, and one for each kB that it makes.
 * About ten seconds of the smallest loop. */
#define PARE_MAX_WORK ((int64_t)1 << 28)

typedef struct pare_plan_options {
  int64_t batch;
  const pare_shape
      *input_shapes; /* [n inputs] or NULL: the model's own with `batch` for unknown first dims */
  pare_numerics numerics;
  int n_threads;
  bool keep_all;    /* no memory is shared: every value can be read after a run */
  bool onnx_order;  /* images are not kept channels last */
  bool training;    /* implies keep_all and no fusion */
  bool fuse;        /* BatchNorm folding, activations, int8 fusion of QDQ */
  bool profile;     /* time each step */
  bool open;        /* input shapes come with each run: dynamic */
  int64_t max_work; /* units that the graphs of nodes may spend in one run (dynamic.c); 0: PARE_MAX_WORK */
} pare_plan_options;

typedef struct pare_step {
  pare_call call; /* node, tensors, state */
  double time_ms; /* of the last run, with `profile` */
} pare_step;

struct pare_session {
  pare_context *ctx;
  pare_model *model; /* the planned clone: node and value indices below are this model's */
  pare_plan_options options;
  pare_arena arena; /* steps, tensors, packed weights */
  pare_pool *pool;
  pare_tensor *tensors; /* [model->n_values]: where each value lives */
  pare_step *steps;
  int n_steps;
  void *memory; /* activations */
  size_t memory_bytes, scratch_bytes;
  void *scratch;
  struct pare_dynamic *dynamic; /* NULL: all was planned ahead */
};

pare_status pare_session_plan(const pare_model *model, const pare_plan_options *options, pare_session **out);
/* Gives input i of a dynamic session a tensor, sequence or optional, which it keeps (counted) until the next is given. A tensor must
 * have the input's type. BAD_ARGUMENT. */
pare_status pare_session_give(pare_session *session, int i, const pare_tensor *value);
/* The tensor of a value by name, NULL when it is not in the planned graph (folded or fused away). */
pare_tensor *pare_session_value(const pare_session *session, const char *name);
/* Rewrites a private clone for execution; also used by the QOperator export. */
pare_status pare_fold_batchnorm(pare_model *model); /* into the Conv or Gemm before it */
/* Constants, and what these shapes of the inputs (NULL: none is known) make constant, become initializers. Without shapes an If
 * whose condition is known gives way to its branch. Values are told dtype and shape. DequantizeLinear stays, as do random numbers, operators that are not there, and
 * whatever would make the file larger. */
pare_status pare_fold_for_file(pare_model *model, const pare_shape *input_shapes);
pare_status pare_fuse_float(pare_model *model); /* fold BatchNorm, fuse Relu/Clip into Conv and Gemm */
pare_status
pare_fuse_qdq(pare_model *model); /* DequantizeLinear -> op -> QuantizeLinear to an integer operator */
/* The same for operators that fewer networks have; numerics change nothing here. */
pare_status pare_fuse_values(pare_model *model, pare_numerics numerics);
/* Element by element, operands broadcast, with the same result whenever it is run: with one 8-bit tensor and numbers it becomes a table. */
bool pare_is_pointwise(const pare_node *node);
/* Whether a node is a Pad by nothing on any side. */
bool pare_pads_nothing(const pare_model *model, const pare_node *node);
/* Whether a ReduceMean is GlobalAveragePool: over all axes but the first two of a tensor whose rank the operators before it tell. */
bool pare_is_image_mean(const pare_model *model, const pare_node *node);

#endif
