/* DynamicQuantizeLSTM: LSTM with 8-bit weights and inputs quantized while running (com.microsoft DynamicQuantizeLSTM, opset 1, of ONNX Runtime).
 *   a[t] = (X_q[t] W) x_scale w_scale + (H_q[t-1] R) h_scale r_scale + Wb + Rb      X as a whole gets one scale, H one in each step
 *   i, o, f = sigmoid(a), g = tanh(a), C = f C + i g, H = o tanh(C)                  gates in the order i, o, f, c
 * Inputs X [T,N,I], W [D,I,4H], R [D,H,4H], B [D,8H], sequence_lens, initial_h, initial_c, P, W_scale [D] or [D,4H], W_zero_point, R_scale,
 * R_zero_point. As scales cover a whole batch, an answer depends a little on what else is in the batch. Not there: sequence_lens, peepholes,
 * clip, activations other than these, weights that are not constants. */
#include "kernels/f32_math/f32_math.h"
#include "ops/dynamic_quantize.h"
#include "ops/quantized.h"

enum { X, W, R, B, LENGTHS, H0, C0, P, W_SCALE, W_ZERO, R_SCALE, R_ZERO };
#define ROWS 16

typedef struct qlstm {
  int64_t length, batch, input, hidden, directions;
  bool first_reverse;
  size_t a_bytes;            /* of ROWS rows in a kernel's format */
  pare_q8_matrix w[2], r[2]; /* by direction */
} qlstm;

static pare_status check_shape(pare_call *call, int i, const char *name, pare_shape want) {
  if (!pare_call_has(call, i) || pare_shape_equal(&call->in[i]->shape, &want)) return PARE_OK;
  char have[128], expected[128];
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %s is %s, expected %s", name,
                   pare_shape_text(&call->in[i]->shape, have, sizeof have),
                   pare_shape_text(&want, expected, sizeof expected));
}

/* Scale f32 and zero point of the weights' type, per direction or per direction and column. */
static pare_status check_quantization(pare_call *call, const qlstm *l, int i_weight, int i_scale,
                                      int i_zero) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  const pare_dtype of_weight[] = {call->in[i_weight]->dtype, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i_scale, f32_only));
  PARE_TRY(pare_op_need_dtype(call, i_zero, of_weight));
  for (int i = i_scale; i <= i_zero; i++) {
    const int64_t n = pare_tensor_count(call->in[i]);
    if (n != l->directions && n != l->directions * 4 * l->hidden)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has %lld elements", i, (long long)n);
  }
  return PARE_OK;
}

static pare_status check_attributes(pare_call *call, qlstm *l) {
  PARE_TRY(pare_op_attr_type(call, "direction", PARE_ATTR_STRING));
  const char *direction = pare_node_string(call->node, "direction", "forward");
  l->first_reverse = strcmp(direction, "reverse") == 0;
  l->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
  if (l->directions == 1 && !l->first_reverse && strcmp(direction, "forward") != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "direction '%.30s' is not known", direction);
  const pare_attr *names = pare_node_attr(call->node, "activations");
  for (size_t i = 0; names && names->type == PARE_ATTR_STRINGS && i < names->n; i++) {
    if (strcmp(names->strings[i], i % 3 == 0 ? "Sigmoid" : "Tanh") != 0)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "activation '%.30s'", names->strings[i]);
  }
  if (pare_node_attr(call->node, "clip") || pare_node_int(call->node, "input_forget", 0) ||
      pare_node_int(call->node, "layout", 0) || pare_call_has(call, LENGTHS) || pare_call_has(call, P))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "sequence_lens, P, clip, input_forget or layout");
  return PARE_OK;
}

