/* The boundary with JavaScript: flat functions on numbers. Models, data sets, sessions and jobs cross as handles, which are checked;
 * text is UTF-8 pointer + byte length; structured results are JSON. A call that can fail returns a pare_status and leaves what it gives in
 * `result`: a handle, or bytes that hold until the next call. After a failure the bytes are the message. */
#include <string.h>

#include "base/json.h"
#include "data/dataset.h"
#include "graph/graph.h"
#include "kernels/q8_gemm/q8_check_relaxed.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

typedef enum handle_kind { FREE, MODEL, DATASET, SESSION, JOB } handle_kind;

static const char *const kind_names[] = {"nothing", "model", "data set", "session", "job"};

/* A handle is index + generation * MAX_HANDLES: one that was released is never valid again. */
#define MAX_HANDLES 4096
typedef struct slot {
  void *object;
  uint32_t generation;
  handle_kind kind;
} slot;

static struct {
  pare_context *ctx;
  slot slots[MAX_HANDLES];
  pare_buffer kept; /* what result.data points to, when it must be freed */
  struct {
    uint32_t handle, data, len_bytes;
  } result;
} lab;

static pare_context *context(void) {
  if (!lab.ctx) pare_context_new(NULL, &lab.ctx);
  return lab.ctx;
}

static uint32_t address(const void *pointer) {
  return (uint32_t)(uintptr_t)pointer;
}

static void forget_result(void) {
  pare_buffer_free(context(), &lab.kept);
  memset(&lab.result, 0, sizeof lab.result);
}

static pare_status give_bytes(pare_status status) {
  lab.result.data = address(lab.kept.data);
  lab.result.len_bytes = (uint32_t)lab.kept.len_bytes;
  return status;
}

/* Ends every call: after a failure the message is the result. */
static int32_t done(pare_status status) {
  if (status == PARE_OK) return PARE_OK;
  lab.result.data = address(pare_error(lab.ctx));
  lab.result.len_bytes = (uint32_t)strlen(pare_error(lab.ctx));
  return (int32_t)status;
}

#ifdef __wasm_relaxed_simd__
/* How many numbers the relaxed kernels get wrong in this engine: with any, the module without them is the one to use. */
int32_t EXPORT(pare_js_self_test)(void) {
  return pare_q8_check(pare_q8_gemm_select(2, true, false), pare_q8_depthwise_select(true));
}
#endif

/* ---- handles -------------------------------------------------------------------------------------------------------- */

static void release_object(handle_kind kind, void *object) {
  switch (kind) {
  case MODEL: pare_model_free(object); break;
  case DATASET: pare_dataset_free(object); break;
  case SESSION: pare_session_free(object); break;
  case JOB: pare_job_free(object); break;
  case FREE: break;
  }
}

static pare_status give_handle(pare_status status, handle_kind kind, void *object) {
  if (status != PARE_OK) return status;
  for (uint32_t i = 1; i < MAX_HANDLES; i++) {
    slot *s = &lab.slots[i];
    if (s->kind != FREE) continue;
    s->kind = kind;
    s->object = object;
    lab.result.handle = i + s->generation * MAX_HANDLES;
    return PARE_OK;
  }
  release_object(kind, object);
  return pare_fail(lab.ctx, PARE_OUT_OF_MEMORY,
                   "more than %d models, data sets, sessions and jobs at once: free some", MAX_HANDLES - 1);
}

static slot *find(uint32_t handle) {
  slot *s = &lab.slots[handle % MAX_HANDLES];
  return s->kind != FREE && s->generation == handle / MAX_HANDLES ? s : NULL;
}

static pare_status take(uint32_t handle, handle_kind kind, void **out) {
  slot *s = find(handle);
  *out = s && s->kind == kind ? s->object : NULL;
  if (*out) return PARE_OK;
  if (!s) return pare_fail(context(), PARE_BAD_HANDLE, "this %s was freed or never made", kind_names[kind]);
  return pare_fail(context(), PARE_BAD_HANDLE, "this handle is a %s, not a %s", kind_names[s->kind],
                   kind_names[kind]);
}

/* `handle` 0 is nothing. */
static pare_status take_optional(uint32_t handle, handle_kind kind, void **out) {
  *out = NULL;
  return handle ? take(handle, kind, out) : PARE_OK;
}

/* Takes the object behind `handle` into `variable`, or ends the call. */
#define TAKE(kind, handle, variable)                                                                         \
  forget_result();                                                                                           \
  void *variable;                                                                                            \
  do {                                                                                                       \
    pare_status take_ = take(handle, kind, &variable);                                                       \
    if (take_ != PARE_OK) return done(take_);                                                                \
  } while (0)

