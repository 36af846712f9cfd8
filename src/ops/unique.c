/* Unique: the distinct elements, or slices along `axis`, in ascending order or that of first appearance; where
 * each first stands, which of them every element is, and how many there are (ONNX Unique, opset 11). NaN is
 * last and equal to itself. */
#include "ops/op_util.h"

typedef struct slices {
  const pare_tensor *in;
  int64_t n, outer, inner; /* the input is [outer, n, inner] */
  int64_t n_unique;
  int64_t *order;  /* [n]: slices, equal ones together, each run in ascending place */
  int64_t *first;  /* [n_unique]: where each distinct one first stands */
  int64_t *counts; /* [n_unique] */
  int64_t *number; /* [n]: which distinct one it is */
  int64_t *spare;  /* [n] */
} slices;

static int compare_elements(const pare_tensor *in, int64_t a, int64_t b) {
  if (in->dtype == PARE_F32 || in->dtype == PARE_F64 || in->dtype == PARE_F16 || in->dtype == PARE_BF16) {
    const double x = pare_tensor_get_f64(in, a), y = pare_tensor_get_f64(in, b);
    if (x != x || y != y) return (x != x) - (y != y);
    return (x > y) - (x < y);
  }
  const int64_t x = pare_tensor_get_s64(in, a), y = pare_tensor_get_s64(in, b);
  if (in->dtype == PARE_U64) return ((uint64_t)x > (uint64_t)y) - ((uint64_t)x < (uint64_t)y);
  return (x > y) - (x < y);
}

static int compare(const slices *s, int64_t a, int64_t b) {
  for (int64_t o = 0; o < s->outer; o++)
    for (int64_t i = 0; i < s->inner; i++) {
      const int order = compare_elements(s->in, (o * s->n + a) * s->inner + i, (o * s->n + b) * s->inner + i);
      if (order) return order;
    }
  return 0;
}

/* Merge sort, stable, of order[]. */
static void sort(slices *s) {
  for (int64_t width = 1; width < s->n; width *= 2) {
    for (int64_t low = 0; low < s->n; low += 2 * width) {
      const int64_t middle = low + width < s->n ? low + width : s->n,
                    high = low + 2 * width < s->n ? low + 2 * width : s->n;
      for (int64_t i = low, j = middle, k = low; k < high; k++) {
        const bool left = j >= high || (i < middle && compare(s, s->order[i], s->order[j]) <= 0);
        s->spare[k] = left ? s->order[i++] : s->order[j++];
      }
    }
    int64_t *kept = s->order;
    s->order = s->spare;
    s->spare = kept;
  }
}

/* Numbers distinct slices by first appearance instead of by value. */
static void renumber(slices *s) {
  for (int64_t u = 0; u < s->n_unique; u++) s->spare[u] = -1; /* by old number */
  int64_t n = 0;
  for (int64_t i = 0; i < s->n; i++) {
    int64_t *place = &s->spare[s->number[i]];
    if (*place < 0) {
      *place = n;
      s->first[n++] = i;
    }
    s->number[i] = *place;
  }
  for (int64_t u = 0; u < s->n_unique; u++) s->counts[u] = 0;
  for (int64_t i = 0; i < s->n; i++) s->counts[s->number[i]]++;
}

static void find(slices *s, bool sorted) {
  for (int64_t i = 0; i < s->n; i++) s->order[i] = i;
  sort(s);
  for (int64_t i = 0; i < s->n; i++) {
    if (i == 0 || compare(s, s->order[i - 1], s->order[i]) != 0) {
      s->first[s->n_unique] = s->order[i];
      s->counts[s->n_unique++] = 0;
    }
    s->counts[s->n_unique - 1]++;
    s->number[s->order[i]] = s->n_unique - 1;
  }
  if (!sorted) renumber(s);
}

/* Everything about the input's slices; release `memory`. OUT_OF_MEMORY. */
static pare_status look(pare_call *call, slices *s, int64_t **memory) {
  const pare_shape *in = &call->in[0]->shape;
  *s = (slices){.in = call->in[0], .n = pare_shape_count(in), .outer = 1, .inner = 1};
  if (pare_node_attr(call->node, "axis")) {
    const int axis = pare_op_axis_of(pare_node_int(call->node, "axis", 0), in->rank);
    s->n = in->dims[axis];
    s->outer = pare_shape_count_range(in, 0, axis);
    s->inner = pare_shape_count_range(in, axis + 1, in->rank);
  }
  *memory = pare_alloc_array(call->ctx, (size_t)s->n, 5 * sizeof **memory);
  if (!*memory) return PARE_OUT_OF_MEMORY;
  int64_t **const parts[] = {&s->order, &s->first, &s->counts, &s->number, &s->spare};
  for (int64_t i = 0; i < 5; i++) *parts[i] = *memory + i * s->n;
  find(s, pare_node_int(call->node, "sorted", 1) != 0);
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  slices s;
  int64_t *memory;
  int axis = 0;
  PARE_TRY(pare_op_need(call, 0));
  PARE_TRY(pare_op_need_data(call, 0));
  PARE_TRY(pare_op_attr_type(call, "axis", PARE_ATTR_INT));
  const bool flat = pare_node_attr(call->node, "axis") == NULL;
  const pare_shape *in = &call->in[0]->shape;
  if (!flat) PARE_TRY(pare_op_axis(call, pare_node_int(call->node, "axis", 0), in->rank, &axis));
  PARE_TRY(look(call, &s, &memory));
  pare_free(call->ctx, memory);
  pare_shape out = flat ? PARE_SHAPE(s.n_unique) : *in;
  out.dims[axis] = s.n_unique;
  const pare_shape row = PARE_SHAPE(s.n_unique), all = PARE_SHAPE(s.n);
  PARE_TRY(pare_op_set_out(call, 0, call->in[0]->dtype, &out));
  PARE_TRY(pare_op_set_out(call, 1, PARE_S64, &row));
  PARE_TRY(pare_op_set_out(call, 2, PARE_S64, &all));
  return pare_op_set_out(call, 3, PARE_S64, &row);
}

static void put_row(pare_call *call, int i_out, const int64_t *from, int64_t n) {
  if (i_out < call->n_out && call->out[i_out])
    pare_op_copy(call->out[i_out]->data, from, (size_t)n * sizeof *from);
}

static pare_status run(pare_call *call) {
  slices s;
  int64_t *memory;
  PARE_TRY(look(call, &s, &memory));
  const size_t piece = (size_t)s.inner * pare_dtype_size(call->in[0]->dtype);
  for (int64_t o = 0; o < s.outer && call->out[0]; o++)
    for (int64_t u = 0; u < s.n_unique; u++)
      pare_op_copy(pare_u8(call->out[0]) + (size_t)(o * s.n_unique + u) * piece,
                   pare_u8(call->in[0]) + (size_t)(o * s.n + s.first[u]) * piece, piece);
  put_row(call, 1, s.first, s.n_unique);
  put_row(call, 2, s.number, s.n);
  put_row(call, 3, s.counts, s.n_unique);
  pare_free(call->ctx, memory);
  return PARE_OK;
}

const pare_op pare_op_unique = {
    .name = "Unique",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 4,
    .infer = infer,
    .shape_from_data = true,
    .run = run,
    .no_gradient = "its shape depends on the data",
    .quant = PARE_QUANT_NONE,
};
