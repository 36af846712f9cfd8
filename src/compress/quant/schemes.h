/* Number formats of activations and weights (schemes.def), and what watches ranges while calibrating (observers.def). */
#ifndef PARE_SCHEMES_H
#define PARE_SCHEMES_H

#include "tensor/tensor.h"

typedef struct pare_range {
  float low, high;
  bool seen;
} pare_range;

typedef struct pare_observer {
  const char *name;
  /* Takes the least and the largest value of one batch. */
  void (*update)(pare_range *range, float low, float high, float averaging_constant);
} pare_observer;

#define PARE_OBSERVER(variable) extern const pare_observer variable;
#include "compress/quant/observers.def"
#undef PARE_OBSERVER

/* NULL past the end; choices of recipe parameters. */
const pare_observer *pare_observer_at(int i);
const char *pare_observer_name(int i);
const char *pare_activation_name(int i);
pare_dtype pare_activation_dtype(int i);
const char *pare_weight_name(int i);
bool pare_weight_per_channel(int i);
const char *pare_weight_bits_name(int i);
int pare_weight_bits(int i);

#endif
