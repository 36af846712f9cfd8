/* SHA-256 (FIPS 180-4), for naming weights and data by their content. */
#ifndef PARE_SHA256_H
#define PARE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct pare_sha256 {
  uint32_t state[8];
  uint64_t len_bytes;
  uint8_t block[64];
} pare_sha256;

void pare_sha256_start(pare_sha256 *hash);
void pare_sha256_add(pare_sha256 *hash, const void *bytes, size_t len_bytes);
void pare_sha256_finish(pare_sha256 *hash, uint8_t digest[32]);
void pare_sha256_finish_hex(pare_sha256 *hash, char hex[65]);

#endif
