/* QLinearAdd: C = saturate(half_even((zero_c - (ra zero_a + rb zero_b)) + ra a + rb b)), ra = a_scale / c_scale, rb = b_scale / c_scale, in f32 and
 * in this order, as ONNX Runtime computes it on x86 (com.microsoft QLinearAdd, opset 1). Broadcasting as in numpy. Inputs A, A_scale,
 * A_zero_point, B, B_scale, B_zero_point, C_scale, C_zero_point. */
#include "kernels/q8_add/q8_add.h"
#include "ops/quantized.h"

enum { A, A_SCALE, A_ZERO, B, B_SCALE, B_ZERO, C_SCALE, C_ZERO };

pare_status pare_q_binary_infer(pare_call *call) {
  PARE_TRY(pare_q_need_8bit(call, A));
  PARE_TRY(pare_q_need_8bit(call, B));
  const pare_dtype dtype = call->in[A]->dtype;
  if (call->in[B]->dtype != dtype)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the inputs have different types");
  PARE_TRY(pare_q_need_scale(call, A_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, A_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, B_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, B_ZERO, dtype, 0, true));
  PARE_TRY(pare_q_need_scale(call, C_SCALE, 0));
  PARE_TRY(pare_q_need_zero(call, C_ZERO, dtype, 0, true));
  pare_shape y;
  PARE_TRY(pare_op_broadcast(call, &call->in[A]->shape, &call->in[B]->shape, &y));
  return pare_op_set_out(call, 0, dtype, &y);
}

/* Elements per index of the output's axes; 0 where the input is repeated. */
static void steps_of(const pare_shape *in, const pare_shape *out, int64_t *step) {
  int64_t size = 1;
  for (int i = 1; i <= out->rank; i++) {
    const int64_t length = i <= in->rank ? in->dims[in->rank - i] : 1;
    step[out->rank - i] = length == 1 ? 0 : size;
    size *= length;
  }
}

static void add_broadcast(const pare_q8_add_args *args, const pare_call *call) {
  const pare_shape *y = &call->out[0]->shape;
  const int64_t n = pare_shape_count(y);
  int64_t a_step[PARE_MAX_RANK] = {0}, b_step[PARE_MAX_RANK] = {0};
  steps_of(&call->in[A]->shape, y, a_step);
  steps_of(&call->in[B]->shape, y, b_step);
  for (int64_t i = 0; i < n; i++) {
    int64_t rest = i, ia = 0, ib = 0;
    for (int d = y->rank - 1; d >= 0; d--) {
      ia += rest % y->dims[d] * a_step[d];
      ib += rest % y->dims[d] * b_step[d];
      rest /= y->dims[d];
    }
    args->y[i] = pare_q8_add_one(args, args->a[ia], args->b[ib]);
  }
}

static pare_status run(pare_call *call) {
  const float c_scale = pare_q_scale(call, C_SCALE, 0);
  const int32_t zero = pare_q_zero(call, C_ZERO, 0);
  pare_q8_add_args args = {.a = call->in[A]->data,
                           .b = call->in[B]->data,
                           .n = pare_tensor_count(call->out[0]),
                           .is_signed = call->in[A]->dtype == PARE_S8,
                           .ratio_a = pare_q_scale(call, A_SCALE, 0) / c_scale,
                           .ratio_b = pare_q_scale(call, B_SCALE, 0) / c_scale,
                           .y = call->out[0]->data};
  const float of_a = args.ratio_a * (float)pare_q_zero(call, A_ZERO, 0);
  const float of_b = args.ratio_b * (float)pare_q_zero(call, B_ZERO, 0);
  args.fixed = (float)zero - (of_a + of_b);
  int32_t low, high;
  pare_q_bounds(call->node, call->in[A]->dtype, c_scale, zero, &low, &high);
  args.low = (float)low;
  args.high = (float)high;
  if (pare_shape_equal(&call->in[A]->shape, &call->in[B]->shape))
    pare_q8_add_select()->run(&args);
  else
    add_broadcast(&args, call);
  return PARE_OK;
}

const pare_op pare_op_qlinear_add = {
    .name = "QLinearAdd",
    .domain = "com.microsoft",
    .min_in = 7,
    .max_in = 8,
    .min_out = 1,
    .max_out = 1,
    .infer = pare_q_binary_infer,
    .run = run,
    .no_gradient = "integers have no gradient",
    .layout = PARE_LAYOUT_ANY,
};
