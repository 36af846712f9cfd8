/* Trilu: the upper (or lower) triangle of every matrix, zeros elsewhere; k moves its diagonal to the right (ONNX Trilu, opset 14). */
#include "ops/wide.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype s64_only[] = {PARE_S64, PARE_NONE};
  PARE_TRY(pare_op_need(call, 0));
  if (call->in[0]->shape.rank < 2) return pare_fail(call->ctx, PARE_BAD_MODEL, "the input is no matrix");
  if (pare_call_has(call, 1)) {
    PARE_TRY(pare_op_need_dtype(call, 1, s64_only));
    if (pare_tensor_count(call->in[1]) != 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "k is not one number");
  }
  return pare_op_infer_same(call);
}

/* Columns [first, end) of row i are kept. */
static void kept(const pare_call *call, int64_t i, int64_t *first, int64_t *end) {
  const int64_t n = call->in[0]->shape.dims[call->in[0]->shape.rank - 1];
  int64_t k = pare_call_has(call, 1) ? pare_s64(call->in[1])[0] : 0;
  const int64_t most = (int64_t)1 << 40; /* longer than any axis */
  k = k > most ? most : k < -most ? -most : k;
  const bool upper = pare_node_int(call->node, "upper", 1) != 0;
  const int64_t edge = i + k + !upper, at = edge < 0 ? 0 : edge > n ? n : edge;
  *first = upper ? at : 0;
  *end = upper ? n : at;
}

static pare_status run(pare_call *call) {
  const pare_shape *shape = &call->in[0]->shape;
  const int64_t rows = shape->dims[shape->rank - 2], columns = shape->dims[shape->rank - 1];
  const int64_t n_rows = pare_shape_count_range(shape, 0, shape->rank - 1);
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  for (int64_t r = 0; r < n_rows; r++) {
    int64_t first, end;
    kept(call, r % rows, &first, &end);
    uint8_t *y = pare_u8(call->out[0]) + (size_t)(r * columns) * size;
    const uint8_t *x = pare_u8(call->in[0]) + (size_t)(r * columns) * size;
    if (columns == 0) continue;
    memmove(y, x, (size_t)columns * size);
    memset(y, 0, (size_t)first * size);
    memset(y + (size_t)end * size, 0, (size_t)(columns - end) * size);
  }
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  const pare_shape *shape = &grad->call->in[0]->shape;
  const int64_t rows = shape->dims[shape->rank - 2], columns = shape->dims[shape->rank - 1];
  for (int64_t r = 0; r < pare_shape_count_range(shape, 0, shape->rank - 1); r++) {
    int64_t first, end;
    kept(grad->call, r % rows, &first, &end);
    pare_op_add_f32(pare_f32(grad->d_in[0]) + r * columns + first,
                    pare_f32(grad->d_out[0]) + r * columns + first, end - first);
  }
  return PARE_OK;
}

/* The two last axes decide what is kept. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[0]->shape.rank - 2; axis++)
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

const pare_op pare_op_trilu = {
    .name = "Trilu",
    .domain = "",
    .min_in = 1,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .in_place = true,
};
