/* The common part of RNN, GRU and LSTM (recurrent.h). */
#include "ops/recurrent.h"

#include "ops/recurrent_activations.h"

enum { INITIAL_C = 6, PEEPHOLES = 7 }; /* of LSTM */

/* ---- reading -------------------------------------------------------------------------------------------- */

/* The next of a list of numbers that only activations that take one use up. */
static float next_number(const pare_attr *list, size_t *at, float fallback) {
  return list && *at < list->n ? list->floats[(*at)++] : fallback;
}

static pare_status read_activations(pare_call *call, int n, const char *const *fallback, pare_recurrent *r) {
  static const char *const floats[] = {"activation_alpha", "activation_beta"};
  const pare_attr *names = pare_node_attr(call->node, "activations");
  const size_t n_all = (size_t)(n * r->directions);
  PARE_TRY(pare_op_attr_type(call, "activations", PARE_ATTR_STRINGS));
  for (int i = 0; i < 2; i++) PARE_TRY(pare_op_attr_type(call, floats[i], PARE_ATTR_FLOATS));
  if (names && names->n != n_all) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "attribute 'activations' has %zu names, expected %zu",
                     names->n, n_all);
  }
  size_t i_alpha = 0, i_beta = 0;
  for (size_t i = 0; i < n_all; i++) {
    const size_t k = i % (size_t)n;
    const char *name = names ? names->strings[i] : fallback[k];
    pare_activation *f = &r->activations[i / (size_t)n][k];
    bool has_alpha, has_beta;
    if (!pare_activation_find(name, f, &has_alpha, &has_beta))
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "activation '%.30s'", name);
    if (has_alpha) f->alpha = next_number(pare_node_attr(call->node, floats[0]), &i_alpha, f->alpha);
    if (has_beta) f->beta = next_number(pare_node_attr(call->node, floats[1]), &i_beta, f->beta);
  }
  return PARE_OK;
}

pare_status pare_recurrent_check(pare_call *call, int i, const char *name, pare_dtype dtype,
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

static pare_status read_direction(pare_call *call, pare_recurrent *r) {
  PARE_TRY(pare_op_attr_type(call, "direction", PARE_ATTR_STRING));
  const char *direction = pare_node_string(call->node, "direction", "forward");
  r->first_reverse = strcmp(direction, "reverse") == 0;
  r->directions = strcmp(direction, "bidirectional") == 0 ? 2 : 1;
  if (r->directions == 1 && !r->first_reverse && strcmp(direction, "forward") != 0) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "direction '%.30s' is not known", direction);
  }
  return PARE_OK;
}

static pare_status read_sizes(pare_call *call, pare_recurrent *r) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  for (int i = 0; i < 3; i++) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  const pare_shape *x = &call->in[RECURRENT_X]->shape, *w = &call->in[RECURRENT_R]->shape;
  if (x->rank != 3 || w->rank != 3) return pare_fail(call->ctx, PARE_BAD_MODEL, "X and R must have rank 3");
  const int64_t layout = pare_node_int(call->node, "layout", 0);
  if (layout != 0 && layout != 1)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "layout %lld", (long long)layout);
  r->batch_first = layout == 1;
  r->length = x->dims[layout];
  r->batch = x->dims[1 - layout];
  r->input = x->dims[2];
  r->hidden = w->dims[2];
  r->row_t = r->batch_first ? 1 : r->batch;
  r->row_b = r->batch_first ? r->length : 1;
  if (r->hidden < 1 || r->hidden > INT32_MAX / 8 ||
      pare_node_int(call->node, "hidden_size", r->hidden) != r->hidden) {
    return pare_fail(call->ctx, PARE_BAD_MODEL, "hidden_size does not fit R");
  }
  return PARE_OK;
}

