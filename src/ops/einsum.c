/* Einsum: "bij,bjk->bik": letters name axes, those that the output leaves out are summed over, the dots stand for axes that broadcast
 * (ONNX Einsum, opset 12). By the definition: one pass over outputs and sums, in f64, or s64 for integers; the last letter left
 * out runs fastest. */
#include "ops/wide.h"

enum {
  MAX_TERMS = 16,
  MAX_LABELS = 52 + PARE_MAX_RANK,
  DOTS = 52 /* labels 52.. are the axes of the dots */
};

#define MAX_STEPS ((int64_t)1 << 44)

typedef struct einsum {
  int n_terms, rank; /* labels in use */
  int n_out;         /* the first n_out are the output's axes */
  int label[MAX_LABELS];
  int64_t dims[MAX_LABELS];
  int64_t strides[MAX_TERMS][MAX_LABELS]; /* of each input along each label */
} einsum;

typedef struct term {
  int labels[PARE_MAX_RANK];
  int n;
  int dots_at; /* labels in front of the dots; -1: none */
} term;

static int label_of(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  return c >= 'A' && c <= 'Z' ? c - 'A' + 26 : -1;
}

/* One side of a comma or of the arrow; `at` moves behind it. */
static pare_status read_term(pare_call *call, const char **at, term *t) {
  *t = (term){.dots_at = -1};
  for (; **at && **at != ',' && **at != '-'; (*at)++) {
    if (**at == ' ') continue;
    if (strncmp(*at, "...", 3) == 0 && t->dots_at < 0) {
      t->dots_at = t->n;
      *at += 2;
      continue;
    }
    const int label = label_of(**at);
    if (label < 0 || t->n == PARE_MAX_RANK)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the equation is not understood at '%.8s'", *at);
    t->labels[t->n++] = label;
  }
  return PARE_OK;
}

/* The dots become labels of their own, counted from the last axis. */
static pare_status expand_dots(pare_call *call, term *t, int n_dots) {
  if (t->dots_at < 0) return PARE_OK;
  if (n_dots < 0 || t->n + n_dots > PARE_MAX_RANK)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the dots stand for %d axes", n_dots);
  memmove(t->labels + t->dots_at + n_dots, t->labels + t->dots_at, (size_t)(t->n - t->dots_at) * sizeof(int));
  for (int i = 0; i < n_dots; i++) t->labels[t->dots_at + i] = DOTS + n_dots - 1 - i;
  t->n += n_dots;
  return PARE_OK;
}

typedef struct plan {
  term in[MAX_TERMS], out;
  int uses[MAX_LABELS];
  int64_t dims[MAX_LABELS]; /* -1: not used */
  int n_dots;               /* axes of the longest dots */
} plan;

static pare_status note_axes(pare_call *call, plan *p, int i) {
  const pare_shape *shape = &call->in[i]->shape;
  term *t = &p->in[i];
  const int n_dots = shape->rank - t->n;
  if (t->dots_at < 0 && n_dots != 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d has rank %d, the equation names %d axes", i,
                     shape->rank, t->n);
  PARE_TRY(expand_dots(call, t, n_dots));
  if (t->dots_at >= 0 && n_dots > p->n_dots) p->n_dots = n_dots;
  for (int a = 0; a < t->n; a++) {
    const int label = t->labels[a];
    const int64_t dim = shape->dims[a], known = p->dims[label];
    p->uses[label]++;
    if (known >= 0 && known != dim && (label < DOTS || (known != 1 && dim != 1)))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "an axis of input %d is %lld, elsewhere %lld", i,
                       (long long)dim, (long long)known);
    if (known < 0 || known == 1) p->dims[label] = dim;
  }
  return PARE_OK;
}

/* Without an arrow: the dots, then every letter that is used once, in the order of the alphabet (capitals first). */
static void implicit_output(plan *p) {
  p->out = (term){.dots_at = p->n_dots > 0 ? 0 : -1};
  for (int k = 0; k < 52; k++) {
    const int label = (k + 26) % 52;
    if (p->uses[label] == 1 && p->out.n < PARE_MAX_RANK) p->out.labels[p->out.n++] = label;
  }
}

