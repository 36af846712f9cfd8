/* N:M semi-structured sparsity: of every four weights in a row along the axis that a layer sums over, two become zero
 * (Mishra et al. 2021, "Accelerating Sparse Deep Neural Networks"; NVIDIA's ASP). */
#ifndef PARE_PATTERN_H
#define PARE_PATTERN_H

#include "graph/graph.h"

/* The axis of weight input `i_input` along which a node sums: input channels of a convolution, rows or columns of a
 * matrix. */
int pare_input_axis(const pare_node *node, int i_input, const pare_shape *weight);
/* Zeroes in w the two lowest of every four scores along `axis`; of equal ones the first goes. Fewer than four at the
 * end stay. NaN counts as the largest. */
void pare_prune_two_of_four(float *w, const float *scores, const pare_shape *shape, int axis);

#endif
