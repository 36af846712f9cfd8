/* One line per case of an operator; it serves the forward values and the gradient. Tables stand in
 * tests/unit/support/op_cases_*.c and are listed in op_cases.def; test_ops.c runs them all.
 *
 *   OP_CASE("Add", "repeats a row", "", "f32[2,2]{1,2,3,4} f32[2]{10,20}", "f32[2,2]{11,22,13,24}"),
 *
 * Tensors:    f32[2,3]{1,2,3,4,5,6}   f32[2,3]{0} (all the same)   s64{0,-1} (a list)   s64[]{5} (a scalar)
 *             f32[2,3]  without values: distinct numbers in (-1,1), not near 0 nor each other (up to 60)
 *             f32+[2,3] the same in (0.5,2)
 *             =s64{0,1} with an = sign: a constant (initializer); without it, a graph input
 *             -         left out
 * Attributes: axis=1  perm=1,0  axes=2, (a list of one)  alpha=0.5  mode='edge'  value=s64{7} (a tensor)
 * Expected:   one tensor per output, or !BAD_MODEL, !UNSUPPORTED, !BAD_DATA: planning or running fails so,
 *             or NULL: gradient only
 *
 * When the operator has a gradient, every f32 input that is not a constant is checked against central
 * differences with h = 1/128: |analytic - numeric| <= 2e-3 (1 + |numeric|), sign and all. */
#ifndef PARE_OP_CASE_H
#define PARE_OP_CASE_H

#include "session/session.h"

typedef struct op_case {
  const char *op, *says, *attrs, *inputs, *expect;
  int n_out;          /* 0: as many as `expect` has, or 1 */
  bool no_gradient;   /* values at which the function has a kink, or no case for gradients */
  const char *domain; /* NULL: ONNX's own */
  double tolerance;   /* of forward values, absolute and relative; 0: 1e-5. Integers must be equal. */
} op_case;

/* Operator, what the case shows, attributes, inputs, expected outputs, then any of the last four members
 * by name. */
#define OP_CASE(op_, says_, attrs_, inputs_, ...)                                                            \
  { .op = op_, .says = says_, .attrs = attrs_, .inputs = inputs_, .expect = __VA_ARGS__ }

const char *op_case_domain(const op_case *c);

/* Fails the running cmocka test when the case does not hold. */
void op_case_check_forward(const op_case *c);
void op_case_check_gradient(const op_case *c);

/* The finished model of one node (values in0, in1, ..., out0, ...); free the model, then the context. */
void op_case_build(const op_case *c, pare_context **ctx, pare_model **model);

/* All tables, one after another; NULL past the end. */
const op_case *op_case_at(int i);
int op_case_count(void);

#endif