static pare_status read_plan(pare_call *call, plan *p) {
  *p = (plan){.n_dots = 0};
  for (int i = 0; i < MAX_LABELS; i++) p->dims[i] = -1;
  const char *at = pare_node_string(call->node, "equation", "");
  if (call->n_in > MAX_TERMS)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "%d inputs, at most %d", call->n_in, MAX_TERMS);
  for (int i = 0; i < call->n_in; i++) {
    PARE_TRY(i ? pare_wide_need_same(call, i) : pare_wide_need_number(call, 0));
    PARE_TRY(read_term(call, &at, &p->in[i]));
    PARE_TRY(note_axes(call, p, i));
    const bool more = i < call->n_in - 1;
    if (more != (*at == ','))
      return pare_fail(call->ctx, PARE_BAD_MODEL, "the equation has not %d terms", call->n_in);
    if (more) at++;
  }
  if (strncmp(at, "->", 2) == 0) {
    at += 2;
    PARE_TRY(read_term(call, &at, &p->out));
  } else {
    implicit_output(p);
  }
  if (*at) return pare_fail(call->ctx, PARE_BAD_MODEL, "the equation is not understood at '%.8s'", at);
  return expand_dots(call, &p->out, p->n_dots);
}

static pare_status add_label(pare_call *call, const plan *p, einsum *e, int label) {
  if (p->dims[label] < 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "the output names an axis that no input has");
  for (int i = 0; i < e->rank; i++)
    if (e->label[i] == label) return pare_fail(call->ctx, PARE_BAD_MODEL, "the output names an axis twice");
  e->label[e->rank] = label;
  e->dims[e->rank++] = p->dims[label];
  return PARE_OK;
}

static void set_strides(const pare_call *call, const plan *p, einsum *e) {
  for (int i = 0; i < call->n_in; i++) {
    int64_t stride = 1;
    const pare_shape *shape = &call->in[i]->shape;
    for (int a = shape->rank - 1; a >= 0; a--) {
      for (int k = 0; k < e->rank; k++)
        if (e->label[k] == p->in[i].labels[a] && shape->dims[a] != 1) e->strides[i][k] += stride;
      stride *= shape->dims[a];
    }
  }
}

static pare_status read_einsum(pare_call *call, einsum *e) {
  plan p;
  PARE_TRY(read_plan(call, &p));
  *e = (einsum){.n_terms = call->n_in};
  for (int i = 0; i < p.out.n; i++) PARE_TRY(add_label(call, &p, e, p.out.labels[i]));
  e->n_out = e->rank;
  for (int label = 0; label < MAX_LABELS; label++) {
    bool in_output = false;
    for (int i = 0; i < p.out.n; i++) in_output |= p.out.labels[i] == label;
    if (!in_output && p.dims[label] >= 0) PARE_TRY(add_label(call, &p, e, label));
  }
  set_strides(call, &p, e);
  int64_t steps = 1;
  for (int k = 0; k < e->rank; k++)
    if (__builtin_mul_overflow(steps, e->dims[k], &steps) || steps > MAX_STEPS)
      return pare_fail(call->ctx, PARE_UNSUPPORTED, "it takes more than 2^44 multiplications");
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  einsum e;
  PARE_TRY(pare_op_attr_type(call, "equation", PARE_ATTR_STRING));
  PARE_TRY(read_einsum(call, &e));
  const pare_shape out = pare_shape_of(e.dims, e.n_out);
  return pare_op_set_out(call, 0, call->in[0]->dtype, &out);
}

static pare_status prepare(pare_call *call) {
  einsum *e = pare_arena_alloc(call->arena, sizeof *e);
  call->state = e;
  return e ? read_einsum(call, e) : PARE_OUT_OF_MEMORY;
}

