/* LSTM forward (lstm.h). Directions forward, reverse and bidirectional, layouts 0 and 1, initial states,
 * lengths of sequences, peepholes, clip, input_forget, activations. */
#include "ops/lstm.h"

static pare_status read_lstm(pare_call *call, pare_recurrent *l) {
  static const char *const names[] = {"Sigmoid", "Tanh", "Tanh"};
  PARE_TRY(pare_recurrent_read(call, 4, 3, names, l));
  const pare_shape peepholes = PARE_SHAPE(l->directions, 3 * l->hidden);
  PARE_TRY(pare_recurrent_check(call, LSTM_C0, "initial_c", PARE_F32, pare_recurrent_state_shape(l)));
  return pare_recurrent_check(call, LSTM_P, "P", PARE_F32, peepholes);
}

static pare_status infer(pare_call *call) {
  pare_recurrent l;
  PARE_TRY(read_lstm(call, &l));
  PARE_TRY(pare_recurrent_set_outputs(call, &l));
  const pare_shape state = pare_recurrent_state_shape(&l);
  return pare_op_set_out(call, 2, PARE_F32, &state);
}

/* W [4H,I] and R [4H,H] of a direction, transposed into panels. */
static void pack_weights(const pare_recurrent *l, const pare_call *call, int64_t d, float *packed) {
  const int64_t h = l->hidden;
  pare_f32_pack_b(pare_f32(call->in[LSTM_W]) + d * 4 * h * l->input, 1, l->input, l->input, 4 * h, packed);
  pare_f32_pack_b(pare_f32(call->in[LSTM_R]) + d * 4 * h * h, 1, h, h, 4 * h, packed + l->packed_w);
}

static pare_lstm_parts forward_parts(const pare_recurrent *l, float *scratch, size_t *len) {
  const size_t h = (size_t)l->hidden, n = (size_t)l->batch;
  size_t at = 0;
  pare_lstm_parts p;
#define PART(name, count)                                                                                    \
  p.name = scratch ? scratch + at : NULL;                                                                    \
  at += ((count) + 3) / 4 * 4;
  PART(packed, l->packed ? 0 : l->packed_w + l->packed_r)
  PART(bias, 4 * h)
  PART(gates, (size_t)l->length * n * 4 * h)
  PART(step, n == 1 ? 0 : n * 4 * h)
  PART(h, n * h)
  PART(c, n * h)
  PART(hc, n * h)
#undef PART
  *len = at;
  return p;
}

static pare_status prepare(pare_call *call) {
  pare_recurrent *l = pare_arena_alloc(call->arena, sizeof *l);
  if (!l) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_lstm(call, l));
  call->state = l;
  if (call->training && l->clip > 0.0f)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "the gradient of LSTM with clip");
  size_t w_bytes, r_bytes, forward, backward = 0;
  PARE_TRY(pare_product_bytes(call->ctx, l->input, 4 * l->hidden, &w_bytes));
  PARE_TRY(pare_product_bytes(call->ctx, l->hidden, 4 * l->hidden, &r_bytes));
  l->packed_w = w_bytes / sizeof(float);
  l->packed_r = r_bytes / sizeof(float);
  PARE_TRY(pare_recurrent_pack_constant(call, l, pack_weights));
  (void)forward_parts(l, NULL, &forward);
  if (call->training && !pare_lstm_backward_len(l, &backward))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the sequences are too large");
  if (!pare_mul_size(forward > backward ? forward : backward, sizeof(float), &call->scratch_bytes) ||
      !pare_mul_size((size_t)l->directions * pare_lstm_saved_len(l), sizeof(float), &call->saved_bytes)) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the sequences are too large");
  }
  if (!call->training) call->saved_bytes = 0;
  return PARE_OK;
}

static void add_products(const float *a, const float *b, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = to[i] + a[i] * b[i];
}

