/* Walking windows in any number of dimensions (pool_nd.h). One output position after another; all images and
 * channels at each, as its places are the same for all. */
#include "ops/pool_nd.h"

pare_status pare_pool_nd_infer(pare_call *call) {
  pare_window_nd window;
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape x = pare_op_image(call, call->in[0]);
  PARE_TRY(pare_window_read_nd(call, &x, NULL, true, &window));
  const pare_shape y = pare_window_out_shape_nd(&x, x.dims[1], &window);
  return pare_op_set_image(call, call->in[0]->dtype, &y);
}

pare_status pare_pool_nd_prepare(pare_call *call) {
  pare_pool_nd *pool = pare_arena_alloc(call->arena, sizeof *pool);
  if (!pool) return PARE_OUT_OF_MEMORY;
  call->state = pool;
  const pare_shape x = pare_op_image(call, call->in[0]), y = pare_op_image(call, call->out[0]);
  PARE_TRY(pare_window_read_nd(call, &x, NULL, true, &pool->w));
  pool->images = x.dims[0];
  pool->channels = x.dims[1];
  pool->in_plane = pare_shape_count_range(&x, 2, x.rank);
  pool->out_plane = pare_shape_count_range(&y, 2, y.rank);
  pool->in_step = pool->out_step = call->node->channels_last ? pool->channels : 1;
  if (!pare_mul_size((size_t)pool->in_plane, sizeof(int64_t), &call->scratch_bytes))
    return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "the images are too large");
  return PARE_OK;
}

void pare_pool_nd_start(const pare_call *call, pare_pool_places *places) {
  *places = (pare_pool_places){.at = call->scratch};
  pare_pool_nd_look(call->state, places);
}

void pare_pool_nd_look(const pare_pool_nd *pool, pare_pool_places *places) {
  const pare_window_nd *w = &pool->w;
  int64_t n = 1;
  places->at[0] = 0;
  for (int d = 0; d < w->n; d++) { /* every place so far times the places of this dimension */
    const pare_pool_part part = pare_pool_part_of(w->kernel[d], w->stride[d], w->dilation[d], w->pad_begin[d],
                                                  w->in[d], places->index[d]);
    const int64_t m = part.end - part.first;
    for (int64_t i = n - 1; i >= 0; i--)
      for (int64_t k = m - 1; k >= 0; k--) /* backwards: what is read is not yet overwritten */
        places->at[i * m + k] = places->at[i] * w->in[d] + part.start + (part.first + k) * w->dilation[d];
    n *= m;
  }
  places->n = n;
}

void pare_pool_nd_next(const pare_pool_nd *pool, pare_pool_places *places) {
  for (int d = pool->w.n - 1; d >= 0; d--) {
    if (++places->index[d] < pool->w.out[d]) break;
    places->index[d] = 0;
  }
  pare_pool_nd_look(pool, places);
}

static int64_t plane_at(const pare_pool_nd *pool, int64_t i, int64_t plane, int64_t step) {
  return step == 1 ? i * plane : i / pool->channels * plane * step + i % pool->channels;
}

int64_t pare_pool_nd_in(const pare_pool_nd *pool, int64_t i) {
  return plane_at(pool, i, pool->in_plane, pool->in_step);
}

int64_t pare_pool_nd_out(const pare_pool_nd *pool, int64_t i) {
  return plane_at(pool, i, pool->out_plane, pool->out_step);
}

/* ---- AveragePool ----------------------------------------------------------------------------------------- */

static float divisor(const pare_pool_nd *pool, const pare_pool_places *places, bool include_pad) {
  if (!include_pad) return (float)places->n;
  int64_t n = 1;
  for (int d = 0; d < pool->w.n; d++)
    n *= pare_pool_padded(pool->w.kernel[d], pool->w.dilation[d],
                          places->index[d] * pool->w.stride[d] - pool->w.pad_begin[d],
                          pool->w.in[d] + pool->w.pad_end[d]);
  return (float)n;
}

pare_status pare_average_pool_nd_run(pare_call *call) {
  const pare_pool_nd *pool = call->state;
  const bool include_pad = pare_node_int(call->node, "count_include_pad", 0) != 0;
  pare_pool_places places;
  pare_pool_nd_start(call, &places);
  for (int64_t p = 0; p < pool->out_plane; p++, pare_pool_nd_next(pool, &places)) {
    const float n = divisor(pool, &places, include_pad);
    for (int64_t i = 0; i < pool->images * pool->channels; i++) {
      const float *x = pare_f32(call->in[0]) + pare_pool_nd_in(pool, i);
      float sum = 0.0f;
      for (int64_t k = 0; k < places.n; k++) sum += x[places.at[k] * pool->in_step];
      pare_f32(call->out[0])[pare_pool_nd_out(pool, i) + p * pool->out_step] = n > 0.0f ? sum / n : 0.0f;
    }
  }
  return PARE_OK;
}