/* Places in every input, and the index along labels [first, rank). */
typedef struct walker {
  int64_t at[MAX_TERMS], index[MAX_LABELS];
} walker;

/* One step along labels [first, end), the last fastest; false behind the end, when all are back at 0. */
static bool advance(const einsum *e, walker *w, int first, int end) {
  for (int k = end - 1; k >= first; k--) {
    for (int i = 0; i < e->n_terms; i++) w->at[i] += e->strides[i][k];
    if (++w->index[k] < e->dims[k]) return true;
    for (int i = 0; i < e->n_terms; i++) w->at[i] -= e->strides[i][k] * e->dims[k];
    w->index[k] = 0;
  }
  return false;
}

/* One or two inputs of f32 along the last label. */
static double run_f32(const pare_call *call, const einsum *e, const walker *w, int k) {
  const float *a = pare_f32(call->in[0]) + w->at[0];
  const float *b = e->n_terms > 1 ? pare_f32(call->in[1]) + w->at[1] : NULL;
  const int64_t a_step = e->strides[0][k], b_step = b ? e->strides[1][k] : 0;
  double lane[4] = {0};
  for (int64_t i = 0; i < e->dims[k]; i++)
    lane[i & 3] += b ? (double)a[i * a_step] * (double)b[i * b_step] : (double)a[i * a_step];
  return (lane[0] + lane[2]) + (lane[1] + lane[3]);
}

static double sum_f64(const pare_call *call, const einsum *e, walker *w) {
  double sum = 0;
  const int last = e->rank - 1;
  if (call->in[0]->dtype == PARE_F32 && e->n_terms <= 2 && last >= e->n_out) {
    do sum += run_f32(call, e, w, last);
    while (advance(e, w, e->n_out, last));
    return sum;
  }
  do {
    double product = pare_tensor_get_f64(call->in[0], w->at[0]);
    for (int i = 1; i < e->n_terms; i++) product *= pare_tensor_get_f64(call->in[i], w->at[i]);
    sum += product;
  } while (advance(e, w, e->n_out, e->rank));
  return sum;
}

static int64_t sum_s64(const pare_call *call, const einsum *e, walker *w) {
  uint64_t sum = 0;
  do {
    uint64_t product = 1;
    for (int i = 0; i < e->n_terms; i++) product *= (uint64_t)pare_tensor_get_s64(call->in[i], w->at[i]);
    sum += product;
  } while (advance(e, w, e->n_out, e->rank));
  return (int64_t)sum;
}

static pare_status run(pare_call *call) {
  const einsum *e = call->state;
  const int64_t n = pare_tensor_count(call->out[0]);
  const size_t len_bytes = pare_tensor_len_bytes(call->out[0]);
  if (len_bytes) memset(call->out[0]->data, 0, len_bytes);
  for (int k = e->n_out; k < e->rank; k++)
    if (e->dims[k] == 0) return PARE_OK; /* nothing to add up */
  walker w = {0};
  for (int64_t i = 0; i < n; i++) {
    if (pare_wide_is_float(call->out[0]->dtype))
      pare_tensor_set_f64(call->out[0], i, sum_f64(call, e, &w));
    else
      pare_wide_set_s64(call->out[0], i, sum_s64(call, e, &w));
    advance(e, &w, 0, e->n_out);
  }
  return PARE_OK;
}

static void cost(const pare_call *call, pare_cost *cost) {
  einsum e;
  pare_call copy = *call;
  if (read_einsum(&copy, &e) != PARE_OK) return;
  uint64_t macs = 1;
  for (int k = 0; k < e.rank; k++) macs *= (uint64_t)e.dims[k];
  cost->macs = cost->effective_macs = macs;
}

const pare_op pare_op_einsum = {
    .name = "Einsum",
    .domain = "",
    .min_in = 1,
    .max_in = -1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .no_gradient = "none yet: exporters write MatMul where PyTorch trains",
    .cost = cost,
    .quant = PARE_QUANT_NONE,
};
