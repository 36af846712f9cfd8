/* Sequences of tensors: SequenceEmpty, SequenceConstruct, SequenceAt, SequenceInsert, SequenceErase and SequenceLength (ONNX opset 11).
 * A sequence never changes: each gives a new one, which shares its tensors. */
#include "ops/control.h"

/* `n` items of `from` from item `at` on, to item `to`. */
static void copy_items(pare_list *list, int64_t to, const pare_list *from, int64_t at, int64_t n) {
  for (int64_t i = 0; i < n; i++) list->items[to + i] = pare_tensor_retain(&from->items[at + i]);
}

/* The position of input `i`, or `fallback`: -limit..limit-1, and with `end` limit itself. */
static pare_status position(pare_call *call, int i, int64_t limit, bool end, int64_t fallback, int64_t *out) {
  *out = fallback;
  if (pare_call_has(call, i)) {
    PARE_TRY(pare_control_need_tensor(call, i));
    pare_dtype dtype = call->in[i]->dtype;
    if ((dtype != PARE_S32 && dtype != PARE_S64) || pare_tensor_count(call->in[i]) != 1)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "a position must be one s32 or s64");
    *out = pare_tensor_get_s64(call->in[i], 0);
  }
  if (*out < 0 && *out >= -limit) *out += limit;
  if (*out >= 0 && *out < limit + (end ? 1 : 0)) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "position %lld in a sequence of %lld", (long long)*out,
                   (long long)limit);
}

static pare_status infer_sequence(pare_call *call) {
  return pare_control_need_sequence(call, 0);
}

static pare_status run_empty(pare_call *call) {
  return pare_list_new(call->ctx, false, 0, call->out[0]);
}

static pare_status infer_construct(pare_call *call) {
  for (int i = 0; i < call->n_in; i++) PARE_TRY(pare_control_need_tensor(call, i));
  return PARE_OK;
}

static pare_status run_construct(pare_call *call) {
  PARE_TRY(pare_list_new(call->ctx, false, call->n_in, call->out[0]));
  for (int i = 0; i < call->n_in; i++) call->out[0]->list->items[i] = pare_tensor_retain(call->in[i]);
  return PARE_OK;
}

static pare_status run_at(pare_call *call) {
  const pare_list *list = call->in[0]->list;
  int64_t at;
  PARE_TRY(position(call, 1, list->n, false, 0, &at));
  *call->out[0] = pare_tensor_retain(&list->items[at]);
  return PARE_OK;
}

static pare_status infer_insert(pare_call *call) {
  PARE_TRY(pare_control_need_sequence(call, 0));
  return pare_control_need_tensor(call, 1);
}

static pare_status run_insert(pare_call *call) {
  const pare_list *list = call->in[0]->list;
  int64_t at;
  PARE_TRY(position(call, 2, list->n, true, list->n, &at));
  PARE_TRY(pare_list_new(call->ctx, false, list->n + 1, call->out[0]));
  pare_list *made = call->out[0]->list;
  copy_items(made, 0, list, 0, at);
  made->items[at] = pare_tensor_retain(call->in[1]);
  copy_items(made, at + 1, list, at, list->n - at);
  return PARE_OK;
}

static pare_status run_erase(pare_call *call) {
  const pare_list *list = call->in[0]->list;
  int64_t at;
  PARE_TRY(position(call, 1, list->n, false, list->n - 1, &at));
  PARE_TRY(pare_list_new(call->ctx, false, list->n - 1, call->out[0]));
  copy_items(call->out[0]->list, 0, list, 0, at);
  copy_items(call->out[0]->list, at, list, at + 1, list->n - 1 - at);
  return PARE_OK;
}

static pare_status run_length(pare_call *call) {
  return pare_control_scalar(call, PARE_S64, call->in[0]->list->n, call->out[0]);
}

#define SEQUENCE_OP(variable, title, fewest, most, infer_function, run_function)                             \
  const pare_op variable = {                                                                                 \
      .name = title,                                                                                         \
      .domain = "",                                                                                          \
      .min_in = fewest,                                                                                      \
      .max_in = most,                                                                                        \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer_function,                                                                               \
      .run = run_function,                                                                                   \
      .no_gradient = PARE_CONTROL_NO_GRADIENT,                                                               \
      .quant = PARE_QUANT_NONE,                                                                              \
      .own_outputs = true,                                                                                   \
  }

SEQUENCE_OP(pare_op_sequence_at, "SequenceAt", 2, 2, infer_sequence, run_at);
SEQUENCE_OP(pare_op_sequence_construct, "SequenceConstruct", 1, -1, infer_construct, run_construct);
SEQUENCE_OP(pare_op_sequence_empty, "SequenceEmpty", 0, 0, pare_control_infer, run_empty);
SEQUENCE_OP(pare_op_sequence_erase, "SequenceErase", 1, 2, infer_sequence, run_erase);
SEQUENCE_OP(pare_op_sequence_insert, "SequenceInsert", 2, 3, infer_insert, run_insert);
SEQUENCE_OP(pare_op_sequence_length, "SequenceLength", 1, 1, infer_sequence, run_length);
