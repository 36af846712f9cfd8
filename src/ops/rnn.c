/* RNN (ONNX RNN, opset 14; Elman 1990): H = f(W x + R h + Wb + Rb). Rows and steps: recurrent.h. */
#include "ops/recurrent.h"

static pare_status read_rnn(pare_call *call, pare_recurrent *r) {
  static const char *const names[] = {"Tanh"};
  return pare_recurrent_read(call, 1, 1, names, r);
}

static pare_status infer(pare_call *call) {
  pare_recurrent r;
  PARE_TRY(read_rnn(call, &r));
  return pare_recurrent_set_outputs(call, &r);
}

typedef struct parts {
  float *packed;   /* W^T and R^T of one direction; in backward room for products */
  float *gates;    /* [rows,H]: sums of inputs; in backward their gradients */
  float *h_rows;   /* [rows,H]: backward, h before each step */
  float *h, *step; /* [N,H] */
} parts;

static parts parts_of(const pare_recurrent *r, bool backward, float *scratch, size_t packed, size_t *len) {
  const size_t h = (size_t)r->hidden, n = (size_t)r->batch, rows = (size_t)pare_recurrent_rows(r);
  size_t at = 0;
  parts p;
#define PART(name, count)                                                                                    \
  p.name = scratch ? scratch + at : NULL;                                                                    \
  at += ((count) + 3) / 4 * 4;
  PART(packed, packed)
  PART(gates, rows * h)
  PART(h_rows, backward ? rows * h : 0)
  PART(h, n * h)
  PART(step, n * h)
#undef PART
  *len = at;
  return p;
}

/* Saved per direction: the state before each step, s counts, and after the last: [T+1,N,H]. */
static size_t saved_len(const pare_recurrent *r) {
  return (size_t)((r->length + 1) * r->batch * r->hidden);
}

static void pack(const pare_recurrent *r, const pare_call *call, int64_t d, float *packed) {
  const int64_t h = r->hidden;
  pare_f32_pack_b(pare_f32(call->in[RECURRENT_W]) + d * h * r->input, 1, r->input, r->input, h, packed);
  pare_f32_pack_b(pare_f32(call->in[RECURRENT_R]) + d * h * h, 1, h, h, h, packed + r->packed_w);
}

static size_t scratch_len(const pare_recurrent *r, bool backward, size_t packed) {
  size_t len;
  (void)parts_of(r, backward, NULL, packed, &len);
  return len;
}

static pare_status prepare(pare_call *call) {
  pare_recurrent *r = pare_arena_alloc(call->arena, sizeof *r);
  if (!r) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_rnn(call, r));
  call->state = r;
  return pare_recurrent_prepare(call, r, r->hidden, pack, scratch_len, saved_len(r));
}

/* step [N,H] += a [N,H] times the packed matrix, or = */
static void product(const pare_recurrent *r, const pare_call *call, const float *a, const float *packed,
                    float *step, bool accumulate) {
  const int64_t h = r->hidden;
  const pare_product q = {.m = r->batch,
                          .n = h,
                          .k = h,
                          .a = a,
                          .a_row = h,
                          .a_column = 1,
                          .c = step,
                          .c_row = h,
                          .accumulate = accumulate};
  const pare_f32_gemm_args args = pare_product_args(&q, packed);
  pare_f32_gemm(call->pool, call->numerics, &args);
}

static void run_step(const pare_recurrent *r, pare_call *call, int64_t d, int64_t s, const parts *p,
                     const float *packed_r) {
  const int64_t h = r->hidden;
  const float *bias = pare_call_has(call, RECURRENT_B) ? pare_f32(call->in[RECURRENT_B]) + d * 2 * h : NULL;
  for (int64_t b = 0; b < r->batch; b++) {
    const int64_t t = pare_recurrent_time(r, d, s, pare_recurrent_length_of(r, call, b));
    memcpy(p->step + b * h, p->gates + pare_recurrent_row(r, t, b) * h, (size_t)h * sizeof(float));
  }
  product(r, call, p->h, packed_r, p->step, true);
  for (int64_t b = 0; b < r->batch; b++) {
    const int64_t len = pare_recurrent_length_of(r, call, b), t = pare_recurrent_time(r, d, s, len);
    float *a = p->step + b * h,
          *to = call->out[0] ? pare_f32(call->out[0]) + pare_recurrent_y_at(r, t, d, b) : NULL;
    if (s >= len) {
      if (to) memset(to, 0, (size_t)h * sizeof(float));
      continue;
    }
    for (int64_t k = 0; bias && k < h; k++) a[k] += bias[k] + bias[h + k];
    if (r->clip > 0.0f) pare_clip_n(r->clip, a, h);
    pare_activate(&r->activations[d][0], a, h);
    memcpy(p->h + b * h, a, (size_t)h * sizeof(float));
    if (to) memcpy(to, a, (size_t)h * sizeof(float));
  }
}

