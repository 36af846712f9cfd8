/* LSTM backward: back-propagation through time over what the forward pass saved (lstm.h). Steps run from
 * the last to the first:
 *   dH  = what arrives from Y and from the step after          dC += dH . o . h'(C) (+ dO . P_o)
 *   dI, dO, dF, dG: gradients before the activations           dc  = dC . f (+ dI . P_i + dF . P_f)
 *   dh  = [dI dO dF dG] R
 * The gradients of W, R, B and X are then one product each over all steps, rows in X's order. */
#include "ops/lstm.h"

typedef struct parts {
  float *d_gates;             /* [rows,4H], X's order */
  float *h_before;            /* [rows,H], X's order: h of the step before */
  float *step;                /* [N,4H] */
  float *dh, *dc, *dh_before; /* [N,H] */
  float *packed_r;            /* R [4H,H] */
  float *packed;              /* operands of the final products */
} parts;

static parts parts_of(const pare_recurrent *l, float *scratch, size_t *len) {
  const size_t h = (size_t)l->hidden, n = (size_t)l->batch, rows = (size_t)l->length * n;
  const size_t w = pare_f32_pack_len(4 * l->hidden, l->input), x = pare_f32_pack_len((int64_t)rows, l->input);
  const size_t hs = pare_f32_pack_len((int64_t)rows, l->hidden);
  size_t most = w > x ? w : x, at = 0;
  if (hs > most) most = hs;
  parts p;
#define PART(name, count)                                                                                    \
  p.name = scratch ? scratch + at : NULL;                                                                    \
  at += ((count) + 3) / 4 * 4;
  PART(d_gates, rows * 4 * h)
  PART(h_before, rows * h)
  PART(step, n * 4 * h)
  PART(dh, n * h)
  PART(dc, n * h)
  PART(dh_before, n * h)
  PART(packed_r, pare_f32_pack_len(4 * l->hidden, l->hidden))
  PART(packed, most)
#undef PART
  *len = at;
  return p;
}

bool pare_lstm_backward_len(const pare_recurrent *l, size_t *len) {
  /* infer has bounded rows * 8H; what is left are the packed copies of X, W and R, at most 8 columns wider
   * than these */
  const size_t rows = (size_t)l->length * (size_t)l->batch;
  size_t check;
  if (!pare_mul_size((size_t)l->input + 8, rows + (size_t)(4 * l->hidden), &check) || check > SIZE_MAX / 32)
    return false;
  if (!pare_mul_size((size_t)l->hidden + 8, rows + (size_t)(16 * l->hidden), &check) || check > SIZE_MAX / 32)
    return false;
  (void)parts_of(l, NULL, len);
  return true;
}

/* The saved values of one step of one sequence. */
typedef struct step_values {
  const float *gates, *c_before, *c, *hc;
} step_values;

/* dh, dc: gradients of this step's H and C; on return dc is that of the step before. a: [4H], gradients
 * before the activations. */
static void step_back(const pare_recurrent *l, int64_t d, const float *peephole, const step_values *v,
                      const float *dh, float *dc, float *a) {
  const int64_t n = l->hidden;
  const pare_activation *act = l->activations[d];
  const float *gi = v->gates, *go = gi + n, *gf = gi + 2 * n, *gg = gi + 3 * n;
  for (int64_t k = 0; k < n; k++) {
    const float d_o = dh[k] * v->hc[k] * pare_slope(&act[0], go[k]);
    float d_cell = dc[k] + dh[k] * go[k] * pare_slope(&act[2], v->hc[k]);
    if (peephole) d_cell += d_o * peephole[n + k];
    float into_i = d_cell * gg[k], d_f = d_cell * v->c_before[k];
    if (l->input_forget) into_i -= d_f;
    const float d_i = into_i * pare_slope(&act[0], gi[k]);
    d_f = l->input_forget ? 0.0f : d_f * pare_slope(&act[0], gf[k]);
    a[k] = d_i;
    a[n + k] = d_o;
    a[2 * n + k] = d_f;
    a[3 * n + k] = d_cell * gi[k] * pare_slope(&act[1], gg[k]);
    dc[k] = d_cell * gf[k];
    if (peephole) dc[k] += d_i * peephole[k] + d_f * peephole[2 * n + k];
  }
}

