/* QLinearMatMul: int8 matrix product, requantized with (a_scale * b_scale[n]) / y_scale, and MatMulInteger: the int32 sums themselves (ONNX, both
 * opset 10). MatMulIntegerToFloat: (float)sum * (a_scale * b_scale[n]) (com.microsoft, opset 1; without its bias). B's scale and zero point are one
 * or one per column; A's are one. */
#include "ops/quantized.h"

static pare_status infer_linear(pare_call *call) {
  pare_q_product p;
  pare_shape y;
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 3));
  PARE_TRY(pare_q_matmul_shapes(call, 0, 3, &p, &y));
  PARE_TRY(pare_q_need_scale(call, 1, 0));
  PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, 0, false));
  PARE_TRY(pare_q_need_scale(call, 4, p.n));
  PARE_TRY(pare_q_need_zero(call, 5, call->in[3]->dtype, p.n, false));
  PARE_TRY(pare_q_need_scale(call, 6, 0));
  PARE_TRY(pare_q_need_8bit(call, 7));
  PARE_TRY(pare_q_need_zero(call, 7, call->in[7]->dtype, 0, false));
  return pare_op_set_out(call, 0, call->in[7]->dtype, &y);
}

static pare_status infer_integer(pare_call *call) {
  pare_q_product p;
  pare_shape y;
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 1));
  PARE_TRY(pare_q_matmul_shapes(call, 0, 1, &p, &y));
  PARE_TRY(pare_q_need_zero(call, 2, call->in[0]->dtype, 0, true));
  PARE_TRY(pare_q_need_zero(call, 3, call->in[1]->dtype, p.n, true));
  return pare_op_set_out(call, 0, PARE_S32, &y);
}

/* Inputs A, B, a_scale, b_scale, a_zero_point, b_zero_point. */
static pare_status infer_to_float(pare_call *call) {
  pare_q_product p;
  pare_shape y;
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 1));
  PARE_TRY(pare_q_matmul_shapes(call, 0, 1, &p, &y));
  PARE_TRY(pare_q_need_scale(call, 2, 0));
  PARE_TRY(pare_q_need_scale(call, 3, p.n));
  PARE_TRY(pare_q_need_zero(call, 4, call->in[0]->dtype, 0, true));
  PARE_TRY(pare_q_need_zero(call, 5, call->in[1]->dtype, p.n, true));
  if (pare_call_has(call, 6)) return pare_fail(call->ctx, PARE_UNSUPPORTED, "a bias (input 6)");
  return pare_op_set_out(call, 0, PARE_F32, &y);
}

static const pare_q_places linear_places = {0, 3, 1, 4, 2, 5, -1, 6, 7};
static const pare_q_places integer_places = {0, 1, -1, -1, 2, 3, -1, -1, -1};
static const pare_q_places to_float_places = {0, 1, 2, 3, 4, 5, -1, -1, -1};

static pare_status prepare(pare_call *call, const pare_q_places *places) {
  pare_shape y;
  pare_q_product *p = pare_arena_alloc(call->arena, sizeof *p);
  if (!p) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_q_matmul_shapes(call, 0, places->b, p, &y));
  return pare_q_product_prepare(call, p, places);
}

static pare_status prepare_linear(pare_call *call) {
  return prepare(call, &linear_places);
}

static pare_status prepare_integer(pare_call *call) {
  return prepare(call, &integer_places);
}

static pare_status prepare_to_float(pare_call *call) {
  return prepare(call, &to_float_places);
}

static pare_status run_linear(pare_call *call) {
  return pare_q_product_run(call, call->state, &linear_places);
}

static pare_status run_integer(pare_call *call) {
  return pare_q_product_run(call, call->state, &integer_places);
}

static pare_status run_to_float(pare_call *call) {
  return pare_q_product_run(call, call->state, &to_float_places);
}

static void cost_of(const pare_call *call, int ib, pare_cost *cost) {
  const pare_shape *b = &call->in[ib]->shape;
  const int64_t k = b->rank == 1 ? b->dims[0] : b->dims[b->rank - 2];
  const int64_t n = b->rank == 1 ? 1 : b->dims[b->rank - 1];
  cost->macs = (uint64_t)pare_tensor_count(call->out[0]) * (uint64_t)k;
  cost->effective_macs = cost->macs;
  if (b->rank == 2 && pare_q_const(call, ib) && n > 0)
    cost->effective_macs = (uint64_t)(pare_tensor_count(call->out[0]) / n) * pare_q_nonzeros(call->in[ib]);
}

static void cost_linear(const pare_call *call, pare_cost *cost) {
  cost_of(call, 3, cost);
}

static void cost_integer(const pare_call *call, pare_cost *cost) {
  cost_of(call, 1, cost);
}

const pare_op pare_op_qlinear_matmul = {
    .name = "QLinearMatMul",
    .domain = "",
    .min_in = 8,
    .max_in = 8,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_linear,
    .prepare = prepare_linear,
    .run = run_linear,
    .no_gradient = "integers have no gradient",
    .cost = cost_linear,
};

const pare_op pare_op_matmul_integer = {
    .name = "MatMulInteger",
    .domain = "",
    .min_in = 2,
    .max_in = 4,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_integer,
    .prepare = prepare_integer,
    .run = run_integer,
    .no_gradient = "integers have no gradient",
    .cost = cost_integer,
};

const pare_op pare_op_matmul_integer_to_float = {
    .name = "MatMulIntegerToFloat",
    .domain = "com.microsoft",
    .min_in = 4,
    .max_in = 7,
    .min_out = 1,
    .max_out = 1,
    .infer = infer_to_float,
    .prepare = prepare_to_float,
    .run = run_to_float,
    .no_gradient = "integers have no gradient",
    .cost = cost_integer,
};
