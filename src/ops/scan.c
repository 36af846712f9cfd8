/* Scan: body(state..., slice...) -> (state..., row...) over the slices of its inputs along an axis each (ONNX Scan, opset 16). A Scan of
 * opset 8 (node->batched_scan) is another: its first input is the sequences' lengths (may be left out), axis 0
 * of all others the batch and axis 1 what is scanned; each sample is scanned by itself. */
#include "ops/control.h"

typedef struct scan {
  bool batched;
  int first;                     /* input where the states begin */
  int n_states, n_scans, n_rows; /* scans: inputs that are sliced */
  int axes[64];                  /* [n_scans], of the whole inputs */
  int64_t len;
  pare_tensor *state;    /* [n_states] */
  pare_tensor *in, *out; /* of the body: [n_states + n_scans], [n_states + n_rows] */
  pare_rows *rows;       /* [n_rows] of one scan */
} scan;

static int64_t listed(const pare_call *call, const char *name, int i, int64_t fallback) {
  size_t n;
  const int64_t *list = pare_node_ints(call->node, name, &n);
  return (size_t)i < n ? list[i] : fallback;
}

static pare_status check_scanned(pare_call *call, scan *s, int i) {
  const pare_tensor *in = call->in[s->first + s->n_states + i];
  int64_t axis = s->batched ? 1 : listed(call, "scan_input_axes", i, 0);
  PARE_TRY(pare_op_axis(call, axis, in->shape.rank, &s->axes[i]));
  if (i == 0) s->len = in->shape.dims[s->axes[i]];
  if (in->shape.dims[s->axes[i]] == s->len) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of %lld and %lld slices", (long long)s->len,
                   (long long)in->shape.dims[s->axes[i]]);
}

/* Every sample of a batch has its row in each input. */
static pare_status check_batch(pare_call *call, const scan *s) {
  for (int i = s->first; i < pare_control_n_in(call); i++) {
    const pare_shape *shape = &call->in[i]->shape;
    if (shape->rank < 1 || shape->dims[0] != call->in[s->first]->shape.dims[0])
      return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of different batch sizes");
  }
  if (!pare_call_has(call, 0)) return PARE_OK;
  PARE_TRY(pare_control_need_tensor(call, 0));
  if (call->in[0]->dtype == PARE_S64 && pare_tensor_count(call->in[0]) == call->in[s->first]->shape.dims[0])
    return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "sequence_lens must be one s64 for each sample");
}

static pare_status read_scan(pare_call *call, scan *s) {
  int64_t n_scans = pare_node_int(call->node, "num_scan_inputs", 0);
  s->batched = call->node->batched_scan;
  s->first = s->batched ? 1 : 0;
  int n_in = pare_control_n_in(call) - s->first;
  if (n_scans < 1 || n_scans > n_in || n_scans > (int64_t)PARE_COUNT(s->axes))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "num_scan_inputs is %lld of %d inputs", (long long)n_scans,
                     n_in);
  s->n_scans = (int)n_scans;
  s->n_states = n_in - s->n_scans;
  s->n_rows = call->n_out - s->n_states;
  if (s->n_rows < 0)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "%d outputs for %d states", call->n_out, s->n_states);
  for (int i = s->first; i < s->first + n_in; i++) PARE_TRY(pare_control_need_tensor(call, i));
  for (int i = 0; i < s->n_scans; i++) PARE_TRY(check_scanned(call, s, i));
  return s->batched ? check_batch(call, s) : PARE_OK;
}

static pare_status infer(pare_call *call) {
  scan s = {0};
  return read_scan(call, &s);
}

static bool is_backwards(const pare_call *call, const scan *s, int i) {
  return listed(call, s->batched ? "directions" : "scan_input_directions", i, 0) == 1;
}

static pare_status step(pare_call *call, scan *s, const pare_tensor *scanned, int64_t i_step) {
  int n_out = s->n_states + s->n_rows;
  for (int i = 0; i < s->n_states; i++) s->in[i] = pare_tensor_retain(&s->state[i]);
  for (int i = 0; i < s->n_scans; i++) {
    int64_t at = is_backwards(call, s, i) ? s->len - 1 - i_step : i_step;
    int axis = s->axes[i] - (s->batched ? 1 : 0);
    PARE_TRY(pare_control_slice(call, &scanned[i], axis, at, 1, true, &s->in[s->n_states + i]));
  }
  PARE_TRY(call->run_graph(call, "body", s->in, s->n_states + s->n_scans, s->out, n_out));
  pare_control_release(s->in, s->n_states + s->n_scans);
  for (int i = 0; i < s->n_states; i++) {
    pare_tensor_release(&s->state[i]);
    s->state[i] = s->out[i];
    s->out[i] = (pare_tensor){0};
  }
  for (int i = 0; i < s->n_rows; i++) PARE_TRY(pare_rows_add(call, &s->rows[i], &s->out[s->n_states + i]));
  pare_control_release(s->out, n_out);
  return PARE_OK;
}

static const pare_value *row_model(const pare_call *call, const scan *s, int i) {
  const pare_model *body = pare_control_graph(call, "body");
  int at = s->n_states + i;
  return body && at < body->n_outputs ? &body->values[body->outputs[at]] : NULL;
}

/* ---- opset 9 and up -------------------------------------------------------------------------------------- */

