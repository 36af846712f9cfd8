/* Dropout: y = x, and a mask that is all true (ONNX Dropout, opset 13, outside training). Where a file asks for it with training_mode,
 * y = x mask / (1 - ratio), the mask from the seeded generator of ops/random.h, the same in every run (numpy's, as ONNX's own tests
 * make it). Nothing is dropped in Pare's own training: a call has no counter that a resumed job could set back, so that a run would
 * not give the same bytes again. */
#include "ops/elementwise.h"
#include "ops/random.h"

static pare_status need_number(pare_call *call, int i, bool is_bool) {
  if (!pare_call_has(call, i)) return PARE_OK;
  const pare_dtype dtype = call->in[i]->dtype;
  const bool right = is_bool ? dtype == PARE_BOOL : pare_wide_is_float(dtype) || pare_wide_is_narrow(dtype);
  if (right && pare_tensor_count(call->in[i]) == 1) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is not one %s", i, is_bool ? "bool" : "float");
}

static pare_status infer(pare_call *call) {
  PARE_TRY(need_number(call, 1, false));
  PARE_TRY(need_number(call, 2, true));
  if (call->out[0] == NULL) return pare_fail(call->ctx, PARE_BAD_MODEL, "output 0 is left out");
  PARE_TRY(pare_op_infer_same(call));
  return pare_op_set_out(call, 1, PARE_BOOL, &call->in[0]->shape);
}

/* 0: nothing is dropped. */
static double ratio_of(const pare_call *call) {
  if (!pare_call_has(call, 2) || *pare_u8(call->in[2]) == 0) return 0.0;
  return pare_call_has(call, 1) ? pare_tensor_get_f64(call->in[1], 0) : 0.5;
}

static void drop(const pare_call *call, double ratio, uint8_t *mask) {
  pare_mt19937 mt;
  pare_random_start(call, &mt);
  const int64_t n = pare_tensor_count(call->in[0]);
  for (int64_t i = 0; i < n; i++) {
    const bool kept = pare_random_f64(&mt) >= ratio;
    const double x = kept ? pare_tensor_get_f64(call->in[0], i) / (1.0 - ratio) : 0.0;
    pare_tensor_set_f64(call->out[0], i, x);
    if (mask) mask[i] = kept;
  }
}

static pare_status run(pare_call *call) {
  uint8_t *mask = call->n_out > 1 && call->out[1] != NULL ? pare_u8(call->out[1]) : NULL;
  const double ratio = ratio_of(call);
  if (ratio > 0) {
    drop(call, ratio, mask);
    return PARE_OK;
  }
  if (mask && pare_tensor_count(call->out[1]) > 0) memset(mask, 1, pare_tensor_len_bytes(call->out[1]));
  return pare_op_run_same_bytes(call);
}

static pare_status backward(pare_grad_call *grad) {
  if (ratio_of(grad->call) == 0) return pare_op_backward_same_bytes(grad);
  return pare_fail(grad->call->ctx, PARE_UNSUPPORTED,
                   "training_mode is true: what is dropped has no gradient here");
}

const pare_op pare_op_dropout = {
    .name = "Dropout",
    .domain = "",
    .min_in = 1,
    .max_in = 3,
    .min_out = 1,
    .max_out = 2,
    .infer = infer,
    .run = run,
    .backward = backward,
    .couple = pare_couple_same,
    .quant = PARE_QUANT_SAME,
    .in_place = true,
    .layout = PARE_LAYOUT_ANY,
};
