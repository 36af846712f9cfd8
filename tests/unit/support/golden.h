/* Golden data and example files of the repository, for tests. Each fails the running test when the file
 * is not there. */
#ifndef PARE_GOLDEN_H
#define PARE_GOLDEN_H

#include "tensor/tensor.h"

/* Paths are relative to the root of the repository. */
pare_tensor golden_npy(pare_context *ctx, const char *path);
pare_model *golden_model(pare_context *ctx, const char *path);
/* Four NPY files: training samples and labels, test samples and labels. */
pare_dataset *golden_dataset(pare_context *ctx, const char *const paths[4]);
/* |value - expected| <= relative * |expected| + absolute; shows `what` when not. NaN fails. */
void golden_close(const char *what, double value, double expected, double relative, double absolute);

#endif