static pare_status run(pare_call *call) {
  const pare_recurrent *r = call->state;
  const size_t packed_len = r->packed_w + r->packed_r, state_len = (size_t)(r->batch * r->hidden);
  size_t len;
  const parts p = parts_of(r, false, call->scratch, packed_len, &len);
  for (int64_t d = 0; d < r->directions; d++) {
    const float *packed = r->packed ? r->packed + (size_t)d * packed_len : p.packed;
    if (!r->packed) pack(r, call, d, p.packed);
    pare_recurrent_inputs(r, call, packed, p.gates);
    pare_recurrent_get_state(r, call, RECURRENT_H0, d, p.h);
    float *saved = call->training ? (float *)call->saved + (size_t)d * saved_len(r) : NULL;
    for (int64_t s = 0; s < r->length; s++) {
      if (saved) pare_op_copy(saved + (size_t)s * state_len, p.h, state_len * sizeof(float));
      run_step(r, call, d, s, &p, packed + r->packed_w);
    }
    if (saved) pare_op_copy(saved + (size_t)r->length * state_len, p.h, state_len * sizeof(float));
    pare_recurrent_put_state(r, call, 1, d, p.h);
  }
  return PARE_OK;
}

/* h holds the gradient of the state after step s, and then of that before it. */
static void back_step(const pare_recurrent *r, const pare_grad_call *grad, int64_t d, int64_t s,
                      const parts *p, const float *packed_r, const float *saved) {
  const pare_call *call = grad->call;
  const int64_t h = r->hidden, n = r->batch;
  for (int64_t b = 0; b < n; b++) {
    const int64_t len = pare_recurrent_length_of(r, call, b), t = pare_recurrent_time(r, d, s, len);
    const int64_t row = pare_recurrent_row(r, t, b), at = s * n + b;
    float *a = p->step + b * h, *dh = p->h + b * h;
    memcpy(p->h_rows + row * h, saved + at * h, (size_t)h * sizeof(float));
    memset(a, 0, (size_t)h * sizeof(float));
    if (s < len && call->out[0] && grad->d_out[0])
      pare_op_add_f32(dh, pare_f32(grad->d_out[0]) + pare_recurrent_y_at(r, t, d, b), h);
    for (int64_t k = 0; s < len && k < h; k++) {
      a[k] = dh[k] * pare_slope(&r->activations[d][0], saved[(at + n) * h + k]);
      dh[k] = 0.0f;
    }
    memcpy(p->gates + row * h, a, (size_t)h * sizeof(float));
  }
  product(r, call, p->step, packed_r, p->h, true); /* nothing is added past a sequence's end */
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const pare_recurrent *r = call->state;
  const int64_t h = r->hidden;
  size_t packed, len;
  if (!pare_recurrent_packed_len(r, &packed)) return PARE_OUT_OF_MEMORY; /* prepare has checked */
  const parts p = parts_of(r, true, call->scratch, packed + r->packed_r, &len);
  float *packed_r = p.packed + packed;
  for (int64_t d = 0; d < r->directions; d++) {
    const float *saved = (const float *)call->saved + (size_t)d * saved_len(r);
    pare_f32_pack_b(pare_f32(call->in[RECURRENT_R]) + d * h * h, h, 1, h, h, packed_r);
    pare_recurrent_get_grad(r, grad, 1, d, p.h);
    for (int64_t s = r->length - 1; s >= 0; s--) back_step(r, grad, d, s, &p, packed_r, saved);
    pare_recurrent_grad_inputs(r, grad, d, p.gates, p.packed);
    pare_recurrent_grad_r(r, grad, d, p.gates, 0, 1, p.h_rows, p.packed);
    for (int half = 0; half < 2; half++) pare_recurrent_grad_b(r, grad, d, half, p.gates);
    pare_recurrent_add_grad(r, grad, RECURRENT_H0, d, p.h);
  }
  return PARE_OK;
}

const pare_op pare_op_rnn = {
    .name = "RNN",
    .domain = "",
    .min_in = 3,
    .max_in = 6,
    .min_out = 0,
    .max_out = 2,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .cost = pare_recurrent_cost,
    .couple = pare_recurrent_couple,
    .quant = PARE_QUANT_NONE,
};
