/* Planning and running; see session.h. */
#include "session/session.h"

#include <string.h>

#include "session/plan.h"

/* ---- planning -------------------------------------------------------------------------------------------------------------- */

/* Fusion takes nodes to be what infer has checked: where some are open, only constants are folded. */
static pare_status rewrite(pare_session *session, const pare_shape *shapes, bool *dynamic) {
  pare_model *model = session->model;
  const pare_plan_options *options = &session->options;
  if (options->training) {
    PARE_TRY(pare_plan_fold(model, shapes, PARE_FOLD_FOR_TRAINING, dynamic));
    return *dynamic ? PARE_OK : pare_plan_batch_layout(model, shapes);
  }
  if (options->fuse) {
    PARE_TRY(pare_plan_fold(model, shapes, PARE_FOLD_KEEP_DEQUANTIZE, dynamic));
    if (!*dynamic) {
      PARE_TRY(pare_fuse_qdq(model));
      PARE_TRY(pare_plan_rewrite(model, options->numerics));
      PARE_TRY(pare_fuse_float(model));
    }
  }
  PARE_TRY(pare_plan_fold(model, shapes, PARE_FOLD_ALL, dynamic));
  return options->fuse && !options->onnx_order && !*dynamic ? pare_plan_layout(model, shapes) : PARE_OK;
}

/* Training writes to weights: each gets memory of its own. */
static pare_status own_weights(pare_model *model) {
  for (int i = 0; i < model->n_values; i++) {
    pare_tensor *tensor;
    if (model->values[i].is_initializer && model->values[i].dtype == PARE_F32)
      PARE_TRY(pare_model_edit_initializer(model, i, &tensor));
  }
  return PARE_OK;
}

pare_status pare_plan_steps(pare_session *session, const pare_shape *shapes) {
  pare_model *model = session->model;
  session->n_steps = model->n_nodes;
  session->steps = pare_arena_array(&session->arena, (size_t)model->n_nodes, sizeof(pare_step));
  session->tensors = pare_arena_array(&session->arena, (size_t)model->n_values, sizeof(pare_tensor));
  bool *is_const = pare_arena_array(&session->arena, (size_t)model->n_values, sizeof(bool));
  if (!session->steps || !session->tensors || !is_const) return PARE_OUT_OF_MEMORY;
  pare_plan_set_inputs(model, shapes, session->tensors);
  for (int i = 0; i < model->n_values; i++)
    is_const[i] =
        model->values[i].is_initializer && !(session->options.training && model->values[i].dtype == PARE_F32);
  for (int i = 0; i < model->n_nodes; i++) {
    pare_call *call = &session->steps[i].call;
    PARE_TRY(pare_plan_call(model, &model->nodes[i], session->tensors, is_const, &session->arena, call));
    call->training = session->options.training;
    call->numerics = session->options.numerics;
    call->pool = session->pool;
    call->arena = &session->arena;
  }
  return PARE_OK;
}

static pare_status infer_steps(pare_session *session) {
  for (int i = 0; i < session->n_steps; i++) {
    pare_call *call = &session->steps[i].call;
    PARE_TRY(pare_plan_fail(session->model, call->node, pare_plan_infer(call)));
  }
  return PARE_OK;
}

static pare_status prepare_steps(pare_session *session) {
  for (int i = 0; i < session->n_steps; i++) {
    pare_call *call = &session->steps[i].call;
    PARE_TRY(pare_plan_fail(session->model, call->node, pare_call_prepare(call)));
    if (call->scratch_bytes > session->scratch_bytes) session->scratch_bytes = call->scratch_bytes;
    if (!call->saved_bytes) continue;
    call->saved = pare_arena_alloc(&session->arena, call->saved_bytes);
    if (!call->saved) return PARE_OUT_OF_MEMORY;
  }
  session->scratch = pare_alloc(session->ctx, session->scratch_bytes);
  if (!session->scratch) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < session->n_steps; i++) session->steps[i].call.scratch = session->scratch;
  return PARE_OK;
}

static pare_status plan_dynamic(pare_session *session, const pare_shape *shapes) {
  const pare_dynamic_forms *forms = pare_dynamic_forms_here();
  if (forms) return forms->plan(session, shapes);
  return pare_fail(session->ctx, PARE_UNSUPPORTED, "shapes that depend on data: this module leaves them out");
}

