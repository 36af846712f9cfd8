/* q8_winograd.h: when it is chosen, its weights, and blocks of tiles. */
#include <string.h>

#include "kernels/q8_conv/q8_conv.h"

#define TILE       PARE_WINOGRAD_TILE
#define EDGE       PARE_WINOGRAD_EDGE
#define POINTS     PARE_WINOGRAD_POINTS
#define PANEL      PARE_WINOGRAD_PANEL
#define TILES      PARE_WINOGRAD_TILES
#define MOST_SUM   (1 << 25)
#define MOST_BYTES (8 << 20) /* of a layer's weights, which are four times as large as q8_gemm's */
#define BLOCK      8         /* tiles: the first cache holds what comes of them and of 64 channels */

/* Less its zero point. */
static int weight_of(const pare_q8_conv *conv, uint8_t byte) {
  return conv->w_signed ? (int8_t)byte : byte - 128;
}

static int64_t least(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static int64_t whole_tiles(int64_t out) {
  return (out + TILE - 1) / TILE;
}

/* The largest sum of a channel's weights, whatever their sign. */
static int64_t largest_weights(const pare_q8_conv *conv) {
  int64_t largest = 0;
  for (int64_t o = 0; o < conv->o; o++) {
    const uint8_t *w = conv->known_weights + o * 9 * conv->c;
    int64_t sum = 0;
    for (int64_t i = 0; i < 9 * conv->c; i++) {
      const int value = weight_of(conv, w[i]);
      sum += value < 0 ? -value : value;
    }
    if (sum > largest) largest = sum;
  }
  return largest;
}

static bool is_exact(const pare_q8_conv *conv) {
  const pare_window *w = &conv->window;
  for (int i = 0; i < 2; i++)
    if (w->kernel[i] != 3 || w->stride[i] != 1 || w->dilation[i] != 1) return false;
  return conv->groups == 1 && conv->c >= 8 && conv->plain_weights && 255 * largest_weights(conv) < MOST_SUM;
}

static int64_t weight_bytes(const pare_q8_conv *conv) {
  return pare_q8_round_up(conv->o, PANEL) * POINTS * pare_q8_round_up(conv->c, 2) * (int64_t)sizeof(int16_t);
}

/* Measured: with few tiles many registers of `multiply` hold none, and an instruction of four products (BYTES) does more than is saved here. */
static bool pays(const pare_q8_conv *conv) {
  const int64_t tiles =
      pare_q8_round_up(whole_tiles(conv->window.out[0]) * whole_tiles(conv->window.out[1]), TILES);
  return conv->packing->format == PARE_Q8_WIDE && 5 * tiles <= conv->columns &&
         weight_bytes(conv) <= MOST_BYTES;
}

bool pare_q8_winograd_suits(const pare_q8_conv *conv) {
  if (!conv->known_weights || conv->way == PARE_Q8_DIRECT) return false;
  return (conv->way == PARE_Q8_WINOGRAD || pays(conv)) && is_exact(conv);
}

/* Blocks of whole rows of tiles where such fit, or of part of one; enough of them for all threads. */
static void choose_blocks(pare_q8_winograd *w, const int64_t tiles[2], int64_t images, int64_t threads) {
  w->n_blocks[1] = (tiles[1] + BLOCK - 1) / BLOCK;
  w->block[1] = (tiles[1] + w->n_blocks[1] - 1) / w->n_blocks[1];
  w->block[0] = least(BLOCK / w->block[1], tiles[0]);
  if (images * ((tiles[0] + w->block[0] - 1) / w->block[0]) * w->n_blocks[1] < threads) w->block[0] = 1;
  w->n_blocks[0] = (tiles[0] + w->block[0] - 1) / w->block[0];
  w->n_tiles = pare_q8_round_up(w->block[0] * w->block[1], TILES);
}

static size_t whole_lines(int64_t bytes) {
  return (size_t)pare_q8_round_up(bytes, 64);
}

void pare_q8_winograd_plan(pare_q8_conv *conv) {
  pare_q8_winograd *w = &conv->winograd;
  const int64_t tiles[2] = {whole_tiles(conv->window.out[0]), whole_tiles(conv->window.out[1])};
  w->c_whole = pare_q8_round_up(conv->c, 2);
  choose_blocks(w, tiles, conv->n, pare_pool_threads(conv->pool));
  w->point = w->n_tiles * w->c_whole + 8;
  w->row = (TILE * w->block[1] + EDGE - TILE) * conv->c + 8; /* vectors of the last place may end behind it */
  w->rows_at = whole_lines(w->row);
  w->images_at = w->rows_at + whole_lines(EDGE * w->row * (int64_t)sizeof(int16_t));
  w->sums_at = w->images_at + whole_lines(POINTS * w->point * (int64_t)sizeof(int16_t));
  conv->strip_bytes = w->sums_at + whole_lines(POINTS * w->n_tiles * PANEL * (int64_t)sizeof(int32_t));
  conv->group_bytes = (size_t)weight_bytes(conv);
}

/* out [36] = 24 G g (24 G)^T, its last row and column halved. */
static void transform_weights(const int32_t g[9], int16_t *out, int64_t step) {
  static const int8_t rows[EDGE][3] = {{6, 0, 0}, {-4, -4, -4}, {-4, 4, -4},
                                       {1, 2, 4}, {1, -2, 4},   {0, 0, 12}};
  for (int i = 0; i < EDGE; i++) {
    int32_t t[3];
    for (int x = 0; x < 3; x++) t[x] = rows[i][0] * g[x] + rows[i][1] * g[3 + x] + rows[i][2] * g[6 + x];
    for (int j = 0; j < EDGE; j++, out += step)
      *out = (int16_t)(rows[j][0] * t[0] + rows[j][1] * t[1] + rows[j][2] * t[2]);
  }
}

void pare_q8_winograd_pack(const pare_q8_conv *conv, const uint8_t *w, int16_t *packed) {
  const int64_t point = conv->winograd.c_whole * PANEL;
  memset(packed, 0, conv->group_bytes);
  for (int64_t o = 0; o < conv->o; o++) {
    int16_t *panel = packed + o / PANEL * POINTS * point + o % PANEL * 2;
    for (int64_t c = 0; c < conv->c; c++, w += 9) {
      int32_t g[9];
      for (int i = 0; i < 9; i++) g[i] = weight_of(conv, w[i]);
      transform_weights(g, panel + c / 2 * 2 * PANEL + c % 2, point);
    }
  }
}

typedef struct work {
  const pare_q8_conv *conv;
  const uint8_t *x;
  int32_t zero_x;
  const int16_t *packed;
  pare_q8_sink sink;
  uint8_t *scratch;
} work;

/* A row of tiles of image x, whose places begin at `first` (in the padding, perhaps): `rows` [6][row]. */
static void transform_down(const work *all, const uint8_t *x, const int64_t first[2], const uint8_t *blank,
                           int16_t *rows) {
  const pare_q8_conv *conv = all->conv;
  const pare_window *w = &conv->window;
  const int64_t row = conv->winograd.row, places = row / conv->c;
  int64_t begin = first[1] < 0 ? -first[1] : 0,
          end = w->in[1] - first[1]; /* of the row's places, in the image */
  if (end > places) end = places;
  if (begin > end) begin = end = 0;
  for (int k = 0; k < EDGE; k++) {
    memset(rows + k * row, 0, (size_t)(begin * conv->c) * sizeof *rows);
    memset(rows + k * row + end * conv->c, 0, (size_t)(row - end * conv->c) * sizeof *rows);
  }
  if (begin == end) return;
  const uint8_t *bytes[EDGE];
  for (int k = 0; k < EDGE; k++) {
    const int64_t y = first[0] + k;
    bytes[k] = y < 0 || y >= w->in[0] ? blank : x + (y * w->in[1] + first[1] + begin) * conv->c;
  }
  pare_q8_winograd_down(bytes, conv->x_signed, all->zero_x, (end - begin) * conv->c, row,
                        rows + begin * conv->c);
}

static void run_block(void *arg, int64_t i, int i_thread) {
  const work *all = arg;
  const pare_q8_conv *conv = all->conv;
  const pare_q8_winograd *w = &conv->winograd;
  const pare_window *window = &conv->window;
  const int64_t i_image = i / (w->n_blocks[0] * w->n_blocks[1]);
  const int64_t tile[2] = {i / w->n_blocks[1] % w->n_blocks[0] * w->block[0],
                           i % w->n_blocks[1] * w->block[1]};
  pare_winograd_block block = {.row = window->out[1]};
  for (int d = 0; d < 2; d++) {
    block.tiles[d] = least(w->block[d], whole_tiles(window->out[d]) - tile[d]);
    block.out[d] = window->out[d] - TILE * tile[d];
  }
  block.first = i_image * conv->columns + TILE * (tile[0] * block.row + tile[1]);
  uint8_t *blank = all->scratch + (size_t)i_thread * conv->strip_bytes;
  int16_t *rows = (int16_t *)(void *)(blank + w->rows_at),
          *images = (int16_t *)(void *)(blank + w->images_at);
  int32_t *sums = (int32_t *)(void *)(blank + w->sums_at);
  memset(blank, all->zero_x, (size_t)w->row);
  for (int64_t y = 0; y < block.tiles[0]; y++) {
    const int64_t first[2] = {TILE * (tile[0] + y) - window->pad_begin[0],
                              TILE * tile[1] - window->pad_begin[1]};
    transform_down(all, all->x + i_image * window->in[0] * window->in[1] * conv->c, first, blank, rows);
    pare_q8_winograd_across(w, rows, conv->c, block.tiles[1], images + y * block.tiles[1] * w->c_whole);
  }
  for (int64_t n = 0; n < conv->o; n += PANEL) {
    pare_q8_winograd_multiply(w, images, all->packed + n * POINTS * w->c_whole, sums);
    pare_q8_winograd_finish(&block, sums, &all->sink, n, conv->o);
  }
}

void pare_q8_winograd_run(const pare_q8_conv *conv, const uint8_t *x, int32_t zero_x, const int16_t *packed,
                          const pare_q8_sink *sink, uint8_t *scratch) {
  work all = {conv, x, zero_x, packed, *sink, scratch};
  all.sink.row = conv->o;
  pare_parallel_for(conv->pool, conv->n * conv->winograd.n_blocks[0] * conv->winograd.n_blocks[1], run_block,
                    &all);
}
