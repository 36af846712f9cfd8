/* A run as bytes, to go on later or elsewhere. Little-endian: magic, version, options, counts, then blobs
 * (64-bit length, bytes): the recipe, the finished models as ONNX, their report objects, what the current
 * step has so far; at the end the SHA-256 of all before it. Whoever wrote the bytes is not trusted:
 * lengths, counts and texts are checked, models go through the ONNX reader. */
#include <string.h>

#include "base/sha256.h"
#include "recipe/recipe.h"

#define MAGIC      "PARECKPT"
#define VERSION    1u
#define HASH_BYTES 32

/* ---- out ---------------------------------------------------------------------------- */
static void put_u64(pare_writer *out, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> (8 * i));
  pare_writer_put(out, bytes, sizeof bytes);
}

static void put_blob(pare_writer *out, const void *bytes, size_t len_bytes) {
  put_u64(out, len_bytes);
  pare_writer_put(out, bytes, len_bytes);
}

static void put_text(pare_writer *out, const char *text) {
  put_u64(out, text != NULL);
  if (text != NULL) put_blob(out, text, strlen(text));
}

static pare_status put_model(pare_writer *out, const pare_model *model) {
  pare_buffer file;
  PARE_TRY(pare_model_save(model, &file));
  put_blob(out, file.data, file.len_bytes);
  pare_buffer_free(model->ctx, &file);
  return PARE_OK;
}

static void put_head(const pare_run *run, pare_writer *out) {
  pare_span recipe = pare_json_source(run->recipe.doc, 0);
  uint64_t seconds_bits = 0;
  memcpy(&seconds_bits, &run->seconds, sizeof seconds_bits);
  pare_writer_put(out, MAGIC, 8);
  put_u64(out, VERSION);
  put_u64(out, (uint64_t)run->options.numerics);
  put_u64(out, (uint64_t)run->options.limit_test);
  put_u64(out, (uint64_t)run->options.limit_train);
  put_u64(out, run->options.answers);
  put_u64(out, run->dataset == NULL ? 0 : (uint64_t)run->dataset->train.n);
  put_u64(out, run->dataset == NULL ? 0 : (uint64_t)run->dataset->test.n);
  put_u64(out, (uint64_t)run->n_finished);
  put_u64(out, (uint64_t)run->stage);
  put_u64(out, seconds_bits);
  put_blob(out, recipe.data, recipe.len_bytes);
}

/* The running pass's own state, when it can save one. */
static pare_status put_state(const pare_run *run, pare_writer *out) {
  const pare_pass *pass = run->state == NULL ? NULL : run->recipe.steps[run->i_step - 1].pass;
  bool saves = pass != NULL && pass->save != NULL && pass->restore != NULL;
  put_u64(out, saves);
  if (!saves) return PARE_OK;
  pare_writer state;
  pare_buffer bytes;
  pare_writer_init(&state, run->job.ctx);
  pare_status status = pass->save(run->state, &state);
  if (status != PARE_OK) {
    pare_writer_free(&state);
    return status;
  }
  PARE_TRY(pare_writer_finish(&state, &bytes));
  put_blob(out, bytes.data, bytes.len_bytes);
  pare_buffer_free(run->job.ctx, &bytes);
  return PARE_OK;
}

static pare_status put_current(const pare_run *run, pare_writer *out) {
  bool has_pending = run->pending != NULL;
  put_u64(out, has_pending);
  if (has_pending) {
    PARE_TRY(put_model(out, run->pending));
    put_u64(out, run->has_details);
    if (run->has_details) put_blob(out, run->details.writer.data, run->details.writer.len_bytes);
    put_text(out, run->evaluation);
  }
  return put_state(run, out);
}

static pare_status put_run(const pare_run *run, pare_writer *out) {
  put_head(run, out);
  PARE_TRY(put_model(out, run->models[0]));
  for (int i = 1; i < run->n_finished; i++) PARE_TRY(put_model(out, run->models[i]));
  for (int i = 0; i < run->n_finished; i++) put_blob(out, run->reports[i], strlen(run->reports[i]));
  return put_current(run, out);
}

