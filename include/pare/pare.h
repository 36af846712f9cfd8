/* Pare: load, train, prune, distil, quantize, measure and export neural networks. The whole stable C interface.
 *
 * Fallible calls return pare_status and write results through the last pointer; on failure the result is NULL or empty
 * and pare_error() names the place and the cause. What *_load, *_new, *_start and *_generate give is yours: release it
 * with the noun's *_free (NULL is fine). Nothing here exits, aborts or prints.
 * Activations [N,C,H,W]; weights [O,I,kH,kW]; sizes in bytes; times in ms; text is UTF-8.
 * One context and what was made from it belong to one thread at a time. */
#ifndef PARE_H
#define PARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define PARE_API                 __attribute__((visibility("default")))
#define PARE_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define PARE_API
#define PARE_PRINTF(text, first)
#endif

/* name, what it means */
#define PARE_STATUS_LIST(X)                                                                                  \
  X(OK, "ok")                                                                                                \
  X(OUT_OF_MEMORY, "out of memory")                                                                          \
  X(BAD_ARGUMENT, "an argument is outside its range or does not fit the others")                             \
  X(BAD_MODEL, "the model file or graph is malformed")                                                       \
  X(UNSUPPORTED, "an operator, type, opset or feature that is not there")                                    \
  X(BAD_DATA, "the data set is malformed or does not fit the model")                                         \
  X(BAD_RECIPE, "the recipe is malformed")                                                                   \
  X(IO, "a file could not be read or written")                                                               \
  X(BAD_HANDLE, "a handle is stale or of another kind")

typedef enum pare_status {
#define PARE_X(name, text) PARE_##name,
  PARE_STATUS_LIST(PARE_X)
#undef PARE_X
} pare_status;

typedef struct pare_context pare_context; /* allocator and last error message */
typedef struct pare_model pare_model;     /* graph + weights; no pass ever changes one */
typedef struct pare_session pare_session; /* a model planned for one batch size */
typedef struct pare_dataset pare_dataset; /* samples and labels, train and test split */
typedef struct pare_job pare_job;         /* resumable long work */

/* `new_size` 0 frees. Must give memory aligned to 16 bytes, or NULL. */
typedef struct pare_allocator {
  void *(*resize)(void *user, void *old, size_t old_size, size_t new_size);
  void *user;
} pare_allocator;

/* Owned bytes; release with pare_buffer_free. */
typedef struct pare_buffer {
  uint8_t *data;
  size_t len_bytes;
} pare_buffer;

/* ---- context ------------------------------------------------------------------------------------------------- */

/* `allocator` NULL: malloc. It is copied. OUT_OF_MEMORY. */
PARE_API pare_status pare_context_new(const pare_allocator *allocator, pare_context **out);
/* Everything made from the context must have been released. */
PARE_API void pare_context_free(pare_context *ctx);
/* The message of the last failed call; "" when there was none. Valid until the next call on `ctx`. */
PARE_API const char *pare_error(const pare_context *ctx);
PARE_API const char *pare_status_name(pare_status status); /* "BAD_MODEL" */
PARE_API const char *pare_version(void);
PARE_API void pare_buffer_free(pare_context *ctx, pare_buffer *buffer);

/* ---- tensors ------------------------------------------------------------------------------------------------- */

#define PARE_MAX_RANK 8

/* ONNX TensorProto.DataType numbers; name, number, size in bytes (0: not stored by whole bytes; U4 and S4 are two to a byte, low half first) */
#define PARE_DTYPE_LIST(X)                                                                                   \
  X(NONE, 0, 0)                                                                                              \
  X(F32, 1, 4)                                                                                               \
  X(U8, 2, 1)                                                                                                \
  X(S8, 3, 1)                                                                                                \
  X(U16, 4, 2)                                                                                               \
  X(S16, 5, 2)                                                                                               \
  X(S32, 6, 4)                                                                                               \
  X(S64, 7, 8)                                                                                               \
  X(STRING, 8, 0)                                                                                            \
  X(BOOL, 9, 1)                                                                                              \
  X(F16, 10, 2)                                                                                              \
  X(F64, 11, 8)                                                                                              \
  X(U32, 12, 4)                                                                                              \
  X(U64, 13, 8)                                                                                              \
  X(BF16, 16, 2)                                                                                             \
  X(U4, 21, 0)                                                                                               \
  X(S4, 22, 0)

typedef enum pare_dtype {
#define PARE_X(name, number, size) PARE_##name = number,
  PARE_DTYPE_LIST(PARE_X)
#undef PARE_X
} pare_dtype;

/* dims[i] == -1: not known until a session is planned. rank 0 is a scalar. */
typedef struct pare_shape {
  int rank;
  int64_t dims[PARE_MAX_RANK];
} pare_shape;

