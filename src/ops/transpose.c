/* Transpose: axis i of the output is axis perm[i] of the input; without perm the axes are reversed (ONNX
 * Transpose, opset 13). */
#include "kernels/f32_transpose/f32_transpose.h"
#include "kernels/u8_transpose/u8_transpose.h"
#include "ops/loop.h"
#include "ops/op_util.h"

static pare_status read_perm(const pare_call *call, int perm[PARE_MAX_RANK]) {
  const int rank = call->in[0]->shape.rank;
  size_t n;
  const int64_t *given = pare_node_ints(call->node, "perm", &n);
  uint32_t seen = 0;
  if (n != 0 && n != (size_t)rank)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "perm has %zu axes, the input %d", n, rank);
  for (int i = 0; i < rank; i++) {
    const int64_t axis = n ? given[i] : rank - 1 - i;
    if (axis < 0 || axis >= rank || seen & 1u << axis)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "perm is not a permutation");
    seen |= 1u << axis;
    perm[i] = (int)axis;
  }
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  int perm[PARE_MAX_RANK];
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(read_perm(call, perm));
  pare_shape out = call->in[0]->shape;
  for (int i = 0; i < out.rank; i++) out.dims[i] = call->in[0]->shape.dims[perm[i]];
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status walk(const pare_call *call, pare_loop *loop) {
  const pare_shape *out = &call->out[0]->shape;
  int perm[PARE_MAX_RANK];
  int64_t dense[PARE_MAX_RANK];
  PARE_TRY(read_perm(call, perm));
  pare_loop_dense(&call->in[0]->shape, dense);
  *loop = (pare_loop){.rank = out->rank, .n = 2};
  memcpy(loop->dims, out->dims, sizeof loop->dims);
  pare_loop_dense(out, loop->strides[0]);
  for (int i = 0; i < out->rank; i++) loop->strides[1][i] = dense[perm[i]];
  pare_loop_merge(loop);
  return PARE_OK;
}

/* Matrices of four bytes an element, or dense ones of one, alone or in a row: images into channels last, heads of attention. */
static bool run_matrices(const pare_call *call, const pare_loop *loop) {
  const int i = loop->rank - 2;
  const size_t size = pare_dtype_size(call->in[0]->dtype);
  if (i < 0 || i > 1 || loop->strides[1][i] != 1) return false;
  const int64_t rows = loop->dims[i + 1], columns = loop->dims[i], x_row = loop->strides[1][i + 1];
  if (size != 4 && (size != 1 || x_row != columns)) return false;
  const uint8_t *x = call->in[0]->data;
  uint8_t *y = call->out[0]->data;
  for (int64_t n = i ? loop->dims[0] : 1; n > 0; n--) {
    if (size == 1)
      pare_u8_transpose(x, rows, columns, y);
    else
      pare_f32_transpose((const float *)(const void *)x, x_row, rows, columns, (float *)(void *)y, rows);
    x += (size_t)(i ? loop->strides[1][0] : 0) * size;
    y += (size_t)(rows * columns) * size;
  }
  return true;
}

static pare_status run(pare_call *call) {
  pare_loop loop;
  PARE_TRY(walk(call, &loop));
  if (run_matrices(call, &loop)) return PARE_OK;
  pare_loop_copy(&loop, pare_dtype_size(call->in[0]->dtype), call->out[0]->data, call->in[0]->data);
  return PARE_OK;
}

static pare_status backward(pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  pare_loop loop;
  PARE_TRY(walk(grad->call, &loop));
  /* One plain matrix, as images side by side are. */
  const bool is_matrix = loop.rank == 2 && loop.strides[1][0] == 1 && loop.strides[1][1] == loop.dims[0];
  if (is_matrix) {
    pare_f32_transpose_add(pare_f32(grad->d_out[0]), loop.dims[1], loop.dims[0], loop.dims[1],
                           pare_f32(grad->d_in[0]), loop.dims[0]);
    return PARE_OK;
  }
  pare_loop_add_back(&loop, pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]));
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  int perm[PARE_MAX_RANK] = {0};
  PARE_TRY(read_perm(call, perm));
  for (int i = 0; i < call->out[0]->shape.rank; i++)
    PARE_TRY(pare_couple_axes(coupler, 0, perm[i], PARE_OUT(0), i));
  return PARE_OK;
}

const pare_op pare_op_transpose = {
    .name = "Transpose",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = couple,
    .quant = PARE_QUANT_SAME,
};
