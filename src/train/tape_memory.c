/* Memory for gradients: each takes the lowest place that no gradient alive at the same time covers, the
 * one that is needed first going first. Gradients of weights and inputs are alive to the end. */
#include "train/tape_memory.h"

#define LINE_BYTES 64 /* each on cache lines of its own: vectors that lie across two cost twice */

typedef struct placed {
  int i_value;
  size_t offset, end;
} placed;

static bool alive_together(pare_gradient_life a, pare_gradient_life b) {
  return a.first <= b.last && b.first <= a.last;
}

/* The lowest offset at which [offset, offset + len_bytes) is free; `done` is sorted by offset. */
static size_t lowest_place(const placed *done, int n_done, const pare_gradient_life *lives, int i_value,
                           size_t len_bytes) {
  size_t offset = 0;
  for (int i = 0; i < n_done; i++) {
    if (!alive_together(lives[done[i].i_value], lives[i_value])) continue;
    if (done[i].offset >= offset && done[i].offset - offset >= len_bytes) break;
    if (done[i].end > offset) offset = done[i].end;
  }
  return offset;
}

static pare_status place_one(pare_tape *tape, const pare_gradient_life *lives, int i_value, placed *done,
                             int *n_done) {
  const pare_session *session = tape->session;
  size_t len_bytes;
  PARE_TRY(pare_tensor_bytes(session->ctx, PARE_F32, &session->tensors[i_value].shape, &len_bytes));
  len_bytes = (len_bytes + LINE_BYTES - 1) & ~(size_t)(LINE_BYTES - 1);
  placed added = {i_value, lowest_place(done, *n_done, lives, i_value, len_bytes), 0};
  if (!pare_add_size(added.offset, len_bytes, &added.end)) return pare_out_of_memory(session->ctx, SIZE_MAX);
  int i = (*n_done)++;
  for (; i > 0 && done[i - 1].offset > added.offset; i--) done[i] = done[i - 1];
  done[i] = added;
  if (added.end > tape->memory_bytes) tape->memory_bytes = added.end;
  return PARE_OK;
}

pare_status pare_tape_place(pare_tape *tape, const pare_gradient_life *lives) {
  const pare_session *session = tape->session;
  int n_values = session->model->n_values, n_done = 0;
  placed *done = pare_arena_array(&tape->arena, (size_t)n_values, sizeof(placed));
  if (done == NULL) return PARE_OUT_OF_MEMORY;
  for (int i_step = -1; i_step < tape->n_steps; i_step++) {
    for (int i = 0; i < n_values; i++) {
      if (tape->wanted[i] && lives[i].first == i_step) PARE_TRY(place_one(tape, lives, i, done, &n_done));
    }
  }
  tape->memory = pare_alloc(session->ctx, tape->memory_bytes + LINE_BYTES);
  if (tape->memory == NULL) return PARE_OUT_OF_MEMORY;
  char *base = (char *)(((uintptr_t)tape->memory + LINE_BYTES - 1) & ~(uintptr_t)(LINE_BYTES - 1));
  for (int i = 0; i < n_done; i++) {
    pare_tensor *gradient = &tape->gradients[done[i].i_value];
    *gradient = session->tensors[done[i].i_value];
    gradient->owner = NULL;
    gradient->data = base + done[i].offset;
  }
  return PARE_OK;
}