static void add_peephole_gradient(const pare_recurrent *l, const step_values *v, const float *a, float *dp) {
  const int64_t n = l->hidden;
  for (int64_t k = 0; k < n; k++) {
    dp[k] += a[k] * v->c_before[k];
    dp[n + k] += a[n + k] * v->c[k];
    dp[2 * n + k] += a[2 * n + k] * v->c_before[k];
  }
}

/* One step of all sequences. */
static void back_one_step(const pare_recurrent *l, const pare_grad_call *grad, int64_t d, int64_t s,
                          const parts *p, const float *saved) {
  const pare_call *call = grad->call;
  const int64_t h = l->hidden, n = l->batch;
  const float *saved_h = saved + pare_lstm_saved_gates(l), *saved_c = saved_h + pare_lstm_saved_state(l);
  const float *saved_hc = saved_c + pare_lstm_saved_state(l);
  const float *peephole = pare_call_has(call, LSTM_P) ? pare_f32(call->in[LSTM_P]) + d * 3 * h : NULL;
  const float *dy = call->n_out > 0 && grad->d_out[0] ? pare_f32(grad->d_out[0]) : NULL;
  for (int64_t b = 0; b < n; b++) {
    const int64_t len = pare_recurrent_length_of(l, call, b), t = pare_recurrent_time(l, d, s, len);
    const int64_t row = pare_recurrent_row(l, t, b), at = s * n + b;
    float *a = p->step + b * 4 * h, *dh = p->dh + b * h;
    memcpy(p->h_before + row * h, saved_h + at * h, (size_t)h * sizeof(float));
    if (s >= len) {
      memset(a, 0, (size_t)(4 * h) * sizeof(float));
    } else {
      const step_values v = {saved + at * 4 * h, saved_c + at * h, saved_c + (at + n) * h, saved_hc + at * h};
      if (dy) pare_op_add_f32(dh, dy + pare_recurrent_y_at(l, t, d, b), h);
      step_back(l, d, peephole, &v, dh, p->dc + b * h, a);
      if (pare_grad_wants(grad, LSTM_P))
        add_peephole_gradient(l, &v, a, pare_f32(grad->d_in[LSTM_P]) + d * 3 * h);
    }
    memcpy(p->d_gates + row * 4 * h, a, (size_t)(4 * h) * sizeof(float));
  }
  const pare_product product = {
      .m = n, .n = h, .k = 4 * h, .a = p->step, .a_row = 4 * h, .a_column = 1, .c = p->dh_before, .c_row = h};
  const pare_f32_gemm_args args = pare_product_args(&product, p->packed_r);
  pare_f32_gemm(call->pool, call->numerics, &args);
  for (int64_t b = 0; b < n; b++) { /* past the end of a sequence the gradient passes through */
    if (s < pare_recurrent_length_of(l, call, b))
      memcpy(p->dh + b * h, p->dh_before + b * h, (size_t)h * sizeof(float));
  }
}

pare_status pare_lstm_backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const pare_recurrent *l = call->state;
  const int64_t h4 = 4 * l->hidden;
  size_t len;
  const parts p = parts_of(l, call->scratch, &len);
  for (int64_t d = 0; d < l->directions; d++) {
    const float *saved = (const float *)call->saved + (size_t)d * pare_lstm_saved_len(l);
    pare_f32_pack_b(pare_f32(call->in[LSTM_R]) + d * h4 * l->hidden, l->hidden, 1, h4, l->hidden, p.packed_r);
    pare_recurrent_get_grad(l, grad, 1, d, p.dh);
    pare_recurrent_get_grad(l, grad, 2, d, p.dc);
    for (int64_t s = l->length - 1; s >= 0; s--) back_one_step(l, grad, d, s, &p, saved);
    pare_recurrent_grad_inputs(l, grad, d, p.d_gates, p.packed);
    pare_recurrent_grad_r(l, grad, d, p.d_gates, 0, 4, p.h_before, p.packed);
    for (int half = 0; half < 2; half++) pare_recurrent_grad_b(l, grad, d, half, p.d_gates);
    pare_recurrent_add_grad(l, grad, LSTM_H0, d, p.dh);
    pare_recurrent_add_grad(l, grad, LSTM_C0, d, p.dc);
  }
  return PARE_OK;
}
