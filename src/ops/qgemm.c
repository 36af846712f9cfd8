/* QGemm: int8 Gemm with an int32 bias (com.microsoft QGemm, opset 1, of ONNX Runtime). Inputs A, a_scale, a_zero_point, B, b_scale,
 * b_zero_point, C, y_scale, y_zero_point. scale[n] = alpha * a_scale * b_scale[n]; with y_scale, y = requantize((acc + C) * (scale / y_scale)),
 * without it y is f32: (float)(acc + C) * scale. transA is not there. */
#include "ops/quantized.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C, Y_SCALE, Y_ZERO };

static pare_status read_gemm(pare_call *call, pare_q_product *p) {
  const pare_shape *a = &call->in[A]->shape, *b = &call->in[B]->shape;
  if (pare_node_int(call->node, "transA", 0) != 0) return pare_fail(call->ctx, PARE_UNSUPPORTED, "transA");
  const bool trans_b = pare_node_int(call->node, "transB", 0) != 0;
  if (a->rank != 2 || b->rank != 2)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of rank %d and %d, expected 2 and 2", a->rank,
                     b->rank);
  *p = (pare_q_product){.m = a->dims[0], .k = a->dims[1], .n = b->dims[!trans_b], .n_batch = 1};
  if (b->dims[trans_b] != p->k) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "inner lengths %lld and %lld are not equal", (long long)p->k,
                     (long long)b->dims[trans_b]);
  }
  p->b_row = trans_b ? 1 : p->n;
  p->b_column = trans_b ? p->k : 1;
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  pare_q_product p = {0};
  PARE_TRY(pare_q_need_8bit(call, A));
  PARE_TRY(pare_q_need_8bit(call, B));
  PARE_TRY(read_gemm(call, &p));
  PARE_TRY(pare_q_need_scale(call, A_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, A_ZERO, call->in[A]->dtype, 0, false));
  PARE_TRY(pare_q_need_scale(call, B_SCALE, p.n));
  PARE_TRY(pare_q_need_zero(call, B_ZERO, call->in[B]->dtype, p.n, false));
  if (pare_call_has(call, C)) {
    static const pare_dtype s32_only[] = {PARE_S32, PARE_NONE};
    PARE_TRY(pare_op_need_dtype(call, C, s32_only));
    if (pare_tensor_count(call->in[C]) != p.n)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "a bias that is not [%lld]", (long long)p.n);
  }
  const pare_shape y = PARE_SHAPE(p.m, p.n);
  if (!pare_call_has(call, Y_SCALE)) return pare_op_set_out(call, 0, PARE_F32, &y);
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_8bit(call, Y_ZERO));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, call->in[Y_ZERO]->dtype, 0, false));
  return pare_op_set_out(call, 0, call->in[Y_ZERO]->dtype, &y);
}

static const pare_q_places places = {A, B, A_SCALE, B_SCALE, A_ZERO, B_ZERO, C, Y_SCALE, Y_ZERO};

static pare_status prepare(pare_call *call) {
  pare_q_product *p = pare_arena_alloc(call->arena, sizeof *p);
  if (!p) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_gemm(call, p));
  return pare_q_product_prepare(call, p, &places);
}

static pare_status run(pare_call *call) {
  return pare_q_product_run(call, call->state, &places);
}

static void cost(const pare_call *call, pare_cost *cost) {
  const uint64_t m = (uint64_t)call->in[A]->shape.dims[0];
  cost->macs = m * (uint64_t)pare_tensor_count(call->in[B]);
  cost->effective_macs = cost->macs;
  if (pare_q_const(call, B)) cost->effective_macs = m * pare_q_nonzeros(call->in[B]);
}

const pare_op pare_op_qgemm = {
    .name = "QGemm",
    .domain = "com.microsoft",
    .min_in = 6,
    .max_in = 9,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .cost = cost,
};