pare_status pare_recurrent_read(pare_call *call, int64_t gates, int n_activations, const char *const *names,
                                pare_recurrent *r) {
  static const char *const ints[] = {"layout", "input_forget", "hidden_size", "linear_before_reset"};
  *r = (pare_recurrent){.gates = gates};
  for (size_t i = 0; i < PARE_COUNT(ints); i++) PARE_TRY(pare_op_attr_type(call, ints[i], PARE_ATTR_INT));
  PARE_TRY(pare_op_attr_type(call, "clip", PARE_ATTR_FLOAT));
  PARE_TRY(read_direction(call, r));
  PARE_TRY(read_sizes(call, r));
  r->input_forget = pare_node_int(call->node, "input_forget", 0) != 0;
  r->linear_before_reset = pare_node_int(call->node, "linear_before_reset", 0) != 0;
  r->clip = pare_node_float(call->node, "clip", 0.0f);
  if (!(r->clip >= 0.0f)) return pare_fail(call->ctx, PARE_BAD_MODEL, "clip %g is negative", (double)r->clip);
  const int64_t d = r->directions, n = r->batch, h = r->hidden;
  PARE_TRY(pare_recurrent_check(call, RECURRENT_W, "W", PARE_F32, PARE_SHAPE(d, gates * h, r->input)));
  PARE_TRY(pare_recurrent_check(call, RECURRENT_R, "R", PARE_F32, PARE_SHAPE(d, gates * h, h)));
  PARE_TRY(pare_recurrent_check(call, RECURRENT_B, "B", PARE_F32, PARE_SHAPE(d, 2 * gates * h)));
  PARE_TRY(pare_recurrent_check(call, RECURRENT_LENGTHS, "sequence_lens", PARE_S32, PARE_SHAPE(n)));
  PARE_TRY(pare_recurrent_check(call, RECURRENT_H0, "initial_h", PARE_F32, pare_recurrent_state_shape(r)));
  return read_activations(call, n_activations, names, r);
}

pare_shape pare_recurrent_state_shape(const pare_recurrent *r) {
  const int64_t d = r->directions, n = r->batch, h = r->hidden;
  return r->batch_first ? PARE_SHAPE(n, d, h) : PARE_SHAPE(d, n, h);
}

pare_status pare_recurrent_set_outputs(pare_call *call, const pare_recurrent *r) {
  const int64_t d = r->directions, n = r->batch, h = r->hidden;
  const pare_shape y = r->batch_first ? PARE_SHAPE(n, r->length, d, h) : PARE_SHAPE(r->length, d, n, h);
  const pare_shape state = pare_recurrent_state_shape(r),
                   gates = PARE_SHAPE(d, r->length + 1, n, 2 * r->gates * h);
  size_t len_bytes;
  PARE_TRY(pare_tensor_bytes(call->ctx, PARE_F32, &gates, &len_bytes)); /* everything below is smaller */
  PARE_TRY(pare_op_set_out(call, 0, PARE_F32, &y));
  return pare_op_set_out(call, 1, PARE_F32, &state);
}

/* ---- forward ---------------------------------------------------------------------------------------------- */

pare_status pare_recurrent_pack_constant(pare_call *call, pare_recurrent *r, pare_recurrent_pack pack) {
  if (call->training || !call->in_is_const[RECURRENT_W] || !call->in_is_const[RECURRENT_R] ||
      !call->in[RECURRENT_W]->data || !call->in[RECURRENT_R]->data)
    return PARE_OK;
  const size_t len = r->packed_w + r->packed_r;
  r->packed = pare_arena_array(call->arena, (size_t)r->directions, len * sizeof(float));
  if (!r->packed) return PARE_OUT_OF_MEMORY;
  for (int64_t d = 0; d < r->directions; d++) pack(r, call, d, r->packed + (size_t)d * len);
  return PARE_OK;
}

pare_status pare_recurrent_prepare(pare_call *call, pare_recurrent *r, int64_t r_columns,
                                   pare_recurrent_pack pack, pare_recurrent_scratch scratch, size_t saved) {
  size_t w_bytes, r_bytes, backward = 0, packed;
  if (call->training && r->clip > 0.0f)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "the gradient with clip");
  PARE_TRY(pare_product_bytes(call->ctx, r->input, r->gates * r->hidden, &w_bytes));
  PARE_TRY(pare_product_bytes(call->ctx, r->hidden, r_columns, &r_bytes));
  r->packed_w = w_bytes / sizeof(float);
  r->packed_r = r_bytes / sizeof(float);
  PARE_TRY(pare_recurrent_pack_constant(call, r, pack));
  if (!pare_recurrent_packed_len(r, &packed))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the sequences are too large");
  const size_t forward = scratch(r, false, r->packed_w + r->packed_r);
  if (call->training) backward = scratch(r, true, packed + r->packed_r);
  if (!pare_mul_size(forward > backward ? forward : backward, sizeof(float), &call->scratch_bytes) ||
      !pare_mul_size((size_t)r->directions * saved, sizeof(float), &call->saved_bytes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the sequences are too large");
  if (!call->training) call->saved_bytes = 0;
  return PARE_OK;
}

void pare_clip_n(float clip, float *x, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    const float low = x[i] < -clip ? -clip : x[i];
    x[i] = low > clip ? clip : low;
  }
}

