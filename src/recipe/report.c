/* report.json of a recipe: what ran where, on which data, and one object for each finished step, the
 * original first. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "recipe/recipe.h"

static void put_evaluation(const pare_run *run, pare_json *json) {
  static const char *const keys[] = {"right", "total", "accuracy", "loss", "confusion"};
  if (run->evaluation != NULL) {
    pare_writer *writer = &json->writer; /* members, ready made */
    pare_writer_put(writer, ",", 1);
    pare_writer_text(writer, run->evaluation);
    return;
  }
  for (size_t i = 0; i < PARE_COUNT(keys); i++) pare_json_put_text(json, keys[i], NULL);
}

static void put_pass(const pare_run *run, pare_json *json) {
  char text[256] = "as it was given";
  const pare_recipe_step *step = run->i_step > 0 ? &run->recipe.steps[run->i_step - 1] : NULL;
  if (step != NULL) snprintf(text, sizeof text, "%s", step->pass->title);
  if (step != NULL && step->pass->describe != NULL) step->pass->describe(step->params, text, sizeof text);
  pare_json_put_text(json, "name", step == NULL ? "original" : step->name);
  pare_json_put_text(json, "pass", step == NULL ? NULL : step->pass->name);
  pare_json_put_text(json, "kind", step == NULL ? "original" : step->pass->kind);
  pare_json_put_text(json, "describe", text);
  if (step == NULL)
    pare_json_put_text(json, "seed", NULL);
  else
    pare_json_put_int(json, "seed", (int64_t)step->seed);
}

static pare_status put_details(pare_run *run, pare_json *json) {
  pare_json_key(json, "details");
  if (!run->has_details) {
    pare_json_raw(json, "{}");
    return PARE_OK;
  }
  pare_buffer text;
  pare_json_end(&run->details, '}');
  run->has_details = false; /* finish takes its memory, also when it fails */
  PARE_TRY(pare_json_finish(&run->details, &text));
  pare_json_raw(json, (const char *)text.data);
  pare_buffer_free(run->job.ctx, &text);
  return PARE_OK;
}

pare_status pare_run_step_json(pare_run *run, const pare_model_report *report, pare_buffer *out) {
  char hex[65];
  pare_json json;
  PARE_TRY(pare_model_weights_sha256(run->pending, hex));
  pare_json_init(&json, run->job.ctx);
  pare_json_object(&json);
  put_pass(run, &json);
  put_evaluation(run, &json);
  pare_model_report_json(report, &json);
  pare_json_put_number(&json, "seconds", run->i_step > 0 ? run->seconds : (double)NAN);
  pare_json_put_text(&json, "weights_sha256", hex);
  pare_status status = put_details(run, &json);
  pare_json_end(&json, '}');
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}

static pare_status put_weights(const pare_run *run, pare_json *json) {
  char hex[65];
  const pare_model *newest = run->models[run->n_finished > 0 ? run->n_finished - 1 : 0];
  PARE_TRY(pare_model_weights_sha256(newest, hex));
  pare_json_put_text(json, "weights_sha256", hex);
  return PARE_OK;
}

pare_status pare_run_report(const pare_job *job, pare_buffer *out) {
  const pare_run *run = (const pare_run *)job;
  pare_json json;
  pare_json_init(&json, job->ctx);
  pare_json_object(&json);
  pare_job_put_build(&json, run->options.numerics);
  pare_json_put_text(&json, "model", NULL);
  pare_status status = pare_job_put_data(&json, run->dataset);
  pare_span recipe = pare_json_source(run->recipe.doc, 0);
  pare_json_key(&json, "recipe");
  pare_writer_put(&json.writer, recipe.data, recipe.len_bytes);
  json.needs_comma = true;
  if (status == PARE_OK) status = put_weights(run, &json);
  pare_json_key(&json, "steps");
  pare_json_array(&json);
  for (int i = 0; i < run->n_finished; i++) pare_json_raw(&json, run->reports[i]);
  pare_json_end(&json, ']');
  pare_json_put_text(&json, "failure", run->failed == PARE_OK ? NULL : run->failure);
  pare_json_end(&json, '}');
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}
