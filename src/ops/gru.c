/* GRU (ONNX GRU, opset 14; Cho et al. 2014). Gates in the order z, r, h:
 *   z = f(W_z x + R_z h + b_z)     r = f(W_r x + R_r h + b_r)     H = (1 - z) . n + z . h
 *   n = g(W_h x + R_h (r . h) + Wb_h + Rb_h), or with linear_before_reset (as in PyTorch)
 *   n = g(W_h x + r . (R_h h + Rb_h) + Wb_h)
 * h: the state before the step; H: after it. Rows and steps: recurrent.h. R is packed in two parts, [z r] and [h],
 * as the second's operand depends on the first's result. */
#include "ops/recurrent.h"

static const char *const default_activations[] = {"Sigmoid", "Tanh"};

static pare_status read_gru(pare_call *call, pare_recurrent *g) {
  return pare_recurrent_read(call, 3, 2, default_activations, g);
}

static pare_status infer(pare_call *call) {
  pare_recurrent g;
  PARE_TRY(read_gru(call, &g));
  return pare_recurrent_set_outputs(call, &g);
}

/* ---- memory --------------------------------------------------------------------------------------------- */

typedef struct parts {
  float *packed;       /* W^T, [R_z R_r]^T, R_h^T of one direction; in backward room for products */
  float *gates;        /* [rows,3H]: sums of inputs; in backward gradients of W's products */
  float *d_gates_r;    /* [rows,3H]: backward, gradients of R's products */
  float *h_rows;       /* [rows,H]: backward, h before each step, then the operand of R_h */
  float *operand_rows; /* [rows,H] */
  float *zr, *n;       /* [N,2H], [N,H]: one step */
  float *h, *operand;  /* [N,H]: the state; what R_h multiplies */
  float *dh;           /* [N,H]: backward */
} parts;

/* Saved per direction, s counts: gates [T,N,3H], h before each step [T,N,H], R_h h + Rb_h [T,N,H]. */
static size_t saved_len(const pare_recurrent *g) {
  return (size_t)(pare_recurrent_rows(g) * 5 * g->hidden);
}

static parts parts_of(const pare_recurrent *g, bool backward, float *scratch, size_t packed, size_t *len) {
  const size_t h = (size_t)g->hidden, n = (size_t)g->batch, rows = (size_t)pare_recurrent_rows(g);
  size_t at = 0;
  parts p;
#define PART(name, count)                                                                                    \
  p.name = scratch ? scratch + at : NULL;                                                                    \
  at += ((count) + 3) / 4 * 4;
  PART(packed, packed)
  PART(gates, rows * 3 * h)
  PART(d_gates_r, backward ? rows * 3 * h : 0)
  PART(h_rows, backward ? rows * h : 0)
  PART(operand_rows, backward ? rows * h : 0)
  PART(zr, n * 2 * h)
  PART(n, n * h)
  PART(h, n * h)
  PART(operand, n * h)
  PART(dh, n * h)
#undef PART
  *len = at;
  return p;
}

static size_t packed_zr(const pare_recurrent *g) {
  return pare_f32_pack_len(g->hidden, 2 * g->hidden);
}

static void pack(const pare_recurrent *g, const pare_call *call, int64_t d, float *packed) {
  const int64_t h = g->hidden;
  const float *r = pare_f32(call->in[RECURRENT_R]) + d * 3 * h * h;
  pare_f32_pack_b(pare_f32(call->in[RECURRENT_W]) + d * 3 * h * g->input, 1, g->input, g->input, 3 * h,
                  packed);
  pare_f32_pack_b(r, 1, h, h, 2 * h, packed + g->packed_w);
  pare_f32_pack_b(r + 2 * h * h, 1, h, h, h, packed + g->packed_w + packed_zr(g));
}

static size_t scratch_len(const pare_recurrent *g, bool backward, size_t packed) {
  size_t len;
  (void)parts_of(g, backward, NULL, packed, &len);
  return len;
}

static pare_status prepare(pare_call *call) {
  pare_recurrent *g = pare_arena_alloc(call->arena, sizeof *g);
  if (!g) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_gru(call, g));
  call->state = g;
  return pare_recurrent_prepare(call, g, 3 * g->hidden + 16, pack, scratch_len, saved_len(g));
}