static void move_cell(const float *f_gate, const float *i_gate, const float *g, float *c, int64_t n) {
  for (int64_t k = 0; k < n; k++) c[k] = f_gate[k] * c[k] + i_gate[k] * g[k];
}

static void multiply(const float *a, const float *b, float *to, int64_t n) {
  for (int64_t k = 0; k < n; k++) to[k] = a[k] * b[k];
}

/* One sequence, one step: a [4H] gate sums (i, o, f, c) become gates; c and h move on. */
static void advance(const pare_recurrent *l, int64_t d, const float *peephole, float *a, float *h, float *c,
                    float *hc) {
  const int64_t n = l->hidden;
  const pare_activation *f = l->activations[d];
  float *i_gate = a, *o_gate = a + n, *f_gate = a + 2 * n, *g = a + 3 * n;
  if (peephole) {
    add_products(peephole, c, i_gate, n);
    add_products(peephole + 2 * n, c, f_gate, n);
  }
  if (l->clip > 0.0f) {
    pare_clip_n(l->clip, i_gate, n);
    pare_clip_n(l->clip, f_gate, 2 * n);
  }
  pare_activate(&f[0], i_gate, n);
  if (l->input_forget) {
    for (int64_t k = 0; k < n; k++) f_gate[k] = 1.0f - i_gate[k];
  } else {
    pare_activate(&f[0], f_gate, n);
  }
  pare_activate(&f[1], g, n);
  move_cell(f_gate, i_gate, g, c, n);
  if (peephole) add_products(peephole + n, c, o_gate, n);
  if (l->clip > 0.0f) pare_clip_n(l->clip, o_gate, n);
  pare_activate(&f[0], o_gate, n);
  f[2].run(&f[2], c, hc, n);
  multiply(o_gate, hc, h, n);
}

/* Weights of more than the second cache: every other step goes through them backwards, and finds there what the
 * step before read last. A multiple of the widest tiles' columns, so that only the last block has narrower ones. */
#define BLOCK_COLUMNS 288

static void multiply_state(const pare_call *call, const pare_f32_gemm_args *all, bool backwards) {
  const int64_t n_blocks = (all->n + BLOCK_COLUMNS - 1) / BLOCK_COLUMNS;
  for (int64_t i = 0; i < n_blocks; i++) {
    const int64_t first = (backwards ? n_blocks - 1 - i : i) * BLOCK_COLUMNS, left = all->n - first;
    pare_f32_gemm_args args = *all;
    args.n = left < BLOCK_COLUMNS ? left : BLOCK_COLUMNS;
    args.b += first * all->k;
    args.c += first;
    if (args.column_bias) args.column_bias += first;
    pare_f32_gemm(call->pool, call->numerics, &args);
  }
}

/* The inputs' sums of step s, one row for each sequence: a single sequence's where they are, others' brought together. */
static float *sums_of_inputs(const pare_recurrent *l, const pare_call *call, int64_t d, int64_t s,
                             const pare_lstm_parts *p) {
  const int64_t h4 = 4 * l->hidden;
  for (int64_t b = 0; b < l->batch; b++) {
    const int64_t t = pare_recurrent_time(l, d, s, pare_recurrent_length_of(l, call, b));
    float *row = p->gates + pare_recurrent_row(l, t, b) * h4;
    if (l->batch == 1) return row;
    pare_op_copy(p->step + b * h4, row, (size_t)h4 * sizeof(float));
  }
  return p->step;
}

