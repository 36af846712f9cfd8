/* Where gradients live; between tape.c and tape_memory.c. */
#ifndef PARE_TAPE_MEMORY_H
#define PARE_TAPE_MEMORY_H

#include "train/train.h"

#define PARE_NO_STEP (-2)

/* Steps of the tape: from the first addition (-1: before the first step) to the last use. */
typedef struct pare_gradient_life {
  int first, last;
} pare_gradient_life;

/* Gives every wanted gradient that has a first step its place in tape->memory. */
pare_status pare_tape_place(pare_tape *tape, const pare_gradient_life *lives);

#endif