/* ---- forward -------------------------------------------------------------------------------------------- */

static void product(const pare_call *call, int64_t m, int64_t n, int64_t k, const float *a,
                    const float *packed, float *c, bool accumulate) {
  const pare_product q = {.m = m,
                          .n = n,
                          .k = k,
                          .a = a,
                          .a_row = k,
                          .a_column = 1,
                          .c = c,
                          .c_row = n,
                          .accumulate = accumulate};
  const pare_f32_gemm_args args = pare_product_args(&q, packed);
  pare_f32_gemm(call->pool, call->numerics, &args);
}

/* One sequence, one step, first half: z and r of the sums and the biases; what R_h multiplies. */
static void reset(const pare_recurrent *g, int64_t d, const float *b, float *zr, const float *h,
                  float *operand) {
  const int64_t n = g->hidden;
  for (int64_t k = 0; b && k < 2 * n; k++) zr[k] += b[k] + b[3 * n + k];
  if (g->clip > 0.0f) pare_clip_n(g->clip, zr, 2 * n);
  pare_activate(&g->activations[d][0], zr, 2 * n);
  for (int64_t k = 0; k < n; k++) operand[k] = g->linear_before_reset ? h[k] : zr[n + k] * h[k];
}

/* Second half: `x` [H] the input's sum, `s` [H] in: R_h times the operand, out: n (and *linear: s with its bias). */
static void update(const pare_recurrent *g, int64_t d, const float *b, const float *zr, const float *x,
                   float *s, float *linear, float *h) {
  const int64_t n = g->hidden;
  for (int64_t k = 0; k < n; k++) {
    const float bias_w = b ? b[2 * n + k] : 0.0f, bias_r = b ? b[5 * n + k] : 0.0f;
    const float with_bias = s[k] + bias_r;
    if (linear) linear[k] = with_bias;
    s[k] = x[k] + (g->linear_before_reset ? zr[n + k] * with_bias : with_bias) + bias_w;
  }
  if (g->clip > 0.0f) pare_clip_n(g->clip, s, n);
  pare_activate(&g->activations[d][1], s, n);
  for (int64_t k = 0; k < n; k++) h[k] = (1.0f - zr[k]) * s[k] + zr[k] * h[k];
}

static void keep(const pare_recurrent *g, float *saved, int64_t at, const float *zr, const float *n,
                 const float *h) {
  const size_t bytes = (size_t)g->hidden * sizeof(float);
  float *gates = saved + at * 3 * g->hidden, *before = saved + (3 * pare_recurrent_rows(g) + at) * g->hidden;
  if (zr) memcpy(gates, zr, 2 * bytes);
  if (n) memcpy(gates + 2 * g->hidden, n, bytes);
  if (h) memcpy(before, h, bytes);
}

static void run_step(const pare_recurrent *g, pare_call *call, int64_t d, int64_t s, const parts *p,
                     const float *packed_r, float *saved) {
  const int64_t h = g->hidden, n = g->batch;
  const float *bias = pare_call_has(call, RECURRENT_B) ? pare_f32(call->in[RECURRENT_B]) + d * 6 * h : NULL;
  float *y = call->out[0] ? pare_f32(call->out[0]) : NULL;
  for (int64_t b = 0; b < n; b++) {
    const int64_t t = pare_recurrent_time(g, d, s, pare_recurrent_length_of(g, call, b));
    memcpy(p->zr + b * 2 * h, p->gates + pare_recurrent_row(g, t, b) * 3 * h,
           (size_t)(2 * h) * sizeof(float));
  }
  product(call, n, 2 * h, h, p->h, packed_r, p->zr, true);
  for (int64_t b = 0; b < n; b++) {
    reset(g, d, bias, p->zr + b * 2 * h, p->h + b * h, p->operand + b * h);
    if (saved) keep(g, saved, s * n + b, p->zr + b * 2 * h, NULL, p->h + b * h);
  }
  product(call, n, h, h, p->operand, packed_r + packed_zr(g), p->n, false);
  for (int64_t b = 0; b < n; b++) {
    const int64_t len = pare_recurrent_length_of(g, call, b), t = pare_recurrent_time(g, d, s, len);
    float *to = y ? y + pare_recurrent_y_at(g, t, d, b) : NULL;
    if (s >= len) {
      if (to) memset(to, 0, (size_t)h * sizeof(float));
      continue;
    }
    float *linear = saved ? saved + (4 * pare_recurrent_rows(g) + s * n + b) * h : NULL;
    update(g, d, bias, p->zr + b * 2 * h, p->gates + (pare_recurrent_row(g, t, b) * 3 + 2) * h, p->n + b * h,
           linear, p->h + b * h);
    if (saved) keep(g, saved, s * n + b, NULL, p->n + b * h, NULL);
    if (to) memcpy(to, p->h + b * h, (size_t)h * sizeof(float));
  }
}