void pare_recurrent_inputs(const pare_recurrent *r, const pare_call *call, const float *packed_w,
                           float *gates) {
  const int64_t width = r->gates * r->hidden;
  const pare_product inputs = {.m = pare_recurrent_rows(r),
                               .n = width,
                               .k = r->input,
                               .a = pare_f32(call->in[RECURRENT_X]),
                               .a_row = r->input,
                               .a_column = 1,
                               .c = gates,
                               .c_row = width};
  const pare_f32_gemm_args args = pare_product_args(&inputs, packed_w);
  pare_f32_gemm(call->pool, call->numerics, &args);
}

void pare_recurrent_get_state(const pare_recurrent *r, const pare_call *call, int i, int64_t d, float *to) {
  const size_t len_bytes = (size_t)r->hidden * sizeof(float);
  for (int64_t b = 0; b < r->batch; b++, to += r->hidden) {
    if (pare_call_has(call, i))
      memcpy(to, pare_f32(call->in[i]) + pare_recurrent_state_at(r, d, b), len_bytes);
    else
      memset(to, 0, len_bytes);
  }
}

void pare_recurrent_put_state(const pare_recurrent *r, pare_call *call, int i, int64_t d, const float *from) {
  if (i >= call->n_out || !call->out[i]) return;
  for (int64_t b = 0; b < r->batch; b++)
    memcpy(pare_f32(call->out[i]) + pare_recurrent_state_at(r, d, b), from + b * r->hidden,
           (size_t)r->hidden * sizeof(float));
}

/* ---- backward ---------------------------------------------------------------------------------------------- */

void pare_recurrent_get_grad(const pare_recurrent *r, const pare_grad_call *grad, int i_out, int64_t d,
                             float *to) {
  const bool there = i_out < grad->call->n_out && grad->d_out[i_out];
  const size_t len_bytes = (size_t)r->hidden * sizeof(float);
  for (int64_t b = 0; b < r->batch; b++, to += r->hidden) {
    if (there)
      memcpy(to, pare_f32(grad->d_out[i_out]) + pare_recurrent_state_at(r, d, b), len_bytes);
    else
      memset(to, 0, len_bytes);
  }
}

void pare_recurrent_add_grad(const pare_recurrent *r, const pare_grad_call *grad, int i_in, int64_t d,
                             const float *from) {
  if (!pare_grad_wants(grad, i_in)) return;
  for (int64_t b = 0; b < r->batch; b++)
    pare_op_add_f32(pare_f32(grad->d_in[i_in]) + pare_recurrent_state_at(r, d, b), from + b * r->hidden,
                    r->hidden);
}

void pare_recurrent_grad_inputs(const pare_recurrent *r, const pare_grad_call *grad, int64_t d,
                                const float *d_gates, float *packed) {
  const pare_call *call = grad->call;
  const int64_t width = r->gates * r->hidden, rows = pare_recurrent_rows(r), n_in = r->input;
  const float *w = pare_f32(call->in[RECURRENT_W]) + d * width * n_in, *x = pare_f32(call->in[RECURRENT_X]);
  if (pare_grad_wants(grad, RECURRENT_W)) {
    float *dw = pare_f32(grad->d_in[RECURRENT_W]) + d * width * n_in;
    const pare_product q = {width, n_in, rows, d_gates, 1, width, x, n_in, 1, dw, n_in, true};
    pare_product_run(call, &q, packed);
  }
  if (pare_grad_wants(grad, RECURRENT_X)) {
    float *dx = pare_f32(grad->d_in[RECURRENT_X]);
    const pare_product q = {rows, n_in, width, d_gates, width, 1, w, n_in, 1, dx, n_in, true};
    pare_product_run(call, &q, packed);
  }
}

