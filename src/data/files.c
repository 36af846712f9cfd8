/* From files to a data set: each file is told apart by its first bytes, images from labels by rank, and a
 * pair by its counts. */
#include "data/dataset_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_FILES = 4 };

/* One file, read. */
typedef struct part {
  const char *name;
  pare_tensor tensor;
  bool taken;
} part;

/* ---- one file ------------------------------------------------------------------------------------------ */

static pare_status read_plain(pare_context *ctx, const char *name, const uint8_t *bytes, size_t len_bytes,
                              pare_tensor *out) {
  if (len_bytes >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
    return pare_npy_read(ctx, name, bytes, len_bytes, out);
  if (len_bytes >= 4 && bytes[0] == 0 && bytes[1] == 0)
    return pare_idx_read(ctx, name, bytes, len_bytes, out);
  return pare_fail(ctx, PARE_BAD_DATA, "%s: offset 0: neither IDX nor NPY (nor one of them in gzip)", name);
}

static pare_status read_file(pare_context *ctx, const pare_file *file, part *out) {
  bool was_gzip;
  pare_buffer inflated;
  out->name = file->name;
  PARE_TRY(pare_gunzip(ctx, file->name, file->bytes, file->len_bytes, &was_gzip, &inflated));
  if (!was_gzip) return read_plain(ctx, file->name, file->bytes, file->len_bytes, &out->tensor);
  pare_status status = read_plain(ctx, file->name, inflated.data, inflated.len_bytes, &out->tensor);
  pare_buffer_free(ctx, &inflated);
  return status;
}

/* ---- labels and samples -------------------------------------------------------------------------------- */

static bool is_labels(const part *p) {
  return p->tensor.shape.rank == 1 || (p->tensor.shape.rank == 2 && p->tensor.shape.dims[1] == 1);
}

static pare_status take_labels(pare_context *ctx, part *p, pare_split *out) {
  int64_t n = pare_tensor_count(&p->tensor);
  out->labels = pare_alloc_array(ctx, (size_t)n, sizeof(*out->labels));
  if (!out->labels) return PARE_OUT_OF_MEMORY;
  out->n = n;
  for (int64_t i = 0; i < n; i++) {
    double label = pare_tensor_get_f64(&p->tensor, i);
    bool whole = label >= 0 && label <= 65535 && label == (double)(int32_t)label;
    if (!whole) {
      return pare_fail(ctx, PARE_BAD_DATA, "%s: label %lld is %g, which is no class (0, 1, 2, ...)", p->name,
                       (long long)i, label);
    }
    out->labels[i] = (int32_t)label;
  }
  return PARE_OK;
}

/* u8 and f32 stay as they are; anything else becomes f32. */
static pare_status take_samples(pare_context *ctx, part *p, pare_split *out) {
  if (p->tensor.dtype == PARE_U8 || p->tensor.dtype == PARE_F32) {
    out->samples = p->tensor;
    p->tensor = (pare_tensor){0};
    return PARE_OK;
  }
  PARE_TRY(pare_tensor_new(ctx, PARE_F32, &p->tensor.shape, &out->samples));
  int64_t n = pare_tensor_count(&p->tensor);
  for (int64_t i = 0; i < n; i++) pare_f32(&out->samples)[i] = (float)pare_tensor_get_f64(&p->tensor, i);
  return PARE_OK;
}

static pare_status take_pair(pare_context *ctx, part *samples, part *labels, pare_split *out) {
  samples->taken = labels->taken = true;
  if (samples->tensor.shape.dims[0] != labels->tensor.shape.dims[0]) {
    return pare_fail(ctx, PARE_BAD_DATA, "%s has %lld samples, but %s has %lld labels", samples->name,
                     (long long)samples->tensor.shape.dims[0], labels->name,
                     (long long)labels->tensor.shape.dims[0]);
  }
  PARE_TRY(take_labels(ctx, labels, out));
  return take_samples(ctx, samples, out);
}

/* The next untaken part of the kind; with `count` >= 0 the first of that count, if there is one. */
static part *next_part(part *parts, int n, bool labels, int64_t count) {
  part *first = NULL;
  for (int i = 0; i < n; i++) {
    if (parts[i].taken || is_labels(&parts[i]) != labels) continue;
    if (!first) first = &parts[i];
    if (count < 0 || parts[i].tensor.shape.dims[0] == count) return &parts[i];
  }
  return first;
}

static pare_status take_parts(pare_dataset *dataset, part *parts, int n, bool ordered) {
  pare_split *splits[2] = {n == 2 ? &dataset->test : &dataset->train, &dataset->test};
  for (int i = 0; i < n / 2; i++) {
    part *samples = next_part(parts, n, false, -1);
    part *labels = samples ? next_part(parts, n, true, samples->tensor.shape.dims[0]) : NULL;
    if (!labels) {
      return pare_fail(dataset->ctx, PARE_BAD_DATA,
                       "%s: of %d files half should be labels (rank 1) and half samples (rank 2 or more)",
                       dataset->name, n);
    }
    PARE_TRY(take_pair(dataset->ctx, samples, labels, splits[i]));
  }
  if (!ordered && n == 4 && dataset->train.n < dataset->test.n) {
    pare_split smaller = dataset->train;
    dataset->train = dataset->test;
    dataset->test = smaller;
  }
  return pare_dataset_settle(dataset);
}

static pare_status read_all(pare_dataset *dataset, const pare_file *files, int n, bool ordered) {
  part parts[MAX_FILES] = {0};
  pare_status status = PARE_OK;
  for (int i = 0; i < n && status == PARE_OK; i++) status = read_file(dataset->ctx, &files[i], &parts[i]);
  if (status == PARE_OK) status = take_parts(dataset, parts, n, ordered);
  for (int i = 0; i < n; i++) pare_tensor_release(&parts[i].tensor);
  return status;
}

pare_status pare_dataset_from_files(pare_context *ctx, const char *name, const pare_file *files, int n_files,
                                    bool ordered, pare_dataset **out) {
  *out = NULL;
  if (n_files != 2 && n_files != 4) {
    return pare_fail(ctx, PARE_BAD_ARGUMENT,
                     "%s: a data set is 2 files (samples, labels) or 4 (train, test), not %d", name, n_files);
  }
  PARE_TRY(pare_dataset_new(ctx, name, out));
  pare_status status = read_all(*out, files, n_files, ordered);
  if (status == PARE_OK) return status;
  pare_dataset_free(*out);
  *out = NULL;
  return status;
}

pare_status pare_dataset_load(pare_context *ctx, const pare_file *files, int n_files, pare_dataset **out) {
  const char *name = n_files > 0 && files[0].name ? files[0].name : "data";
  return pare_dataset_from_files(ctx, name, files, n_files, false, out);
}

/* ---- by name ------------------------------------------------------------------------------------------- */

typedef struct file_set {
  pare_context *ctx;
  pare_file files[MAX_FILES];
  pare_buffer buffers[MAX_FILES];
  int n;
} file_set;

static pare_status add_file(file_set *set, const char *path) {
  if (set->n == MAX_FILES)
    return pare_fail(set->ctx, PARE_BAD_ARGUMENT, "'%s': more than %d files", path, MAX_FILES);
  PARE_TRY(pare_file_read(set->ctx, path, &set->buffers[set->n]));
  set->files[set->n] = (pare_file){path, set->buffers[set->n].data, set->buffers[set->n].len_bytes};
  set->n++;
  return PARE_OK;
}

static void free_files(file_set *set) {
  for (int i = 0; i < set->n; i++) pare_buffer_free(set->ctx, &set->buffers[i]);
  set->n = 0;
}

static pare_status open_list(pare_context *ctx, const char *spec, char *list, pare_dataset **out) {
  file_set set = {.ctx = ctx};
  pare_status status = PARE_OK;
  for (char *path = list; path && status == PARE_OK;) {
    char *comma = strchr(path, ',');
    if (comma) *comma = 0;
    status = add_file(&set, path);
    path = comma ? comma + 1 : NULL;
  }
  if (status == PARE_OK) status = pare_dataset_from_files(ctx, spec, set.files, set.n, true, out);
  free_files(&set);
  return status;
}

/* ---- Fashion-MNIST (Xiao, Rasul, Vollgraf 2017) -------------------------------------------------------- */

static const char *const fashion_classes[10] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                                "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
static const char *const fashion_files[4] = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                             "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

static pare_status name_fashion_classes(pare_dataset *dataset) {
  if (dataset->n_classes != 10) return PARE_OK;
  dataset->class_names = pare_arena_array(&dataset->arena, 10, sizeof(*dataset->class_names));
  if (!dataset->class_names) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < 10; i++) dataset->class_names[i] = fashion_classes[i];
  return PARE_OK;
}

