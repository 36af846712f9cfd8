/* The table of f32_winograd variants, when they are used, and convolutions tile by tile: each is transformed for so
 * many images at a time that all its points stay in the second cache. */
#include "kernels/f32_winograd/f32_winograd.h"

#include <string.h>

#include "kernels/cpu.h"
#include "kernels/f32_transpose/f32_transpose.h"

#define TILE         PARE_F32_WINOGRAD_TILE
#define EDGE         PARE_F32_WINOGRAD_EDGE
#define POINTS       PARE_F32_WINOGRAD_POINTS
#define LANES        PARE_F32_BATCH_MULTIPLE
#define BLOCK_FLOATS 163840    /* of a tile's points, both ways: 640 KiB */
#define MOST_WEIGHTS (1 << 18) /* each becomes four, twice */
#define APART        16 /* floats between points: whole pages apart they would share few places of a cache */

#define PARE_F32_WINOGRAD(suffix, isa, rank)                                                                 \
  void pare_f32_winograd_points__##suffix(const pare_f32_winograd_tile *tile);                               \
  void pare_f32_winograd_places__##suffix(const pare_f32_winograd_tile *tile);                               \
  void pare_f32_winograd_spread__##suffix(const pare_f32_winograd_tile *tile);
#include "kernels/f32_winograd/f32_winograd.def"
#undef PARE_F32_WINOGRAD