static pare_status run(pare_call *call) {
  const pare_recurrent *g = call->state;
  const size_t packed_len = g->packed_w + g->packed_r;
  size_t len;
  const parts p = parts_of(g, false, call->scratch, packed_len, &len);
  for (int64_t d = 0; d < g->directions; d++) {
    const float *packed = g->packed ? g->packed + (size_t)d * packed_len : p.packed;
    if (!g->packed) pack(g, call, d, p.packed);
    pare_recurrent_inputs(g, call, packed, p.gates);
    pare_recurrent_get_state(g, call, RECURRENT_H0, d, p.h);
    float *saved = call->training ? (float *)call->saved + (size_t)d * saved_len(g) : NULL;
    for (int64_t s = 0; s < g->length; s++) run_step(g, call, d, s, &p, packed + g->packed_w, saved);
    pare_recurrent_put_state(g, call, 1, d, p.h);
  }
  return PARE_OK;
}

/* ---- backward ------------------------------------------------------------------------------------------- */

/* One sequence, one step. `gates` z r n, `h` the state before, `linear` R_h h + Rb_h. In: dh, the gradient of H. Out:
 * gradients before the activations, of W's products and of R's, and dh: what goes to h past R. With reset before
 * the product, that of r waits for the gradient of r . h: reset_back. */
static void update_back(const pare_recurrent *g, int64_t d, const float *gates, const float *h,
                        const float *linear, float *dh, float *d_w, float *d_r) {
  const int64_t n = g->hidden;
  const pare_activation *f = g->activations[d];
  const float *z = gates, *r = gates + n, *next = gates + 2 * n;
  for (int64_t k = 0; k < n; k++) {
    const float d_n = dh[k] * (1.0f - z[k]) * pare_slope(&f[1], next[k]);
    d_w[k] = d_r[k] = dh[k] * (h[k] - next[k]) * pare_slope(&f[0], z[k]);
    d_w[2 * n + k] = d_n;
    d_r[2 * n + k] = g->linear_before_reset ? d_n * r[k] : d_n;
    if (g->linear_before_reset) d_w[n + k] = d_r[n + k] = d_n * linear[k] * pare_slope(&f[0], r[k]);
    dh[k] *= z[k];
  }
}

/* d_operand [H]: the gradient of what R_h multiplied. */
static void reset_back(const pare_recurrent *g, int64_t d, const float *gates, const float *h,
                       const float *d_operand, float *dh, float *d_w, float *d_r) {
  const int64_t n = g->hidden;
  const float *r = gates + n;
  for (int64_t k = 0; k < n; k++) {
    if (g->linear_before_reset) {
      dh[k] += d_operand[k];
    } else {
      d_w[n + k] = d_r[n + k] = d_operand[k] * h[k] * pare_slope(&g->activations[d][0], r[k]);
      dh[k] += d_operand[k] * r[k];
    }
  }
}

/* Gradients of a step's rows of R's products, [N,H] times [H, H] (or [N,2H]), gathered from d_gates_r. */
static void gather(const pare_recurrent *g, const pare_call *call, int64_t d, int64_t s, const float *d_gates,
                   int64_t first, int64_t n_gates, float *to) {
  const size_t width = (size_t)(n_gates * g->hidden);
  for (int64_t b = 0; b < g->batch; b++, to += width) {
    const int64_t t = pare_recurrent_time(g, d, s, pare_recurrent_length_of(g, call, b));
    memcpy(to, d_gates + (pare_recurrent_row(g, t, b) * 3 + first) * g->hidden, width * sizeof(float));
  }
}