/* A named view: name and data belong to whoever gave it. */
typedef struct pare_tensor_view {
  const char *name;
  pare_dtype dtype;
  pare_shape shape;
  void *data;
  size_t len_bytes;
} pare_tensor_view;

/* ---- model --------------------------------------------------------------------------------------------------- */

/* Reads an ONNX model (opset 1 to 21, IR up to 10). `bytes` may be freed on return.
 * BAD_MODEL: malformed; UNSUPPORTED: a type or opset that is not there. Operators that are not there do not fail here:
 * such a model loads, shows and saves, and pare_session_new names them. */
PARE_API pare_status pare_model_load(pare_context *ctx, const void *bytes, size_t len_bytes,
                                     pare_model **out);
/* The same from a file, whose weights are then used in place (no second copy). External data is read from the file's own folder; a
 * location outside it, or a link, is BAD_MODEL. IO: a file that cannot be read. */
PARE_API pare_status pare_model_load_file(pare_context *ctx, const char *path, pare_model **out);
/* Takes over `buffer` (made by pare_buffer_new), also on failure; no second copy. */
PARE_API pare_status pare_model_load_buffer(pare_context *ctx, pare_buffer *buffer, pare_model **out);
/* A file with weights of a model (ONNX external data): `name` as the model calls it, or at least its last part the same. */
typedef struct pare_data_file {
  const char *name;
  pare_buffer bytes;
} pare_data_file;
/* The same with the files that hold its external data; takes over their bytes as well. UNSUPPORTED names a file that is missing. */
PARE_API pare_status pare_model_load_parts(pare_context *ctx, pare_buffer *buffer, pare_data_file *files,
                                           int n_files, pare_model **out);
PARE_API pare_status pare_buffer_new(pare_context *ctx, size_t len_bytes, pare_buffer *out);
/* Writes ONNX; what was read and not changed comes back out. */
PARE_API pare_status pare_model_save(const pare_model *model, pare_buffer *out);
PARE_API pare_status pare_model_save_file(const pare_model *model, const char *path);
PARE_API void pare_model_free(pare_model *model);
/* JSON: inputs, outputs, opsets, layers (shape, parameters, bytes, MACs at batch 1), unsupported operators. */
PARE_API pare_status pare_model_info(const pare_model *model, pare_buffer *json);
/* JSON, for drawing: nodes (name, operator, whether it is there, values read and made, row of the layer table) and values
 * (type, shape at batch 1 or null, constant). A model that cannot run is drawn too. OUT_OF_MEMORY. */
PARE_API pare_status pare_model_graph(const pare_model *model, pare_buffer *json);
/* Will a release of another runtime run it as pare_model_save writes it? `runtime`: onnxruntime@1.14. JSON: {"runs", "problems": [{"node", "op",
 * "reason"}], "oldest": the first release that would, or null, ...}. BAD_ARGUMENT: a runtime that is not known. */
PARE_API pare_status pare_model_check_runtime(const pare_model *model, const char *runtime,
                                              pare_buffer *json);
/* The initializers, in graph order. The view is the model's own memory: read only, until the model is freed. */
PARE_API int pare_model_n_weights(const pare_model *model);
PARE_API pare_tensor_view pare_model_weight(const pare_model *model, int i);
/* 64 hexadecimal digits and a zero: SHA-256 over all initializers in graph order, little-endian. */
PARE_API pare_status pare_model_weights_sha256(const pare_model *model, char hex[65]);

/* ---- session ------------------------------------------------------------------------------------------------- */

/* EXACT: the same bytes in every build. FAST: may use fused multiply-add, relaxed SIMD and, in training, Winograd's
 * convolutions: sums are rounded otherwise. */
typedef enum pare_numerics { PARE_EXACT, PARE_FAST } pare_numerics;

typedef struct pare_session_options {
  int64_t batch;          /* what stands for every unknown first dimension; 0 means 1 */
  pare_numerics numerics; /* EXACT */
  int n_threads;          /* 0 means 1; results do not depend on it */
  const pare_shape
      *input_shapes; /* [n inputs], every dim known; NULL: the model's own. Borrowed for the call */
} pare_session_options;

/* Plans the model: shapes, order, one arena, kernels, packed weights. `options` NULL: defaults. The model may be freed.
 * UNSUPPORTED names the operator and its node. */
PARE_API pare_status pare_session_new(const pare_model *model, const pare_session_options *options,
                                      pare_session **out);
PARE_API void pare_session_free(pare_session *session);
PARE_API int pare_session_n_inputs(const pare_session *session);
PARE_API int pare_session_n_outputs(const pare_session *session);
/* The session's own memory: write inputs before pare_session_run, read outputs until the next run. */
PARE_API pare_tensor_view pare_session_input(const pare_session *session, int i);
PARE_API pare_tensor_view pare_session_output(const pare_session *session, int i);
PARE_API pare_status pare_session_run(pare_session *session);
PARE_API size_t pare_session_peak_bytes(const pare_session *session); /* arena + packed weights */

