/* An arena: blocks that double in size, handed out from the front, freed together. */
#include <stdio.h>
#include <string.h>

#include "base/base.h"

#define FIRST_BLOCK_BYTES 2048
#define MAX_GROWTH_BYTES  ((size_t)1 << 20)

struct pare_arena_block {
  pare_arena_block *next;
  size_t used, capacity;
  uint8_t *data;
};

void pare_arena_init(pare_arena *arena, pare_context *ctx) {
  *arena = (pare_arena){ctx, NULL};
}

void pare_arena_free(pare_arena *arena) {
  while (arena->blocks) {
    pare_arena_block *next = arena->blocks->next;
    pare_free(arena->ctx, arena->blocks);
    arena->blocks = next;
  }
}

static pare_arena_block *add_block(pare_arena *arena, size_t size) {
  size_t capacity = arena->blocks ? arena->blocks->capacity * 2 : FIRST_BLOCK_BYTES;
  if (capacity > MAX_GROWTH_BYTES) capacity = MAX_GROWTH_BYTES;
  if (capacity < size) capacity = size;
  size_t header = (sizeof(pare_arena_block) + 15) & ~(size_t)15, total;
  if (!pare_add_size(capacity, header, &total)) {
    pare_out_of_memory(arena->ctx, size);
    return NULL;
  }
  pare_arena_block *block = pare_alloc(arena->ctx, total);
  if (!block) return NULL;
  block->capacity = capacity;
  block->data = (uint8_t *)block + header;
  block->next = arena->blocks;
  arena->blocks = block;
  return block;
}

void *pare_arena_alloc(pare_arena *arena, size_t size) {
  size_t rounded;
  if (!pare_add_size(size, 15, &rounded)) {
    pare_out_of_memory(arena->ctx, size);
    return NULL;
  }
  rounded = rounded == 15 ? 16 : rounded & ~(size_t)15;
  pare_arena_block *block = arena->blocks;
  if (!block || block->capacity - block->used < rounded) block = add_block(arena, rounded);
  if (!block) return NULL;
  void *memory = block->data + block->used;
  block->used += rounded;
  return memory;
}

void *pare_arena_array(pare_arena *arena, size_t count, size_t size) {
  size_t bytes;
  if (pare_mul_size(count, size, &bytes)) return pare_arena_alloc(arena, bytes);
  pare_out_of_memory(arena->ctx, SIZE_MAX);
  return NULL;
}

char *pare_arena_text_n(pare_arena *arena, const void *text, size_t len_bytes) {
  char *copy = pare_arena_array(arena, len_bytes + 1, 1);
  if (copy && len_bytes) memcpy(copy, text, len_bytes);
  return copy;
}

char *pare_arena_text(pare_arena *arena, const char *text) {
  return pare_arena_text_n(arena, text, strlen(text));
}

char *pare_arena_printf(pare_arena *arena, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int len = vsnprintf(NULL, 0, format, args);
  va_end(args);
  char *text = len < 0 ? NULL : pare_arena_alloc(arena, (size_t)len + 1);
  if (!text) return NULL;
  va_start(args, format);
  vsnprintf(text, (size_t)len + 1, format, args);
  va_end(args);
  return text;
}

size_t pare_arena_used_bytes(const pare_arena *arena) {
  size_t used = 0;
  for (const pare_arena_block *block = arena->blocks; block; block = block->next) used += block->used;
  return used;
}
