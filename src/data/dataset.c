/* A data set's life, its splits, and batches of it. */
#include "data/dataset_internal.h"

#include "base/json.h"

#include <string.h>

enum { MAX_CLASSES = 65536, TEST_EVERY = 6 };

pare_status pare_dataset_new(pare_context *ctx, const char *name, pare_dataset **out) {
  *out = NULL;
  pare_dataset *dataset = pare_alloc(ctx, sizeof(*dataset));
  if (!dataset) return PARE_OUT_OF_MEMORY;
  dataset->ctx = ctx;
  dataset->n_refs = 1;
  dataset->scale = 1.0f;
  pare_arena_init(&dataset->arena, ctx);
  dataset->name = pare_arena_text(&dataset->arena, name);
  if (!dataset->name) {
    pare_dataset_free(dataset);
    return PARE_OUT_OF_MEMORY;
  }
  *out = dataset;
  return PARE_OK;
}

static void free_split(pare_dataset *dataset, pare_split *split) {
  pare_tensor_release(&split->samples);
  pare_free(dataset->ctx, split->labels);
  *split = (pare_split){0};
}

void pare_dataset_free(pare_dataset *dataset) {
  if (!dataset || --dataset->n_refs > 0) return;
  free_split(dataset, &dataset->train);
  free_split(dataset, &dataset->test);
  pare_arena_free(&dataset->arena);
  pare_free(dataset->ctx, dataset);
}

/* ---- do its parts fit each other ----------------------------------------------------------------------- */

static pare_status check_labels(pare_dataset *dataset, const pare_split *split, const char *which) {
  for (int64_t i = 0; i < split->n; i++) {
    if (split->labels[i] < 0 || split->labels[i] >= MAX_CLASSES) {
      return pare_fail(dataset->ctx, PARE_BAD_DATA, "%s: %s label %lld is %d, which is not in 0 to %d",
                       dataset->name, which, (long long)i, (int)split->labels[i], MAX_CLASSES - 1);
    }
    if (split->labels[i] >= dataset->n_classes) dataset->n_classes = split->labels[i] + 1;
  }
  return PARE_OK;
}

static pare_shape sample_shape_of(const pare_split *split) {
  pare_shape shape = {.rank = split->samples.shape.rank - 1};
  for (int i = 0; i < shape.rank; i++) shape.dims[i] = split->samples.shape.dims[i + 1];
  return shape;
}

pare_status pare_dataset_settle(pare_dataset *dataset) {
  dataset->single = dataset->train.n == 0;
  dataset->n_classes = 0;
  dataset->sample_shape = sample_shape_of(&dataset->test);
  if (dataset->test.n == 0 || pare_shape_count(&dataset->sample_shape) == 0) {
    return pare_fail(dataset->ctx, PARE_BAD_DATA, "%s: there are no samples", dataset->name);
  }
  PARE_TRY(check_labels(dataset, &dataset->train, "training"));
  PARE_TRY(check_labels(dataset, &dataset->test, "test"));
  dataset->scale = dataset->test.samples.dtype == PARE_U8 ? 1.0f / 255.0f : 1.0f;
  if (dataset->single) return PARE_OK;
  pare_shape train = sample_shape_of(&dataset->train);
  if (!pare_shape_equal(&train, &dataset->sample_shape)) {
    char a[128], b[128];
    return pare_fail(dataset->ctx, PARE_BAD_DATA, "%s: training samples have shape %s, test samples %s",
                     dataset->name, pare_shape_text(&train, a, sizeof(a)),
                     pare_shape_text(&dataset->sample_shape, b, sizeof(b)));
  }
  if (dataset->train.samples.dtype == dataset->test.samples.dtype) return PARE_OK;
  return pare_fail(dataset->ctx, PARE_BAD_DATA, "%s: training samples are %s, test samples %s", dataset->name,
                   pare_dtype_name(dataset->train.samples.dtype),
                   pare_dtype_name(dataset->test.samples.dtype));
}

/* ---- splitting a single set ---------------------------------------------------------------------------- */

static bool is_test(int64_t i) {
  return i % TEST_EVERY == TEST_EVERY - 1;
}

static pare_status new_split(pare_context *ctx, const pare_split *like, int64_t n, pare_split *out) {
  pare_shape shape = like->samples.shape;
  shape.dims[0] = n;
  PARE_TRY(pare_tensor_new(ctx, like->samples.dtype, &shape, &out->samples));
  out->labels = pare_alloc_array(ctx, (size_t)n, sizeof(*out->labels));
  return out->labels ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static void append_sample(const pare_split *from, int64_t i, size_t sample_bytes, pare_split *to) {
  memcpy(pare_u8(&to->samples) + (size_t)to->n * sample_bytes,
         pare_u8(&from->samples) + (size_t)i * sample_bytes, sample_bytes);
  to->labels[to->n++] = from->labels[i];
}

static pare_status copy_names(const pare_dataset *from, pare_dataset *to) {
  if (!from->class_names) return PARE_OK;
  to->class_names = pare_arena_array(&to->arena, (size_t)from->n_classes, sizeof(*to->class_names));
  if (!to->class_names) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < from->n_classes; i++) {
    to->class_names[i] = pare_arena_text(&to->arena, from->class_names[i]);
    if (!to->class_names[i]) return PARE_OUT_OF_MEMORY;
  }
  return PARE_OK;
}