static pare_status run_whole(pare_call *call, scan *s) {
  pare_tensor scanned[PARE_COUNT(s->axes)];
  for (int i = 0; i < s->n_states; i++) s->state[i] = pare_tensor_retain(call->in[i]);
  for (int i = 0; i < s->n_scans; i++) scanned[i] = *call->in[s->n_states + i];
  for (int64_t i = 0; i < s->len; i++) PARE_TRY(step(call, s, scanned, i));
  for (int i = 0; i < s->n_states; i++) {
    if (!call->out[i]) continue;
    *call->out[i] = s->state[i];
    s->state[i] = (pare_tensor){0};
  }
  for (int i = 0; i < s->n_rows; i++) {
    pare_tensor *out = call->out[s->n_states + i];
    bool backwards = listed(call, "scan_output_directions", i, 0) == 1;
    if (out)
      PARE_TRY(pare_rows_join(call, &s->rows[i], listed(call, "scan_output_axes", i, 0), backwards,
                              row_model(call, s, i), out));
  }
  return PARE_OK;
}

/* ---- opset 8 --------------------------------------------------------------------------------------------- */

/* One sample; what it gives is added to `batch` [n_states + n_rows]. */
static pare_status run_sample(pare_call *call, scan *s, int64_t i_sample, pare_tensor *scanned,
                              pare_rows *batch) {
  int64_t whole = s->len, len = pare_call_has(call, 0) ? pare_s64(call->in[0])[i_sample] : whole;
  if (len < 0 || len > whole)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "a sequence of %lld of %lld steps", (long long)len,
                     (long long)whole);
  for (int i = 0; i < s->n_states; i++)
    PARE_TRY(pare_control_slice(call, call->in[1 + i], 0, i_sample, 1, true, &s->state[i]));
  for (int i = 0; i < s->n_scans; i++)
    PARE_TRY(pare_control_slice(call, call->in[1 + s->n_states + i], 0, i_sample, 1, true, &scanned[i]));
  s->len = len; /* backwards: from the sequence's own end */
  pare_status status = PARE_OK;
  for (int64_t i = 0; i < len && status == PARE_OK; i++) status = step(call, s, scanned, i);
  s->len = whole;
  PARE_TRY(status);
  for (int i = 0; i < s->n_states; i++) {
    PARE_TRY(pare_rows_add(call, &batch[i], &s->state[i]));
    pare_tensor_release(&s->state[i]);
  }
  for (int i = 0; i < s->n_rows; i++) {
    pare_tensor row;
    PARE_TRY(pare_rows_pad(call, &s->rows[i], whole));
    PARE_TRY(pare_rows_join(call, &s->rows[i], 0, false, row_model(call, s, i), &row));
    status = pare_rows_add(call, &batch[s->n_states + i], &row);
    pare_tensor_release(&row);
    PARE_TRY(status);
  }
  return PARE_OK;
}

static pare_status run_samples(pare_call *call, scan *s, pare_rows *batch) {
  pare_tensor scanned[PARE_COUNT(s->axes)] = {{0}};
  int64_t n = call->in[1]->shape.dims[0];
  pare_status status = PARE_OK;
  for (int64_t b = 0; b < n && status == PARE_OK; b++) {
    status = run_sample(call, s, b, scanned, batch);
    pare_control_release(scanned, s->n_scans);
  }
  for (int i = 0; i < s->n_states + s->n_rows && status == PARE_OK; i++)
    if (call->out[i]) status = pare_rows_join(call, &batch[i], 0, false, NULL, call->out[i]);
  return status;
}

static pare_status run_batch(pare_call *call, scan *s) {
  int n = s->n_states + s->n_rows;
  pare_rows *batch = pare_alloc_array(call->ctx, (size_t)n, sizeof *batch);
  pare_status status = batch ? run_samples(call, s, batch) : PARE_OUT_OF_MEMORY;
  for (int i = 0; batch && i < n; i++) pare_rows_free(call->ctx, &batch[i]);
  pare_free(call->ctx, batch);
  return status;
}

static pare_status run(pare_call *call) {
  scan s = {0};
  PARE_TRY(read_scan(call, &s));
  size_t n_in = (size_t)s.n_states + (size_t)s.n_scans, n_out = (size_t)call->n_out;
  pare_tensor *tensors = pare_alloc_array(call->ctx, (size_t)s.n_states + n_in + n_out, sizeof *tensors);
  s.rows = pare_alloc_array(call->ctx, (size_t)s.n_rows, sizeof *s.rows);
  pare_status status = tensors && s.rows ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    s.state = tensors;
    s.in = tensors + s.n_states;
    s.out = s.in + n_in;
    status = s.batched ? run_batch(call, &s) : run_whole(call, &s);
  }
  if (tensors) pare_control_release(tensors, (int64_t)((size_t)s.n_states + n_in + n_out));
  for (int i = 0; s.rows && i < s.n_rows; i++) pare_rows_free(call->ctx, &s.rows[i]);
  pare_free(call->ctx, tensors);
  pare_free(call->ctx, s.rows);
  return status;
}

const pare_op pare_op_scan = {
    .name = "Scan",
    .domain = "",
    .min_in = 0, /* the first may be left out in opset 8 */
    .max_in = -1,
    .min_out = 1,
    .max_out = -1,
    .infer = infer,
    .run = run,
    .no_gradient = PARE_CONTROL_NO_GRADIENT,
    .quant = PARE_QUANT_NONE,
    .own_outputs = true,
};
