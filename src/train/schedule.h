/* Learning rates over a run. Adding one is a function in schedule.c and a line in schedule.def. */
#ifndef PARE_SCHEDULE_H
#define PARE_SCHEDULE_H

#include "base/base.h"

typedef struct pare_schedule_at {
  double rate;               /* the base */
  uint64_t i_batch, n_total; /* this batch of all, from 0 */
  uint64_t n_epoch;          /* batches in an epoch */
  int64_t step_size;         /* epochs */
  double gamma;
} pare_schedule_at;

typedef struct pare_schedule {
  const char *name, *help;
  double (*rate)(const pare_schedule_at *at);
} pare_schedule;

int pare_schedule_count(void);
const pare_schedule *pare_schedule_entry(int i);
const char *pare_schedule_name(int i); /* NULL past the end */

#endif