static const pare_f32_winograd_kernel kernels[] = {
#define PARE_F32_WINOGRAD(suffix, isa, rank)                                                                 \
  {"pare_f32_winograd__" #suffix, pare_f32_winograd_points__##suffix, pare_f32_winograd_places__##suffix,    \
   pare_f32_winograd_spread__##suffix, rank},
#include "kernels/f32_winograd/f32_winograd.def"
#undef PARE_F32_WINOGRAD
};

static bool runs_here(size_t i) {
  size_t at = 0;
#define PARE_F32_WINOGRAD(suffix, isa, rank)                                                                 \
  if (i == at++) return CPU_HAS_##isa;
#include "kernels/f32_winograd/f32_winograd.def"
#undef PARE_F32_WINOGRAD
  return false;
}

int pare_f32_winograd_count(void) {
  int n = 0;
  for (size_t i = 0; i < PARE_COUNT(kernels); i++) n += runs_here(i);
  return n;
}

const pare_f32_winograd_kernel *pare_f32_winograd_at(int i) {
  for (size_t at = 0; at < PARE_COUNT(kernels); at++) {
    if (runs_here(at) && i-- == 0) return &kernels[at];
  }
  return NULL;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t whole(int64_t n, int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

/* With few channels the transforms cost what they save; tiles over the border are work for nothing. */
static bool suits(const pare_f32_batch_conv *conv) {
  const pare_window *w = &conv->window;
  for (int i = 0; i < 2; i++)
    if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1) return false;
  return conv->numerics == PARE_FAST && conv->groups == 1 && conv->c >= 8 && conv->o >= 8 &&
         conv->c <= MOST_WEIGHTS / conv->o &&
         whole(w->out[0], TILE) * whole(w->out[1], TILE) <= 2 * w->out[0] * w->out[1];
}

const pare_f32_winograd_kernel *pare_f32_winograd_select(const pare_f32_batch_conv *conv) {
  const pare_f32_winograd_kernel *best = &kernels[0];
  if (!suits(conv)) return NULL;
  for (size_t i = 1; i < PARE_COUNT(kernels); i++)
    if (kernels[i].rank > best->rank && runs_here(i)) best = &kernels[i];
  return best->rank > 0 ? best : NULL;
}

/* list[i] = i * step */
static pare_status make_list(pare_arena *arena, int64_t n, int64_t step, const int32_t **out) {
  int32_t *list = pare_arena_array(arena, (size_t)n, sizeof(int32_t));
  if (!list) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < n; i++) list[i] = (int32_t)(i * step);
  *out = list;
  return PARE_OK;
}

pare_status pare_f32_winograd_plan(pare_f32_batch_conv *conv, pare_arena *arena) {
  pare_batch_winograd *w = &conv->winograd;
  const int64_t c = conv->c, o = conv->o, most = c > o ? c : o, n_threads = pare_pool_threads(conv->pool);
  const int64_t fit = BLOCK_FLOATS / (POINTS * (c + o)) / LANES * LANES;
  w->images = least(fit < LANES ? LANES : fit, conv->n);
  w->wide = whole((o + n_threads - 1) / n_threads, LANES);
  PARE_TRY(make_list(arena, most > w->images ? most : w->images, 1, &w->ascending));
  PARE_TRY(make_list(arena, most, w->images, &w->images_apart));
  PARE_TRY(make_list(arena, o, c, &w->channels_apart));
  return make_list(arena, w->images, w->wide, &w->wide_apart);
}

/* Floats from one point to the next. */
static int64_t apart(int64_t rows, int64_t n) {
  return rows * n + APART;
}

/* ---- output and input's gradient ---------------------------------------------------------------------------- */

typedef struct way_call {
  const pare_f32_batch_conv *conv;
  int64_t c, o; /* of this direction */
  const int64_t *in, *out;
  int64_t pad[2];
  const float *x, *bias;
  const float *a; /* point i's weights at [i * c * o], as A of the product */
  int64_t a_row;
  const int32_t *a_at;
  bool accumulate;
  float *y, *scratch;
  void (*product)(const pare_f32_batch_product_args *args);
} way_call;

/* Where the places of a tile lie that begins at row y and column x of images [size]; -1: outside. */
static void find_places(const int64_t size[2], int64_t y, int64_t x, int edge, int64_t n, int64_t *at) {
  for (int i = 0; i < edge * edge; i++) {
    const int64_t row = y + i / edge, column = x + i % edge;
    const bool inside = row >= 0 && row < size[0] && column >= 0 && column < size[1];
    at[i] = inside ? (row * size[1] + column) * n : -1;
  }
}

/* Points v of a tile's `images` images from `first` on, for all channels out. */
static void multiply(const way_call *call, int64_t images, const float *v, float *m) {
  const pare_batch_winograd *winograd = &call->conv->winograd;
  pare_f32_batch_product_args args = {.m = call->o,
                                      .n = images,
                                      .n_taps = call->c,
                                      .a_row = call->a_row,
                                      .a_at = call->a_at,
                                      .b_at = winograd->images_apart,
                                      .c_row = winograd->images};
  for (int64_t i = 0; i < POINTS; i++) {
    args.a = call->a + i * call->c * call->o;
    args.b = v + i * apart(call->c, winograd->images);
    args.c = m + i * apart(call->o, winograd->images);
    call->product(&args);
  }
}

/* Row `i` of tiles. */
static void run_row(void *arg, int64_t i, int i_thread) {
  const way_call *call = arg;
  const pare_f32_batch_conv *conv = call->conv;
  const pare_f32_winograd_kernel *kernel = conv->winograd.kernel;
  const int64_t most = conv->winograd.images, c_point = apart(call->c, most), o_point = apart(call->o, most);
  float *v = call->scratch + i_thread * POINTS * (c_point + o_point), *m = v + POINTS * c_point;
  int64_t in_at[EDGE * EDGE], out_at[TILE * TILE];
  pare_f32_winograd_tile in = {.rows = call->c,
                               .at = in_at,
                               .image_row = call->in[0] * call->in[1] * conv->n,
                               .point = c_point,
                               .point_row = most,
                               .to = v};
  pare_f32_winograd_tile out = {.rows = call->o,
                                .at = out_at,
                                .image_row = call->out[0] * call->out[1] * conv->n,
                                .point = o_point,
                                .point_row = most,
                                .from = m,
                                .accumulate = call->accumulate,
                                .row_bias = call->bias};
  for (int64_t x = 0; x < call->out[1]; x += TILE) {
    find_places(call->in, i * TILE - call->pad[0], x - call->pad[1], EDGE, conv->n, in_at);
    find_places(call->out, i * TILE, x, TILE, conv->n, out_at);
    for (int64_t first = 0; first < conv->n; first += most) {
      in.n = out.n = least(most, conv->n - first);
      in.from = call->x + first;
      out.to = call->y + first;
      kernel->points(&in);
      multiply(call, in.n, v, m);
      kernel->places(&out);
    }
  }
}

/* call->scratch: transformed weights first. */
static void run_way(way_call *call, const float *w, bool turned) {
  const pare_f32_batch_conv *conv = call->conv;
  pare_f32_winograd_weights(w, conv->o, conv->c, turned, call->scratch);
  call->a = call->scratch;
  call->scratch += POINTS * conv->o * conv->c;
  call->product = pare_f32_batch_select(conv->numerics)->product;
  pare_parallel_for(conv->pool, (call->out[0] + TILE - 1) / TILE, run_row, call);
}

void pare_f32_winograd_forward(const pare_f32_batch_conv *conv, const float *x, const float *w,
                               const float *bias, float *y, float *scratch) {
  const pare_window *window = &conv->window;
  way_call call = {.conv = conv,
                   .c = conv->c,
                   .o = conv->o,
                   .in = window->in,
                   .out = window->out,
                   .pad = {window->pad_begin[0], window->pad_begin[1]},
                   .x = x,
                   .bias = bias,
                   .a_row = conv->c,
                   .a_at = conv->winograd.ascending,
                   .y = y,
                   .scratch = scratch};
  run_way(&call, w, false);
}

void pare_f32_winograd_grad_input(const pare_f32_batch_conv *conv, const float *w, const float *dy,
                                  bool accumulate, float *dx, float *scratch) {
  const pare_window *window = &conv->window;
  way_call call = {.conv = conv,
                   .c = conv->o,
                   .o = conv->c,
                   .in = window->out,
                   .out = window->in,
                   .pad = {2 - window->pad_begin[0], 2 - window->pad_begin[1]},
                   .x = dy,
                   .a_row = 1,
                   .a_at = conv->winograd.channels_apart,
                   .accumulate = accumulate,
                   .y = dx,
                   .scratch = scratch};
  run_way(&call, w, true);
}

/* ---- gradient of the weights -------------------------------------------------------------------------------- */

typedef struct weight_call {
  const pare_f32_batch_conv *conv;
  const float *x, *dy;
  float *dw, *scratch;
  void (*product)(const pare_f32_batch_product_args *args);
} weight_call;

/* One thread's scratch. */
typedef struct weight_parts {
  int64_t v_point, g_place, g_point, sum_point;
  int64_t g_turned, g, sums, size; /* where each begins, the images' points v first; and all */
} weight_parts;

static weight_parts parts_of(const pare_f32_batch_conv *conv) {
  const int64_t images = conv->winograd.images, wide = conv->winograd.wide;
  weight_parts p = {.v_point = apart(conv->c, images),
                    .g_place = apart(images, wide),
                    .g_point = apart(images, wide),
                    .sum_point = apart(conv->c, wide)};
  p.g_turned = POINTS * p.v_point;
  p.g = p.g_turned + TILE * TILE * p.g_place;
  p.sums = p.g + POINTS * p.g_point;
  p.size = p.sums + POINTS * p.sum_point;
  return p;
}

/* dY of `rows` channels at the places of a tile, channels innermost: [image][wide]; the places' new ones to `to_at`. */
static void turn(const weight_call *call, const float *dy, int64_t rows, int64_t images, const int64_t *at,
                 const weight_parts *parts, float *to, int64_t *to_at) {
  const pare_window *w = &call->conv->window;
  for (int k = 0; k < TILE * TILE; k++) {
    to_at[k] = at[k] < 0 ? -1 : k * parts->g_place;
    if (at[k] < 0) continue;
    pare_f32_transpose(dy + at[k], w->out[0] * w->out[1] * call->conv->n, rows, images, to + to_at[k],
                       call->conv->winograd.wide);
  }
}

/* sums [36][c][wide] += V dM^T of `images` images. */
static void add_products(const weight_call *call, int64_t images, int64_t wide, const weight_parts *parts,
                         float *scratch) {
  const pare_batch_winograd *winograd = &call->conv->winograd;
  pare_f32_batch_product_args args = {.m = call->conv->c,
                                      .n = wide,
                                      .n_taps = images,
                                      .a_row = winograd->images,
                                      .a_at = winograd->ascending,
                                      .b_at = winograd->wide_apart,
                                      .c_row = winograd->wide,
                                      .accumulate = true};
  for (int64_t i = 0; i < POINTS; i++) {
    args.a = scratch + i * parts->v_point;
    args.b = scratch + parts->g + i * parts->g_point;
    args.c = scratch + parts->sums + i * parts->sum_point;
    call->product(&args);
  }
}

/* Channels out [i * wide, ...): all tiles, in order. */
static void run_channels(void *arg, int64_t i, int i_thread) {
  const weight_call *call = arg;
  const pare_f32_batch_conv *conv = call->conv;
  const pare_window *w = &conv->window;
  const pare_f32_winograd_kernel *kernel = conv->winograd.kernel;
  const weight_parts parts = parts_of(conv);
  const int64_t most = conv->winograd.images, o = i * conv->winograd.wide,
                rows = least(conv->winograd.wide, conv->o - o), wide = whole(rows, LANES);
  float *scratch = call->scratch + i_thread * parts.size;
  const float *dy = call->dy + o * w->out[0] * w->out[1] * conv->n;
  int64_t in_at[EDGE * EDGE], out_at[TILE * TILE], turned_at[TILE * TILE];
  pare_f32_winograd_tile in = {.rows = conv->c,
                               .at = in_at,
                               .image_row = w->in[0] * w->in[1] * conv->n,
                               .point = parts.v_point,
                               .point_row = most,
                               .to = scratch};
  pare_f32_winograd_tile out = {.n = wide,
                                .at = turned_at,
                                .image_row = conv->winograd.wide,
                                .point = parts.g_point,
                                .point_row = conv->winograd.wide,
                                .from = scratch + parts.g_turned,
                                .to = scratch + parts.g};
  memset(scratch + parts.g_turned, 0, (size_t)(TILE * TILE * parts.g_place) * sizeof(float));
  memset(scratch + parts.sums, 0, (size_t)(POINTS * parts.sum_point) * sizeof(float));
  for (int64_t y = 0; y < w->out[0]; y += TILE) {
    for (int64_t x = 0; x < w->out[1]; x += TILE) {
      find_places(w->in, y - w->pad_begin[0], x - w->pad_begin[1], EDGE, conv->n, in_at);
      find_places(w->out, y, x, TILE, conv->n, out_at);
      for (int64_t first = 0; first < conv->n; first += most) {
        in.n = out.rows = least(most, conv->n - first);
        in.from = call->x + first;
        kernel->points(&in);
        turn(call, dy + first, rows, in.n, out_at, &parts, scratch + parts.g_turned, turned_at);
        kernel->spread(&out);
        add_products(call, in.n, wide, &parts, scratch);
      }
    }
  }
  pare_f32_winograd_fold(scratch + parts.sums, parts.sum_point, conv->winograd.wide, rows, conv->c,
                         call->dw + o * conv->c * 9);
}

void pare_f32_winograd_grad_weight(const pare_f32_batch_conv *conv, const float *x, const float *dy,
                                   float *dw, float *scratch) {
  weight_call call = {.conv = conv,
                      .x = x,
                      .dy = dy,
                      .dw = dw,
                      .scratch = scratch,
                      .product = pare_f32_batch_select(conv->numerics)->product};
  pare_parallel_for(conv->pool, (conv->o + conv->winograd.wide - 1) / conv->winograd.wide, run_channels,
                    &call);
}

size_t pare_f32_winograd_scratch(const pare_f32_batch_conv *conv) {
  const int64_t n_threads = pare_pool_threads(conv->pool), images = conv->winograd.images;
  const int64_t way = POINTS * conv->o * conv->c +
                      n_threads * POINTS * (apart(conv->c, images) + apart(conv->o, images)),
                weights = n_threads * parts_of(conv).size;
  return (size_t)(way > weights ? way : weights) * sizeof(float);
}
