/* A profile as Chrome's trace-event format ("Trace Event Format", the Chromium project): complete events
 * ("ph":"X") with times in microseconds, one process for each model, so that the models of a recipe stand
 * one below another. */
#include "measure/rows.h"

static void name_process(pare_json *json, int pid, const char *name) {
  pare_json_object(json);
  pare_json_put_text(json, "name", "process_name");
  pare_json_put_text(json, "ph", "M");
  pare_json_put_int(json, "pid", pid);
  pare_json_put_int(json, "tid", 1);
  pare_json_key(json, "args");
  pare_json_object(json);
  pare_json_put_text(json, "name", name);
  pare_json_end(json, '}');
  pare_json_end(json, '}');
}

static void put_event(pare_json *json, int pid, const pare_step *step, double start_us) {
  const pare_call *call = &step->call;
  pare_json_object(json);
  pare_json_put_text(json, "name", call->node->name);
  pare_json_put_text(json, "cat", call->node->op_type);
  pare_json_put_text(json, "ph", "X");
  pare_json_put_number(json, "ts", start_us);
  pare_json_put_number(json, "dur", step->time_ms * 1000);
  pare_json_put_int(json, "pid", pid);
  pare_json_put_int(json, "tid", 1);
  pare_json_key(json, "args");
  pare_json_object(json);
  pare_json_put_text(json, "op", call->node->op_type);
  if (call->n_out > 0 && call->out[0] != NULL) {
    pare_cost cost = {0, 0};
    pare_json_put_text(json, "dtype", pare_dtype_name(call->out[0]->dtype));
    const pare_shape shape = pare_op_image(call, call->out[0]);
    pare_json_put_shape(json, "shape", &shape);
    if (call->node->op != NULL && call->node->op->cost != NULL) call->node->op->cost(call, &cost);
    pare_json_put_int(json, "macs", (int64_t)cost.macs);
  }
  pare_json_end(json, '}');
  pare_json_end(json, '}');
}

static pare_status trace_model(const pare_named_model *named, int pid, const pare_run_options *options,
                               pare_json *json) {
  pare_plan_options plan = {.batch = 1, .fuse = true, .profile = true};
  pare_session *session = NULL;
  if (options != NULL) {
    plan.numerics = options->numerics;
    plan.n_threads = options->n_threads;
  }
  if (!pare_model_has_every_operator(named->model)) return PARE_OK; /* nothing to time */
  PARE_TRY(pare_session_plan(named->model, &plan, &session));
  pare_fill_inputs(session);
  pare_status status = pare_session_run(session); /* warm up */
  if (status == PARE_OK) status = pare_session_run(session);
  if (session->dynamic && status != PARE_OK && status != PARE_OUT_OF_MEMORY) {
    pare_session_free(session); /* made-up inputs, which may be shapes or indices, did not suit it */
    return PARE_OK;
  }
  if (status == PARE_OK) {
    double now_us = 0;
    name_process(json, pid, named->name);
    for (int i = 0; i < session->n_steps; i++) {
      put_event(json, pid, &session->steps[i], now_us);
      now_us += session->steps[i].time_ms * 1000;
    }
  }
  pare_session_free(session);
  return status;
}

pare_status pare_profile_trace(const pare_named_model *models, int n_models, const pare_run_options *options,
                               pare_buffer *out) {
  pare_json json;
  *out = (pare_buffer){NULL, 0};
  if (n_models < 1) return PARE_BAD_ARGUMENT;
  pare_json_init(&json, models[0].model->ctx);
  pare_json_object(&json);
  pare_json_put_text(&json, "displayTimeUnit", "ms");
  pare_json_key(&json, "traceEvents");
  pare_json_array(&json);
  pare_status status = PARE_OK;
  for (int i = 0; status == PARE_OK && i < n_models; i++)
    status = trace_model(&models[i], i + 1, options, &json);
  pare_json_end(&json, ']');
  pare_json_end(&json, '}');
  if (status == PARE_OK) return pare_json_finish(&json, out);
  pare_json_free(&json);
  return status;
}
