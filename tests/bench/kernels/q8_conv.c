/* q8_conv.h: 3x3 convolution of an image of m x m places with its padding, k channels in, n out, requantized; by q8_gemm and by Winograd's way.
 * Where n is 0 it is depthwise, in both cases. */
#include "kernels/q8_conv/q8_conv.h"

#include "bench.h"

static const bench_shape shapes[] = {
    {"ceiling 8x8, 64 channels", 8, 64, 64},
    {"4x4, 64 channels", 4, 64, 64},
    {"6x6, 64 channels", 6, 64, 64},
    {"7x7, 128 channels", 7, 128, 128},
    {"7x7, 512 channels", 7, 512, 512},
    {"14x14, 256 channels", 14, 256, 256},
    {"28x28, 128 channels", 28, 128, 128},
    {"56x56, 64 channels", 56, 64, 64},
    {"resnet8 8", 32, 8, 8},
    {"resnet8 11", 32, 11, 11},
    {"resnet8 16", 32, 16, 16},
    {"resnet8 32", 16, 32, 32},
    {"8 in, 32 out", 16, 32, 8},
    {"32 in, 8 out", 16, 8, 32},
    {"32 in, 4 out", 16, 4, 32},
    {"64 in, 1 out", 32, 1, 64},
    {"depthwise 48x48, 8 channels", 48, 0, 8},
    {"depthwise 6x6, 128 channels", 6, 0, 128},
    {"depthwise 56x56, 144 channels", 56, 0, 144},
    {"depthwise 7x7, 960 channels", 7, 0, 960},
};

static struct {
  pare_q8_conv conv;
  pare_q8_sink sink;
  void *x, *packed, *scratch;
} bench;

static int count(void) {
  return 2;
}

static const char *variant(int i) {
  return i ? "pare_q8_conv, Winograd" : "pare_q8_conv, direct";
}

static int64_t weights(const bench_shape *s) {
  return (s->n ? s->n : 1) * s->k * 9;
}

static int64_t macs(const bench_shape *s) {
  return s->m * s->m * weights(s);
}

static void prepare(const bench_shape *s, int i_variant) {
  static pare_context *ctx;
  static pare_arena arena;
  if (!ctx && pare_context_new(NULL, &ctx) != PARE_OK) return;
  pare_arena_free(&arena);
  pare_arena_init(&arena, ctx);
  bench.conv = (pare_q8_conv){
      .window = {{3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {s->m, s->m}, {s->m, s->m}},
      .n = 1,
      .c = s->k,
      .o = s->n ? s->n : s->k,
      .groups = s->n ? 1 : s->k,
      .w_signed = true,
      .plain_weights = true,
      .known_weights = bench_memory((size_t)weights(s)),
      .way = i_variant ? PARE_Q8_WINOGRAD : PARE_Q8_DIRECT,
  };
  size_t scratch = 0, packed = 0;
  if (pare_q8_conv_plan(&bench.conv, &arena) != PARE_OK ||
      pare_q8_conv_sizes(&bench.conv, ctx, &scratch, &packed) != PARE_OK)
    return;
  const size_t channels = (size_t)bench.conv.channels;
  int32_t *sums = bench_memory(channels * 4);
  bench.x = bench_memory((size_t)(s->m * s->m * s->k));
  bench.packed = bench_memory(packed);
  bench.scratch = bench_memory(scratch);
  bench.sink = (pare_q8_sink){.bias = bench_memory(channels * 4),
                              .scale = bench_f32((int64_t)channels),
                              .high = 255,
                              .bounded = true,
                              .y = bench_memory((size_t)(s->m * s->m * bench.conv.o))};
  pare_q8_conv_pack(&bench.conv, bench.conv.known_weights, NULL, 0, bench.packed, sums);
}

static void run(int i_variant) {
  (void)i_variant;
  pare_q8_conv_run(&bench.conv, bench.x, 3, bench.packed, &bench.sink, bench.scratch);
}

const bench_family bench_q8_conv = {
    .name = "q8_conv",
    .dtype = "int8 convolution",
    .shapes = shapes,
    .n_shapes = (int)PARE_COUNT(shapes),
    .count = count,
    .variant = variant,
    .macs = macs,
    .prepare = prepare,
    .run = run,
};
