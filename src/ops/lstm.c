/* LSTM forward (lstm.h). Directions forward, reverse and bidirectional, layouts 0 and 1, initial states,
 * lengths of sequences, peepholes, clip, input_forget; activations Sigmoid, Tanh, Relu, HardSigmoid (alpha
 * 0.2, beta 0.5). Rows past a sequence's end give Y = 0 and keep the state, so that Y_h and Y_c are those
 * of its last step. */
#include "ops/lstm.h"

#include "kernels/f32_math/f32_math.h"

static void relu_n(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) y[i] = x[i] < 0.0f ? 0.0f : x[i];
}
static void hard_sigmoid_n(const float *x, float *y, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float v = 0.2f * x[i] + 0.5f, low = v < 0.0f ? 0.0f : v;
    y[i] = low > 1.0f ? 1.0f : low;
  }
}
static float sigmoid_slope(float y) {
  return y * (1.0f - y);
}
static float tanh_slope(float y) {
  return 1.0f - y * y;
}
static float relu_slope(float y) {
  return y > 0.0f ? 1.0f : 0.0f;
}
static float hard_sigmoid_slope(float y) {
  return y > 0.0f && y < 1.0f ? 0.2f : 0.0f;
}

static const pare_lstm_activation activations[] = {{"Sigmoid", pare_sigmoidf_n, sigmoid_slope},
                                                   {"Tanh", pare_tanhf_n, tanh_slope},
                                                   {"Relu", relu_n, relu_slope},
                                                   {"HardSigmoid", hard_sigmoid_n, hard_sigmoid_slope}};

static pare_status read_activations(pare_call *call, pare_lstm *l) {
  const pare_attr *names = pare_node_attr(call->node, "activations");
  const size_t n = 3 * (size_t)l->directions;
  PARE_TRY(pare_op_attr_type(call, "activations", PARE_ATTR_STRINGS));
  if (pare_node_attr(call->node, "activation_alpha") || pare_node_attr(call->node, "activation_beta")) {
    const pare_attr *alpha = pare_node_attr(call->node, "activation_alpha"),
                    *beta = pare_node_attr(call->node, "activation_beta");
    if ((alpha && alpha->n) || (beta && beta->n)) {
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "attributes activation_alpha and activation_beta");
    }
  }
  if (names && names->n != n) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'activations' has %zu names, expected %zu",
                     names->n, n);
  }
  for (size_t i = 0; i < n; i++) {
    const char *name = names ? names->strings[i] : i % 3 == 0 ? "Sigmoid" : "Tanh";
    const pare_lstm_activation **place = &l->activations[i / 3][i % 3];
    for (size_t k = 0; k < PARE_COUNT(activations); k++)
      if (strcmp(activations[k].name, name) == 0) *place = &activations[k];
    if (!*place) return pare_fail(call->ctx, PARE_UNSUPPORTED, "activation '%.30s'", name);
  }
  return PARE_OK;
}

static pare_status check_input(pare_call *call, int i, const char *name, pare_dtype dtype,
                               pare_shape expected) {
  if (!pare_call_has(call, i)) return PARE_OK;
  const pare_dtype dtypes[] = {dtype, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, dtypes));
  if (pare_shape_equal(&call->in[i]->shape, &expected)) return PARE_OK;
  char have[128], want[128];
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %s is %s, expected %s", name,
                   pare_shape_text(&call->in[i]->shape, have, sizeof have),
                   pare_shape_text(&expected, want, sizeof want));
}

static pare_status read_direction(pare_call *call, pare_lstm *l) {
  PARE_TRY(pare_op_attr_type(call, "direction", PARE_ATTR_STRING));
  const char *direction = pare_node_string(call->node, "direction", "forward");
  l->first_reverse = strcmp(direction, "reverse") == 0;
  l->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
  if (l->directions == 1 && !l->first_reverse && strcmp(direction, "forward") != 0) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "direction '%.30s' is not known", direction);
  }
  return PARE_OK;
}

