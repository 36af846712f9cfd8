/* See pattern.h. */
#include "compress/prune/pattern.h"

int pare_input_axis(const pare_node *node, int i_input, const pare_shape *weight) {
  const int last = weight->rank > 0 ? weight->rank - 1 : 0;
  if (pare_node_is(node, "Conv")) return weight->rank > 1 ? 1 : 0;
  if (pare_node_is(node, "Gemm")) return pare_node_int(node, "transB", 0) ? last : 0;
  if (pare_node_is(node, "MatMul") && i_input == 1) return weight->rank > 1 ? weight->rank - 2 : 0;
  return last; /* the left side of MatMul [.., m, k]; LSTM [directions, gates, k] */
}

/* a goes before b. */
static bool is_lower(const float *scores, int64_t a, int64_t b) {
  if (scores[a] != scores[b])
    return scores[a] < scores[b] || (scores[b] != scores[b] && scores[a] == scores[a]);
  return a < b;
}

void pare_prune_two_of_four(float *w, const float *scores, const pare_shape *shape, int axis) {
  const int64_t outer = pare_shape_count_range(shape, 0, axis), n = shape->rank > 0 ? shape->dims[axis] : 1,
                inner = pare_shape_count_range(shape, axis + 1, shape->rank);
  for (int64_t o = 0; o < outer; o++) {
    for (int64_t k = 0; k + 4 <= n; k += 4) {
      for (int64_t i = 0; i < inner; i++) {
        const int64_t first = (o * n + k) * inner + i;
        bool goes[4];
        for (int a = 0; a < 4; a++) {
          int n_lower = 0;
          for (int b = 0; b < 4; b++)
            n_lower += b != a && is_lower(scores, first + b * inner, first + a * inner);
          goes[a] = n_lower < 2;
        }
        for (int a = 0; a < 4; a++)
          if (goes[a]) w[first + a * inner] = 0.0f;
      }
    }
  }
}
