/* Optional, OptionalHasElement and OptionalGetElement (ONNX opset 18, where the latter two also take what is no optional). */
#include "ops/control.h"

static pare_status infer_optional(pare_call *call) {
  if (pare_call_has(call, 0) && call->in[0]->list && call->in[0]->list->is_optional)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "an optional of an optional");
  return PARE_OK;
}

static pare_status run_optional(pare_call *call) {
  bool is_there = pare_call_has(call, 0);
  PARE_TRY(pare_list_new(call->ctx, true, is_there ? 1 : 0, call->out[0]));
  if (is_there) call->out[0]->list->items[0] = pare_tensor_retain(call->in[0]);
  return PARE_OK;
}

/* What input 0 holds, or NULL. */
static const pare_tensor *element(const pare_call *call) {
  if (!pare_call_has(call, 0)) return NULL;
  const pare_list *list = call->in[0]->list;
  if (!list || !list->is_optional) return call->in[0];
  return list->n ? &list->items[0] : NULL;
}

static pare_status run_has(pare_call *call) {
  return pare_control_scalar(call, PARE_BOOL, element(call) != NULL, call->out[0]);
}

static pare_status run_get(pare_call *call) {
  const pare_tensor *found = element(call);
  if (!found) return pare_fail(call->ctx, PARE_BAD_MODEL, "the optional is empty");
  *call->out[0] = pare_tensor_retain(found);
  return PARE_OK;
}

#define OPTIONAL_OP(variable, title, fewest, infer_function, run_function)                                   \
  const pare_op variable = {                                                                                 \
      .name = title,                                                                                         \
      .domain = "",                                                                                          \
      .min_in = fewest,                                                                                      \
      .max_in = 1,                                                                                           \
      .min_out = 1,                                                                                          \
      .max_out = 1,                                                                                          \
      .infer = infer_function,                                                                               \
      .run = run_function,                                                                                   \
      .no_gradient = PARE_CONTROL_NO_GRADIENT,                                                               \
      .quant = PARE_QUANT_NONE,                                                                              \
      .own_outputs = true,                                                                                   \
  }

OPTIONAL_OP(pare_op_optional, "Optional", 0, infer_optional, run_optional);
OPTIONAL_OP(pare_op_optional_get_element, "OptionalGetElement", 1, pare_control_infer, run_get);
OPTIONAL_OP(pare_op_optional_has_element, "OptionalHasElement", 0, pare_control_infer, run_has);
