/* LSTM (ONNX LSTM, opset 14; Hochreiter and Schmidhuber 1997), what its files share.
 *   i = f(W_i x + R_i h + P_i . c + b_i)      o = f(W_o x + R_o h + P_o . C + b_o)
 *   f = f(W_f x + R_f h + P_f . c + b_f)      g = g(W_c x + R_c h + b_c)
 *   C = f . c + i . g                         H = o . h(C)
 * h, c: the step before; C, H: this step; the sum of W x goes on with R h, then come the bias (W's plus
 * R's) and the peephole. Rows and steps: recurrent.h. */
#ifndef PARE_LSTM_H
#define PARE_LSTM_H

#include "ops/recurrent.h"

enum { LSTM_X, LSTM_W, LSTM_R, LSTM_B, LSTM_LENGTHS, LSTM_H0, LSTM_C0, LSTM_P, LSTM_N_IN };

/* Scratch and saved memory as named parts, in floats. Saved is per direction. */
typedef struct pare_lstm_parts {
  float *packed, *bias, *gates, *step; /* scratch: W and R; [4H]; [rows,4H]; [N,4H] */
  float *h, *c, *hc;                   /* scratch, or one step of saved: [N,H] */
} pare_lstm_parts;

/* Saved: gates [T,N,4H] after activation, h and c [T+1,N,H] (before each step, and the last), h(C)
 * [T,N,H]; s counts. */
static inline size_t pare_lstm_saved_gates(const pare_recurrent *l) {
  return (size_t)(l->length * l->batch * 4 * l->hidden);
}
static inline size_t pare_lstm_saved_state(const pare_recurrent *l) {
  return (size_t)((l->length + 1) * l->batch * l->hidden);
}
static inline size_t pare_lstm_saved_len(const pare_recurrent *l) {
  return pare_lstm_saved_gates(l) + 3 * pare_lstm_saved_state(l);
}

/* floats of scratch that backward needs; false: overflow */
bool pare_lstm_backward_len(const pare_recurrent *l, size_t *len);
pare_status pare_lstm_backward(pare_grad_call *grad);

#endif