/* ---- data set ------------------------------------------------------------------------------------------------ */

/* A file for a data set: name decides nothing, the bytes do. Borrowed for the call. */
typedef struct pare_file {
  const char *name;
  const void *bytes;
  size_t len_bytes;
} pare_file;

/* Images and labels as IDX (raw or gzip) or NPY: two files (images, labels) or four (then train pair first, test pair last);
 * which is which is decided by rank and by count. u8 samples become f32 / 255. With one pair only, every sixth sample is the
 * test split of whatever trains; evaluation alone uses all. BAD_DATA names the file and the offset. */
PARE_API pare_status pare_dataset_load(pare_context *ctx, const pare_file *files, int n_files,
                                       pare_dataset **out);
/* `spec`: fashion-mnist[:FOLDER] | idx:IMAGES,LABELS[,IMAGES,LABELS] | npy:X,Y | spirals | sequence (generated, no file).
 * IO, BAD_DATA, BAD_ARGUMENT. */
PARE_API pare_status pare_dataset_open(pare_context *ctx, const char *spec, pare_dataset **out);
PARE_API void pare_dataset_free(pare_dataset *dataset);
/* JSON: name, sample shape, classes, samples in each split. */
PARE_API pare_status pare_dataset_info(const pare_dataset *dataset, pare_buffer *json);

/* ---- job ----------------------------------------------------------------------------------------------------- */

typedef struct pare_progress {
  uint64_t done, total; /* grows to total; equal when finished */
  double loss;          /* latest training or evaluation loss, NaN when there is none */
  double accuracy;      /* latest, 0..1, NaN when there is none */
  const char *stage;    /* "2/3 train", valid until the next step */
  bool finished;
} pare_progress;

/* A model that a recipe refers to by name, such as a teacher. */
typedef struct pare_named_model {
  const char *name;
  const pare_model *model;
} pare_named_model;

typedef struct pare_run_options {
  pare_numerics numerics;
  int n_threads;
  int64_t limit_test;  /* test samples used for each measurement; 0: all */
  int64_t first_test;  /* evaluation jobs: the test sample to begin with */
  int64_t limit_train; /* training samples used; 0: all */
  bool answers;        /* evaluation reports list the answer of each sample */
  const pare_named_model *models;
  int n_models;
} pare_run_options;

/* Right answers, loss, confusion matrix over the test split. The report: {"right","total","accuracy","loss","loss_sum","confusion",...}.
 * Evaluations of PARE_EVALUATION_CHUNK samples each, begun at its multiples (first_test), are together the same as one of all: right
 * answers and loss_sum added in ascending order give its bytes. BAD_ARGUMENT: first_test is no test sample. */
#define PARE_EVALUATION_CHUNK 512
PARE_API pare_status pare_job_start_evaluate(const pare_model *model, const pare_dataset *dataset,
                                             const pare_run_options *options, pare_job **out);
/* Runs a recipe (JSON text, see pare_schema). `dataset` may be NULL when no step needs data.
 * BAD_RECIPE names the step, the parameter and its bounds. */
PARE_API pare_status pare_job_start_recipe(const pare_model *model, const pare_dataset *dataset,
                                           const char *recipe, const pare_run_options *options,
                                           pare_job **out);
/* Runs for about `budget_ms`, then returns. Pause is not to call it; cancel is pare_job_free. What was finished before
 * stays in the report and in pare_job_model. */
PARE_API pare_status pare_job_step(pare_job *job, uint32_t budget_ms, pare_progress *progress);
/* JSON of what is finished so far. */
PARE_API pare_status pare_job_report(const pare_job *job, pare_buffer *json);
/* The model after finished step `i_step` (0: as given), or the newest with -1. A new reference, yours. */
PARE_API pare_status pare_job_model(const pare_job *job, int i_step, pare_model **out);
/* Everything needed to go on later or elsewhere, between two steps. */
PARE_API pare_status pare_job_checkpoint(const pare_job *job, pare_buffer *out);
/* Continues a recipe job on the same data; named models are given again. */
PARE_API pare_status pare_job_resume(pare_context *ctx, const void *checkpoint, size_t len_bytes,
                                     const pare_dataset *dataset, const pare_run_options *options,
                                     pare_job **out);
PARE_API void pare_job_free(pare_job *job);

/* JSON schema (draft 2020-12) of a recipe, made from the passes' own declarations. */
PARE_API pare_status pare_schema(pare_context *ctx, pare_buffer *json);

#ifdef __cplusplus
}
#endif
#endif
