/* What a node stores: its weights, as floats or as integers with scale and zero point. */
#ifndef PARE_STORED_H
#define PARE_STORED_H

#include "graph/graph.h"

typedef struct pare_stored {
  int i_value; /* the initializer */
  const pare_tensor *tensor;
  const pare_tensor *scale, *zero_point; /* of a quantized weight; NULL where there is none */
  int axis;                              /* of a per-channel zero point, or of its blocks */
  int64_t block;                         /* of a DequantizeLinear in blocks; 0: none */
  int bits;                              /* of a weight */
  int64_t count;                         /* weights, also where several share a byte */
  const pare_node *node;
  bool is_parameter; /* else a running statistic: stored, but not counted as a parameter */
} pare_stored;

#define PARE_MAX_STORED 8

/* Fills `out` and returns how many there are. */
int pare_stored_of(const pare_model *model, const pare_node *node, pare_stored out[PARE_MAX_STORED]);
uint64_t pare_stored_nonzeros(const pare_stored *stored);
uint64_t pare_stored_bytes(const pare_stored *stored); /* with scale and zero point */
/* Order-0 entropy in bytes: of each of the four byte planes of an f32 tensor by itself, of the bytes of
 * anything else. */
uint64_t pare_stored_entropy_bytes(const pare_stored *stored);

#endif
