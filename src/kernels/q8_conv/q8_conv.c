/* q8_conv.h: plans, weights and strips. */
#include "kernels/q8_conv/q8_conv.h"

#include <string.h>

#include "kernels/simd.h"

#define STRIP_BYTES 32768 /* of input: the first cache, or most of it */
#define WHOLE       64    /* channels are filled up to whole panels of any variant */
#ifdef __wasm__
#define NARROW_PAYS true
#else
#define NARROW_PAYS false /* wider vectors are faster */
#endif

/* A constant where there is none, so that nothing of it is there. */
static bool by_winograd(const pare_q8_conv *conv) {
  return PARE_Q8_HAS_WINOGRAD && conv->by_winograd;
}

static bool is_narrow(const pare_q8_conv *conv) {
  return PARE_Q8_HAS_NARROW && conv->narrow;
}

static pare_status too_large(pare_context *ctx) {
  return pare_fail(ctx, PARE_BAD_MODEL, "the convolution is too large");
}

static int64_t element_bytes(const pare_q8_conv *conv) {
  return pare_q8_takes_bytes(conv->packing->format) ? 1 : 2;
}

static bool is_padded(const pare_window *w) {
  return w->pad_begin[0] || w->pad_begin[1] || w->pad_end[0] || w->pad_end[1];
}

static bool is_tiled(const pare_q8_conv *conv) {
  return conv->packing->format == PARE_Q8_TILED;
}

static int64_t input_rows(const pare_window *w, int64_t out_rows) {
  return (out_rows - 1) * w->stride[0] + (w->kernel[0] - 1) * w->dilation[0] + 1;
}

static void choose_kernels(pare_q8_conv *conv) {
  if (conv->groups > 1 && conv->cg == 1 && conv->og == 1) {
    conv->depthwise = pare_q8_depthwise_select(conv->plain_weights);
    conv->packing = &conv->depthwise->packing;
  } else {
    const pare_window *w = &conv->window;
    const bool one_run =
        conv->groups == 1 && w->kernel[0] == 1 && !is_padded(w) && (w->kernel[1] == 1 || w->dilation[1] == 1);
    conv->gemm = pare_q8_gemm_select(conv->n * conv->columns, conv->plain_weights, one_run);
    if (conv->wanted && pare_q8_gemm_suits(conv->wanted, conv->plain_weights, one_run))
      conv->gemm = conv->wanted;
    conv->packing = conv->gemm;
    conv->narrow = PARE_Q8_HAS_NARROW && conv->way == (NARROW_PAYS ? PARE_Q8_BEST : PARE_Q8_NARROW) &&
                   pare_q8_narrow_suits(conv);
    if (is_narrow(conv)) conv->packing = &pare_q8_narrow_packing;
    conv->by_winograd = PARE_Q8_HAS_WINOGRAD && pare_q8_winograd_suits(conv);
  }
}

/* Output rows of a strip: few enough for the cache and for all threads to have some, and about equal. */
static void choose_strips(pare_q8_conv *conv) {
  const pare_window *w = &conv->window;
  const int64_t bytes = conv->row * element_bytes(conv), threads = pare_pool_threads(conv->pool);
  /* a depthwise kernel passes over a strip a few channels at a time, of which the first cache holds the places */
  int64_t most = (conv->depthwise ? 3 : 1) * STRIP_BYTES / bytes, rows = 1;
  if (most > input_rows(w, 1)) rows = (most - input_rows(w, 1)) / w->stride[0] + 1;
  if (rows < w->kernel[0]) rows = w->kernel[0]; /* or the same rows would be brought in too often */
  if (rows > w->out[0]) rows = w->out[0];
  conv->n_strips = (w->out[0] + rows - 1) / rows;
  if (conv->n * conv->n_strips < threads) conv->n_strips = threads < w->out[0] ? threads : w->out[0];
  conv->strip_rows = (w->out[0] + conv->n_strips - 1) / conv->n_strips;
  conv->n_strips = (w->out[0] + conv->strip_rows - 1) / conv->strip_rows;
}

static pare_status make_rows(pare_q8_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  int32_t *rows = pare_arena_array(arena, (size_t)(conv->strip_rows * w->out[1]), sizeof *rows);
  if (!rows) return PARE_OUT_OF_MEMORY;
  conv->rows = rows;
  for (int64_t y = 0; y < conv->strip_rows; y++)
    for (int64_t x = 0; x < w->out[1]; x++)
      *rows++ = (int32_t)(y * w->stride[0] * conv->row + x * w->stride[1] * conv->c);
  return PARE_OK;
}

