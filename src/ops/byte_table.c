/* ByteTable (Pare's own): y = table[x], x and y 8 bits. Inputs X and the table [256], whose type is y's; the byte of x counts as unsigned.
 * Attribute `rank`: the least rank of y, which gets axes of length 1 in front. The session puts it in the place of what computes element by element
 * between DequantizeLinear and QuantizeLinear (session/fuse_table.c). */
#include "ops/byte_table.h"
#include "ops/elementwise.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, 0));
  PARE_TRY(pare_q_need_8bit(call, 1));
  PARE_TRY(pare_op_attr_type(call, "rank", PARE_ATTR_INT));
  const pare_shape *x = &call->in[0]->shape, *table = &call->in[1]->shape;
  const int64_t rank = pare_node_int(call->node, "rank", 0);
  if (table->rank != 1 || table->dims[0] != 256)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the table does not have 256 elements");
  if (rank > PARE_MAX_RANK) return pare_fail(call->ctx, PARE_BAD_MODEL, "rank %lld", (long long)rank);
  pare_shape y = *x;
  while (y.rank < rank) {
    memmove(y.dims + 1, y.dims, (size_t)y.rank * sizeof *y.dims);
    y.dims[0] = 1;
    y.rank++;
  }
  return pare_op_set_out(call, 0, call->in[1]->dtype, &y);
}

void pare_byte_table_apply(const uint8_t *table, const uint8_t *x, int64_t n, uint8_t *y) {
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    const uint8_t a = table[x[i]], b = table[x[i + 1]], c = table[x[i + 2]], d = table[x[i + 3]];
    y[i] = a, y[i + 1] = b, y[i + 2] = c, y[i + 3] = d;
  }
  for (; i < n; i++) y[i] = table[x[i]];
}

void pare_byte_table_make(const pare_call *call, int x_scale, int y_scale, bool is_signed,
                          pare_byte_function f, uint8_t table[256]) {
  float x[256];
  const float scale = pare_q_scale(call, x_scale, 0);
  const int32_t zero = pare_q_zero(call, x_scale + 1, 0);
  for (int i = 0; i < 256; i++) x[i] = (float)((is_signed ? (int8_t)i : i) - zero) * scale;
  if (f) f(call, x, x, 256);
  pare_requant_args args = {.x = x,
                            .n = 256,
                            .scale = pare_q_scale(call, y_scale, 0),
                            .zero_point = pare_q_zero(call, y_scale + 1, 0),
                            .is_signed = is_signed,
                            .y = table};
  pare_q_bounds(call->node, is_signed ? PARE_S8 : PARE_U8, args.scale, args.zero_point, &args.low,
                &args.high);
  pare_requant_select()->quantize(&args);
}

static pare_status run(pare_call *call) {
  pare_byte_table_apply(pare_u8(call->in[1]), pare_u8(call->in[0]), pare_tensor_count(call->out[0]),
                        pare_u8(call->out[0]));
  return PARE_OK;
}

const pare_op pare_op_byte_table = {
    .name = "ByteTable",
    .domain = "pare",
    .min_in = 2,
    .max_in = 2,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .in_place = true,
    .layout = PARE_LAYOUT_FOLLOWS,
};

/* ---- QLinearSigmoid, QLinearLeakyRelu (com.microsoft, opset 1): X, X_scale, X_zero_point, Y_scale, Y_zero_point ------------------ */
enum { X, X_SCALE, X_ZERO, Y_SCALE, Y_ZERO };

static pare_status infer_unary(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, X));
  PARE_TRY(pare_op_attr_type(call, "alpha", PARE_ATTR_FLOAT));
  const pare_dtype dtype = call->in[X]->dtype;
  PARE_TRY(pare_q_need_scale(call, X_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, X_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, Y_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, Y_ZERO, dtype, 0, true));
  return pare_op_infer_same(call);
}

static pare_status run_unary(pare_call *call) {
  const pare_op *plain = call->node->op->family;
  const pare_unary *f = plain->family;
  uint8_t table[256];
  pare_byte_table_make(call, X_SCALE, Y_SCALE, call->in[X]->dtype == PARE_S8, f->f32, table);
  pare_byte_table_apply(table, pare_u8(call->in[X]), pare_tensor_count(call->in[X]), pare_u8(call->out[0]));
  return PARE_OK;
}

/* `family`: the operator on f32. */
#define QLINEAR(variable, onnx_name)                                                                         \
  const pare_op pare_op_qlinear_##variable = {                                                               \
      .name = (onnx_name),                                                                                   \
      .domain = "com.microsoft",                                                                             \
      .min_in = 4,                                                                                           \
      .max_in = 5,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer_unary,                                                                                  \
      .run = run_unary,                                                                                      \
      .no_gradient = "integers have no gradient",                                                            \
      .in_place = true,                                                                                      \
      .layout = PARE_LAYOUT_FOLLOWS,                                                                         \
      .family = &pare_op_##variable,                                                                         \
  };
QLINEAR(leaky_relu, "QLinearLeakyRelu")
QLINEAR(sigmoid, "QLinearSigmoid")
