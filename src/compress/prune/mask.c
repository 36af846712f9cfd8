/* Selection of the lowest scores: quickselect on keys that make every score different, so that no order of work shows. */
#include "compress/prune/mask.h"

#include <math.h>
#include <string.h>

int64_t pare_prune_count(double amount, int64_t count, int64_t n) {
  int64_t wanted = count > 0 ? count : (int64_t)rint(amount * (double)n);
  return wanted > n ? n : wanted < 0 ? 0 : wanted;
}

/* Scores as integers in the same order, the index behind them. NaN counts as the largest. */
static uint64_t key_of(float score, int64_t i) {
  uint32_t bits;
  score += 0.0f; /* -0 becomes +0 */
  memcpy(&bits, &score, sizeof bits);
  if (score != score) bits = 0x7fffffffu;
  bits = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return (uint64_t)bits << 32 | (uint64_t)i;
}

/* The key that stands at place k when sorted. */
static uint64_t select_key(uint64_t *keys, int64_t n, int64_t k) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    uint64_t pivot = keys[low + (high - low) / 2];
    int64_t i = low, j = high;
    while (i <= j) {
      while (keys[i] < pivot) i++;
      while (keys[j] > pivot) j--;
      if (i <= j) {
        uint64_t kept = keys[i];
        keys[i++] = keys[j];
        keys[j--] = kept;
      }
    }
    if (k <= j)
      high = j;
    else if (k >= i)
      low = i;
    else
      break;
  }
  return keys[k];
}

pare_status pare_mark_lowest(pare_context *ctx, const float *scores, int64_t n, int64_t k, bool *removed) {
  memset(removed, k >= n, (size_t)n);
  if (k <= 0 || k >= n) return PARE_OK;
  if (n > UINT32_MAX) return pare_fail(ctx, PARE_UNSUPPORTED, "pruning more than 2^32 weights together");
  uint64_t *keys = pare_alloc_array(ctx, (size_t)n, sizeof *keys);
  if (!keys) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < n; i++) keys[i] = key_of(scores[i], i);
  uint64_t limit = select_key(keys, n, k);
  for (int64_t i = 0; i < n; i++) removed[i] = key_of(scores[i], i) < limit;
  pare_free(ctx, keys);
  return PARE_OK;
}
