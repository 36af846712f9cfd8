/* A data set: samples and labels in two splits. Samples stay in the form they came in (u8 images stay u8); a batch is
 * converted while it is gathered. */
#ifndef PARE_DATASET_H
#define PARE_DATASET_H

#include "tensor/tensor.h"

typedef struct pare_split {
  pare_tensor samples; /* [n, ...], u8 or f32 */
  int32_t *labels;     /* [n], 0 <= label < n_classes */
  int64_t n;
} pare_split;

struct pare_dataset {
  pare_context *ctx;
  uint32_t n_refs;
  const char *name;
  float scale; /* u8 samples are multiplied by this: 1/255 for images */
  int n_classes;
  const char **class_names; /* [n_classes] or NULL */
  pare_shape sample_shape;  /* without the batch */
  pare_split train, test;
  bool single;      /* one set was given: `test` is all of it, `train` is empty */
  pare_arena arena; /* names */
};

/* One more reference; give it back with pare_dataset_free. */
static inline pare_dataset *pare_dataset_retain(const pare_dataset *dataset) {
  pare_dataset *shared = (pare_dataset *)(uintptr_t)dataset;
  shared->n_refs++;
  return shared;
}
/* For anything that trains or calibrates: *out is `dataset` retained, or, for a single set, a new one whose test split is every sixth
 * sample and whose train split is the rest. */
pare_status pare_dataset_for_training(const pare_dataset *dataset, pare_dataset **out);
/* Writes samples indices[0..n) (indices NULL: first, first+1, ...) as f32 into out [n, elements], labels into `labels` (may be NULL). */
void pare_dataset_gather(const pare_dataset *dataset, const pare_split *split, const uint32_t *indices,
                         int64_t first, int64_t n, float *out, int32_t *labels);
/* BAD_DATA unless a sample has as many elements as the model's first input takes per batch item, naming both shapes. */
pare_status pare_dataset_fits(const pare_dataset *dataset, const pare_shape *input_shape);

/* Readers, one file each. NPY (also used by the command line for tensors): any numeric type, C order. */
pare_status pare_npy_read(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                          pare_tensor *out);
pare_status pare_npy_write(const pare_tensor *tensor, pare_writer *out);
pare_status pare_idx_read(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                          pare_tensor *out);
/* Inflates gzip; *was_gzip false and out empty when the bytes are something else. BAD_DATA: broken, or over 1 GiB. */
pare_status pare_gunzip(pare_context *ctx, const char *name, const void *bytes, size_t len_bytes,
                        bool *was_gzip, pare_buffer *out);

#endif
