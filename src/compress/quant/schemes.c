/* The tables of schemes.def and observers.def. */
#include "compress/quant/schemes.h"

static const pare_observer *const observers[] = {
#define PARE_OBSERVER(variable) &variable,
#include "compress/quant/observers.def"
#undef PARE_OBSERVER
};

static const struct {
  const char *name;
  pare_dtype dtype;
} activations[] = {
#define PARE_ACTIVATION(name, dtype) {#name, dtype},
#define PARE_WEIGHT(name, per_channel)
#define PARE_BITS(name, bits)
#include "compress/quant/schemes.def"
#undef PARE_ACTIVATION
#undef PARE_WEIGHT
#undef PARE_BITS
};

static const struct {
  const char *name;
  bool per_channel;
} weights[] = {
#define PARE_ACTIVATION(name, dtype)
#define PARE_WEIGHT(name, per_channel) {#name, per_channel},
#define PARE_BITS(name, bits)
#include "compress/quant/schemes.def"
#undef PARE_ACTIVATION
#undef PARE_WEIGHT
#undef PARE_BITS
};

static const struct {
  const char *name;
  int bits;
} sizes[] = {
#define PARE_ACTIVATION(name, dtype)
#define PARE_WEIGHT(name, per_channel)
#define PARE_BITS(name, bits) {#name, bits},
#include "compress/quant/schemes.def"
#undef PARE_ACTIVATION
#undef PARE_WEIGHT
#undef PARE_BITS
};

const pare_observer *pare_observer_at(int i) {
  return i >= 0 && i < (int)PARE_COUNT(observers) ? observers[i] : NULL;
}

const char *pare_observer_name(int i) {
  const pare_observer *observer = pare_observer_at(i);
  return observer ? observer->name : NULL;
}

const char *pare_activation_name(int i) {
  return i >= 0 && i < (int)PARE_COUNT(activations) ? activations[i].name : NULL;
}

pare_dtype pare_activation_dtype(int i) {
  return activations[i].dtype;
}

const char *pare_weight_name(int i) {
  return i >= 0 && i < (int)PARE_COUNT(weights) ? weights[i].name : NULL;
}

bool pare_weight_per_channel(int i) {
  return weights[i].per_channel;
}

const char *pare_weight_bits_name(int i) {
  return i >= 0 && i < (int)PARE_COUNT(sizes) ? sizes[i].name : NULL;
}

int pare_weight_bits(int i) {
  return sizes[i].bits;
}