static pare_status read_lstm(pare_call *call, pare_lstm *l) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  *l = (pare_lstm){0};
  for (int i = 0; i < 3; i++) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  const pare_shape *x = &call->in[LSTM_X]->shape, *r = &call->in[LSTM_R]->shape;
  if (x->rank != 3 || r->rank != 3) return pare_fail(call->ctx, PARE_BAD_MODEL, "X and R must have rank 3");
  static const char *const ints[] = {"layout", "input_forget", "hidden_size"};
  for (size_t i = 0; i < PARE_COUNT(ints); i++) PARE_TRY(pare_op_attr_type(call, ints[i], PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "clip", PARE_ATTR_FLOAT));
  PARE_TRY(read_direction(call, l));
  const int64_t layout = pare_node_int(call->node, "layout", 0);
  if (layout != 0 && layout != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "layout %lld", (long long)layout);
  l->batch_first = layout == 1;
  l->length = x->dims[layout];
  l->batch = x->dims[1 - layout];
  l->input = x->dims[2];
  l->hidden = r->dims[2];
  l->row_t = l->batch_first ? 1 : l->batch;
  l->row_b = l->batch_first ? l->length : 1;
  l->input_forget = pare_node_int(call->node, "input_forget", 0) != 0;
  l->clip = pare_node_float(call->node, "clip", 0.0f);
  if (!(l->clip >= 0.0f)) return pare_fail(call->ctx, PARE_BAD_MODEL, "clip %g is negative", (double)l->clip);
  if (l->hidden < 1 || l->hidden > INT32_MAX / 8 ||
      pare_node_int(call->node, "hidden_size", l->hidden) != l->hidden) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "hidden_size does not fit R");
  }
  const int64_t d = l->directions, n = l->batch, h = l->hidden;
  PARE_TRY(check_input(call, LSTM_W, "W", PARE_F32, PARE_SHAPE(d, 4 * h, l->input)));
  PARE_TRY(check_input(call, LSTM_R, "R", PARE_F32, PARE_SHAPE(d, 4 * h, h)));
  PARE_TRY(check_input(call, LSTM_B, "B", PARE_F32, PARE_SHAPE(d, 8 * h)));
  PARE_TRY(check_input(call, LSTM_LENGTHS, "sequence_lens", PARE_S32, PARE_SHAPE(n)));
  const pare_shape state = l->batch_first ? PARE_SHAPE(n, d, h) : PARE_SHAPE(d, n, h);
  PARE_TRY(check_input(call, LSTM_H0, "initial_h", PARE_F32, state));
  PARE_TRY(check_input(call, LSTM_C0, "initial_c", PARE_F32, state));
  PARE_TRY(check_input(call, LSTM_P, "P", PARE_F32, PARE_SHAPE(d, 3 * h)));
  return read_activations(call, l);
}

static pare_status infer(pare_call *call) {
  pare_lstm l;
  PARE_TRY(read_lstm(call, &l));
  const int64_t d = l.directions, n = l.batch, h = l.hidden;
  const pare_shape y = l.batch_first ? PARE_SHAPE(n, l.length, d, h) : PARE_SHAPE(l.length, d, n, h);
  const pare_shape state = l.batch_first ? PARE_SHAPE(n, d, h) : PARE_SHAPE(d, n, h),
                   gates = PARE_SHAPE(d, l.length + 1, n, 8 * h);
  size_t len_bytes;
  PARE_TRY(pare_tensor_bytes(call->ctx, PARE_F32, &gates, &len_bytes)); /* everything below is smaller */
  PARE_TRY(pare_op_set_out(call, 0, PARE_F32, &y));
  PARE_TRY(pare_op_set_out(call, 1, PARE_F32, &state));
  return pare_op_set_out(call, 2, PARE_F32, &state);
}

/* W [4H,I] and R [4H,H] of a direction, transposed into panels. */
static void pack_weights(const pare_lstm *l, const pare_call *call, int64_t d, float *packed) {
  const int64_t h = l->hidden;
  pare_f32_pack_b(pare_f32(call->in[LSTM_W]) + d * 4 * h * l->input, 1, l->input, l->input, 4 * h, packed);
  pare_f32_pack_b(pare_f32(call->in[LSTM_R]) + d * 4 * h * h, 1, h, h, 4 * h, packed + l->packed_w);
}