static void back_step(const pare_recurrent *g, const pare_grad_call *grad, int64_t d, int64_t s,
                      const parts *p, const float *packed_r, const float *saved) {
  const pare_call *call = grad->call;
  const int64_t h = g->hidden, n = g->batch, rows = pare_recurrent_rows(g);
  const float *dy = grad->d_out[0] && call->out[0] ? pare_f32(grad->d_out[0]) : NULL;
  for (int64_t b = 0; b < n; b++) {
    const int64_t len = pare_recurrent_length_of(g, call, b), t = pare_recurrent_time(g, d, s, len);
    const int64_t row = pare_recurrent_row(g, t, b), at = s * n + b;
    const float *gates = saved + at * 3 * h, *before = saved + (3 * rows + at) * h;
    float *d_w = p->gates + row * 3 * h, *d_r = p->d_gates_r + row * 3 * h;
    memcpy(p->h_rows + row * h, before, (size_t)h * sizeof(float));
    for (int64_t k = 0; k < h; k++)
      p->operand_rows[row * h + k] = g->linear_before_reset ? before[k] : gates[h + k] * before[k];
    memset(d_w, 0, (size_t)(3 * h) * sizeof(float));
    memset(d_r, 0, (size_t)(3 * h) * sizeof(float));
    if (s >= len) continue;
    if (dy) pare_op_add_f32(p->dh + b * h, dy + pare_recurrent_y_at(g, t, d, b), h);
    update_back(g, d, gates, before, saved + (4 * rows + at) * h, p->dh + b * h, d_w, d_r);
  }
  gather(g, call, d, s, p->d_gates_r, 2, 1, p->n);
  product(call, n, h, h, p->n, packed_r + pare_f32_pack_len(2 * h, h), p->operand, false);
  for (int64_t b = 0; b < n; b++) {
    const int64_t len = pare_recurrent_length_of(g, call, b), t = pare_recurrent_time(g, d, s, len);
    const int64_t row = pare_recurrent_row(g, t, b), at = s * n + b;
    if (s < len)
      reset_back(g, d, saved + at * 3 * h, saved + (3 * rows + at) * h, p->operand + b * h, p->dh + b * h,
                 p->gates + row * 3 * h, p->d_gates_r + row * 3 * h);
  }
  gather(g, call, d, s, p->d_gates_r, 0, 2, p->zr);
  product(call, n, h, 2 * h, p->zr, packed_r, p->dh, true); /* zeros past a sequence's end */
}

static pare_status backward(pare_grad_call *grad) {
  pare_call *call = grad->call;
  const pare_recurrent *g = call->state;
  const int64_t h = g->hidden;
  size_t packed, len;
  if (!pare_recurrent_packed_len(g, &packed)) return PARE_OUT_OF_MEMORY; /* prepare has checked */
  const parts p = parts_of(g, true, call->scratch, packed + g->packed_r, &len);
  float *packed_r = p.packed + packed; /* R_zr [2H,H], R_h [H,H] */
  for (int64_t d = 0; d < g->directions; d++) {
    const float *r = pare_f32(call->in[RECURRENT_R]) + d * 3 * h * h;
    const float *saved = (const float *)call->saved + (size_t)d * saved_len(g);
    pare_f32_pack_b(r, h, 1, 2 * h, h, packed_r);
    pare_f32_pack_b(r + 2 * h * h, h, 1, h, h, packed_r + pare_f32_pack_len(2 * h, h));
    pare_recurrent_get_grad(g, grad, 1, d, p.dh);
    for (int64_t s = g->length - 1; s >= 0; s--) back_step(g, grad, d, s, &p, packed_r, saved);
    pare_recurrent_grad_inputs(g, grad, d, p.gates, p.packed);
    pare_recurrent_grad_r(g, grad, d, p.d_gates_r, 0, 2, p.h_rows, p.packed);
    pare_recurrent_grad_r(g, grad, d, p.d_gates_r, 2, 1, p.operand_rows, p.packed);
    pare_recurrent_grad_b(g, grad, d, 0, p.gates);
    pare_recurrent_grad_b(g, grad, d, 1, p.d_gates_r);
    pare_recurrent_add_grad(g, grad, RECURRENT_H0, d, p.dh);
  }
  return PARE_OK;
}

const pare_op pare_op_gru = {
    .name = "GRU",
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