static pare_status split_single(const pare_dataset *from, pare_dataset *to) {
  const pare_split *all = &from->test;
  int64_t n_test = all->n / TEST_EVERY;
  if (n_test == 0) {
    return pare_fail(from->ctx, PARE_BAD_DATA, "%s: %lld samples are too few to split into training and test",
                     from->name, (long long)all->n);
  }
  PARE_TRY(new_split(from->ctx, all, all->n - n_test, &to->train));
  PARE_TRY(new_split(from->ctx, all, n_test, &to->test));
  size_t sample_bytes = pare_tensor_len_bytes(&all->samples) / (size_t)all->n;
  for (int64_t i = 0; i < all->n; i++)
    append_sample(all, i, sample_bytes, is_test(i) ? &to->test : &to->train);
  PARE_TRY(pare_dataset_settle(to));
  to->n_classes = from->n_classes; /* a class may be in one part only */
  return copy_names(from, to);
}

pare_status pare_dataset_for_training(const pare_dataset *dataset, pare_dataset **out) {
  if (!dataset->single) {
    *out = (pare_dataset *)(uintptr_t)dataset; /* counting references is no change that anyone sees */
    (*out)->n_refs++;
    return PARE_OK;
  }
  PARE_TRY(pare_dataset_new(dataset->ctx, dataset->name, out));
  pare_status status = split_single(dataset, *out);
  if (status == PARE_OK) return status;
  pare_dataset_free(*out);
  *out = NULL;
  return status;
}

/* ---- batches ------------------------------------------------------------------------------------------- */

static void gather_u8(const uint8_t *from, int64_t n, float scale, float *to) {
  for (int64_t i = 0; i < n; i++) to[i] = (float)from[i] * scale;
}

void pare_dataset_gather(const pare_dataset *dataset, const pare_split *split, const uint32_t *indices,
                         int64_t first, int64_t n, float *out, int32_t *labels) {
  int64_t elements = pare_shape_count(&dataset->sample_shape);
  for (int64_t i = 0; i < n; i++, out += elements) {
    int64_t at = indices ? (int64_t)indices[i] : first + i;
    if (split->samples.dtype == PARE_U8)
      gather_u8(pare_u8(&split->samples) + at * elements, elements, dataset->scale, out);
    else
      memcpy(out, pare_f32(&split->samples) + at * elements, (size_t)elements * sizeof(float));
    if (labels) labels[i] = split->labels[at];
  }
}

pare_status pare_dataset_fits(const pare_dataset *dataset, const pare_shape *input_shape) {
  int64_t want = 1, have = pare_shape_count(&dataset->sample_shape);
  bool fits = input_shape->rank > 0;
  for (int i = 1; i < input_shape->rank; i++) {
    /* A dimension that the model leaves open takes what the sample has. */
    if (input_shape->dims[i] < 0) fits = fits && input_shape->rank == dataset->sample_shape.rank + 1;
    want *= input_shape->dims[i] >= 0 ? input_shape->dims[i] : fits ? dataset->sample_shape.dims[i - 1] : 1;
    if (want > have) fits = false;
    if (!fits) break;
  }
  if (fits && want == have) return PARE_OK;
  char sample[128], input[128];
  return pare_fail(dataset->ctx, PARE_BAD_DATA,
                   "data set '%s' has samples of shape %s, but the model's input is %s", dataset->name,
                   pare_shape_text(&dataset->sample_shape, sample, sizeof(sample)),
                   pare_shape_text(input_shape, input, sizeof(input)));
}

pare_status pare_dataset_info(const pare_dataset *dataset, pare_buffer *json) {
  pare_json out;
  pare_json_init(&out, dataset->ctx);
  pare_json_object(&out);
  pare_json_put_text(&out, "name", dataset->name);
  pare_json_put_shape(&out, "sample_shape", &dataset->sample_shape);
  pare_json_put_text(&out, "dtype", pare_dtype_name(dataset->test.samples.dtype));
  pare_json_put_int(&out, "n_classes", dataset->n_classes);
  pare_json_key(&out, "class_names");
  if (dataset->class_names) {
    pare_json_array(&out);
    for (int i = 0; i < dataset->n_classes; i++) pare_json_text(&out, dataset->class_names[i]);
    pare_json_end(&out, ']');
  } else {
    pare_json_text(&out, NULL);
  }
  pare_json_put_int(&out, "n_train", dataset->train.n);
  pare_json_put_int(&out, "n_test", dataset->test.n);
  pare_json_put_bool(&out, "single", dataset->single);
  pare_json_end(&out, '}');
  return pare_json_finish(&out, json);
}
