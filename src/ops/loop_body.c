/* Loop: body(i, condition, carried...) -> (condition, carried..., rows...) again and again, while the condition holds and at most M times;
 * gives what is carried at the end, and each kind of row stacked (ONNX Loop, opset 16). The session bounds the work of one run, so
 * that a loop that never ends is an error. */
#include "ops/control.h"

typedef struct loop {
  int n_carried, n_rows, n_all; /* n_all: the body's outputs */
  int64_t most;
  bool goes_on;
  pare_tensor *in;  /* [2 + n_carried] */
  pare_tensor *out; /* [n_all] */
  pare_rows *rows;  /* [n_rows] */
} loop;

static pare_status infer(pare_call *call) {
  if (pare_call_has(call, 0)) PARE_TRY(pare_control_need_one(call, 0, PARE_S64));
  if (pare_call_has(call, 1)) PARE_TRY(pare_control_need_one(call, 1, PARE_BOOL));
  int n_in = pare_control_n_in(call);
  for (int i = 2; i < n_in; i++)
    if (!call->in[i]) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is left out", i);
  if (call->n_out >= n_in - 2) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "%d outputs for %d carried values", call->n_out, n_in - 2);
}

static pare_status start(pare_call *call, loop *l) {
  l->n_carried = pare_control_n_in(call) > 2 ? pare_control_n_in(call) - 2 : 0;
  l->n_rows = call->n_out - l->n_carried;
  l->n_all = 1 + call->n_out;
  l->most = pare_call_has(call, 0) ? *pare_s64(call->in[0]) : INT64_MAX;
  l->goes_on = pare_call_has(call, 1) ? *pare_u8(call->in[1]) != 0 : true;
  l->in = pare_alloc_array(call->ctx, 2 + (size_t)l->n_carried, sizeof *l->in);
  l->out = pare_alloc_array(call->ctx, (size_t)l->n_all, sizeof *l->out);
  l->rows = pare_alloc_array(call->ctx, (size_t)l->n_rows, sizeof *l->rows);
  if (!l->in || !l->out || !l->rows) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < l->n_carried; i++) l->in[2 + i] = pare_tensor_retain(call->in[2 + i]);
  return pare_control_scalar(call, PARE_BOOL, l->goes_on, &l->in[1]);
}

static pare_status step(pare_call *call, loop *l, int64_t i_step) {
  pare_tensor_release(&l->in[0]);
  PARE_TRY(pare_control_scalar(call, PARE_S64, i_step, &l->in[0]));
  PARE_TRY(call->run_graph(call, "body", l->in, 2 + l->n_carried, l->out, l->n_all));
  const pare_tensor *condition = &l->out[0];
  if (condition->dtype != PARE_BOOL || condition->list || pare_tensor_count(condition) != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the body's first output must be one bool");
  l->goes_on = *pare_u8(condition) != 0;
  for (int i = 0; i < l->n_rows; i++)
    PARE_TRY(pare_rows_add(call, &l->rows[i], &l->out[1 + l->n_carried + i]));
  for (int i = 0; i <= l->n_carried; i++) { /* the condition and what is carried */
    pare_tensor_release(&l->in[1 + i]);
    l->in[1 + i] = l->out[i];
    l->out[i] = (pare_tensor){0};
  }
  pare_control_release(l->out, l->n_all);
  return PARE_OK;
}

static pare_status finish(pare_call *call, loop *l) {
  const pare_model *body = pare_control_graph(call, "body");
  for (int i = 0; i < l->n_carried; i++) {
    if (!call->out[i]) continue;
    *call->out[i] = l->in[2 + i];
    l->in[2 + i] = (pare_tensor){0};
  }
  for (int i = 0; i < l->n_rows; i++) {
    pare_tensor *out = call->out[l->n_carried + i];
    int at = 1 + l->n_carried + i;
    const pare_value *model = body && at < body->n_outputs ? &body->values[body->outputs[at]] : NULL;
    if (out) PARE_TRY(pare_rows_join(call, &l->rows[i], 0, false, model, out));
  }
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  loop l = {0};
  pare_status status = start(call, &l);
  for (int64_t i = 0; status == PARE_OK && i < l.most && l.goes_on; i++) status = step(call, &l, i);
  if (status == PARE_OK) status = finish(call, &l);
  if (l.in) pare_control_release(l.in, 2 + l.n_carried);
  if (l.out) pare_control_release(l.out, l.n_all);
  for (int i = 0; l.rows && i < l.n_rows; i++) pare_rows_free(call->ctx, &l.rows[i]);
  pare_free(call->ctx, l.in);
  pare_free(call->ctx, l.out);
  pare_free(call->ctx, l.rows);
  return status;
}

const pare_op pare_op_loop = {
    .name = "Loop",
    .domain = "",
    .min_in = 0,
    .max_in = -1,
    .min_out = 0,
    .max_out = -1,
    .infer = infer,
    .run = run,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};
