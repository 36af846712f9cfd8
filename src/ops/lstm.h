/* LSTM (ONNX LSTM, opset 14; Hochreiter and Schmidhuber 1997), what its files share.
 *   i = f(W_i x + R_i h + P_i . c + b_i)      o = f(W_o x + R_o h + P_o . C + b_o)
 *   f = f(W_f x + R_f h + P_f . c + b_f)      g = g(W_c x + R_c h + b_c)
 *   C = f . c + i . g                         H = o . h(C)
 * h, c: the step before; C, H: this step; the sum of W x goes on with R h, then come the bias (W's plus
 * R's) and the peephole.
 *
 * The input products of all steps are one GEMM. A row is one step of one sequence, in the order of X: t *
 * batch + b (layout 0) or b * length + t (layout 1). Steps are counted by s in the order of processing: t
 * = s, or last - s in the reverse direction, where `last` is the sequence's own end. */
#ifndef PARE_LSTM_H
#define PARE_LSTM_H

#include "ops/op_util.h"
#include "ops/product.h"

enum { LSTM_X, LSTM_W, LSTM_R, LSTM_B, LSTM_LENGTHS, LSTM_H0, LSTM_C0, LSTM_P, LSTM_N_IN };

typedef struct pare_lstm_activation {
  const char *name;
  void (*run)(const float *x, float *y, int64_t n); /* y may be x */
  float (*slope)(float y);                          /* from the value */
} pare_lstm_activation;

typedef struct pare_lstm {
  int64_t length, batch, input, hidden, directions; /* T, N, I, H, D */
  int64_t row_t, row_b;                             /* steps of a row of X in t and in b */
  bool first_reverse;                               /* direction 0 runs from the end */
  bool batch_first, input_forget;
  float clip;                                    /* 0: none */
  const pare_lstm_activation *activations[2][3]; /* f, g, h of each direction */
  float *packed;                                 /* constant W and R: [D][W^T packed, R^T packed] */
  size_t packed_w, packed_r;                     /* floats of each */
} pare_lstm;

/* Scratch and saved memory as named parts, in floats. Saved is per direction. */
typedef struct pare_lstm_parts {
  float *packed, *bias, *gates, *step; /* scratch: W and R; [4H]; [rows,4H]; [N,4H] */
  float *h, *c, *hc;                   /* scratch, or one step of saved: [N,H] */
} pare_lstm_parts;

/* Saved: gates [T,N,4H] after activation, h and c [T+1,N,H] (before each step, and the last), h(C)
 * [T,N,H]; s counts. */
static inline size_t pare_lstm_saved_gates(const pare_lstm *l) {
  return (size_t)(l->length * l->batch * 4 * l->hidden);
}
static inline size_t pare_lstm_saved_state(const pare_lstm *l) {
  return (size_t)((l->length + 1) * l->batch * l->hidden);
}
static inline size_t pare_lstm_saved_len(const pare_lstm *l) {
  return pare_lstm_saved_gates(l) + 3 * pare_lstm_saved_state(l);
}

static inline int64_t pare_lstm_length_of(const pare_lstm *l, const pare_call *call, int64_t b) {
  if (!pare_call_has(call, LSTM_LENGTHS)) return l->length;
  const int64_t n = pare_s32(call->in[LSTM_LENGTHS])[b];
  return n < 0 ? 0 : n > l->length ? l->length : n;
}
static inline bool pare_lstm_reversed(const pare_lstm *l, int64_t d) {
  return d == 1 || l->first_reverse;
}
/* Element offset of Y[t,d,b,:] and of a state [d,b,:]. */
static inline int64_t pare_lstm_y_at(const pare_lstm *l, int64_t t, int64_t d, int64_t b) {
  return (l->batch_first ? (b * l->length + t) * l->directions + d : (t * l->directions + d) * l->batch + b) *
         l->hidden;
}
static inline int64_t pare_lstm_state_at(const pare_lstm *l, int64_t d, int64_t b) {
  return (l->batch_first ? b * l->directions + d : d * l->batch + b) * l->hidden;
}

/* floats of scratch that backward needs; false: overflow */
bool pare_lstm_backward_len(const pare_lstm *l, size_t *len);
pare_status pare_lstm_backward(pare_grad_call *grad);

#endif
