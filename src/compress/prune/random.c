/* Chance: the weights whose draws are largest go, as torch.nn.utils.prune.RandomUnstructured does it (topk of torch.rand_like), so that
 * torch.manual_seed(seed) before the same calls gives the same mask. */
#include "compress/prune/criteria.h"

static void score(const float *weights, int64_t n, pare_mt19937 *mt, float *scores) {
  (void)weights;
  for (int64_t i = 0; i < n; i++) scores[i] = -pare_mt19937_f32(mt);
}

const pare_criterion pare_criterion_random = {
    .name = "random", .order = "at random", .reads_weights = false, .score = score};
