/* Classes of places and their lists (f32_batch_conv.h). */
#include <string.h>

#include "kernels/f32_winograd/f32_winograd.h"

/* The pairs of place `p`, into kernel[] and position[]; how many. Forward: input positions p * stride - pad +
 * k * dilation inside the input, from p * stride - pad. Backward: outputs q with q * stride + k * dilation - pad =
 * p, from (p + pad) / stride. */
static int64_t pairs_at(const pare_window *w, int i, bool backward, int64_t p, int64_t *base, int32_t *kernel,
                        int32_t *position) {
  const int64_t s = w->stride[i], pad = w->pad_begin[i];
  int64_t n = 0;
  *base = backward ? (p + pad) / s : p * s - pad;
  for (int64_t k = 0; k < w->kernel[i]; k++) {
    int64_t at = *base + k * w->dilation[i];
    if (backward) {
      const int64_t from = p + pad - k * w->dilation[i];
      if (from < 0 || from % s != 0) continue;
      at = from / s;
    }
    if (at < 0 || at >= (backward ? w->out[i] : w->in[i])) continue;
    kernel[n] = (int32_t)k;
    position[n++] = (int32_t)(at - *base);
  }
  return n;
}

static pare_status plan_axis(const pare_window *w, int i, bool backward, pare_arena *arena,
                             pare_batch_axis *out) {
  const int64_t places = backward ? w->in[i] : w->out[i], most = w->kernel[i];
  out->class_of = pare_arena_array(arena, (size_t)places, sizeof(int32_t));
  out->base = pare_arena_array(arena, (size_t)places, sizeof(int64_t));
  out->first = pare_arena_array(arena, (size_t)places + 1, sizeof(int32_t));
  out->kernel = pare_arena_array(arena, (size_t)((places + 1) * most), sizeof(int32_t));
  out->position = pare_arena_array(arena, (size_t)((places + 1) * most), sizeof(int32_t));
  if (!out->class_of || !out->base || !out->first || !out->kernel || !out->position)
    return PARE_OUT_OF_MEMORY;
  for (int64_t p = 0; p < places; p++) {
    int32_t *kernel = out->kernel + out->first[out->n_classes],
            *position = out->position + out->first[out->n_classes];
    const int64_t n = pairs_at(w, i, backward, p, &out->base[p], kernel, position);
    int64_t same = 0;
    for (; same < out->n_classes; same++) {
      const int32_t first = out->first[same];
      if (out->first[same + 1] - first == n &&
          memcmp(out->kernel + first, kernel, (size_t)n * sizeof(int32_t)) == 0 &&
          memcmp(out->position + first, position, (size_t)n * sizeof(int32_t)) == 0)
        break;
    }
    out->class_of[p] = (int32_t)same;
    if (same < out->n_classes) continue;
    out->first[same + 1] = out->first[same] + (int32_t)n;
    out->n_classes++;
  }
  return PARE_OK;
}

/* Taps of one class of rows and one of columns: channels, then rows, then columns ascending. */
static pare_status list_taps(const pare_f32_batch_conv *conv, bool backward, const pare_batch_way *way,
                             int64_t y, int64_t x, pare_arena *arena, pare_batch_taps *out) {
  const pare_window *w = &conv->window;
  const int64_t kernel = w->kernel[0] * w->kernel[1], channels = backward ? conv->og : conv->cg;
  const int64_t a_channel = backward ? conv->k : kernel;
  const int64_t width = backward ? w->out[1] : w->in[1], height = backward ? w->out[0] : w->in[0];
  const int64_t n_y = way->y.first[y + 1] - way->y.first[y], n_x = way->x.first[x + 1] - way->x.first[x];
  int32_t *a_at = pare_arena_array(arena, (size_t)(channels * n_y * n_x), sizeof(int32_t));
  int32_t *b_at = pare_arena_array(arena, (size_t)(channels * n_y * n_x), sizeof(int32_t));
  if (!a_at || !b_at) return PARE_OUT_OF_MEMORY;
  *out = (pare_batch_taps){channels * n_y * n_x, a_at, b_at};
  for (int64_t c = 0; c < channels; c++) {
    for (int64_t i = way->y.first[y]; i < way->y.first[y + 1]; i++) {
      for (int64_t j = way->x.first[x]; j < way->x.first[x + 1]; j++) {
        *a_at++ = (int32_t)(c * a_channel + way->y.kernel[i] * w->kernel[1] + way->x.kernel[j]);
        *b_at++ = (int32_t)(((c * height + way->y.position[i]) * width + way->x.position[j]) * conv->n);
      }
    }
  }
  return PARE_OK;
}

static pare_status plan_way(const pare_f32_batch_conv *conv, bool backward, pare_arena *arena,
                            pare_batch_way *out) {
  PARE_TRY(plan_axis(&conv->window, 0, backward, arena, &out->y));
  PARE_TRY(plan_axis(&conv->window, 1, backward, arena, &out->x));
  out->taps = pare_arena_array(arena, (size_t)(out->y.n_classes * out->x.n_classes), sizeof *out->taps);
  if (!out->taps) return PARE_OUT_OF_MEMORY;
  for (int64_t y = 0; y < out->y.n_classes; y++) {
    for (int64_t x = 0; x < out->x.n_classes; x++) {
      PARE_TRY(list_taps(conv, backward, out, y, x, arena, &out->taps[y * out->x.n_classes + x]));
    }
  }
  return PARE_OK;
}

static bool fits(int64_t c, const int64_t size[2], int64_t n) {
  int64_t all;
  return !__builtin_mul_overflow(c, size[0], &all) && !__builtin_mul_overflow(all, size[1], &all) &&
         !__builtin_mul_overflow(all, n, &all) && all <= INT32_MAX;
}

pare_status pare_f32_batch_conv_plan(pare_f32_batch_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  conv->k = conv->cg * w->kernel[0] * w->kernel[1];
  if (!fits(conv->c, w->in, conv->n) || !fits(conv->o, w->out, conv->n) ||
      !fits(conv->o, w->kernel, conv->cg))
    return pare_fail(arena->ctx, PARE_UNSUPPORTED, "images or weights of 2^31 elements and more");
  conv->winograd.kernel = PARE_F32_WINOGRAD_HERE ? pare_f32_winograd_select(conv) : NULL;
  if (PARE_F32_WINOGRAD_HERE && conv->winograd.kernel) return pare_f32_winograd_plan(conv, arena);
  PARE_TRY(plan_way(conv, false, arena, &conv->forward));
  return plan_way(conv, true, arena, &conv->backward);
}

pare_status pare_f32_batch_conv_scratch(const pare_f32_batch_conv *conv, pare_context *ctx, size_t *bytes) {
  if (PARE_F32_WINOGRAD_HERE && conv->winograd.kernel) {
    *bytes = pare_f32_winograd_scratch(conv);
    return PARE_OK;
  }
  const size_t n_threads = conv->pool ? (size_t)pare_pool_threads(conv->pool) : 1;
  const size_t tile = PARE_F32_BATCH_ROWS * PARE_F32_BATCH_LANES * sizeof(float) * n_threads;
  const size_t kernel = (size_t)(conv->window.kernel[0] * conv->window.kernel[1]);
  if (pare_mul_size((size_t)(conv->cg + 1), kernel, bytes) && pare_mul_size(*bytes, tile, bytes))
    return PARE_OK;
  return pare_fail(ctx, PARE_BAD_MODEL, "the convolution needs more memory than there can be");
}
