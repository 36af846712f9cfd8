/* Reports as JSON: the members that report.json, the page and the command line share. */
#include <math.h>

#include "measure/measure.h"

static void put_count(pare_json *json, const char *key, uint64_t value) {
  pare_json_put_int(json, key, (int64_t)value);
}

static void put_layer(const pare_layer_report *layer, pare_json *json) {
  pare_json_object(json);
  pare_json_put_text(json, "name", layer->name);
  pare_json_put_text(json, "op", layer->op_type);
  if (layer->output.rank >= 0)
    pare_json_put_shape(json, "shape", &layer->output);
  else
    pare_json_put_text(json, "shape", NULL);
  put_count(json, "parameters", layer->parameters);
  put_count(json, "nonzeros", layer->nonzeros);
  double sparsity =
      layer->parameters > 0 ? 1 - (double)layer->nonzeros / (double)layer->parameters : (double)NAN;
  pare_json_put_number(json, "sparsity", sparsity);
  pare_json_put_number(json, "bits", layer->bits > 0 ? layer->bits : (double)NAN);
  put_count(json, "bytes", layer->bytes);
  put_count(json, "entropy_bytes", layer->entropy_bytes);
  put_count(json, "macs", layer->macs);
  put_count(json, "effective_macs", layer->effective_macs);
  pare_json_put_number(json, "time_ms", layer->time_ms);
  pare_json_put_number(json, "sqnr_db", layer->sqnr_db);
  pare_json_put_text(json, "kernel", layer->kernel);
  pare_json_end(json, '}');
}

void pare_model_report_json(const pare_model_report *report, pare_json *json) {
  put_count(json, "parameters", report->parameters);
  put_count(json, "nonzeros", report->nonzeros);
  put_count(json, "bytes", report->bytes);
  put_count(json, "entropy_bytes", report->entropy_bytes);
  put_count(json, "file_bytes", report->file_bytes);
  put_count(json, "macs", report->macs);
  put_count(json, "effective_macs", report->effective_macs);
  put_count(json, "peak_bytes", report->peak_bytes);
  pare_json_put_number(json, "latency_ms", report->latency_ms);
  pare_json_key(json, "layers");
  pare_json_array(json);
  for (int i = 0; i < report->n_layers; i++) put_layer(&report->layers[i], json);
  pare_json_end(json, ']');
}

static void put_confusion(const pare_evaluation *evaluation, pare_json *json) {
  int n = evaluation->n_classes;
  pare_json_key(json, "confusion");
  pare_json_array(json);
  for (int i = 0; i < n; i++) {
    pare_json_array(json);
    for (int k = 0; k < n; k++) pare_json_int(json, evaluation->confusion[i * n + k]);
    pare_json_end(json, ']');
  }
  pare_json_end(json, ']');
}

void pare_evaluation_json(const pare_evaluation *evaluation, pare_json *json) {
  bool any = evaluation->total > 0;
  pare_json_put_int(json, "right", evaluation->right);
  pare_json_put_int(json, "total", evaluation->total);
  pare_json_put_number(json, "accuracy",
                       any ? (double)evaluation->right / (double)evaluation->total : (double)NAN);
  pare_json_put_number(json, "loss", any ? evaluation->loss : (double)NAN);
  pare_json_put_number(json, "loss_sum", evaluation->loss_sum);
  put_confusion(evaluation, json);
  if (evaluation->answers == NULL) return;
  pare_json_key(json, "answers");
  pare_json_array(json);
  for (int64_t i = 0; i < evaluation->total; i++) pare_json_int(json, evaluation->answers[i]);
  pare_json_end(json, ']');
}
