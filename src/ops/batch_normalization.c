/* BatchNormalization: Y = (X - mean) / sqrt(var + epsilon) * scale + B over axis 1 (ONNX
 * BatchNormalization, opset 15; Ioffe and Szegedy 2015). Inference uses the inputs mean and var. In
 * training (a training session, or training_mode = 1) they are the batch's, over all axes but 1, with the
 * population variance.
 *
 * A training session also moves the running statistics, in place in inputs 3 and 4, whose memory the
 * trainer owns:
 *   running = running * momentum + batch * (1 - momentum)
 * with the UNBIASED batch variance, as PyTorch does (ONNX's outputs 1 and 2 use the population variance,
 * and get it here). */
#include <math.h>
#include <string.h>

#include "ops/op_util.h"

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  for (int i = 0; i < 5; i++) PARE_TRY(pare_op_need_dtype(call, i, f32_only));
  PARE_TRY(pare_op_attr_type(call, "epsilon", PARE_ATTR_FLOAT));
  PARE_TRY(pare_op_attr_type(call, "momentum", PARE_ATTR_FLOAT));
  PARE_TRY(pare_op_attr_type(call, "training_mode", PARE_ATTR_INT));
  const pare_shape *x = &call->in[0]->shape;
  if (x->rank < 2)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input has rank %d, expected at least 2", x->rank);
  for (int i = 1; i < 5; i++) {
    const pare_shape *s = &call->in[i]->shape;
    const int64_t channels = x->dims[call->node->batch_last ? 0 : 1];
    if (s->rank != 1 || s->dims[0] != channels) {
      return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d is not [%lld]", i, (long long)channels);
    }
  }
  PARE_TRY(pare_op_set_out(call, 0, PARE_F32, x));
  PARE_TRY(pare_op_set_out(call, 1, PARE_F32, &call->in[3]->shape));
  return pare_op_set_out(call, 2, PARE_F32, &call->in[4]->shape);
}

static pare_status prepare(pare_call *call) {
  const size_t c = (size_t)pare_tensor_count(call->in[1]);
  if (call->training) call->saved_bytes = 2 * c * sizeof(float); /* mean [c], 1 / deviation [c] */
  return PARE_OK;
}

/* Each channel lies in n runs of `plane` elements: images, or rows where images stand side by side, [C,H,W,N]. */
typedef struct sizes {
  int64_t n, c, plane;
  bool batch_last;
} sizes;

static int64_t run_at(const sizes *s, int64_t i, int64_t c) {
  return (s->batch_last ? c * s->n + i : i * s->c + c) * s->plane;
}

static sizes sizes_of(const pare_call *call) {
  const pare_shape *x = &call->in[0]->shape;
  if (call->node->batch_last) return (sizes){x->dims[1], x->dims[0], x->dims[2] * x->dims[3], true};
  return (sizes){x->dims[0], x->dims[1], pare_shape_count_range(x, 2, x->rank), false};
}

/* Mean and population variance of channel `c`: planes in lanes, images added ascending in f64. */
static void statistics(const sizes *s, const float *x, int64_t c, float *mean, float *variance) {
  const double count = (double)(s->n * s->plane);
  double sum = 0.0, squares = 0.0;
  for (int64_t i = 0; i < s->n; i++) sum += (double)pare_op_sum_f32(x + run_at(s, i, c), s->plane);
  *mean = count > 0 ? (float)(sum / count) : 0.0f;
  for (int64_t i = 0; i < s->n; i++)
    squares += (double)pare_op_squares_f32(x + run_at(s, i, c), *mean, s->plane);
  *variance = count > 0 ? (float)(squares / count) : 0.0f;
}

static void normalise(const sizes *s, const float *x, int64_t c, float factor, float shift, float *y) {
  for (int64_t i = 0; i < s->n; i++) {
    const float *from = x + run_at(s, i, c);
    float *to = y + run_at(s, i, c);
    for (int64_t p = 0; p < s->plane; p++) to[p] = from[p] * factor + shift;
  }
}

static void move_running(const pare_call *call, const sizes *s, int64_t c, float mean, float variance) {
  const float momentum = pare_node_float(call->node, "momentum", 0.9f), fresh = 1.0f - momentum;
  float *running_mean = pare_f32(call->in[3]) + c, *running_var = pare_f32(call->in[4]) + c;
  const float new_mean = *running_mean * momentum + mean * fresh;
  if (call->n_out > 1 && call->out[1]) pare_f32(call->out[1])[c] = new_mean;
  if (call->n_out > 2 && call->out[2]) pare_f32(call->out[2])[c] = *running_var * momentum + variance * fresh;
  if (!call->training) return;
  const double count = (double)(s->n * s->plane), unbiased = count > 1.0 ? count / (count - 1.0) : 1.0;
  *running_mean = new_mean;
  *running_var = *running_var * momentum + (float)((double)variance * unbiased) * fresh;
}

