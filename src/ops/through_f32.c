/* Types that an operator does not compute in: f16 and bf16 everywhere, f64 where an operator has f32 loops only (convolutions,
 * products, pools, recurrent networks, softmax, normalisations). Such tensors are stored as they are; for one call they are turned
 * into f32, the operator runs on that, and what it makes in f32 is rounded back. Nothing in an operator's file knows of it.
 * Constants are turned once, when the call is prepared. */
#include "ops/op.h"
#include "ops/op_util.h"

typedef struct through_f32 {
  pare_call inner;
  pare_tensor *made;    /* [n_in + n_out] those that are turned; the rest is the outer call's */
  size_t *offset;       /* [n_in + n_out] in scratch */
  bool *turned;         /* [n_in + n_out] */
  bool *is_fixed;       /* [n_in] turned already */
  size_t scratch_bytes; /* of the turned tensors; the operator's own comes behind them */
} through_f32;

enum { ALIGNMENT = 64 };

static bool is_turned(pare_dtype dtype) {
  return dtype == PARE_F16 || dtype == PARE_BF16 || dtype == PARE_F64;
}

/* The type that outputs get: that of the first input that is turned; NONE without one. */
static pare_dtype turned_type(const pare_call *call) {
  for (int i = 0; i < call->n_in; i++)
    if (call->in[i] && is_turned(call->in[i]->dtype)) return call->in[i]->dtype;
  return PARE_NONE;
}

/* An inner call whose tensors are the outer one's or, where turned, copies of type f32 without data. */
static void set_up(through_f32 *t, const pare_call *call, pare_tensor **places) {
  t->inner = *call;
  t->inner.in = places;
  t->inner.out = places + call->n_in;
  t->inner.through_f32 = t->inner.training = false;
  for (int i = 0; i < call->n_in + call->n_out; i++) {
    pare_tensor *outer = i < call->n_in ? call->in[i] : call->out[i - call->n_in];
    places[i] = outer;
    t->turned[i] = outer && (i >= call->n_in || is_turned(outer->dtype));
    if (!t->turned[i]) continue;
    t->made[i] = (pare_tensor){.dtype = PARE_F32, .shape = outer->shape};
    places[i] = &t->made[i];
  }
}

/* What the operator says of the inner call, told of the outer one. */
static pare_status infer_inner(through_f32 *t, pare_call *call) {
  PARE_TRY(call->node->op->infer(&t->inner));
  const pare_dtype type = turned_type(call);
  for (int i = 0; i < call->n_out; i++) {
    if (!call->out[i]) continue;
    const pare_tensor *made = &t->made[call->n_in + i];
    call->out[i]->dtype = made->dtype == PARE_F32 ? type : made->dtype;
    call->out[i]->shape = made->shape;
  }
  return PARE_OK;
}

static pare_status allocate(pare_arena *arena, const pare_call *call, through_f32 *t, pare_tensor ***places) {
  const size_t n = (size_t)(call->n_in + call->n_out);
  t->made = pare_arena_array(arena, n, sizeof *t->made);
  t->offset = pare_arena_array(arena, n, sizeof *t->offset);
  t->turned = pare_arena_array(arena, n, sizeof *t->turned);
  t->is_fixed = pare_arena_array(arena, n, sizeof *t->is_fixed);
  *places = pare_arena_array(arena, n, sizeof(**places));
  return t->made && t->offset && t->turned && t->is_fixed && *places ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static pare_status infer_through(pare_call *call) {
  pare_arena arena;
  pare_arena_init(&arena, call->ctx);
  through_f32 t = {0};
  pare_tensor **places;
  pare_status status = allocate(&arena, call, &t, &places);
  if (status == PARE_OK) {
    set_up(&t, call, places);
    status = infer_inner(&t, call);
    call->wants_data = t.inner.wants_data;
  }
  pare_arena_free(&arena);
  if (status == PARE_OK && call->training)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "training in %s: it needs f32",
                     pare_dtype_name(turned_type(call)));
  call->through_f32 = status == PARE_OK;
  if (status == PARE_OK) pare_error_clear(call->ctx); /* of the first attempt */
  return status;
}

pare_status pare_call_infer(pare_call *call) {
  call->through_f32 = false;
  const pare_status status = call->node->op->infer(call);
  if (status != PARE_UNSUPPORTED || call->wants_data || turned_type(call) == PARE_NONE) return status;
  return infer_through(call);
}