/* IO when a file is not there: `paths` outlives the call and keeps the names. */
static pare_status read_fashion(file_set *set, pare_arena *paths, const char *folder) {
  for (int i = 0; i < 4; i++) {
    char *path = pare_arena_printf(paths, "%s/%s.gz", folder, fashion_files[i]);
    if (!path) return PARE_OUT_OF_MEMORY;
    pare_status status = add_file(set, path);
    if (status == PARE_IO) {
      path[strlen(path) - 3] = 0;
      status = add_file(set, path);
    }
    if (status != PARE_OK) return status;
  }
  return PARE_OK;
}

static pare_status find_fashion(file_set *set, pare_arena *paths, const char *folder) {
  if (folder) return read_fashion(set, paths, folder);
  const char *const places[] = {getenv("PARE_DATA"), "/usr/share/datasets/fashion-mnist", "examples/data"};
  for (size_t i = 0; i < PARE_COUNT(places); i++) {
    if (!places[i]) continue;
    pare_status status = read_fashion(set, paths, places[i]);
    if (status != PARE_IO) return status;
    free_files(set);
  }
  return pare_fail(set->ctx, PARE_IO,
                   "fashion-mnist: no %s[.gz] in %s%s/usr/share/datasets/fashion-mnist or examples/data; "
                   "name its folder: fashion-mnist:FOLDER",
                   fashion_files[0], places[0] ? places[0] : "", places[0] ? ", " : "");
}