pare_status pare_run_checkpoint(const pare_job *job, pare_buffer *out) {
  const pare_run *run = (const pare_run *)job;
  pare_writer writer;
  pare_writer_init(&writer, job->ctx);
  pare_status status = put_run(run, &writer);
  if (status != PARE_OK) {
    pare_writer_free(&writer);
    return status;
  }
  pare_sha256 hash;
  uint8_t digest[HASH_BYTES];
  pare_sha256_start(&hash);
  pare_sha256_add(&hash, writer.data, writer.len_bytes);
  pare_sha256_finish(&hash, digest);
  pare_writer_put(&writer, digest, sizeof digest);
  return pare_writer_finish(&writer, out);
}

/* ---- in ---------------------------------------------------------------------------- */
typedef struct source {
  pare_context *ctx;
  const uint8_t *at, *end;
} source;

static pare_status damaged(const source *in, const char *what) {
  return pare_fail(in->ctx, PARE_BAD_ARGUMENT, "the checkpoint is damaged: %s", what);
}

static pare_status get_u64(source *in, uint64_t most, const char *what, uint64_t *out) {
  *out = 0;
  if (in->end - in->at < 8) return damaged(in, what);
  for (int i = 0; i < 8; i++) *out |= (uint64_t)in->at[i] << (8 * i);
  in->at += 8;
  return *out <= most ? PARE_OK : damaged(in, what);
}

static pare_status get_blob(source *in, const char *what, pare_span *out) {
  uint64_t len_bytes = 0;
  PARE_TRY(get_u64(in, (uint64_t)(in->end - in->at), what, &len_bytes));
  if (len_bytes > (uint64_t)(in->end - in->at)) return damaged(in, what);
  *out = (pare_span){in->at, (size_t)len_bytes};
  in->at += len_bytes;
  return PARE_OK;
}

static pare_status get_model(source *in, pare_model **out) {
  pare_span file = {0};
  PARE_TRY(get_blob(in, "a model", &file));
  return pare_model_load(in->ctx, file.data, file.len_bytes, out);
}

static pare_status get_model_for(source *in, const pare_dataset *dataset, pare_model **out) {
  pare_model *model = NULL;
  PARE_TRY(get_model(in, &model));
  pare_status status = pare_model_for_data(model, dataset, out);
  pare_model_free(model);
  return status;
}

/* A copy of `text`, which must be JSON when it stands between `before` and `after`. */
static pare_status get_json(source *in, const char *before, const char *after, const char *what, char **out) {
  pare_span text = {0};
  pare_writer writer;
  pare_buffer whole, copy;
  pare_json_doc *doc = NULL;
  PARE_TRY(get_blob(in, what, &text));
  pare_writer_init(&writer, in->ctx);
  pare_writer_text(&writer, before);
  pare_writer_put(&writer, text.data, text.len_bytes);
  pare_writer_text(&writer, after);
  PARE_TRY(pare_writer_finish(&writer, &whole));
  pare_status status =
      pare_json_parse(in->ctx, (const char *)whole.data, whole.len_bytes, PARE_BAD_ARGUMENT, &doc);
  bool is_object = status == PARE_OK && pare_json_is(doc, 0, 'o');
  pare_json_doc_free(doc);
  pare_buffer_free(in->ctx, &whole);
  if (status != PARE_OK) return status;
  if (!is_object) return damaged(in, what);
  pare_writer_init(&writer, in->ctx);
  pare_writer_put(&writer, text.data, text.len_bytes);
  PARE_TRY(pare_writer_finish(&writer, &copy));
  *out = (char *)copy.data;
  return PARE_OK;
}

