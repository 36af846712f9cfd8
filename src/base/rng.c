/* PCG32 split by purpose, and MT19937 as PyTorch uses it; sources in rng.h. */
#include "base/rng.h"

static uint64_t mix(uint64_t x) { /* splitmix64's finaliser (Steele, Lea, Flood 2014) */
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

pare_rng pare_rng_new(uint64_t seed, const char *purpose) {
  uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */
  for (; *purpose; purpose++) hash = (hash ^ (uint8_t)*purpose) * 0x100000001b3u;
  pare_rng rng = {mix(seed ^ mix(hash)), hash | 1};
  pare_rng_u32(&rng);
  return rng;
}

uint32_t pare_rng_u32(pare_rng *rng) {
  uint64_t old = rng->state;
  rng->state = old * 6364136223846793005u + rng->stream;
  uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27), turn = (uint32_t)(old >> 59);
  return (shifted >> turn) | (shifted << ((32 - turn) & 31));
}

uint32_t pare_rng_below(pare_rng *rng, uint32_t limit) {
  uint32_t threshold = (0u - limit) % limit, x;
  do x = pare_rng_u32(rng);
  while (x < threshold);
  return x % limit;
}

float pare_rng_f32(pare_rng *rng) {
  return (float)(pare_rng_u32(rng) >> 8) * 0x1p-24f;
}

void pare_rng_shuffle(pare_rng *rng, uint32_t *items, size_t n) {
  for (size_t i = n; i > 1; i--) {
    size_t j = pare_rng_below(rng, (uint32_t)i);
    uint32_t kept = items[i - 1];
    items[i - 1] = items[j];
    items[j] = kept;
  }
}

void pare_mt19937_seed(pare_mt19937 *mt, uint64_t seed) {
  mt->state[0] = (uint32_t)seed;
  for (uint32_t i = 1; i < 624; i++)
    mt->state[i] = 1812433253u * (mt->state[i - 1] ^ (mt->state[i - 1] >> 30)) + i;
  mt->index = 624;
}

static void twist(pare_mt19937 *mt) {
  for (int i = 0; i < 624; i++) {
    uint32_t y = (mt->state[i] & 0x80000000u) | (mt->state[(i + 1) % 624] & 0x7fffffffu);
    mt->state[i] = mt->state[(i + 397) % 624] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0);
  }
  mt->index = 0;
}

uint32_t pare_mt19937_u32(pare_mt19937 *mt) {
  if (mt->index >= 624) twist(mt);
  uint32_t y = mt->state[mt->index++];
  y ^= y >> 11;
  y ^= (y << 7) & 0x9d2c5680u;
  y ^= (y << 15) & 0xefc60000u;
  return y ^ (y >> 18);
}

float pare_mt19937_f32(pare_mt19937 *mt) {
  return (float)(pare_mt19937_u32(mt) & 0xffffffu) * 0x1p-24f;
}