void EXPORT(pare_js_release)(uint32_t handle) {
  slot *s = find(handle);
  if (!s) return;
  release_object(s->kind, s->object);
  s->kind = FREE;
  s->object = NULL;
  s->generation = (s->generation + 1) % (UINT32_MAX / MAX_HANDLES);
}

/* ---- memory and results ----------------------------------------------------------------------------------------------- */

void *EXPORT(pare_js_alloc)(uint32_t len_bytes) {
  return pare_alloc(context(), len_bytes);
}
void EXPORT(pare_js_free)(void *memory) {
  pare_free(context(), memory);
}
/* {handle, data, len_bytes}, three u32 */
const void *EXPORT(pare_js_result)(void) {
  return &lab.result;
}
const char *EXPORT(pare_js_status_name)(int32_t status) {
  return pare_status_name((pare_status)status);
}
const char *EXPORT(pare_js_version)(void) {
  return pare_version();
}
const char *EXPORT(pare_js_build)(void) {
  return PARE_BUILD_NAME;
}

uint32_t EXPORT(pare_js_evaluation_chunk)(void) {
  return PARE_EVALUATION_CHUNK;
}

int32_t EXPORT(pare_js_schema)(void) {
  forget_result();
  return done(give_bytes(pare_schema(context(), &lab.kept)));
}

/* ---- model --------------------------------------------------------------------------------------------------------------- */

/* Takes over `bytes` and the files' bytes, which came from pare_js_alloc. */
int32_t EXPORT(pare_js_model_load)(uint8_t *bytes, uint32_t len_bytes, pare_data_file *files,
                                   uint32_t n_files) {
  forget_result();
  pare_buffer buffer = {bytes, len_bytes};
  pare_model *model = NULL;
  pare_status status = pare_model_load_parts(context(), &buffer, files, (int)n_files, &model);
  return done(give_handle(status, MODEL, model));
}

int32_t EXPORT(pare_js_model_info)(uint32_t handle) {
  TAKE(MODEL, handle, model);
  return done(give_bytes(pare_model_info(model, &lab.kept)));
}

int32_t EXPORT(pare_js_model_graph)(uint32_t handle) {
  TAKE(MODEL, handle, model);
  return done(give_bytes(pare_model_graph(model, &lab.kept)));
}

int32_t EXPORT(pare_js_model_save)(uint32_t handle) {
  TAKE(MODEL, handle, model);
  return done(give_bytes(pare_model_save(model, &lab.kept)));
}

int32_t EXPORT(pare_js_model_weights_sha256)(uint32_t handle) {
  TAKE(MODEL, handle, model);
  static char hex[65];
  pare_status status = pare_model_weights_sha256(model, hex);
  lab.result.data = address(hex);
  lab.result.len_bytes = 64;
  return done(status);
}

static void put_view(pare_json *json, const pare_tensor_view *view) {
  pare_json_object(json);
  pare_json_put_text(json, "name", view->name);
  pare_json_put_text(json, "dtype", pare_dtype_name(view->dtype));
  pare_json_put_shape(json, "shape", &view->shape);
  pare_json_put_int(json, "address", (int64_t)address(view->data));
  pare_json_put_int(json, "len_bytes", (int64_t)view->len_bytes);
  pare_json_end(json, '}');
}

/* [{name, dtype, shape, address, len_bytes}]: addresses hold as long as the model. */
int32_t EXPORT(pare_js_model_weights)(uint32_t handle) {
  TAKE(MODEL, handle, model);
  pare_json json;
  pare_json_init(&json, lab.ctx);
  pare_json_array(&json);
  for (int i = 0; i < pare_model_n_weights(model); i++) {
    pare_tensor_view view = pare_model_weight(model, i);
    put_view(&json, &view);
  }
  pare_json_end(&json, ']');
  return done(give_bytes(pare_json_finish(&json, &lab.kept)));
}

/* ---- data set ------------------------------------------------------------------------------------------------------------- */

/* files[n_files]: {name (ends with a zero), bytes, length in bytes} */
int32_t EXPORT(pare_js_dataset_load)(const pare_file *files, uint32_t n_files) {
  forget_result();
  pare_dataset *dataset = NULL;
  pare_status status = pare_dataset_load(context(), files, (int)n_files, &dataset);
  return done(give_handle(status, DATASET, dataset));
}

/* `spec` ends with a zero. */
int32_t EXPORT(pare_js_dataset_open)(const char *spec) {
  forget_result();
  pare_dataset *dataset = NULL;
  pare_status status = pare_dataset_open(context(), spec, &dataset);
  return done(give_handle(status, DATASET, dataset));
}

int32_t EXPORT(pare_js_dataset_info)(uint32_t handle) {
  TAKE(DATASET, handle, dataset);
  return done(give_bytes(pare_dataset_info(dataset, &lab.kept)));
}