static pare_status make_narrow_steps(pare_q8_conv *conv, pare_arena *arena) {
  conv->n_runs = pare_q8_narrow_steps(conv);
  conv->run_len = 2;
  int32_t *steps = pare_arena_array(arena, (size_t)conv->n_runs, sizeof *steps);
  int64_t *from = pare_arena_array(arena, (size_t)conv->n_runs, 2 * sizeof *from);
  if (!steps || !from) return PARE_OUT_OF_MEMORY;
  pare_q8_narrow_plan(conv, steps, from);
  conv->steps = steps;
  conv->from = from;
  return PARE_OK;
}

/* Neighbouring places of the window are one run where every channel is used. */
static pare_status make_runs(pare_q8_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  const int64_t step = pare_q8_k_step(conv->packing), places = w->kernel[0] * w->kernel[1];
  const bool whole_rows = !conv->depthwise && conv->groups == 1 && w->dilation[1] == 1;
  const int64_t in_run = whole_rows ? w->kernel[1] : 1, used = in_run * conv->cg; /* places, elements */
  conv->n_runs = places / in_run;
  conv->run_len = conv->depthwise ? 1 : pare_q8_round_up(used, step);
  if (conv->depthwise) conv->n_runs = pare_q8_round_up(places, step);
  int32_t *runs = pare_arena_array(arena, (size_t)conv->n_runs, sizeof *runs);
  int64_t *from = pare_arena_array(arena, (size_t)(conv->n_runs * conv->run_len), sizeof *from);
  if (!runs || !from) return PARE_OUT_OF_MEMORY;
  conv->runs = runs;
  conv->from = from;
  for (int64_t r = 0; r < conv->n_runs; r++) {
    const int64_t first = r * in_run, place = first < places ? first : places - 1;
    *runs++ = (int32_t)(place / w->kernel[1] * w->dilation[0] * conv->row +
                        place % w->kernel[1] * w->dilation[1] * conv->c);
    for (int64_t t = 0; t < conv->run_len; t++)
      *from++ = t < used && first < places ? t % conv->cg * places + first + t / conv->cg : -1;
  }
  if (conv->depthwise || conv->packing->format != PARE_Q8_WIDE) return PARE_OK;
  int32_t *steps = pare_arena_array(arena, (size_t)(conv->n_runs * conv->run_len / 2), sizeof *steps);
  if (!steps) return PARE_OUT_OF_MEMORY;
  conv->steps = steps;
  pare_q8_steps(conv->runs, conv->n_runs, conv->run_len, steps);
  return PARE_OK;
}

pare_status pare_q8_conv_plan(pare_q8_conv *conv, pare_arena *arena) {
  const pare_window *w = &conv->window;
  int64_t k;
  conv->cg = conv->c / conv->groups;
  conv->og = conv->o / conv->groups;
  conv->columns = w->out[0] * w->out[1];
  if (__builtin_mul_overflow(conv->cg, w->kernel[0] * w->kernel[1], &k)) return too_large(arena->ctx);
  if (k > PARE_Q8_MAX_K) {
    return pare_fail(arena->ctx, PARE_UNSUPPORTED,
                     "sums of %lld products may overflow 32 bits (at most %d are there)", (long long)k,
                     PARE_Q8_MAX_K);
  }
  choose_kernels(conv);
  const int64_t run = conv->groups == 1 && w->dilation[1] == 1 ? w->kernel[1] * conv->c : conv->cg;
  conv->direct = !is_padded(w) && conv->packing->format == PARE_Q8_BYTES && !conv->x_signed &&
                 (conv->depthwise ? conv->c % 16 == 0 : run % pare_q8_k_step(conv->packing) == 0);
  if (__builtin_mul_overflow(w->in[1] + w->pad_begin[1] + w->pad_end[1], conv->c, &conv->row) ||
      conv->row > INT32_MAX || conv->columns > INT32_MAX || conv->o > INT32_MAX)
    return too_large(arena->ctx);
  conv->channels = pare_q8_round_up(conv->depthwise ? conv->o : conv->og, WHOLE);
  if (by_winograd(conv)) {
    pare_q8_winograd_plan(conv);
    return PARE_OK;
  }
  choose_strips(conv);
  if (__builtin_mul_overflow(input_rows(w, conv->strip_rows), conv->row, &conv->strip_len) ||
      conv->strip_len > INT32_MAX)
    return too_large(arena->ctx);
  if (is_narrow(conv)) {
    PARE_TRY(make_narrow_steps(conv, arena));
  } else {
    PARE_TRY(make_rows(conv, arena));
    PARE_TRY(make_runs(conv, arena));
  }
  int64_t strip = conv->strip_len;
  if (is_tiled(conv) &&
      (__builtin_mul_overflow(conv->strip_rows * w->out[1] + 3, conv->run_len, &strip) || strip > INT32_MAX))
    return too_large(arena->ctx);
  if (is_narrow(conv)) strip += pare_q8_narrow_pairs_len(conv);
  const size_t len =
      conv->direct ? 0 : (size_t)(strip + conv->c) + PARE_Q8_ALIGN; /* what kernels may read past the end */
  conv->strip_bytes = (len * (size_t)element_bytes(conv) + 63) / 64 * 64;
  const int64_t columns = conv->depthwise ? conv->o : conv->og;
  if (!pare_q8_pack_bytes(conv->packing, conv->n_runs * conv->run_len, columns, &conv->group_bytes))
    return too_large(arena->ctx);
  return PARE_OK;
}

