/* Randomness. One seed, split by purpose, so that adding a consumer does not change another's numbers.
 * pare_rng is PCG32 (O'Neill 2014, "PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for Random
 * Number Generation"). pare_mt19937 is Matsumoto and Nishimura 1998, seeded and converted to float as PyTorch's CPU generator
 * does, so that random pruning picks the same weights as torch.manual_seed(seed). */
#ifndef PARE_RNG_H
#define PARE_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct pare_rng {
  uint64_t state, stream;
} pare_rng;

/* `purpose` names the consumer, e.g. "shuffle". */
pare_rng pare_rng_new(uint64_t seed, const char *purpose);
uint32_t pare_rng_u32(pare_rng *rng);
uint32_t pare_rng_below(pare_rng *rng, uint32_t limit); /* unbiased, 0 <= x < limit; limit > 0 */
float pare_rng_f32(pare_rng *rng);                      /* [0,1), 24 bits */
void pare_rng_shuffle(pare_rng *rng, uint32_t *items, size_t n);

typedef struct pare_mt19937 {
  uint32_t state[624];
  int index;
} pare_mt19937;

void pare_mt19937_seed(pare_mt19937 *mt, uint64_t seed); /* the low 32 bits, as PyTorch */
uint32_t pare_mt19937_u32(pare_mt19937 *mt);
float pare_mt19937_f32(pare_mt19937 *mt); /* [0,1), as torch.rand on the CPU */

#endif