/* Bytes: f32 samples [n, elements], then s32 labels [n], of what there is in [first, first + n). */
int32_t EXPORT(pare_js_dataset_samples)(uint32_t handle, int32_t train, double first, double n) {
  TAKE(DATASET, handle, object);
  const pare_dataset *dataset = object;
  const pare_split *split = train ? &dataset->train : &dataset->test;
  int64_t start = first < 0 ? 0 : first > (double)split->n ? split->n : (int64_t)first;
  int64_t count = n < 0 ? 0 : n > (double)(split->n - start) ? split->n - start : (int64_t)n;
  size_t n_floats = (size_t)(count * pare_shape_count(&dataset->sample_shape));
  pare_status status = pare_buffer_new(lab.ctx, (n_floats + (size_t)count) * 4, &lab.kept);
  if (status == PARE_OK && count)
    pare_dataset_gather(dataset, split, NULL, start, count, (float *)(void *)lab.kept.data,
                        (int32_t *)(void *)(lab.kept.data + n_floats * 4));
  return done(give_bytes(status));
}

/* ---- session --------------------------------------------------------------------------------------------------------------- */

/* The shape that JavaScript gives to one input. */
typedef struct input_shape {
  uint32_t name; /* address of a text */
  int32_t rank, dims[PARE_MAX_RANK];
} input_shape;

/* [model->n_inputs], with pare_free. Inputs that are not named keep their own shape. */
static pare_status read_shapes(const pare_model *model, int64_t batch, const input_shape *given, uint32_t n,
                               pare_shape **out) {
  *out = pare_alloc_array(lab.ctx, (size_t)model->n_inputs, sizeof **out);
  if (!*out) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < model->n_inputs; i++)
    (*out)[i] = pare_value_shape_at(&model->values[model->inputs[i]], batch);
  for (uint32_t k = 0; k < n; k++) {
    const char *name = (const char *)(uintptr_t)given[k].name;
    int i = 0;
    while (i < model->n_inputs && strcmp(model->values[model->inputs[i]].name, name) != 0) i++;
    if (i == model->n_inputs) return pare_fail(lab.ctx, PARE_BAD_ARGUMENT, "there is no input '%s'", name);
    if (given[k].rank < 0 || given[k].rank > PARE_MAX_RANK)
      return pare_fail(lab.ctx, PARE_BAD_ARGUMENT, "input '%s': a shape of %d dimensions", name,
                       given[k].rank);
    (*out)[i].rank = given[k].rank;
    for (int d = 0; d < given[k].rank; d++) (*out)[i].dims[d] = given[k].dims[d];
  }
  for (int i = 0; i < model->n_inputs; i++)
    if (!pare_shape_known(&(*out)[i]))
      return pare_fail(lab.ctx, PARE_BAD_ARGUMENT, "input '%s': every dimension must be given",
                       model->values[model->inputs[i]].name);
  return PARE_OK;
}

int32_t EXPORT(pare_js_session_new)(uint32_t handle, double batch, int32_t fast, const input_shape *given,
                                    uint32_t n_given) {
  TAKE(MODEL, handle, model);
  pare_session_options options = {.batch = (int64_t)batch, .numerics = fast ? PARE_FAST : PARE_EXACT};
  pare_session *session = NULL;
  pare_shape *shapes = NULL;
  pare_status status = n_given ? read_shapes(model, options.batch, given, n_given, &shapes) : PARE_OK;
  options.input_shapes = shapes;
  if (status == PARE_OK) status = pare_session_new(model, &options, &session);
  pare_free(lab.ctx, shapes);
  return done(give_handle(status, SESSION, session));
}

/* {inputs: [...], outputs: [...], peak_bytes}: addresses hold as long as the session. */
int32_t EXPORT(pare_js_session_ports)(uint32_t handle) {
  TAKE(SESSION, handle, session);
  pare_json json;
  pare_json_init(&json, lab.ctx);
  pare_json_object(&json);
  pare_json_key(&json, "inputs");
  pare_json_array(&json);
  for (int i = 0; i < pare_session_n_inputs(session); i++) {
    pare_tensor_view view = pare_session_input(session, i);
    put_view(&json, &view);
  }
  pare_json_end(&json, ']');
  pare_json_key(&json, "outputs");
  pare_json_array(&json);
  for (int i = 0; i < pare_session_n_outputs(session); i++) {
    pare_tensor_view view = pare_session_output(session, i);
    put_view(&json, &view);
  }
  pare_json_end(&json, ']');
  pare_json_put_int(&json, "peak_bytes", (int64_t)pare_session_peak_bytes(session));
  pare_json_end(&json, '}');
  return done(give_bytes(pare_json_finish(&json, &lab.kept)));
}