void pare_recurrent_grad_r(const pare_recurrent *r, const pare_grad_call *grad, int64_t d,
                           const float *d_gates, int64_t first, int64_t n, const float *h, float *packed) {
  if (!pare_grad_wants(grad, RECURRENT_R)) return;
  const int64_t hidden = r->hidden, width = r->gates * hidden;
  float *dr = pare_f32(grad->d_in[RECURRENT_R]) + (d * width + first * hidden) * hidden;
  const pare_product q = {
      n * hidden, hidden, pare_recurrent_rows(r), d_gates + first * hidden, 1, width, h, hidden, 1, dr,
      hidden,     true};
  pare_product_run(grad->call, &q, packed);
}

void pare_recurrent_grad_b(const pare_recurrent *r, const pare_grad_call *grad, int64_t d, int half,
                           const float *d_gates) {
  if (!pare_grad_wants(grad, RECURRENT_B)) return;
  const int64_t width = r->gates * r->hidden, rows = pare_recurrent_rows(r);
  float *db = pare_f32(grad->d_in[RECURRENT_B]) + (2 * d + half) * width;
  for (int64_t i = 0; i < rows; i++) pare_op_add_f32(db, d_gates + i * width, width);
}

bool pare_recurrent_packed_len(const pare_recurrent *r, size_t *len) {
  const size_t rows = (size_t)pare_recurrent_rows(r), width = (size_t)(r->gates * r->hidden);
  const size_t columns = (size_t)(r->input > r->hidden ? r->input : r->hidden) + 8;
  return pare_mul_size(columns, rows > width ? rows : width, len) && *len < SIZE_MAX / 64;
}

/* ---- cost and coupling -------------------------------------------------------------------------------------- */

void pare_recurrent_cost(const pare_call *call, pare_cost *cost) {
  const pare_shape *x = &call->in[RECURRENT_X]->shape;
  const uint64_t rows = (uint64_t)x->dims[0] * (uint64_t)x->dims[1];
  uint64_t nonzeros = 0, all = 0;
  for (int i = RECURRENT_W; i <= RECURRENT_R; i++) {
    const uint64_t n = (uint64_t)pare_tensor_count(call->in[i]);
    const bool known = call->in_is_const[i] && call->in[i]->data;
    nonzeros += known ? pare_op_nonzeros_f32(call->in[i]) : n;
    all += n;
  }
  cost->macs = rows * all;
  cost->effective_macs = rows * nonzeros;
}

bool pare_recurrent_zero_state(const pare_call *call, int i) {
  if (!pare_call_has(call, i) || !call->in_is_const[i] || !call->in[i]->data) return false;
  return pare_op_nonzeros_f32(call->in[i]) == 0;
}

/* A hidden unit is a row of every gate in W and R, its entries in the biases, a column of R, and an element of
 * Y and the states. A constant state of zeros says nothing: it may be left out. */
pare_status pare_recurrent_couple(const pare_call *call, pare_coupler *coupler) {
  const int64_t h = call->in[RECURRENT_R]->shape.dims[2];
  static const int rows[] = {RECURRENT_W, RECURRENT_R, RECURRENT_B, PEEPHOLES}; /* axis 1: so many times H */
  static const int states[] = {RECURRENT_H0, INITIAL_C};
  PARE_TRY(pare_couple_axes(coupler, RECURRENT_X, 2, RECURRENT_W, 2));
  for (size_t i = 0; i < PARE_COUNT(rows); i++)
    for (int64_t k = 0; pare_call_has(call, rows[i]) && k < call->in[rows[i]]->shape.dims[1]; k++)
      PARE_TRY(pare_couple(coupler, RECURRENT_R, 2, k % h, rows[i], 1, k));
  for (size_t i = 0; i < PARE_COUNT(states); i++)
    if (!pare_recurrent_zero_state(call, states[i]))
      PARE_TRY(pare_couple_axes(coupler, RECURRENT_R, 2, states[i], 2));
  PARE_TRY(pare_couple_axes(coupler, RECURRENT_R, 2, PARE_OUT(0), 3));
  for (int i = 1; i < call->n_out; i++) PARE_TRY(pare_couple_axes(coupler, RECURRENT_R, 2, PARE_OUT(i), 2));
  return PARE_OK;
}
