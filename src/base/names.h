/* A hash table from names to indices (FNV-1a: Fowler, Noll, Vo; linear probing). */
#ifndef PARE_NAMES_H
#define PARE_NAMES_H

#include "base/base.h"

/* Names are borrowed. */
typedef struct pare_names {
  pare_context *ctx;
  struct pare_names_slot {
    const char *name;
    int index;
  } * slots;
  size_t n, capacity;
} pare_names;

int pare_names_find(const pare_names *names, const char *name); /* -1 */
pare_status pare_names_add(pare_names *names, const char *name, int index);
void pare_names_free(pare_names *names);

#endif
