/* Magnitude: |w| (Han et al. 2015, "Learning both Weights and Connections"; torch.nn.utils.prune.L1Unstructured). */
#include <math.h>

#include "compress/prune/criteria.h"

static void score(const float *weights, int64_t n, pare_mt19937 *mt, float *scores) {
  (void)mt;
  for (int64_t i = 0; i < n; i++) scores[i] = fabsf(weights[i]);
}

const pare_criterion pare_criterion_l1 = {
    .name = "l1", .order = "smallest first", .reads_weights = true, .score = score};
