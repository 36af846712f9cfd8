/* ReverseSequence: of each sequence of the batch the first sequence_lens[b] steps in reverse order, the rest as
 * it is (ONNX ReverseSequence, opset 10). */
#include "ops/op_util.h"

typedef struct extent {
  bool batch_first;
  int64_t batch, steps;
  int64_t inner; /* elements of one step of one sequence */
} extent;

static extent extent_of(const pare_call *call) {
  const pare_shape *in = &call->in[0]->shape;
  const bool batch_first = pare_node_int(call->node, "batch_axis", 1) == 0;
  return (extent){batch_first, in->dims[batch_first ? 0 : 1], in->dims[batch_first ? 1 : 0],
                  pare_shape_count_range(in, 2, in->rank)};
}

static pare_status infer(pare_call *call) {
  static const pare_dtype s64_only[] = {PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_need_dtype(call, 1, s64_only));
  const pare_shape *in = &call->in[0]->shape;
  const int64_t batch_axis = pare_node_int(call->node, "batch_axis", 1),
                time_axis = pare_node_int(call->node, "time_axis", 0);
  if (in->rank < 2 || batch_axis < 0 || batch_axis > 1 || time_axis != 1 - batch_axis)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "batch_axis %lld and time_axis %lld of rank %d",
                     (long long)batch_axis, (long long)time_axis, in->rank);
  const pare_shape lens = PARE_SHAPE(in->dims[batch_axis]);
  if (!pare_shape_equal(&call->in[1]->shape, &lens))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "sequence_lens is not [%lld]", (long long)lens.dims[0]);
  return pare_op_set_out(call, 0, call->in[0]->dtype, in);
}

/* Where step t of sequence b is found, in steps of one sequence. */
static int64_t source(const extent *e, const int64_t *lens, int64_t b, int64_t t) {
  const int64_t from = t < lens[b] ? lens[b] - 1 - t : t;
  return e->batch_first ? b * e->steps + from : from * e->batch + b;
}

static int64_t place(const extent *e, int64_t b, int64_t t) {
  return e->batch_first ? b * e->steps + t : t * e->batch + b;
}

static pare_status run(pare_call *call) {
  const extent e = extent_of(call);
  const size_t piece = (size_t)e.inner * pare_dtype_size(call->in[0]->dtype);
  const int64_t *lens = pare_s64(call->in[1]);
  for (int64_t b = 0; b < e.batch; b++) {
    if (lens[b] < 0 || lens[b] > e.steps)
      return pare_fail(call->ctx, PARE_BAD_DATA, "sequence length %lld of %lld steps", (long long)lens[b],
                       (long long)e.steps);
    for (int64_t t = 0; t < e.steps; t++)
      pare_op_copy(pare_u8(call->out[0]) + (size_t)place(&e, b, t) * piece,
                   pare_u8(call->in[0]) + (size_t)source(&e, lens, b, t) * piece, piece);
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const extent e = extent_of(grad->call);
  const int64_t *lens = pare_s64(grad->call->in[1]);
  for (int64_t b = 0; b < e.batch; b++)
    for (int64_t t = 0; t < e.steps; t++)
      pare_op_add_f32(pare_f32(grad->d_in[0]) + source(&e, lens, b, t) * e.inner,
                      pare_f32(grad->d_out[0]) + place(&e, b, t) * e.inner, e.inner);
  return PARE_OK;
}

/* Steps and sequences stay, features go with theirs. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 2; axis < call->in[0]->shape.rank; axis++)
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_reverse_sequence = {
    .name = "ReverseSequence",
    .domain = "",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