/* ---- f32 and back -------------------------------------------------------------------------------------- */

static void widen(const pare_tensor *from, float *to) {
  const int64_t n = pare_tensor_count(from);
  const uint16_t *x = from->data;
  if (from->dtype == PARE_F16)
    for (int64_t i = 0; i < n; i++) to[i] = pare_f16_to_f32(x[i]);
  else if (from->dtype == PARE_BF16)
    for (int64_t i = 0; i < n; i++) to[i] = pare_bf16_to_f32(x[i]);
  else
    for (int64_t i = 0; i < n; i++) to[i] = (float)((const double *)from->data)[i];
}

static void narrow(const pare_tensor *from, pare_tensor *to) {
  const int64_t n = pare_tensor_count(from);
  const float *x = pare_f32(from);
  uint16_t *y = to->data;
  if (to->dtype == PARE_F16)
    for (int64_t i = 0; i < n; i++) y[i] = pare_f32_to_f16(x[i]);
  else if (to->dtype == PARE_BF16)
    for (int64_t i = 0; i < n; i++) y[i] = pare_f32_to_bf16(x[i]);
  else
    for (int64_t i = 0; i < n; i++) ((double *)to->data)[i] = (double)x[i];
}

static pare_status place(through_f32 *t, const pare_call *call, int i) {
  size_t len_bytes;
  PARE_TRY(pare_tensor_bytes(call->ctx, t->made[i].dtype, &t->made[i].shape, &len_bytes));
  if (i < call->n_in && call->in_is_const[i] && call->in[i]->data) {
    t->made[i].data = pare_arena_alloc(call->arena, len_bytes);
    if (!t->made[i].data) return PARE_OUT_OF_MEMORY;
    widen(call->in[i], pare_f32(&t->made[i]));
    t->is_fixed[i] = true;
    return PARE_OK;
  }
  t->offset[i] = t->scratch_bytes;
  if (pare_add_size(t->scratch_bytes, len_bytes, &t->scratch_bytes) &&
      pare_add_size(t->scratch_bytes, ALIGNMENT - 1, &t->scratch_bytes)) {
    t->scratch_bytes &= ~(size_t)(ALIGNMENT - 1);
    return PARE_OK;
  }
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

static pare_status prepare_through(pare_call *call) {
  through_f32 *t = pare_arena_alloc(call->arena, sizeof *t);
  pare_tensor **places;
  if (!t) return PARE_OUT_OF_MEMORY;
  PARE_TRY(allocate(call->arena, call, t, &places));
  set_up(t, call, places);
  PARE_TRY(infer_inner(t, call));
  for (int i = 0; i < call->n_in + call->n_out; i++)
    if (t->turned[i]) PARE_TRY(place(t, call, i));
  const pare_op *op = call->node->op;
  if (op->prepare) PARE_TRY(op->prepare(&t->inner));
  call->state = t;
  if (pare_add_size(t->scratch_bytes, t->inner.scratch_bytes, &call->scratch_bytes)) return PARE_OK;
  return pare_out_of_memory(call->ctx, SIZE_MAX);
}

pare_status pare_call_prepare(pare_call *call) {
  if (call->through_f32) return prepare_through(call);
  return call->node->op->prepare ? call->node->op->prepare(call) : PARE_OK;
}

static pare_status run_through(pare_call *call) {
  through_f32 *t = call->state;
  uint8_t *scratch = call->scratch;
  for (int i = 0; i < call->n_in + call->n_out; i++) {
    if (!t->turned[i] || t->is_fixed[i]) continue;
    t->made[i].data = scratch + t->offset[i];
    if (i < call->n_in) widen(call->in[i], pare_f32(&t->made[i]));
  }
  t->inner.scratch = scratch + t->scratch_bytes;
  PARE_TRY(call->node->op->run(&t->inner));
  for (int i = 0; i < call->n_out; i++) {
    if (!call->out[i]) continue;
    const pare_tensor *made = &t->made[call->n_in + i];
    if (made->dtype == call->out[i]->dtype)
      pare_op_copy(call->out[i]->data, made->data, pare_tensor_len_bytes(made));
    else
      narrow(made, call->out[i]);
  }
  return PARE_OK;
}

pare_status pare_call_run(pare_call *call) {
  return call->through_f32 ? run_through(call) : call->node->op->run(call);
}
