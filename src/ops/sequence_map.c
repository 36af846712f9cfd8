/* SequenceMap: body(item of each sequence, each tensor as it is) -> (item, ...), for every item of the first sequence; gives sequences
 * (ONNX SequenceMap, opset 17). */
#include "ops/control.h"

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_control_need_sequence(call, 0));
  int64_t n = call->in[0]->list->n;
  for (int i = 1; i < pare_control_n_in(call); i++) {
    if (!call->in[i]) return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is left out", i);
    const pare_list *list = call->in[i]->list;
    if (list && (list->is_optional || list->n != n))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is no sequence of %lld", i, (long long)n);
  }
  return PARE_OK;
}

static pare_status map_one(pare_call *call, int64_t i_item, pare_tensor *in, pare_tensor *out,
                           pare_tensor *made) {
  int n_in = pare_control_n_in(call);
  for (int i = 0; i < n_in; i++) in[i] = call->in[i]->list ? call->in[i]->list->items[i_item] : *call->in[i];
  PARE_TRY(call->run_graph(call, "body", in, n_in, out, call->n_out));
  for (int i = 0; i < call->n_out; i++) {
    if (out[i].list) return pare_fail(call->ctx, PARE_BAD_MODEL, "the body's output %d is no tensor", i);
    made[i].list->items[i_item] = out[i];
    out[i] = (pare_tensor){0};
  }
  return PARE_OK;
}

static pare_status map_all(pare_call *call, pare_tensor *in, pare_tensor *out, pare_tensor *made) {
  int64_t n = call->in[0]->list->n;
  for (int i = 0; i < call->n_out; i++) PARE_TRY(pare_list_new(call->ctx, false, n, &made[i]));
  for (int64_t k = 0; k < n; k++) PARE_TRY(map_one(call, k, in, out, made));
  for (int i = 0; i < call->n_out; i++) {
    if (!call->out[i]) continue;
    *call->out[i] = made[i];
    made[i] = (pare_tensor){0};
  }
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  size_t n_in = (size_t)pare_control_n_in(call), n_out = (size_t)call->n_out;
  pare_tensor *tensors = pare_alloc_array(call->ctx, n_in + 2 * n_out, sizeof *tensors);
  if (!tensors) return PARE_OUT_OF_MEMORY;
  pare_tensor *out = tensors + n_in, *made = out + n_out;
  pare_status status = map_all(call, tensors, out, made);
  pare_control_release(out, (int64_t)(2 * n_out)); /* the inputs are borrowed */
  pare_free(call->ctx, tensors);
  return status;
}

const pare_op pare_op_sequence_map = {
    .name = "SequenceMap",
    .domain = "",
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = -1,
    .infer = infer,
    .run = run,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};