/* All steps of direction d. `saved` NULL: not training. */
static void run_steps(const pare_recurrent *l, pare_call *call, int64_t d, const pare_lstm_parts *p,
                      const float *packed_r, float *saved) {
  const int64_t h = l->hidden, n = l->batch;
  const size_t row_bytes = (size_t)(4 * h) * sizeof(float), state_len = (size_t)(n * h);
  const float *peephole = pare_call_has(call, LSTM_P) ? pare_f32(call->in[LSTM_P]) + d * 3 * h : NULL;
  float *y = call->out[0] ? pare_f32(call->out[0]) : NULL;
  const pare_product product = {
      .m = n, .n = 4 * h, .k = h, .a = p->h, .a_row = h, .a_column = 1, .c_row = 4 * h, .accumulate = true};
  pare_f32_gemm_args args = pare_product_args(&product, packed_r);
  if (pare_call_has(call, LSTM_B)) args.column_bias = p->bias;
  float *saved_h = saved ? saved + pare_lstm_saved_gates(l) : NULL,
        *saved_c = saved ? saved_h + pare_lstm_saved_state(l) : NULL;
  float *saved_hc = saved ? saved_c + pare_lstm_saved_state(l) : NULL;
  for (int64_t s = 0; s < l->length; s++) {
    if (saved) {
      pare_op_copy(saved_h + (size_t)s * state_len, p->h, state_len * sizeof(float));
      pare_op_copy(saved_c + (size_t)s * state_len, p->c, state_len * sizeof(float));
    }
    float *step = args.c = sums_of_inputs(l, call, d, s, p);
    const bool from_nothing = s == 0 && !pare_call_has(call, LSTM_H0);
    args.k = from_nothing ? 0 : h; /* then only the bias is added */
    multiply_state(call, &args, s % 2);
    for (int64_t b = 0; b < n; b++) {
      const int64_t len = pare_recurrent_length_of(l, call, b), t = pare_recurrent_time(l, d, s, len);
      float *to = y ? y + pare_recurrent_y_at(l, t, d, b) : NULL;
      if (s >= len) {
        if (to) memset(to, 0, (size_t)h * sizeof(float));
        continue;
      }
      advance(l, d, peephole, step + b * 4 * h, p->h + b * h, p->c + b * h, p->hc + b * h);
      if (to) memcpy(to, p->h + b * h, (size_t)h * sizeof(float));
    }
    if (saved) {
      pare_op_copy(saved + (size_t)s * state_len * 4, step, (size_t)n * row_bytes);
      pare_op_copy(saved_hc + (size_t)s * state_len, p->hc, state_len * sizeof(float));
    }
  }
  if (saved) pare_op_copy(saved_c + (size_t)l->length * state_len, p->c, state_len * sizeof(float));
}

static pare_status run(pare_call *call) {
  const pare_recurrent *l = call->state;
  const int64_t h4 = 4 * l->hidden;
  size_t len;
  const pare_lstm_parts p = forward_parts(l, call->scratch, &len);
  for (int64_t d = 0; d < l->directions; d++) {
    const float *packed = l->packed ? l->packed + (size_t)d * (l->packed_w + l->packed_r) : p.packed;
    if (!l->packed) pack_weights(l, call, d, p.packed);
    if (pare_call_has(call, LSTM_B)) {
      const float *b = pare_f32(call->in[LSTM_B]) + d * 2 * h4;
      for (int64_t i = 0; i < h4; i++) p.bias[i] = b[i] + b[h4 + i];
    }
    pare_recurrent_inputs(l, call, packed, p.gates);
    pare_recurrent_get_state(l, call, LSTM_H0, d, p.h);
    pare_recurrent_get_state(l, call, LSTM_C0, d, p.c);
    float *saved = call->training ? (float *)call->saved + (size_t)d * pare_lstm_saved_len(l) : NULL;
    run_steps(l, call, d, &p, packed + l->packed_w, saved);
    pare_recurrent_put_state(l, call, 1, d, p.h);
    pare_recurrent_put_state(l, call, 2, d, p.c);
  }
  return PARE_OK;
}

const pare_op pare_op_lstm = {
    .name = "LSTM",
    .domain = "",
    .min_in = 3,
    .max_in = LSTM_N_IN,
    .min_out = 0,
    .max_out = 3,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = pare_lstm_backward,
    .cost = pare_recurrent_cost,
    .couple = pare_recurrent_couple,
    .quant = PARE_QUANT_NONE,
};