int32_t EXPORT(pare_js_session_run)(uint32_t handle) {
  TAKE(SESSION, handle, session);
  return done(pare_session_run(session));
}

/* ---- job --------------------------------------------------------------------------------------------------------------------- */

/* What JavaScript fills in, all u32; limits 0: all. */
typedef struct job_options {
  uint32_t dataset; /* handle, 0: none */
  uint32_t fast, first_test, limit_test, limit_train, answers;
  uint32_t n_models;
  struct {
    const char *name; /* ends with a zero */
    uint32_t model;
  } models[];
} job_options;

typedef struct job_inputs {
  void *dataset;
  pare_run_options options;
  pare_named_model *models;
} job_inputs;

static pare_status read_options(const job_options *given, job_inputs *out) {
  *out = (job_inputs){0};
  PARE_TRY(take_optional(given->dataset, DATASET, &out->dataset));
  out->models = pare_alloc_array(lab.ctx, given->n_models, sizeof *out->models);
  if (!out->models) return PARE_OUT_OF_MEMORY;
  for (uint32_t i = 0; i < given->n_models; i++) {
    void *model;
    PARE_TRY(take(given->models[i].model, MODEL, &model));
    out->models[i] = (pare_named_model){given->models[i].name, model};
  }
  out->options = (pare_run_options){.numerics = given->fast ? PARE_FAST : PARE_EXACT,
                                    .first_test = given->first_test,
                                    .limit_test = given->limit_test,
                                    .limit_train = given->limit_train,
                                    .answers = given->answers != 0,
                                    .models = out->models,
                                    .n_models = (int)given->n_models};
  return PARE_OK;
}

int32_t EXPORT(pare_js_job_evaluate)(uint32_t handle, const job_options *given) {
  TAKE(MODEL, handle, model);
  job_inputs in;
  pare_job *job = NULL;
  pare_status status = read_options(given, &in);
  if (status == PARE_OK) status = pare_job_start_evaluate(model, in.dataset, &in.options, &job);
  pare_free(lab.ctx, in.models);
  return done(give_handle(status, JOB, job));
}

/* `recipe` is JSON that ends with a zero. */
int32_t EXPORT(pare_js_job_recipe)(uint32_t handle, const char *recipe, const job_options *given) {
  TAKE(MODEL, handle, model);
  job_inputs in;
  pare_job *job = NULL;
  pare_status status = read_options(given, &in);
  if (status == PARE_OK) status = pare_job_start_recipe(model, in.dataset, recipe, &in.options, &job);
  pare_free(lab.ctx, in.models);
  return done(give_handle(status, JOB, job));
}

int32_t EXPORT(pare_js_job_resume)(const uint8_t *checkpoint, uint32_t len_bytes, const job_options *given) {
  forget_result();
  context();
  job_inputs in;
  pare_job *job = NULL;
  pare_status status = read_options(given, &in);
  if (status == PARE_OK)
    status = pare_job_resume(lab.ctx, checkpoint, len_bytes, in.dataset, &in.options, &job);
  pare_free(lab.ctx, in.models);
  return done(give_handle(status, JOB, job));
}

int32_t EXPORT(pare_js_job_step)(uint32_t handle, uint32_t budget_ms) {
  TAKE(JOB, handle, job);
  pare_progress progress;
  pare_status status = pare_job_step(job, budget_ms, &progress);
  if (status != PARE_OK) return done(status);
  pare_json json;
  pare_json_init(&json, lab.ctx);
  pare_json_object(&json);
  pare_json_put_int(&json, "done", (int64_t)progress.done);
  pare_json_put_int(&json, "total", (int64_t)progress.total);
  pare_json_put_number(&json, "loss", progress.loss);
  pare_json_put_number(&json, "accuracy", progress.accuracy);
  pare_json_put_text(&json, "stage", progress.stage);
  pare_json_put_bool(&json, "finished", progress.finished);
  pare_json_end(&json, '}');
  return done(give_bytes(pare_json_finish(&json, &lab.kept)));
}

int32_t EXPORT(pare_js_job_report)(uint32_t handle) {
  TAKE(JOB, handle, job);
  return done(give_bytes(pare_job_report(job, &lab.kept)));
}

int32_t EXPORT(pare_js_job_checkpoint)(uint32_t handle) {
  TAKE(JOB, handle, job);
  return done(give_bytes(pare_job_checkpoint(job, &lab.kept)));
}

int32_t EXPORT(pare_js_job_model)(uint32_t handle, int32_t i_step) {
  TAKE(JOB, handle, job);
  pare_model *model = NULL;
  pare_status status = pare_job_model(job, i_step, &model);
  return done(give_handle(status, MODEL, model));
}