pare_status pare_average_pool_nd_backward(pare_grad_call *grad) {
  const pare_pool_nd *pool = grad->call->state;
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  const bool include_pad = pare_node_int(grad->call->node, "count_include_pad", 0) != 0;
  pare_pool_places places;
  pare_pool_nd_start(grad->call, &places);
  for (int64_t p = 0; p < pool->out_plane; p++, pare_pool_nd_next(pool, &places)) {
    const float n = divisor(pool, &places, include_pad);
    for (int64_t i = 0; i < pool->images * pool->channels && n > 0.0f; i++) {
      const float share = pare_f32(grad->d_out[0])[i * pool->out_plane + p] / n;
      for (int64_t k = 0; k < places.n; k++)
        pare_f32(grad->d_in[0])[i * pool->in_plane + places.at[k]] += share;
    }
  }
  return PARE_OK;
}

/* ---- MaxPool ---------------------------------------------------------------------------------------------- */

pare_status pare_max_pool_nd_infer(pare_call *call) {
  static const pare_dtype types[] = {PARE_F32, PARE_F64, PARE_F16, PARE_BF16, PARE_U8,  PARE_S8,
                                     PARE_U16, PARE_S16, PARE_U32, PARE_S32,  PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, types));
  PARE_TRY(pare_op_attr_type(call, "storage_order", PARE_ATTR_INT));
  PARE_TRY(pare_pool_nd_infer(call));
  if (call->n_out < 2 || !call->out[1]) return PARE_OK;
  const pare_shape y = pare_op_image(call, call->out[0]); /* what counts places in ONNX's order stays in it */
  return pare_op_set_out(call, 1, PARE_S64, &y);
}

pare_status pare_max_pool_nd_prepare(pare_call *call) {
  if (call->training &&
      !pare_mul_size((size_t)pare_tensor_count(call->out[0]), sizeof(int64_t), &call->saved_bytes))
    return pare_fail(call->ctx, PARE_OUT_OF_MEMORY, "the images are too large");
  return pare_pool_nd_prepare(call);
}

static double least(pare_dtype dtype) {
  switch (dtype) {
  case PARE_U8:
  case PARE_U16:
  case PARE_U32: return 0;
  case PARE_S8: return INT8_MIN;
  case PARE_S16: return INT16_MIN;
  case PARE_S32: return INT32_MIN;
  default: return (double)-__builtin_inff();
  }
}

/* The place of the largest element, the first of equals, a NaN before all; -1: the window lies in padding. */
static int64_t largest(const pare_pool_nd *pool, const pare_pool_places *places, const pare_tensor *x,
                       int64_t first, double *value) {
  int64_t at = -1;
  double most = least(x->dtype);
  for (int64_t k = 0; k < places->n; k++) {
    const double candidate = pare_tensor_get_f64(x, first + places->at[k] * pool->in_step);
    if (at >= 0 && !(candidate > most || (candidate != candidate && most == most))) continue;
    most = candidate;
    at = places->at[k];
  }
  *value = most;
  return at;
}

/* Element `at` of a plane, counted with the first dimension fastest. */
static int64_t column_major(const pare_window_nd *w, int64_t at) {
  int64_t index[PARE_WINDOW_MAX] = {0}, place = 0;
  for (int d = w->n - 1; d >= 0; at /= w->in[d--]) index[d] = at % w->in[d];
  for (int d = w->n - 1; d >= 0; d--) place = place * w->in[d] + index[d];
  return place;
}

pare_status pare_max_pool_nd_run(pare_call *call) {
  const pare_pool_nd *pool = call->state;
  const bool columns = pare_node_int(call->node, "storage_order", 0) != 0;
  int64_t *indices = call->n_out > 1 && call->out[1] ? pare_s64(call->out[1]) : NULL;
  int64_t *saved = call->training ? call->saved : NULL;
  pare_pool_places places;
  pare_pool_nd_start(call, &places);
  for (int64_t p = 0; p < pool->out_plane; p++, pare_pool_nd_next(pool, &places)) {
    for (int64_t i = 0; i < pool->images * pool->channels; i++) {
      double value;
      const int64_t at = largest(pool, &places, call->in[0], pare_pool_nd_in(pool, i), &value);
      pare_tensor_set_f64(call->out[0], pare_pool_nd_out(pool, i) + p * pool->out_step, value);
      const int64_t place = at < 0 ? -1 : i * pool->in_plane + at;
      if (saved) saved[i * pool->out_plane + p] = place;
      if (indices)
        indices[i * pool->out_plane + p] =
            at >= 0 && columns ? i * pool->in_plane + column_major(&pool->w, at) : place;
    }
  }
  return PARE_OK;
}

pare_status pare_max_pool_nd_backward(pare_grad_call *grad) {
  if (!grad->d_out[0] || !pare_grad_wants(grad, 0)) return PARE_OK;
  const int64_t *places = grad->call->saved, n = pare_tensor_count(grad->call->out[0]);
  for (int64_t i = 0; i < n; i++)
    if (places[i] >= 0) pare_f32(grad->d_in[0])[places[i]] += pare_f32(grad->d_out[0])[i];
  return PARE_OK;
}
