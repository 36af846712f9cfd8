/* What RNN, GRU and LSTM share (ONNX, opset 14): attributes, activations, the order of steps, states, and the products
 * with all inputs at once.
 *
 * The input products of all steps are one GEMM. A row is one step of one sequence, in the order of X: t *
 * batch + b (layout 0) or b * length + t (layout 1). Steps are counted by s in the order of processing: t
 * = s, or last - s in the reverse direction, where `last` is the sequence's own end. Steps past it give Y = 0 and
 * keep the state. */
#ifndef PARE_RECURRENT_H
#define PARE_RECURRENT_H

#include "ops/op_util.h"
#include "ops/product.h"

enum { RECURRENT_X, RECURRENT_W, RECURRENT_R, RECURRENT_B, RECURRENT_LENGTHS, RECURRENT_H0 };

typedef struct pare_activation {
  void (*run)(const struct pare_activation *f, const float *x, float *y, int64_t n); /* y may be x */
  float (*slope)(const struct pare_activation *f, float y);                          /* from the value */
  float alpha, beta;
} pare_activation;

static inline void pare_activate(const pare_activation *f, float *x, int64_t n) {
  f->run(f, x, x, n);
}
static inline float pare_slope(const pare_activation *f, float y) {
  return f->slope(f, y);
}

typedef struct pare_recurrent {
  int64_t length, batch, input, hidden, directions; /* T, N, I, H, D */
  int64_t gates;                                    /* rows of H in W and R */
  int64_t row_t, row_b;                             /* steps of a row of X in t and in b */
  bool first_reverse;                               /* direction 0 runs from the end */
  bool batch_first, input_forget, linear_before_reset;
  float clip;                        /* 0: none */
  pare_activation activations[2][3]; /* of each direction, as ONNX lists them */
  float *packed;                     /* constant W and R: [D][W^T packed, R^T packed] */
  size_t packed_w, packed_r;         /* floats of each */
} pare_recurrent;

/* Reads attributes and checks inputs up to initial_h; `n_activations` names for each direction, `names` where
 * there is no attribute. */
pare_status pare_recurrent_read(pare_call *call, int64_t gates, int n_activations, const char *const *names,
                                pare_recurrent *out);
pare_status pare_recurrent_check(pare_call *call, int i, const char *name, pare_dtype dtype,
                                 pare_shape expected);
/* [D,N,H] or, batch first, [N,D,H]. */
pare_shape pare_recurrent_state_shape(const pare_recurrent *r);
/* Y and Y_h. */
pare_status pare_recurrent_set_outputs(pare_call *call, const pare_recurrent *r);
/* Floats of W and R packed, and W and R of every direction packed by `pack` when they are constant. */
typedef void (*pare_recurrent_pack)(const pare_recurrent *r, const pare_call *call, int64_t d, float *packed);
pare_status pare_recurrent_pack_constant(pare_call *call, pare_recurrent *r, pare_recurrent_pack pack);

/* Floats of scratch memory, forward or backward, with `packed` floats in front. */
typedef size_t (*pare_recurrent_scratch)(const pare_recurrent *r, bool backward, size_t packed);
/* The prepare function of RNN and GRU, after reading: R^T is packed with `r_columns` columns, `saved` floats are kept
 * for each direction. BAD_MODEL, UNSUPPORTED: no gradient of clip. */
pare_status pare_recurrent_prepare(pare_call *call, pare_recurrent *r, int64_t r_columns,
                                   pare_recurrent_pack pack, pare_recurrent_scratch scratch, size_t saved);

static inline int64_t pare_recurrent_rows(const pare_recurrent *r) {
  return r->length * r->batch;
}
static inline int64_t pare_recurrent_length_of(const pare_recurrent *r, const pare_call *call, int64_t b) {
  if (!pare_call_has(call, RECURRENT_LENGTHS)) return r->length;
  const int64_t n = pare_s32(call->in[RECURRENT_LENGTHS])[b];
  return n < 0 ? 0 : n > r->length ? r->length : n;
}
/* The time of step s of a sequence of `len` steps, in direction d. */
static inline int64_t pare_recurrent_time(const pare_recurrent *r, int64_t d, int64_t s, int64_t len) {
  return s < len && (d == 1 || r->first_reverse) ? len - 1 - s : s;
}
static inline int64_t pare_recurrent_row(const pare_recurrent *r, int64_t t, int64_t b) {
  return t * r->row_t + b * r->row_b;
}
/* Element offset of Y[t,d,b,:] and of a state [d,b,:]. */
static inline int64_t pare_recurrent_y_at(const pare_recurrent *r, int64_t t, int64_t d, int64_t b) {
  return (r->batch_first ? (b * r->length + t) * r->directions + d : (t * r->directions + d) * r->batch + b) *
         r->hidden;
}
static inline int64_t pare_recurrent_state_at(const pare_recurrent *r, int64_t d, int64_t b) {
  return (r->batch_first ? b * r->directions + d : d * r->batch + b) * r->hidden;
}

void pare_clip_n(float clip, float *x, int64_t n);
/* gates [rows, gates * H] = X W^T of direction d. */
void pare_recurrent_inputs(const pare_recurrent *r, const pare_call *call, const float *packed_w,
                           float *gates);
/* [N,H] from input i (zeros when it is left out), to output i. */
void pare_recurrent_get_state(const pare_recurrent *r, const pare_call *call, int i, int64_t d, float *to);
void pare_recurrent_put_state(const pare_recurrent *r, pare_call *call, int i, int64_t d, const float *from);
/* The gradient of output i (zeros when none arrives); added to that of input i. */
void pare_recurrent_get_grad(const pare_recurrent *r, const pare_grad_call *grad, int i_out, int64_t d,
                             float *to);
void pare_recurrent_add_grad(const pare_recurrent *r, const pare_grad_call *grad, int i_in, int64_t d,
                             const float *from);
/* From the gradients of all gates before their activations, [rows, gates * H]: those of W and X. `packed` has room
 * for pare_recurrent_packed_len floats. */
void pare_recurrent_grad_inputs(const pare_recurrent *r, const pare_grad_call *grad, int64_t d,
                                const float *d_gates, float *packed);
/* dR[first .. first + n gates] += d_gates^T h, h [rows,H]. */
void pare_recurrent_grad_r(const pare_recurrent *r, const pare_grad_call *grad, int64_t d,
                           const float *d_gates, int64_t first, int64_t n, const float *h, float *packed);
/* db += the sum of the rows; b: the bias half of W (0) or R (1). */
void pare_recurrent_grad_b(const pare_recurrent *r, const pare_grad_call *grad, int64_t d, int half,
                           const float *d_gates);
/* Floats; false: overflow. infer must have bounded rows * 2 * gates * H. */
bool pare_recurrent_packed_len(const pare_recurrent *r, size_t *len);
void pare_recurrent_cost(const pare_call *call, pare_cost *cost);
/* Input i is a state of zeros, known while planning. */
bool pare_recurrent_zero_state(const pare_call *call, int i);
/* Hidden units, and input features with the columns of W. */
pare_status pare_recurrent_couple(const pare_call *call, pare_coupler *coupler);

#endif