static pare_status read_lstm(pare_call *call, qlstm *l) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  *l = (qlstm){0};
  PARE_TRY(pare_op_need_dtype(call, X, f32_only));
  PARE_TRY(pare_q_need_8bit(call, W));
  PARE_TRY(pare_q_need_8bit(call, R));
  PARE_TRY(check_attributes(call, l));
  const pare_shape *x = &call->in[X]->shape, *r = &call->in[R]->shape;
  if (x->rank != 3 || r->rank != 3) return pare_fail(call->ctx, PARE_BAD_MODEL, "X and R must have rank 3");
  l->length = x->dims[0];
  l->batch = x->dims[1];
  l->input = x->dims[2];
  l->hidden = r->dims[1];
  const int64_t d = l->directions, h = l->hidden;
  if (h < 1 || h > PARE_Q8_MAX_K || l->input > PARE_Q8_MAX_K ||
      pare_node_int(call->node, "hidden_size", h) != h)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "hidden_size does not fit R");
  PARE_TRY(check_shape(call, W, "W", PARE_SHAPE(d, l->input, 4 * h)));
  PARE_TRY(check_shape(call, R, "R", PARE_SHAPE(d, h, 4 * h)));
  PARE_TRY(check_shape(call, B, "B", PARE_SHAPE(d, 8 * h)));
  PARE_TRY(check_shape(call, H0, "initial_h", PARE_SHAPE(d, l->batch, h)));
  PARE_TRY(check_shape(call, C0, "initial_c", PARE_SHAPE(d, l->batch, h)));
  for (int i = B; i <= C0; i++)
    if (pare_call_has(call, i)) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  PARE_TRY(check_quantization(call, l, W, W_SCALE, W_ZERO));
  return check_quantization(call, l, R, R_SCALE, R_ZERO);
}

static pare_status infer(pare_call *call) {
  qlstm l;
  PARE_TRY(read_lstm(call, &l));
  const pare_shape y = PARE_SHAPE(l.length, l.directions, l.batch, l.hidden);
  const pare_shape state = PARE_SHAPE(l.directions, l.batch, l.hidden);
  const pare_shape gates = PARE_SHAPE(l.length + 1, l.batch, 8 * l.hidden + l.input);
  size_t bytes;
  PARE_TRY(pare_tensor_bytes(call->ctx, PARE_F32, &gates, &bytes)); /* scratch is of this size */
  PARE_TRY(pare_op_set_out(call, 0, PARE_F32, &y));
  PARE_TRY(pare_op_set_out(call, 1, PARE_F32, &state));
  return pare_op_set_out(call, 2, PARE_F32, &state);
}

/* Column j of direction d in a tensor that is [D] or [D,4H]. */
static int64_t place_of(const pare_call *call, const qlstm *l, int i, int64_t d, int64_t j) {
  return pare_tensor_count(call->in[i]) == l->directions ? d : d * 4 * l->hidden + j;
}

static pare_status pack(pare_call *call, const qlstm *l, int i_weight, int i_zero, int64_t d, int64_t m,
                        pare_q8_matrix *out) {
  const int64_t n = 4 * l->hidden, k = call->in[i_weight]->shape.dims[1];
  *out = (pare_q8_matrix){.k = k, .n = n, .b_signed = call->in[i_weight]->dtype == PARE_S8};
  int32_t *zeros = pare_arena_array(call->arena, (size_t)n, sizeof *zeros);
  if (!zeros) return PARE_OUT_OF_MEMORY;
  bool plain = true;
  for (int64_t j = 0; j < n; j++) {
    zeros[j] = (int32_t)pare_tensor_get_s64(call->in[i_zero], place_of(call, l, i_zero, d, j));
    plain &= zeros[j] == (out->b_signed ? 0 : 128);
  }
  PARE_TRY(pare_q8_matrix_plan(out, m, plain, call->arena));
  pare_q8_matrix_pack(out, pare_u8(call->in[i_weight]) + d * k * n, n, 1, zeros);
  return PARE_OK;
}

typedef struct parts {
  float *gates;         /* [T,N,4H] */
  float *scales, *bias; /* [4H] */
  float *h, *c, *hc;    /* [N,H]; hc [H] */
  int32_t *acc;         /* [ROWS,4H] */
  uint8_t *a;           /* ROWS rows in a kernel's format */
  uint8_t *x, *hq;
} parts;

