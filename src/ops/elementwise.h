/* Element-wise operators: what is the same in all of them. Each gives a table (`family` in its descriptor): a loop over f32 where
 * speed matters, a function of one or two numbers in f64 and in s64 for every other type (wide.h), and its gradient.
 * Broadcasting, gradients summed over repeated axes and channel coupling are here. Broadcasting is numpy's
 * (ONNX "Multidirectional Broadcasting"). */
#ifndef PARE_ELEMENTWISE_H
#define PARE_ELEMENTWISE_H

#include "ops/loop.h"
#include "ops/op_util.h"
#include "ops/wide.h"

/* ---- unary --------------------------------------------------------------------------------------------- */
/* y[n] from x[n]; the two may be the same memory. `call` for attributes. */
typedef void (*pare_unary_fn)(const pare_call *call, const float *x, float *y, int64_t n);
/* dx[n] += the gradient, from x, y and g = dy. */
typedef void (*pare_unary_grad_fn)(const pare_call *call, const float *x, const float *y, const float *g,
                                   float *dx, int64_t n);
/* The `family` of a unary operator. `p` holds its float attributes, in the order of `attrs`. */
typedef struct pare_unary {
  struct {
    const char *name;
    float fallback;
  } attrs[2];
  pare_unary_fn f32;                                    /* NULL: as f64 */
  double (*f64)(const double *p, double x);             /* NULL: no floats */
  int64_t (*s64)(const double *p, int64_t x);           /* NULL: no integers */
  pare_unary_grad_fn gradient;                          /* NULL: by `slope` */
  double (*slope)(const double *p, double x, double y); /* dy/dx */
  bool takes_bool, only_bool, gives_bool, no_unsigned;
} pare_unary;
pare_status pare_unary_infer(pare_call *call);
pare_status pare_unary_run(pare_call *call);
pare_status pare_unary_backward(pare_grad_call *grad);
/* The same with a gradient loop given: operators that are no `pare_unary`. */
pare_status pare_unary_backward_by(pare_grad_call *grad, pare_unary_grad_fn fn);
/* Every axis of in[0] goes with the same axis of out[0]. */
pare_status pare_couple_same(const pare_call *call, pare_coupler *coupler);

/* The descriptor of a unary operator but for its gradient. */
#define PARE_UNARY_FACTS(onnx_name, onnx_domain, table)                                                      \
  .name = (onnx_name), .domain = (onnx_domain), .min_in = 1, .max_in = 1, .min_out = 1, .max_out = 1,        \
  .infer = pare_unary_infer, .run = pare_unary_run, .couple = pare_couple_same, .in_place = true,            \
  .layout = PARE_LAYOUT_ANY, .family = &(table)

/* ---- binary -------------------------------------------------------------------------------------------- */
/* y[i] = f(a[i * a_step], b[i * b_step]) for i < n; steps are 0 or 1. y may be a's memory when a_step is
 * 1. */
typedef void (*pare_binary_fn)(const float *a, int64_t a_step, const float *b, int64_t b_step, float *y,
                               int64_t n);
/* The `family` of an operator of two inputs, or of any number taken two by two: what it computes per kind of type. */
typedef struct pare_binary {
  pare_binary_fn f32;                     /* NULL: as f64 */
  double (*f64)(double x1, double x2);    /* NULL: no floats */
  int64_t (*s64)(int64_t x1, int64_t x2); /* NULL: no integers; the low bits are kept, so that they wrap */
  int64_t (*u64)(int64_t x1, int64_t x2); /* the bits of two u64; NULL: as s64 */
  bool takes_bool, gives_bool, no_ints;   /* bool goes through s64 */
} pare_binary;
/* da[i * a_step] += ..., db[i * b_step] += ...; da or db may be NULL. */
typedef void (*pare_binary_grad_fn)(const float *a, int64_t a_step, const float *b, int64_t b_step,
                                    const float *g, int64_t n, float *da, float *db);

pare_status pare_binary_infer(pare_call *call);
/* Over all inputs, from the left; one input is copied. */
pare_status pare_binary_run(pare_call *call);
/* The same by a table that depends on attributes. */
pare_status pare_binary_infer_as(pare_call *call, const pare_binary *op);
pare_status pare_binary_run_as(pare_call *call, const pare_binary *op);
/* Min and Max: the gradient goes to the first input that equals the output. */
pare_status pare_select_backward(pare_grad_call *grad);
pare_status pare_binary_backward(pare_grad_call *grad, pare_binary_grad_fn fn);
/* d_in[i] += factor * d_out for every input, summed over repeated axes. */
pare_status pare_sum_backward(pare_grad_call *grad, float factor);
/* Equal axes of every input and out[0] go together; an axis of length 1 that is repeated stays as it is. */
pare_status pare_couple_broadcast(const pare_call *call, pare_coupler *coupler);

/* The descriptor of a binary operator but for its gradient. */
#define PARE_BINARY_FACTS(onnx_name, table)                                                                  \
  .name = (onnx_name), .domain = "", .min_in = 2, .max_in = 2, .min_out = 1, .max_out = 1,                   \
  .infer = pare_binary_infer, .run = pare_binary_run, .couple = pare_couple_broadcast,                       \
  .layout = PARE_LAYOUT_ANY, .family = &(table)

/* Four loops for f32: the compiler vectorises each. `expression` is in x1 and x2. */
#define PARE_BINARY_F32(name, expression)                                                                    \
  static void name(const float *a, int64_t a_step, const float *b, int64_t b_step, float *y, int64_t n) {    \
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

/* Functions of two numbers; `expression` is in x1 and x2. */
#define PARE_F64(name, expression)                                                                           \
  static double name(double x1, double x2) {                                                                 \
    return (expression);                                                                                     \
  }
#define PARE_S64(name, expression)                                                                           \
  static int64_t name(int64_t x1, int64_t x2) {                                                              \
    return (expression);                                                                                     \
  }
#define PARE_U64(name, expression)                                                                           \
  static int64_t name(int64_t a, int64_t b) {                                                                \
    const uint64_t x1 = (uint64_t)a, x2 = (uint64_t)b;                                                       \
    return (int64_t)(expression);                                                                            \
  }
/* f64, s64, u64: one expression for all. */
#define PARE_EACH(expression)                                                                                \
  PARE_F64(f64, expression)                                                                                  \
  PARE_S64(s64, expression)                                                                                  \
  PARE_U64(u64, expression)

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

/* The table of Add, Sub and Mul: wrapping integers, floats as they are. */
#define PARE_ARITHMETIC(table, operation)                                                                    \
  PARE_BINARY_F32(table##_f32, x1 operation x2)                                                              \
  PARE_F64(table##_f64, x1 operation x2)                                                                     \
  PARE_U64(table##_s64, x1 operation x2)                                                                     \
  static const pare_binary table = {.f32 = table##_f32, .f64 = table##_f64, .s64 = table##_s64};

/* y[i] = expression over x[i], in a run function that has `call` and the count `n`. */
#define PARE_UNARY_APPLY(type, expression)                                                                   \
  do {                                                                                                       \
    const type *x = (const type *)call->in[0]->data;                                                         \
    type *y = (type *)call->out[0]->data;                                                                    \
    PARE_IVDEP for (int64_t i = 0; i < n; i++) y[i] = (expression);                                          \
  } while (0)

#endif