static pare_lstm_parts forward_parts(const pare_lstm *l, float *scratch, size_t *len) {
  const size_t h = (size_t)l->hidden, n = (size_t)l->batch;
  size_t at = 0;
  pare_lstm_parts p;
#define PART(name, count)                                                                                    \
  p.name = scratch ? scratch + at : NULL;                                                                    \
  at += ((count) + 3) / 4 * 4;
  PART(packed, l->packed ? 0 : l->packed_w + l->packed_r)
  PART(bias, 4 * h)
  PART(gates, (size_t)l->length * n * 4 * h)
  PART(step, n * 4 * h)
  PART(h, n * h)
  PART(c, n * h)
  PART(hc, n * h)
#undef PART
  *len = at;
  return p;
}

static pare_status prepare(pare_call *call) {
  pare_lstm *l = pare_arena_alloc(call->arena, sizeof *l);
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
  if (call->in_is_const[LSTM_W] && call->in_is_const[LSTM_R] && call->in[LSTM_W]->data &&
      call->in[LSTM_R]->data && !call->training) {
    l->packed = pare_arena_array(call->arena, (size_t)l->directions, w_bytes + r_bytes);
    if (!l->packed) return PARE_OUT_OF_MEMORY;
    for (int64_t d = 0; d < l->directions; d++)
      pack_weights(l, call, d, l->packed + (size_t)d * (l->packed_w + l->packed_r));
  }
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

static void clip_n(float clip, float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float low = x[i] < -clip ? -clip : x[i];
    x[i] = low > clip ? clip : low;
  }
}

static void add_products(const float *a, const float *b, float *to, int64_t n) {
  for (int64_t i = 0; i < n; i++) to[i] = to[i] + a[i] * b[i];
}

/* One sequence, one step: a [4H] gate sums (i, o, f, c) become gates; c and h move on. */
static void advance(const pare_lstm *l, int64_t d, const float *peephole, float *a, float *h, float *c,
                    float *hc) {
  const int64_t n = l->hidden;
  const pare_lstm_activation *const *f = l->activations[d];
  float *i_gate = a, *o_gate = a + n, *f_gate = a + 2 * n, *g = a + 3 * n;
  if (peephole) {
    add_products(peephole, c, i_gate, n);
    add_products(peephole + 2 * n, c, f_gate, n);
  }
  if (l->clip > 0.0f) {
    clip_n(l->clip, i_gate, n);
    clip_n(l->clip, f_gate, 2 * n);
  }
  f[0]->run(i_gate, i_gate, n);
  if (l->input_forget) {
    for (int64_t k = 0; k < n; k++) f_gate[k] = 1.0f - i_gate[k];
  } else {
    f[0]->run(f_gate, f_gate, n);
  }
  f[1]->run(g, g, n);
  for (int64_t k = 0; k < n; k++) c[k] = f_gate[k] * c[k] + i_gate[k] * g[k];
  if (peephole) add_products(peephole + n, c, o_gate, n);
  if (l->clip > 0.0f) clip_n(l->clip, o_gate, n);
  f[0]->run(o_gate, o_gate, n);
  f[2]->run(c, hc, n);
  for (int64_t k = 0; k < n; k++) h[k] = o_gate[k] * hc[k];
}

static void copy_state(const pare_lstm *l, const pare_call *call, int i, int64_t d, float *to) {
  for (int64_t b = 0; b < l->batch; b++) {
    float *row = to + b * l->hidden;
    if (pare_call_has(call, i)) {
      pare_op_copy(row, pare_f32(call->in[i]) + pare_lstm_state_at(l, d, b),
                   (size_t)l->hidden * sizeof(float));
    } else {
      memset(row, 0, (size_t)l->hidden * sizeof(float));
    }
  }
}