static pare_status plan(pare_session *session, const pare_model *model) {
  PARE_TRY(pare_plan_check_operators(model));
  PARE_TRY(pare_pool_new(session->ctx, session->options.n_threads, &session->pool));
  PARE_TRY(pare_model_clone(model, &session->model));
  pare_shape *shapes = pare_arena_array(&session->arena, (size_t)model->n_inputs, sizeof(pare_shape));
  if (!shapes) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_plan_input_shapes(session->model, &session->options, shapes));
  bool dynamic = false;
  PARE_TRY(rewrite(session, shapes, &dynamic));
  if (dynamic || session->options.open) return plan_dynamic(session, shapes);
  if (session->options.training) PARE_TRY(own_weights(session->model));
  PARE_TRY(pare_plan_steps(session, shapes));
  PARE_TRY(infer_steps(session));
  PARE_TRY(pare_plan_memory(session));
  return prepare_steps(session);
}

pare_status pare_session_plan(const pare_model *model, const pare_plan_options *options, pare_session **out) {
  *out = NULL;
  pare_session *session = pare_alloc(model->ctx, sizeof *session);
  if (!session) return PARE_OUT_OF_MEMORY;
  session->ctx = model->ctx;
  session->options = *options;
  session->options.keep_all |= options->training;
  pare_arena_init(&session->arena, model->ctx);
  pare_status status = plan(session, model);
  session->options.input_shapes = NULL; /* the caller's, and not needed any more */
  if (status == PARE_OK)
    *out = session;
  else
    pare_session_free(session);
  return status;
}

pare_status pare_session_new(const pare_model *model, const pare_session_options *options,
                             pare_session **out) {
  pare_plan_options plan_options = {.batch = 1, .fuse = true};
  if (options) {
    plan_options.batch = options->batch > 0 ? options->batch : 1;
    plan_options.numerics = options->numerics;
    plan_options.n_threads = options->n_threads;
    plan_options.input_shapes = options->input_shapes;
  }
  return pare_session_plan(model, &plan_options, out);
}

void pare_session_free(pare_session *session) {
  if (!session) return;
  if (session->dynamic) pare_dynamic_forms_here()->free(session);
  pare_pool_free(session->pool);
  pare_model_free(session->model);
  pare_free(session->ctx, session->memory);
  pare_free(session->ctx, session->scratch);
  pare_arena_free(&session->arena);
  pare_free(session->ctx, session);
}

/* ---- running ----------------------------------------------------------------------------------------------------------------- */

pare_status pare_session_run(pare_session *session) {
  if (session->dynamic) return pare_dynamic_forms_here()->run(session);
  bool profile = session->options.profile;
  for (int i = 0; i < session->n_steps; i++) {
    pare_step *step = &session->steps[i];
    double start = profile ? pare_now_ms() : 0;
    pare_status status = pare_call_run(&step->call);
    if (status != PARE_OK) return pare_plan_fail(session->model, step->call.node, status);
    if (profile) step->time_ms = pare_now_ms() - start;
  }
  return PARE_OK;
}

static pare_tensor_view view(const pare_session *session, int i_value) {
  const pare_tensor *tensor = &session->tensors[i_value];
  return (pare_tensor_view){session->model->values[i_value].name, tensor->dtype, tensor->shape, tensor->data,
                            pare_tensor_len_bytes(tensor)};
}

int pare_session_n_inputs(const pare_session *session) {
  return session->model->n_inputs;
}
int pare_session_n_outputs(const pare_session *session) {
  return session->model->n_outputs;
}

pare_tensor_view pare_session_input(const pare_session *session, int i) {
  if (i < 0 || i >= session->model->n_inputs) return (pare_tensor_view){0};
  return view(session, session->model->inputs[i]);
}

pare_tensor_view pare_session_output(const pare_session *session, int i) {
  if (i < 0 || i >= session->model->n_outputs) return (pare_tensor_view){0};
  return view(session, session->model->outputs[i]);
}

size_t pare_session_peak_bytes(const pare_session *session) {
  return session->memory_bytes + session->scratch_bytes + pare_arena_used_bytes(&session->arena);
}

pare_tensor *pare_session_value(const pare_session *session, const char *name) {
  int i = pare_model_find_value(session->model, name);
  return i < 0 ? NULL : &session->tensors[i];
}