static size_t round16(size_t n) {
  return (n + 15) / 16 * 16;
}

static parts parts_of(const qlstm *l, uint8_t *memory, size_t *len_bytes) {
  const size_t n = (size_t)l->batch, h = (size_t)l->hidden, t = (size_t)l->length, i = (size_t)l->input;
  size_t at = 0;
  parts p;
#define PART(name, count)                                                                                    \
  p.name = memory ? (void *)(memory + at) : NULL;                                                            \
  at += round16((count) * sizeof *p.name);
  PART(gates, t * n * 4 * h)
  PART(scales, 4 * h)
  PART(bias, 4 * h)
  PART(h, n * h)
  PART(c, n * h)
  PART(hc, h)
  PART(acc, ROWS * 4 * h)
  PART(a, l->a_bytes)
  PART(x, t * n * i)
  PART(hq, n * h)
#undef PART
  *len_bytes = at;
  return p;
}

static pare_status prepare(pare_call *call) {
  qlstm *l = pare_arena_alloc(call->arena, sizeof *l);
  if (!l) return PARE_OUT_OF_MEMORY;
  PARE_TRY(read_lstm(call, l));
  if (!pare_q_const(call, W) || !pare_q_const(call, R) || !pare_q_const(call, W_ZERO) ||
      !pare_q_const(call, R_ZERO))
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "weights that are not constants");
  for (int64_t d = 0; d < l->directions; d++) {
    PARE_TRY(pack(call, l, W, W_ZERO, d, l->length * l->batch, &l->w[d]));
    PARE_TRY(pack(call, l, R, R_ZERO, d, l->batch, &l->r[d]));
  }
  const pare_q8_matrix *longest = l->input > l->hidden ? l->w : l->r;
  if (!pare_q8_matrix_scratch(longest, ROWS, &l->a_bytes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the weights are too large");
  (void)parts_of(l, NULL, &call->scratch_bytes);
  call->state = l;
  return PARE_OK;
}

/* out [rows,4H] = (or +=) ((x - zero) B) * scales + bias. */
static void product(const parts *p, const uint8_t *x, int32_t zero, int64_t rows,
                    const pare_q8_matrix *matrix, bool add, float *out) {
  const int64_t n = matrix->n;
  pare_q8_matrix_bias(matrix, NULL, zero);
  for (int64_t first = 0; first < rows; first += ROWS) {
    const int64_t m = rows - first < ROWS ? rows - first : ROWS;
    const pare_q8_sink sink = {.sums = p->acc, .row = n};
    pare_q8_matrix_run(matrix, x + first * matrix->k, zero, m, 0, n, &sink, p->a);
    for (int64_t i = 0; i < m; i++) {
      float *to = out + (first + i) * n;
      const int32_t *acc = p->acc + i * n;
      if (add) {
        for (int64_t j = 0; j < n; j++) to[j] = to[j] + (float)acc[j] * p->scales[j];
      } else {
        for (int64_t j = 0; j < n; j++) to[j] = (float)acc[j] * p->scales[j] + p->bias[j];
      }
    }
  }
}

static void set_scales(const pare_call *call, const qlstm *l, const parts *p, int i_scale, int64_t d,
                       float x_scale) {
  for (int64_t j = 0; j < 4 * l->hidden; j++)
    p->scales[j] = x_scale * pare_f32(call->in[i_scale])[place_of(call, l, i_scale, d, j)];
}

/* One row: gate sums [4H] to new h and c. */
static void advance(int64_t n, float *a, float *h, float *c, float *hc) {
  pare_sigmoidf_n(a, a, 3 * n);
  pare_tanhf_n(a + 3 * n, a + 3 * n, n);
  for (int64_t k = 0; k < n; k++) c[k] = a[2 * n + k] * c[k] + a[k] * a[3 * n + k];
  pare_tanhf_n(c, hc, n);
  for (int64_t k = 0; k < n; k++) h[k] = a[n + k] * hc[k];
}

static void start_states(const pare_call *call, const qlstm *l, const parts *p, int64_t d) {
  const int64_t len = l->batch * l->hidden;
  for (int64_t k = 0; k < len; k++) {
    p->h[k] = pare_call_has(call, H0) ? pare_f32(call->in[H0])[d * len + k] : 0.0f;
    p->c[k] = pare_call_has(call, C0) ? pare_f32(call->in[C0])[d * len + k] : 0.0f;
  }
}

static float *output_at(const pare_call *call, int i, int64_t at) {
  return i < call->n_out && call->out[i] ? pare_f32(call->out[i]) + at : NULL;
}

static void run_direction(const pare_call *call, const qlstm *l, const parts *p, int64_t d, float x_scale,
                          uint8_t x_zero) {
  const int64_t h = l->hidden, len = l->batch * h;
  const bool reverse = d == 1 || l->first_reverse;
  for (int64_t j = 0; j < 4 * h; j++) {
    const float *b = pare_call_has(call, B) ? pare_f32(call->in[B]) + d * 8 * h : NULL;
    p->bias[j] = b ? b[j] + b[4 * h + j] : 0.0f;
  }
  set_scales(call, l, p, W_SCALE, d, x_scale);
  product(p, p->x, x_zero, l->length * l->batch, &l->w[d], false, p->gates);
  start_states(call, l, p, d);
  for (int64_t s = 0; s < l->length; s++) {
    const int64_t t = reverse ? l->length - 1 - s : s;
    float h_scale, *gates = p->gates + t * l->batch * 4 * h;
    uint8_t h_zero;
    pare_dynamic_quantize_u8(p->h, len, &h_scale, &h_zero, p->hq);
    set_scales(call, l, p, R_SCALE, d, h_scale);
    product(p, p->hq, h_zero, l->batch, &l->r[d], true, gates);
    for (int64_t b = 0; b < l->batch; b++) advance(h, gates + b * 4 * h, p->h + b * h, p->c + b * h, p->hc);
    float *y = output_at(call, 0, (t * l->directions + d) * len);
    if (y) pare_op_copy(y, p->h, (size_t)len * sizeof *y);
  }
  float *y_h = output_at(call, 1, d * len), *y_c = output_at(call, 2, d * len);
  if (y_h) pare_op_copy(y_h, p->h, (size_t)len * sizeof *y_h);
  if (y_c) pare_op_copy(y_c, p->c, (size_t)len * sizeof *y_c);
}

static pare_status run(pare_call *call) {
  const qlstm *l = call->state;
  size_t len_bytes;
  if (!call->scratch) return pare_fail(call->ctx, PARE_BAD_ARGUMENT, "no scratch memory");
  const parts p = parts_of(l, call->scratch, &len_bytes);
  float scale;
  uint8_t zero;
  pare_dynamic_quantize_u8(pare_f32(call->in[X]), pare_tensor_count(call->in[X]), &scale, &zero, p.x);
  for (int64_t d = 0; d < l->directions; d++) run_direction(call, l, &p, d, scale, zero);
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *x = &call->in[X]->shape;
  const uint64_t steps = (uint64_t)(x->dims[0] * x->dims[1]);
  cost->macs = steps * (uint64_t)(pare_tensor_count(call->in[W]) + pare_tensor_count(call->in[R]));
  cost->effective_macs = steps * (pare_q_nonzeros(call->in[W]) + pare_q_nonzeros(call->in[R]));
}

const pare_op pare_op_dynamic_quantize_lstm = {
    .name = "DynamicQuantizeLSTM",
    .domain = "com.microsoft",
    .min_in = 3, /* 12, of which some in the middle may be left out */
    .max_in = 12,
    .min_out = 0,
    .max_out = 3,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "integers have no gradient",
    .cost = cost,
};