typedef struct head {
  uint64_t version, numerics, limit_test, limit_train, answers, n_train, n_test, n_finished, stage,
      seconds_bits;
  pare_span recipe;
} head;

static pare_status get_head(source *in, head *h) {
  if (in->end - in->at < 8 || memcmp(in->at, MAGIC, 8) != 0)
    return pare_fail(in->ctx, PARE_BAD_ARGUMENT, "this is not a checkpoint");
  in->at += 8;
  PARE_TRY(get_u64(in, UINT64_MAX, "its version", &h->version));
  if (h->version != VERSION)
    return pare_fail(in->ctx, PARE_UNSUPPORTED, "the checkpoint has version %llu; this Pare reads version %u",
                     (unsigned long long)h->version, VERSION);
  PARE_TRY(get_u64(in, PARE_FAST, "numerics", &h->numerics));
  PARE_TRY(get_u64(in, INT64_MAX, "limits", &h->limit_test));
  PARE_TRY(get_u64(in, INT64_MAX, "limits", &h->limit_train));
  PARE_TRY(get_u64(in, 1, "answers", &h->answers));
  PARE_TRY(get_u64(in, INT64_MAX, "the data's size", &h->n_train));
  PARE_TRY(get_u64(in, INT64_MAX, "the data's size", &h->n_test));
  PARE_TRY(get_u64(in, PARE_RECIPE_MAX_STEPS + 1, "the number of steps", &h->n_finished));
  PARE_TRY(get_u64(in, PARE_STAGE_MEASURE, "the stage", &h->stage));
  PARE_TRY(get_u64(in, UINT64_MAX, "seconds", &h->seconds_bits));
  return get_blob(in, "the recipe", &h->recipe);
}

static pare_status check_hash(source *in) {
  pare_sha256 hash;
  uint8_t digest[HASH_BYTES];
  if (in->end - in->at < HASH_BYTES) return pare_fail(in->ctx, PARE_BAD_ARGUMENT, "this is not a checkpoint");
  in->end -= HASH_BYTES;
  pare_sha256_start(&hash);
  pare_sha256_add(&hash, in->at, (size_t)(in->end - in->at));
  pare_sha256_finish(&hash, digest);
  return memcmp(digest, in->end, HASH_BYTES) == 0 ? PARE_OK : damaged(in, "its bytes have changed");
}

static pare_status check_data(source *in, const head *h, const pare_run *run) {
  uint64_t n_train = run->dataset == NULL ? 0 : (uint64_t)run->dataset->train.n;
  uint64_t n_test = run->dataset == NULL ? 0 : (uint64_t)run->dataset->test.n;
  if (n_train == h->n_train && n_test == h->n_test) return PARE_OK;
  return pare_fail(
      in->ctx, PARE_BAD_DATA,
      "the checkpoint was made with other data: %llu training and %llu test samples, not %llu and %llu",
      (unsigned long long)h->n_train, (unsigned long long)h->n_test, (unsigned long long)n_train,
      (unsigned long long)n_test);
}

static pare_status get_finished(source *in, pare_run *run, int n_finished) {
  for (int i = 1; i < n_finished; i++) PARE_TRY(get_model_for(in, run->dataset, &run->models[i]));
  for (int i = 0; i < n_finished; i++) {
    PARE_TRY(get_json(in, "", "", "a report", &run->reports[i]));
    run->n_finished = i + 1;
  }
  return PARE_OK;
}

static pare_status get_details(source *in, pare_run *run) {
  char *text = NULL;
  PARE_TRY(get_json(in, "", "}", "details", &text));
  pare_json_init(&run->details, in->ctx);
  pare_writer_text(&run->details.writer, text);
  run->details.depth = 1;
  run->details.needs_comma = text[0] != '\0' && text[1] != '\0';
  run->has_details = true;
  pare_free(in->ctx, text);
  return PARE_OK;
}