static pare_status open_fashion(pare_context *ctx, const char *folder, pare_dataset **out) {
  file_set set = {.ctx = ctx};
  pare_arena paths;
  pare_arena_init(&paths, ctx);
  pare_status status = find_fashion(&set, &paths, folder);
  if (status == PARE_OK) status = pare_dataset_from_files(ctx, "fashion-mnist", set.files, set.n, true, out);
  free_files(&set);
  pare_arena_free(&paths);
  if (status != PARE_OK) return status;
  status = name_fashion_classes(*out);
  if (status != PARE_OK) {
    pare_dataset_free(*out);
    *out = NULL;
  }
  return status;
}

static const char *after(const char *text, const char *start) {
  size_t n = strlen(start);
  return strncmp(text, start, n) == 0 ? text + n : NULL;
}

pare_status pare_dataset_open(pare_context *ctx, const char *spec, pare_dataset **out) {
  *out = NULL;
  const pare_generated *generated = pare_generated_find(spec);
  if (generated) return pare_dataset_generate(ctx, generated, out);
  if (strcmp(spec, "fashion-mnist") == 0) return open_fashion(ctx, NULL, out);
  const char *rest = after(spec, "fashion-mnist:");
  if (rest) return open_fashion(ctx, rest, out);
  rest = after(spec, "idx:");
  if (!rest) rest = after(spec, "npy:");
  if (!rest) {
    return pare_fail(
        ctx, PARE_BAD_ARGUMENT,
        "data '%s': it is fashion-mnist[:FOLDER], idx:IMAGES,LABELS, npy:X,Y, spirals or sequence", spec);
  }
  pare_arena text;
  pare_arena_init(&text, ctx);
  char *list = pare_arena_text(&text, rest);
  pare_status status = list ? open_list(ctx, spec, list, out) : PARE_OUT_OF_MEMORY;
  pare_arena_free(&text);
  return status;
}
