/* The plain reference of q8_add.h. */
#include "kernels/q8_add/q8_add.h"

void pare_q8_add__ref(const pare_q8_add_args *args);

void pare_q8_add__ref(const pare_q8_add_args *args) {
  for (int64_t i = 0; i < args->n; i++) args->y[i] = pare_q8_add_one(args, args->a[i], args->b[i]);
}
