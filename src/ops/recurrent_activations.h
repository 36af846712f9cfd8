/* The activations of RNN, GRU and LSTM by their ONNX names. */
#ifndef PARE_RECURRENT_ACTIVATIONS_H
#define PARE_RECURRENT_ACTIVATIONS_H

#include "ops/recurrent.h"

/* False: there is none of that name. alpha and beta are set to their defaults. */
bool pare_activation_find(const char *name, pare_activation *out, bool *has_alpha, bool *has_beta);

#endif
