/* Names to indices: see names.h. */
#include "base/names.h"

#include <string.h>

static size_t hash_text(const char *text) {
  uint32_t hash = 2166136261u;
  for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
  return hash;
}

static struct pare_names_slot *find_slot(const pare_names *names, const char *name) {
  size_t i = hash_text(name) & (names->capacity - 1);
  while (names->slots[i].name && strcmp(names->slots[i].name, name) != 0) i = (i + 1) & (names->capacity - 1);
  return &names->slots[i];
}

int pare_names_find(const pare_names *names, const char *name) {
  if (names->n == 0) return -1;
  const struct pare_names_slot *slot = find_slot(names, name);
  return slot->name ? slot->index : -1;
}

static pare_status grow_names(pare_names *names) {
  pare_names bigger = {.ctx = names->ctx, .capacity = names->capacity ? 2 * names->capacity : 64};
  bigger.slots = pare_alloc_array(names->ctx, bigger.capacity, sizeof(*bigger.slots));
  if (!bigger.slots) return PARE_OUT_OF_MEMORY;
  for (size_t i = 0; i < names->capacity; i++) {
    if (names->slots[i].name) *find_slot(&bigger, names->slots[i].name) = names->slots[i];
  }
  bigger.n = names->n;
  pare_free(names->ctx, names->slots);
  *names = bigger;
  return PARE_OK;
}

pare_status pare_names_add(pare_names *names, const char *name, int index) {
  if (2 * (names->n + 1) > names->capacity) PARE_TRY(grow_names(names));
  struct pare_names_slot *slot = find_slot(names, name);
  if (!slot->name) names->n++;
  *slot = (struct pare_names_slot){name, index};
  return PARE_OK;
}

void pare_names_free(pare_names *names) {
  pare_free(names->ctx, names->slots);
  *names = (pare_names){.ctx = names->ctx};
}
