/* GMAC/s (the best of 100 short trials, so that a busy machine matters little) of every f32 GEMM variant
 * on the shapes of the example networks. Not a test: nothing is asserted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/f32_gemm/f32_gemm.h"

static const struct {
  const char *name;
  int64_t m, n, k;
} shapes[] = {
    {"lenet5 conv1", 6, 784, 25},
    {"lenet5 conv2", 16, 100, 150},
    {"lenet5 fc1 batch 64", 64, 120, 400},
    {"lenet5 fc1 batch 1", 1, 120, 400},
    {"caffe conv2", 50, 64, 500},
    {"caffe fc1 batch 1", 1, 500, 800},
    {"resnet8 16", 16, 784, 144},
    {"resnet8 32", 32, 196, 288},
    {"resnet8 64", 64, 49, 576},
    {"dscnn 1x1", 128, 49, 64},
    {"square", 256, 256, 256},
};

int main(void) {
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
    const int64_t m = shapes[i].m, n = shapes[i].n, k = shapes[i].k;
    float *a = calloc((size_t)(m * k), 4), *b = calloc(pare_f32_pack_len(k, n), 4),
          *c = calloc((size_t)(m * n), 4);
    pare_f32_gemm_args args = {.m = m,
                               .n = n,
                               .k = k,
                               .a = a,
                               .a_row = k,
                               .a_column = 1,
                               .b = b,
                               .c = c,
                               .c_row = n,
                               .clamp_low = 0,
                               .clamp_high = INFINITY};
    for (int v = 0; v < pare_f32_gemm_count(); v++) {
      double best = 1e30;
      const int64_t repeats = 10000000 / (m * n * k) + 1;
      for (int trial = 0; trial < 100; trial++) {
        const double start = pare_now_ms();
        for (int64_t r = 0; r < repeats; r++) pare_f32_gemm_at(v)->run(&args);
        const double time = (pare_now_ms() - start) / (double)repeats;
        if (time < best) best = time;
      }
      printf("%-22s %3dx%3dx%3d  %-28s %7.2f GMAC/s\n", shapes[i].name, (int)m, (int)n, (int)k,
             pare_f32_gemm_at(v)->name, (double)(m * n * k) / best * 1e-6);
    }
    free(a), free(b), free(c);
  }
  return 0;
}
