/* Element-wise operators: what is the same in all of them. A unary operator gives two loops over f32
 * (value and gradient); a binary one gives a table of loops, one per type, and a gradient loop.
 * Broadcasting, gradients summed over repeated axes and channel coupling are here. Broadcasting is numpy's
 * (ONNX "Multidirectional Broadcasting"). */
#ifndef PARE_ELEMENTWISE_H
#define PARE_ELEMENTWISE_H

#include "ops/loop.h"
#include "ops/op_util.h"

/* Promises that a loop's iterations do not depend on each other, also when an output stands in its input's
 * memory. */
#if defined(__clang__)
#define PARE_IVDEP _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define PARE_IVDEP _Pragma("GCC ivdep")
#else
#define PARE_IVDEP
#endif

/* ---- unary --------------------------------------------------------------------------------------------- */
/* y[n] from x[n]; the two may be the same memory. `call` for attributes. */
typedef void (*pare_unary_fn)(const pare_call *call, const float *x, float *y, int64_t n);
/* dx[n] += the gradient, from x, y and g = dy. */
typedef void (*pare_unary_grad_fn)(const pare_call *call, const float *x, const float *y, const float *g,
                                   float *dx, int64_t n);
pare_status pare_unary_infer(pare_call *call); /* f32 only */
pare_status pare_unary_run(pare_call *call, pare_unary_fn fn);
pare_status pare_unary_backward(pare_grad_call *grad, pare_unary_grad_fn fn);
/* Every axis of in[0] goes with the same axis of out[0]. */
pare_status pare_couple_same(const pare_call *call, pare_coupler *coupler);

/* ---- binary -------------------------------------------------------------------------------------------- */
/* y[i] = f(a[i * a_step], b[i * b_step]) for i < n; steps are 0 or 1. y may be a's memory when a_step is
 * 1. */
typedef void (*pare_binary_fn)(const void *a, int64_t a_step, const void *b, int64_t b_step, void *y,
                               int64_t n);
typedef struct pare_binary_kernel {
  pare_dtype in, out;
  pare_binary_fn run;
} pare_binary_kernel;
/* da[i * a_step] += ..., db[i * b_step] += ...; da or db may be NULL. */
typedef void (*pare_binary_grad_fn)(const float *a, int64_t a_step, const float *b, int64_t b_step,
                                    const float *g, int64_t n, float *da, float *db);

pare_status pare_binary_infer(pare_call *call, const pare_binary_kernel *kernels, size_t n);
pare_status pare_binary_run(pare_call *call, const pare_binary_kernel *kernels, size_t n);
/* out = f(a, b) with broadcasting: a step of operators with any number of inputs. out may be a when their
 * shapes are equal. */
void pare_binary_apply(pare_binary_fn fn, const pare_tensor *a, const pare_tensor *b, pare_tensor *out);
/* Min and Max: the table's function over any number of inputs, and the gradient to the first input that
 * equals the output. */
pare_status pare_select_run(pare_call *call, const pare_binary_kernel *kernels, size_t n);
pare_status pare_select_backward(pare_grad_call *grad);
pare_status pare_binary_backward(pare_grad_call *grad, pare_binary_grad_fn fn);
/* Equal axes of every input and out[0] go together; an axis of length 1 that is repeated stays as it is. */
pare_status pare_couple_broadcast(const pare_call *call, pare_coupler *coupler);

/* Four loops for f32: the compiler vectorises each. `expression` is in x1 and x2. */
#define PARE_BINARY_F32(name, expression)                                                                    \
  static void name(const void *a_, int64_t a_step, const void *b_, int64_t b_step, void *y_, int64_t n) {    \
    const float *a = (const float *)a_, *b = (const float *)b_;                                              \
    float *y = (float *)y_;                                                                                  \
    if (n <= 0) return;                                                                                      \
    if (a_step && b_step) {                                                                                  \
      PARE_IVDEP for (int64_t i = 0; i < n; i++) {                                                           \
        const float x1 = a[i], x2 = b[i];                                                                    \
        y[i] = (expression);                                                                                 \
      }                                                                                                      \
    } else if (a_step) {                                                                                     \
      const float x2 = b[0];                                                                                 \
      PARE_IVDEP for (int64_t i = 0; i < n; i++) {                                                           \
        const float x1 = a[i];                                                                               \
        y[i] = (expression);                                                                                 \
      }                                                                                                      \
    } else if (b_step) {                                                                                     \
      const float x1 = a[0];                                                                                 \
      PARE_IVDEP for (int64_t i = 0; i < n; i++) {                                                           \
        const float x2 = b[i];                                                                               \
        y[i] = (expression);                                                                                 \
      }                                                                                                      \
    } else {                                                                                                 \
      const float x1 = a[0], x2 = b[0];                                                                      \
      for (int64_t i = 0; i < n; i++) y[i] = (expression);                                                   \
    }                                                                                                        \
  }

