/* The u8 and s8 form of MaxPool (max_pool.c picks it by the input's type). */
#ifndef PARE_MAX_POOL_8BIT_H
#define PARE_MAX_POOL_8BIT_H

#include "ops/pool.h"

static inline bool pare_max_pool_is_8bit(const pare_call *call) {
  return pare_call_has(call, 0) && (call->in[0]->dtype == PARE_U8 || call->in[0]->dtype == PARE_S8);
}
pare_status pare_max_pool_8bit_run(pare_call *call); /* after pare_pool_prepare */

#endif
