/* Loads an ONNX model, prints what is in it and, given a data set, its true accuracy as a report in JSON.
 * Usage: evaluate MODEL.onnx [DATA]      DATA as on the command line: fashion-mnist[:FOLDER], idx:IMAGES,LABELS, ... */
#include <stdio.h>

#include <pare/pare.h>

static void print_buffer(pare_context *ctx, pare_buffer *json) {
  fwrite(json->data, 1, json->len_bytes, stdout);
  putchar('\n');
  pare_buffer_free(ctx, json);
}

static pare_status evaluate(pare_context *ctx, const pare_model *model, const char *spec) {
  pare_dataset *data = NULL;
  pare_job *job = NULL;
  pare_progress progress = {0};
  pare_buffer json = {0};
  pare_status status = pare_dataset_open(ctx, spec, &data);
  if (status == PARE_OK) status = pare_job_start_evaluate(model, data, NULL, &job);
  while (status == PARE_OK && !progress.finished) status = pare_job_step(job, 100, &progress);
  if (status == PARE_OK) status = pare_job_report(job, &json);
  if (status == PARE_OK) print_buffer(ctx, &json);
  pare_job_free(job);
  pare_dataset_free(data);
  return status;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc > 3) {
    fprintf(stderr, "usage: evaluate MODEL.onnx [DATA]\n");
    return 2;
  }
  pare_context *ctx = NULL;
  pare_model *model = NULL;
  pare_buffer json = {0};
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 1;
  pare_status status = pare_model_load_file(ctx, argv[1], &model);
  if (status == PARE_OK) status = pare_model_info(model, &json);
  if (status == PARE_OK) print_buffer(ctx, &json);
  if (status == PARE_OK && argc == 3) status = evaluate(ctx, model, argv[2]);
  if (status != PARE_OK) fprintf(stderr, "%s: %s\n", pare_status_name(status), pare_error(ctx));
  pare_model_free(model);
  pare_context_free(ctx);
  return status == PARE_OK ? 0 : 1;
}