static pare_status get_pending(source *in, pare_run *run) {
  uint64_t has_details = 0, has_evaluation = 0;
  PARE_TRY(get_model_for(in, run->dataset, &run->pending));
  PARE_TRY(get_u64(in, 1, "details", &has_details));
  if (has_details) PARE_TRY(get_details(in, run));
  PARE_TRY(get_u64(in, 1, "an evaluation", &has_evaluation));
  if (has_evaluation) PARE_TRY(get_json(in, "{", "}", "an evaluation", &run->evaluation));
  return PARE_OK;
}

static pare_status get_state(source *in, pare_run *run) {
  uint64_t has_state = 0;
  pare_span saved;
  PARE_TRY(get_u64(in, 1, "the state of a pass", &has_state));
  if (!has_state) return PARE_OK;
  PARE_TRY(get_blob(in, "the state of a pass", &saved));
  if (run->i_step < 1 || run->i_step > run->recipe.n_steps || run->stage != PARE_STAGE_PASS)
    return damaged(in, "the state of a pass");
  const pare_pass *pass = run->recipe.steps[run->i_step - 1].pass;
  if (pass->restore == NULL) return PARE_OK; /* it starts again */
  PARE_TRY(pare_run_set_env(run));
  return pass->restore(&run->env, saved, &run->state);
}

static pare_status get_current(source *in, const head *h, pare_run *run) {
  uint64_t has_pending = 0;
  run->i_step = run->n_finished;
  run->stage = (pare_stage)h->stage;
  memcpy(&run->seconds, &h->seconds_bits, sizeof run->seconds);
  if (!(run->seconds >= 0 && run->seconds < 1e12)) return damaged(in, "seconds");
  PARE_TRY(get_u64(in, 1, "the current step", &has_pending));
  bool is_end = run->i_step > run->recipe.n_steps;
  if ((has_pending != 0) != (run->stage != PARE_STAGE_PASS) || (has_pending && is_end))
    return damaged(in, "the current step");
  if (has_pending) PARE_TRY(get_pending(in, run));
  PARE_TRY(get_state(in, run));
  return in->at == in->end ? PARE_OK : damaged(in, "something stands after the end");
}

static pare_status get_run(source *in, const pare_dataset *dataset, const pare_run_options *options,
                           pare_run **out) {
  head h = {.version = 0};
  pare_model *original = NULL;
  pare_run_options merged = options == NULL ? (pare_run_options){.numerics = PARE_EXACT} : *options;
  PARE_TRY(get_head(in, &h));
  merged.numerics = (pare_numerics)h.numerics;
  merged.limit_test = (int64_t)h.limit_test;
  merged.limit_train = (int64_t)h.limit_train;
  merged.answers = h.answers != 0;
  PARE_TRY(get_model(in, &original));
  pare_status status =
      pare_run_new(in->ctx, original, dataset, (const char *)h.recipe.data, h.recipe.len_bytes, &merged, out);
  pare_model_free(original); /* the run holds its own */
  PARE_TRY(status);
  pare_run *run = *out;
  if (h.n_finished > (uint64_t)run->recipe.n_steps + 1) return damaged(in, "the number of steps");
  PARE_TRY(check_data(in, &h, run));
  PARE_TRY(get_finished(in, run, (int)h.n_finished));
  PARE_TRY(get_current(in, &h, run));
  pare_run_count_done(run);
  return PARE_OK;
}

pare_status pare_job_resume(pare_context *ctx, const void *checkpoint, size_t len_bytes,
                            const pare_dataset *dataset, const pare_run_options *options, pare_job **out) {
  source in = {.ctx = ctx, .at = checkpoint, .end = (const uint8_t *)checkpoint + len_bytes};
  pare_run *run = NULL;
  *out = NULL;
  PARE_TRY(check_hash(&in));
  pare_status status = get_run(&in, dataset, options, &run);
  if (status != PARE_OK) {
    if (run != NULL) pare_run_free(&run->job);
    return status;
  }
  *out = &run->job;
  return PARE_OK;
}