/* One loop for the other types: they carry shapes and indices, seldom much data. */
#define PARE_BINARY_ANY(name, type, out_type, expression)                                                    \
  static void name(const void *a_, int64_t a_step, const void *b_, int64_t b_step, void *y_, int64_t n) {    \
    const type *a = (const type *)a_, *b = (const type *)b_;                                                 \
    out_type *y = (out_type *)y_;                                                                            \
    for (int64_t i = 0; i < n; i++) {                                                                        \
      const type x1 = a[i * a_step], x2 = b[i * b_step];                                                     \
      y[i] = (out_type)(expression);                                                                         \
    }                                                                                                        \
  }

/* Gradients by x1 and x2, given g. A repeated operand's gradients are summed in the lanes of op_util.h. */
#define PARE_BINARY_GRAD(name, by_x1, by_x2)                                                                 \
  static inline __attribute__((always_inline)) void name##_run(                                              \
      const float *a, int64_t a_step, const float *b, int64_t b_step, const float *g, int64_t n, float *da,  \
      float *db) {                                                                                           \
    float lane1[8] = {0}, lane2[8] = {0};                                                                    \
    for (int64_t i = 0; i < n && da; i++) {                                                                  \
      const float x1 = a[i * a_step], x2 = b[i * b_step], gi = g[i];                                         \
      (void)x1, (void)x2;                                                                                    \
      if (a_step)                                                                                            \
        da[i] += (by_x1);                                                                                    \
      else                                                                                                   \
        lane1[i & 7] += (by_x1);                                                                             \
    }                                                                                                        \
    if (da && !a_step) da[0] += pare_op_lanes(lane1);                                                        \
    for (int64_t i = 0; i < n && db; i++) {                                                                  \
      const float x1 = a[i * a_step], x2 = b[i * b_step], gi = g[i];                                         \
      (void)x1, (void)x2;                                                                                    \
      if (b_step)                                                                                            \
        db[i] += (by_x2);                                                                                    \
      else                                                                                                   \
        lane2[i & 7] += (by_x2);                                                                             \
    }                                                                                                        \
    if (db && !b_step) db[0] += pare_op_lanes(lane2);                                                        \
  }                                                                                                          \
  static void name(const float *a, int64_t a_step, const float *b, int64_t b_step, const float *g,           \
                   int64_t n, float *da, float *db) {                                                        \
    if (a_step && b_step)                                                                                    \
      name##_run(a, 1, b, 1, g, n, da, db);                                                                  \
    else if (a_step)                                                                                         \
      name##_run(a, 1, b, 0, g, n, da, db);                                                                  \
    else if (b_step)                                                                                         \
      name##_run(a, 0, b, 1, g, n, da, db);                                                                  \
    else                                                                                                     \
      name##_run(a, 0, b, 0, g, n, da, db);                                                                  \
  }

/* Integer arithmetic that wraps, for any width and sign. */
#define PARE_WRAP(type, operation) ((type)((uint64_t)x1 operation(uint64_t) x2))

/* The table of Add, Sub and Mul: wrapping integers, floats as they are. */
#define PARE_ARITHMETIC(operation)                                                                           \
  PARE_BINARY_F32(f32, x1 operation x2)                                                                      \
  PARE_BINARY_ANY(f64, double, double, x1 operation x2)                                                      \
  PARE_BINARY_ANY(s64, int64_t, int64_t, PARE_WRAP(int64_t, operation))                                      \
  PARE_BINARY_ANY(s32, int32_t, int32_t, PARE_WRAP(int32_t, operation))                                      \
  PARE_BINARY_ANY(u8, uint8_t, uint8_t, PARE_WRAP(uint8_t, operation))                                       \
  PARE_BINARY_ANY(s8, int8_t, int8_t, PARE_WRAP(int8_t, operation))                                          \
  static const pare_binary_kernel kernels[] = {                                                              \
      {PARE_F32, PARE_F32, f32}, {PARE_F64, PARE_F64, f64}, {PARE_S64, PARE_S64, s64},                       \
      {PARE_S32, PARE_S32, s32}, {PARE_U8, PARE_U8, u8},    {PARE_S8, PARE_S8, s8},                          \
  };

/* The smallest integer has no positive twin: it stays as it is. */
#define PARE_NEGATED(type) ((type)(0 - (uint64_t)x[i]))
/* y[i] = expression over x[i], in a run function that has `call` and the count `n`. */
#define PARE_UNARY_APPLY(type, expression)                                                                   \
  do {                                                                                                       \
    const type *x = (const type *)call->in[0]->data;                                                         \
    type *y = (type *)call->out[0]->data;                                                                    \
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = (expression);                                          \
  } while (0)

#endif