static int64_t n_groups(const pare_q8_conv *conv) {
  return conv->depthwise ? 1 : conv->groups;
}

pare_status pare_q8_conv_sizes(const pare_q8_conv *conv, pare_context *ctx, size_t *scratch, size_t *packed) {
  if (!pare_mul_size(conv->strip_bytes, (size_t)pare_pool_threads(conv->pool), scratch) ||
      !pare_mul_size(conv->group_bytes, (size_t)n_groups(conv), packed) || *packed > SIZE_MAX / 4)
    return too_large(ctx);
  return PARE_OK;
}

void pare_q8_conv_pack(const pare_q8_conv *conv, const void *w, const int32_t *zeros, int32_t zero,
                       void *packed, int32_t *sums) {
  const int64_t k = conv->cg * conv->window.kernel[0] * conv->window.kernel[1];
  const int64_t n = conv->depthwise ? conv->o : conv->og;
  if (by_winograd(conv)) {
    memset(sums, 0, (size_t)n * sizeof *sums);
    pare_q8_winograd_pack(conv, w, packed);
    return;
  }
  for (int64_t g = 0; g < n_groups(conv); g++) {
    const pare_q8_weights weights = {.data = (const uint8_t *)w + g * n * k,
                                     .is_signed = conv->w_signed,
                                     .from = conv->from,
                                     .k = conv->n_runs * conv->run_len,
                                     .n = n,
                                     .n_step = k,
                                     .zeros = zeros ? zeros + g * n : NULL,
                                     .zero = zero};
    pare_q8_pack(conv->packing, &weights, (uint8_t *)packed + (size_t)g * conv->group_bytes,
                 sums + g * conv->channels);
  }
}

/* What the kernel takes for x's zero point: s8 becomes u8, 128 higher. */
static int32_t zero_of(const pare_q8_conv *conv, int32_t zero_x) {
  return conv->x_signed ? zero_x + 128 : zero_x;
}

void pare_q8_conv_bias(const pare_q8_conv *conv, const int32_t *bias, int32_t zero_x, const int32_t *sums,
                       int32_t *out) {
  const bool bytes = pare_q8_takes_bytes(conv->packing->format) && !by_winograd(conv);
  const uint32_t zero = bytes ? (uint32_t)zero_of(conv, zero_x) : 0;
  const int64_t n = conv->depthwise ? conv->o : conv->og;
  for (int64_t g = 0; g < n_groups(conv); g++)
    for (int64_t i = 0; i < n; i++)
      out[g * conv->channels + i] =
          (int32_t)((bias ? (uint32_t)bias[g * n + i] : 0) - zero * (uint32_t)sums[g * conv->channels + i]);
}

typedef struct work {
  const pare_q8_conv *conv;
  const uint8_t *x;
  int32_t zero_x;
  const uint8_t *packed;
  const pare_q8_sink *sink;
  uint8_t *scratch;
} work;

/* Elements [from, end) of padding, in whole vectors: what is written too much is overwritten by the row that follows, or lies where kernels may
 * read. A few channels are not worth a call to memset. */
static void fill(const work *all, void *strip, int64_t from, int64_t end) {
  const pare_q8_conv *conv = all->conv;
  const bool bytes = pare_q8_takes_bytes(conv->packing->format);
  const v128_t value = wasm_i8x16_splat((int8_t)(bytes ? zero_of(conv, all->zero_x) : 0));
  uint8_t *to = strip;
  if (end - from > 64) {
    memset(to + from * element_bytes(conv), wasm_i8x16_extract_lane(value, 0),
           (size_t)((end - from) * element_bytes(conv)));
    return;
  }
  for (int64_t i = from * element_bytes(conv); i < end * element_bytes(conv); i += 16)
    wasm_v128_store(to + i, value);
}

/* Signed bytes become unsigned ones, 128 higher. */
static void flip(const uint8_t *x, int64_t n, uint8_t *to) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16)
    wasm_v128_store(to + i, wasm_v128_xor(wasm_v128_load(x + i), wasm_i8x16_splat(-128)));
  for (; i < n; i++) to[i] = x[i] ^ 0x80;
}