static pare_status run(pare_call *call) {
  const sizes s = sizes_of(call);
  const float epsilon = pare_node_float(call->node, "epsilon", 1e-5f), *scale = pare_f32(call->in[1]),
              *bias = pare_f32(call->in[2]);
  const bool batch = call->training || pare_node_int(call->node, "training_mode", 0) != 0;
  const float *x = pare_f32(call->in[0]);
  for (int64_t c = 0; c < s.c; c++) {
    float mean = pare_f32(call->in[3])[c], variance = pare_f32(call->in[4])[c];
    if (batch) {
      statistics(&s, x, c, &mean, &variance);
      move_running(call, &s, c, mean, variance);
    }
    const float inverse = 1.0f / sqrtf(variance + epsilon), factor = inverse * scale[c];
    if (call->training) {
      ((float *)call->saved)[c] = mean;
      ((float *)call->saved)[s.c + c] = inverse;
    }
    normalise(&s, x, c, factor, bias[c] - mean * factor, pare_f32(call->out[0]));
  }
  return PARE_OK;
}

/* sum dy and sum dy * x^, x^ = (x - mean) / deviation, of one channel. */
static void sums_of_channel(const sizes *s, const float *x, const float *dy, int64_t c, float mean,
                            float inverse, float *sum_dy, float *sum_dy_x) {
  double total = 0.0, total_x = 0.0;
  for (int64_t i = 0; i < s->n; i++) {
    const float *from = x + run_at(s, i, c), *g = dy + run_at(s, i, c);
    float lane[8] = {0};
    int64_t p = 0;
    for (; p + 8 <= s->plane; p += 8) {
      for (int e = 0; e < 8; e++) lane[e] += g[p + e] * ((from[p + e] - mean) * inverse);
    }
    for (int e = 0; p < s->plane; p++, e++) lane[e] += g[p] * ((from[p] - mean) * inverse);
    total += (double)pare_op_sum_f32(g, s->plane);
    total_x += (double)pare_op_lanes(lane);
  }
  *sum_dy = (float)total;
  *sum_dy_x = (float)total_x;
}

/* dx = scale / deviation * (dy - mean(dy) - x^ mean(dy x^)) */
static pare_status backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  const sizes s = sizes_of(call);
  if (!grad->d_out[0]) return PARE_OK;
  const float *x = pare_f32(call->in[0]), *dy = pare_f32(grad->d_out[0]), *scale = pare_f32(call->in[1]),
              *saved = call->saved;
  const float count = (float)(s.n * s.plane);
  for (int64_t c = 0; c < s.c; c++) {
    const float mean = saved[c], inverse = saved[s.c + c];
    float sum_dy, sum_dy_x;
    sums_of_channel(&s, x, dy, c, mean, inverse, &sum_dy, &sum_dy_x);
    if (pare_grad_wants(grad, 1)) pare_f32(grad->d_in[1])[c] += sum_dy_x;
    if (pare_grad_wants(grad, 2)) pare_f32(grad->d_in[2])[c] += sum_dy;
    if (!pare_grad_wants(grad, 0)) continue;
    const float factor = scale[c] * inverse, mean_dy = sum_dy / count, mean_dy_x = sum_dy_x / count;
    for (int64_t i = 0; i < s.n; i++) {
      const int64_t at = run_at(&s, i, c);
      float *dx = pare_f32(grad->d_in[0]) + at;
      for (int64_t p = 0; p < s.plane;) {
        const int64_t end = s.plane - p < PARE_GRAD_FRESH ? s.plane : p + PARE_GRAD_FRESH;
        if (grad->fresh) memset(dx + p, 0, (size_t)(end - p) * sizeof(float));
        for (; p < end; p++)
          dx[p] += factor * ((dy[at + p] - mean_dy) - ((x[at + p] - mean) * inverse) * mean_dy_x);
      }
    }
  }
  return PARE_OK;
}

static pare_status couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  for (int i = 1; i < 5; i++) PARE_TRY(pare_couple_axes(coupler, 0, 1, i, 0));
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}

const pare_op pare_op_batch_normalization = {
    .name = "BatchNormalization",
    .domain = "",
    .min_in = 5,
    .max_in = 5,
    .min_out = 1,
    .max_out = 3,
    .infer = infer,
    .prepare = prepare,
    .run = run,
    .backward = backward,
    .sets_gradient = true,
    .couple = couple,
    .quant = PARE_QUANT_NONE,
    .batch_layout = PARE_BATCH_FOLLOWS,
};
