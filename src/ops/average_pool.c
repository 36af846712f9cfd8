/* AveragePool: Y[p] = the sum of X under the window at p, rows first, divided by the elements inside the
 * image, or, with count_include_pad, by those inside the padded image (ONNX AveragePool, opset 19; with
 * ceil_mode what hangs over the padding never counts, as in PyTorch). */
#include "ops/pool_nd.h"

static bool is_nd(const pare_call *call) {
  return call->in[0]->shape.rank > 4;
}

static pare_status infer(pare_call *call) {
  PARE_TRY(pare_op_attr_type(call, "count_include_pad", PARE_ATTR_INT));
  if (is_nd(call)) {
    PARE_TRY(pare_op_need_dtype(call, 0, (const pare_dtype[]){PARE_F32, PARE_NONE}));
    return pare_pool_nd_infer(call);
  }
  return pare_pool_infer(call);
}

static pare_status prepare(pare_call *call) {
  return is_nd(call) ? pare_pool_nd_prepare(call) : pare_pool_prepare(call);
}

/* Channels last: every channel's sum in the same order. */
static pare_status run_last(pare_call *call) {
  const pare_window *w = call->state;
  const bool include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0;
  const int64_t c = call->in[0]->shape.dims[3];
  const float *x = pare_f32(call->in[0]);
  float *y = pare_f32(call->out[0]);
  for (int64_t i = 0; i < call->in[0]->shape.dims[0]; i++, x += w->in[0] * w->in[1] * c) {
    for (int64_t p = 0; p < w->out[0]; p++) {
      const pare_pool_part rows = pare_pool_part_at(w, 0, p);
      for (int64_t q = 0; q < w->out[1]; q++, y += c) {
        const pare_pool_part columns = pare_pool_part_at(w, 1, q);
        memset(y, 0, (size_t)c * sizeof *y);
        for (int64_t k = rows.first; k < rows.end; k++) {
          const float *row = x + ((rows.start + k * w->dilation[0]) * w->in[1] + columns.start) * c;
          for (int64_t j = columns.first; j < columns.end; j++)
            pare_op_add_f32(y, row + j * w->dilation[1] * c, c);
        }
        const float n = pare_pool_divisor(w, include_pad, rows, columns);
        for (int64_t k = 0; k < c; k++) y[k] = n > 0.0f ? y[k] / n : 0.0f;
      }
    }
  }
  return PARE_OK;
}

static pare_status run(pare_call *call) {
  if (is_nd(call)) return pare_average_pool_nd_run(call);
  if (call->node->channels_last) return run_last(call);
  const pare_window *w = call->state;
  const bool include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0;
  const int64_t n_planes = call->in[0]->shape.dims[0] * call->in[0]->shape.dims[1];
  const float *x = pare_f32(call->in[0]);
  float *y = pare_f32(call->out[0]);
  for (int64_t i_plane = 0; i_plane < n_planes; i_plane++, x += w->in[0] * w->in[1]) {
    for (int64_t p = 0; p < w->out[0]; p++) {
      const pare_pool_part rows = pare_pool_part_at(w, 0, p);
      for (int64_t q = 0; q < w->out[1]; q++) {
        const pare_pool_part columns = pare_pool_part_at(w, 1, q);
        float sum = 0.0f;
        for (int64_t i = rows.first; i < rows.end; i++) {
          const float *row = x + (rows.start + i * w->dilation[0]) * w->in[1] + columns.start;
          for (int64_t j = columns.first; j < columns.end; j++) sum += row[j * w->dilation[1]];
        }
        const float n = pare_pool_divisor(w, include_pad, rows, columns);
        *y++ = n > 0.0f ? sum / n : 0.0f;
      }
    }
  }
  return PARE_OK;
}

/* Channels last. */
static void backward_last(const pare_call *call, const float *dy, float *dx) {
  const pare_window *w = call->state;
  const bool include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0;
  const int64_t c = call->in[0]->shape.dims[3];
  for (int64_t i = 0; i < call->in[0]->shape.dims[0]; i++, dx += w->in[0] * w->in[1] * c) {
    for (int64_t p = 0; p < w->out[0]; p++) {
      const pare_pool_part rows = pare_pool_part_at(w, 0, p);
      for (int64_t q = 0; q < w->out[1]; q++, dy += c) {
        const pare_pool_part columns = pare_pool_part_at(w, 1, q);
        const float n = pare_pool_divisor(w, include_pad, rows, columns);
        for (int64_t k = rows.first; k < rows.end; k++) {
          float *row = dx + ((rows.start + k * w->dilation[0]) * w->in[1] + columns.start) * c;
          for (int64_t j = columns.first; j < columns.end; j++) {
            float *to = row + j * w->dilation[1] * c;
            for (int64_t e = 0; e < c; e++) to[e] += n > 0.0f ? dy[e] / n : 0.0f;
          }
        }
      }
    }
  }
}

static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (is_nd(call)) return pare_average_pool_nd_backward(grad);
  const pare_window *w = call->state;
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  if (call->node->channels_last) {
    backward_last(call, pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]));
    return PARE_OK;
  }
  const bool include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0;
  const int64_t n_planes = call->in[0]->shape.dims[0] * call->in[0]->shape.dims[1];
  const float *dy = pare_f32(grad->d_out[0]);
  float *dx = pare_f32(grad->d_in[0]);
  for (int64_t i_plane = 0; i_plane < n_planes; i_plane++, dx += w->in[0] * w->in[1]) {
    for (int64_t p = 0; p < w->out[0]; p++) {
      const pare_pool_part rows = pare_pool_part_at(w, 0, p);
      for (int64_t q = 0; q < w->out[1]; q++, dy++) {
        const pare_pool_part columns = pare_pool_part_at(w, 1, q);
        const float n = pare_pool_divisor(w, include_pad, rows, columns), share = n > 0.0f ? *dy / n : 0.0f;
        for (int64_t i = rows.first; i < rows.end; i++) {
          float *row = dx + (rows.start + i * w->dilation[0]) * w->in[1] + columns.start;
          for (int64_t j = columns.first; j < columns.end; j++) row[j * w->dilation[1]] += share;
        }
      }
    }
  }
  return PARE_OK;
}

const pare_op pare_op_average_pool = {
    .name = "AveragePool",
    .domain = "",
    .min_in = 1,
    .max_in = 1,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .couple = pare_pool_couple,
    .quant = PARE_QUANT_VALUES,
    .layout = PARE_LAYOUT_FOLLOWS,
    .batch_layout = PARE_BATCH_FOLLOWS,
};