static void bring(const work *all, const uint8_t *x, int64_t n, void *to, int64_t at) {
  const pare_q8_conv *conv = all->conv;
  if (!pare_q8_takes_bytes(conv->packing->format)) {
    pare_q8_widen(x, conv->x_signed, all->zero_x, n, (int16_t *)to + at);
  } else if (conv->x_signed) {
    flip(x, n, (uint8_t *)to + at);
  } else {
    memcpy((uint8_t *)to + at, x, (size_t)n);
  }
}

/* Input rows [first, first + n) of the padded image at `x`, in the kernel's format. The padding behind a row and before the next is one. */
static void lay_out(const work *all, const uint8_t *x, int64_t first, int64_t n, void *strip) {
  const pare_q8_conv *conv = all->conv;
  const pare_window *w = &conv->window;
  const int64_t left = w->pad_begin[1] * conv->c, middle = w->in[1] * conv->c;
  int64_t done = 0; /* elements */
  for (int64_t i = 0; i < n; i++) {
    const int64_t row = first + i - w->pad_begin[0], at = i * conv->row + left;
    if (row < 0 || row >= w->in[0]) continue;
    fill(all, strip, done, at);
    bring(all, x + row * middle, middle, strip, at);
    done = at + middle;
  }
  fill(all, strip, done, n * conv->row);
}

static void run_kernel(const work *all, const void *a, int64_t m, int64_t at) {
  const pare_q8_conv *conv = all->conv;
  pare_q8_sink sink = *all->sink;
  sink.row = conv->o;
  for (int64_t g = 0; g < n_groups(conv); g++) {
    const uint8_t *packed = all->packed + (size_t)g * conv->group_bytes;
    const int64_t first = g * conv->channels;
    sink.bias = all->sink->bias + first;
    if (sink.y) {
      sink.y = all->sink->y + at + g * conv->og;
      sink.scale = all->sink->scale + first;
    } else {
      sink.sums = all->sink->sums + at + g * conv->og;
    }
    if (conv->depthwise) {
      const pare_q8_depthwise_args args = {
          m, conv->c, conv->window.out[1], a, conv->rows, conv->runs, conv->n_runs, packed, sink};
      conv->depthwise->run(&args);
      continue;
    }
    if (is_narrow(conv)) {
      pare_q8_narrow_run(conv, a, m / conv->window.out[1], (const int16_t *)(const void *)packed, &sink);
      continue;
    }
    const pare_q8_gemm_args args = {.m = m,
                                    .n = conv->og,
                                    .a = (const uint8_t *)a + g * conv->cg * element_bytes(conv),
                                    .rows = conv->rows,
                                    .runs = conv->runs,
                                    .n_runs = conv->n_runs,
                                    .run_len = conv->run_len,
                                    .steps = conv->steps,
                                    .b = packed,
                                    .sink = sink};
    conv->gemm->run(&args);
  }
}

static void run_strip(void *arg, int64_t i, int i_thread) {
  const work *all = arg;
  const pare_q8_conv *conv = all->conv;
  const pare_window *w = &conv->window;
  const int64_t i_image = i / conv->n_strips, first = i % conv->n_strips * conv->strip_rows;
  const int64_t left = w->out[0] - first, rows = left < conv->strip_rows ? left : conv->strip_rows;
  const uint8_t *x = all->x + i_image * w->in[0] * w->in[1] * conv->c;
  const void *a = x + first * w->stride[0] * conv->row;
  if (!conv->direct) {
    uint8_t *strip = all->scratch + (size_t)i_thread * conv->strip_bytes;
    uint8_t *wide = strip;
    if (is_narrow(conv)) wide += pare_q8_narrow_pairs_len(conv) * element_bytes(conv);
    if (is_tiled(conv))
      pare_q8_tile(a, conv->x_signed, all->zero_x, conv->rows, rows * w->out[1], conv->cg * w->kernel[1],
                   conv->run_len, (int16_t *)(void *)strip);
    else
      lay_out(all, x, first * w->stride[0], input_rows(w, rows), wide);
    if (is_narrow(conv))
      pare_q8_narrow_pair(conv, (int16_t *)(void *)wide, input_rows(w, rows), (int16_t *)(void *)strip);
    a = strip;
  }
  run_kernel(all, a, rows * w->out[1], (i_image * conv->columns + first * w->out[1]) * conv->o);
}

void pare_q8_conv_run(const pare_q8_conv *conv, const void *x, int32_t zero_x, const void *packed,
                      const pare_q8_sink *sink, void *scratch) {
  if (by_winograd(conv)) {
    pare_q8_winograd_run(conv, x, zero_x, packed, sink, scratch);
    return;
  }
  work all = {conv, x, zero_x, packed, sink, scratch};
  pare_parallel_for(conv->pool, conv->n * conv->n_strips, run_strip, &all);
}