/* All steps of direction d. `saved` NULL: not training. */
static void run_steps(const pare_lstm *l, pare_call *call, int64_t d, const pare_lstm_parts *p,
                      const float *packed_r, float *saved) {
  const int64_t h = l->hidden, n = l->batch;
  const size_t row_bytes = (size_t)(4 * h) * sizeof(float), state_len = (size_t)(n * h);
  const float *peephole = pare_call_has(call, LSTM_P) ? pare_f32(call->in[LSTM_P]) + d * 3 * h : NULL;
  float *y = call->out[0] ? pare_f32(call->out[0]) : NULL;
  const pare_product product = {.m = n,
                                .n = 4 * h,
                                .k = h,
                                .a = p->h,
                                .a_row = h,
                                .a_column = 1,
                                .c = p->step,
                                .c_row = 4 * h,
                                .accumulate = true};
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
    for (int64_t b = 0; b < n; b++) {
      const int64_t len = pare_lstm_length_of(l, call, b), t = s >= len                   ? s
                                                               : pare_lstm_reversed(l, d) ? len - 1 - s
                                                                                          : s;
      pare_op_copy(p->step + b * 4 * h, p->gates + (t * l->row_t + b * l->row_b) * 4 * h, row_bytes);
    }
    pare_f32_gemm(call->pool, call->numerics, &args);
    for (int64_t b = 0; b < n; b++) {
      const int64_t len = pare_lstm_length_of(l, call, b), t = s >= len                   ? s
                                                               : pare_lstm_reversed(l, d) ? len - 1 - s
                                                                                          : s;
      float *to = y ? y + pare_lstm_y_at(l, t, d, b) : NULL;
      if (s >= len) {
        if (to) memset(to, 0, (size_t)h * sizeof(float));
        continue;
      }
      advance(l, d, peephole, p->step + b * 4 * h, p->h + b * h, p->c + b * h, p->hc + b * h);
      if (to) memcpy(to, p->h + b * h, (size_t)h * sizeof(float));
    }
    if (saved) {
      pare_op_copy(saved + (size_t)s * state_len * 4, p->step, (size_t)n * row_bytes);
      pare_op_copy(saved_hc + (size_t)s * state_len, p->hc, state_len * sizeof(float));
    }
  }
  if (saved) pare_op_copy(saved_c + (size_t)l->length * state_len, p->c, state_len * sizeof(float));
}

static void put_state(const pare_lstm *l, pare_call *call, int i, int64_t d, const float *from) {
  if (i >= call->n_out || !call->out[i]) return;
  for (int64_t b = 0; b < l->batch; b++) {
    memcpy(pare_f32(call->out[i]) + pare_lstm_state_at(l, d, b), from + b * l->hidden,
           (size_t)l->hidden * sizeof(float));
  }
}

static pare_status run(pare_call *call) {
  const pare_lstm *l = call->state;
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
    const pare_product inputs = {.m = l->length * l->batch,
                                 .n = h4,
                                 .k = l->input,
                                 .a = pare_f32(call->in[LSTM_X]),
                                 .a_row = l->input,
                                 .a_column = 1,
                                 .c = p.gates,
                                 .c_row = h4};
    const pare_f32_gemm_args args = pare_product_args(&inputs, packed);
    pare_f32_gemm(call->pool, call->numerics, &args);
    copy_state(l, call, LSTM_H0, d, p.h);
    copy_state(l, call, LSTM_C0, d, p.c);
    float *saved = call->training ? (float *)call->saved + (size_t)d * pare_lstm_saved_len(l) : NULL;
    run_steps(l, call, d, &p, packed + l->packed_w, saved);
    put_state(l, call, 1, d, p.h);
    put_state(l, call, 2, d, p.c);
  }
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *x = &call->in[LSTM_X]->shape;
  const uint64_t rows = (uint64_t)x->dims[0] * (uint64_t)x->dims[1];
  uint64_t nonzeros = 0;
  cost->macs = rows * (uint64_t)(pare_tensor_count(call->in[LSTM_W]) + pare_tensor_count(call->in[LSTM_R]));
  for (int i = LSTM_W; i <= LSTM_R; i++) {
    const bool known = call->in_is_const[i] && call->in[i]->data;
    nonzeros += known ? pare_op_nonzeros_f32(call->in[i]) : (uint64_t)pare_tensor_count(call->in[i]);
  }
  cost->effective_macs = rows * nonzeros;
}

/* The hidden units stay; input features go with the columns of W. */
static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  return pare_couple_axes(coupler, LSTM_X, 2, LSTM_W, 2);
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
    .cost = cost,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
};
