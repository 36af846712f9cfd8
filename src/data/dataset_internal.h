/* What the data set's own files share. */
#ifndef PARE_DATASET_INTERNAL_H
#define PARE_DATASET_INTERNAL_H

#include "base/rng.h"
#include "data/dataset.h"

/* An empty set with one reference. */
pare_status pare_dataset_new(pare_context *ctx, const char *name, pare_dataset **out);
/* Sets sample_shape, n_classes and `single` from the splits; BAD_DATA when they do not fit each other. */
pare_status pare_dataset_settle(pare_dataset *dataset);
/* `ordered`: the pairs are train, then test, as given; otherwise the larger one trains. */
pare_status pare_dataset_from_files(pare_context *ctx, const char *name, const pare_file *files, int n_files,
                                    bool ordered, pare_dataset **out);

/* Generated sets (generate.c). */
typedef struct pare_generated {
  const char *name;
  const char *about;
  int n_classes;
  pare_shape sample_shape;
  const char *const *class_names;
  /* One sample of the class. */
  void (*make)(pare_rng *rng, int label, float *out);
} pare_generated;

const pare_generated *pare_generated_find(const char *name); /* NULL */
pare_status pare_dataset_generate(pare_context *ctx, const pare_generated *kind, pare_dataset **out);

#endif
