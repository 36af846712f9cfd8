/* Dynamic sessions: shapes that depend on data, graphs inside nodes, sequences. Node by node: infer with the data of every input
 * there, prepare, allocate the outputs (counted, freed after their last use), run. A node whose shapes do not depend on data is
 * inferred and prepared once, and again only when its inputs' shapes change. A node's graphs are sessions of their own, always
 * dynamic; loops are bounded by the work of one run (PARE_MAX_WORK), memory by what the context has handed out. */
#include <string.h>

#include "session/plan.h"

/* What the graphs of nodes spend of PARE_MAX_WORK. */
#define WORK_PER_NODE 16
#define WORK_SHIFT    10

/* What a prepared node was prepared for. */
typedef struct seen {
  pare_dtype dtype;
  pare_shape shape;
} seen;

typedef struct child {
  const char *attr;
  size_t i_graph;
  pare_session *session;
  int n_formal;
  int *captured; /* [session's inputs - n_formal]: where among the node's inputs they stand */
} child;

typedef struct node_state {
  pare_session *session;
  pare_call *call;
  pare_arena arena;  /* what prepare made */
  const bool *known; /* in_is_const: true constants */
  bool *all;         /* in_is_const: everything, as its data is there */
  bool ready;
  seen *in, *out;
  int *dead; /* values not needed after this node */
  int n_dead;
  child *children;
  int n_children;
} node_state;

typedef struct pare_dynamic {
  node_state *states; /* [n_steps] */
  bool *kept;         /* [n_values]: initializers and what the caller gives */
  bool is_graph;      /* of a node */
  int64_t work_left;
  int64_t *work; /* the outermost session's */
  size_t base_bytes;
} dynamic;

/* ---- planning ------------------------------------------------------------------------------------------ */

/* The graph of a node as a model of its own: captured constants become initializers, so that they are folded and packed. */
static pare_status make_child(pare_session *session, const pare_node *node, const pare_attr *attr,
                              size_t i_graph, child *out) {
  const pare_model *graph = attr->graphs[i_graph];
  pare_model *clone;
  int n_formal = graph->n_inputs - graph->n_captured, first = pare_node_first_captured(node, attr, i_graph);
  *out = (child){.attr = attr->name, .i_graph = i_graph, .n_formal = n_formal};
  out->captured = pare_arena_array(&session->arena, (size_t)graph->n_captured, sizeof(int));
  if (!out->captured) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_model_clone(graph, &clone));
  clone->n_inputs = n_formal;
  clone->n_captured = 0;
  for (int i = 0; i < graph->n_captured; i++) {
    int i_value = graph->inputs[n_formal + i], outer = node->inputs[first + i];
    const pare_value *value = &session->model->values[outer];
    if (value->is_initializer) {
      pare_tensor shared = pare_tensor_retain(&value->tensor);
      pare_model_set_initializer(clone, i_value, &shared);
    } else {
      out->captured[clone->n_captured++] = first + i;
      clone->inputs[clone->n_inputs++] = i_value;
    }
  }
  pare_plan_options options = session->options;
  options.open = true;
  options.keep_all = options.profile = false;
  options.input_shapes = NULL;
  pare_status status = pare_session_plan(clone, &options, &out->session);
  pare_model_free(clone);
  if (status != PARE_OK) return pare_fail_within(session->ctx, status, "graph '%s'", attr->name);
  out->session->dynamic->is_graph = true;
  return PARE_OK;
}

static pare_status make_children(pare_session *session, node_state *state) {
  const pare_node *node = state->call->node;
  size_t n = 0;
  for (int i = 0; i < node->n_attrs; i++)
    if (pare_attr_has_graphs(&node->attrs[i])) n += node->attrs[i].n;
  state->children = pare_arena_array(&session->arena, n, sizeof(child));
  if (!state->children) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < node->n_attrs; i++) {
    const pare_attr *attr = &node->attrs[i];
    for (size_t k = 0; pare_attr_has_graphs(attr) && k < attr->n; k++)
      PARE_TRY(make_child(session, node, attr, k, &state->children[state->n_children++]));
  }
  return PARE_OK;
}

/* `last` [n_values]: the last step that reads or makes a value; n_steps where it outlives the run. */
static void find_last_uses(const pare_session *session, int *last) {
  const pare_model *model = session->model;
  for (int i = 0; i < model->n_values; i++) last[i] = -1;
  for (int s = 0; s < session->n_steps; s++) {
    const pare_node *node = session->steps[s].call.node;
    for (int j = 0; j < node->n_inputs; j++)
      if (node->inputs[j] >= 0) last[node->inputs[j]] = s;
    for (int j = 0; j < node->n_outputs; j++)
      if (node->outputs[j] >= 0) last[node->outputs[j]] = s;
  }
  for (int i = 0; i < model->n_outputs; i++) last[model->outputs[i]] = session->n_steps;
  for (int i = 0; i < model->n_values; i++)
    if (session->dynamic->kept[i] || session->options.keep_all) last[i] = session->n_steps;
}

static pare_status find_dead(pare_session *session) {
  const pare_model *model = session->model;
  dynamic *d = session->dynamic;
  int *last = pare_arena_array(&session->arena, (size_t)model->n_values, sizeof(int));
  if (!last) return PARE_OUT_OF_MEMORY;
  find_last_uses(session, last);
  for (int s = 0; s < session->n_steps; s++) {
    const pare_node *node = session->steps[s].call.node;
    d->states[s].dead =
        pare_arena_array(&session->arena, (size_t)node->n_inputs + (size_t)node->n_outputs, sizeof(int));
    if (!d->states[s].dead) return PARE_OUT_OF_MEMORY;
  }
  for (int i = 0; i < model->n_values; i++) {
    if (last[i] < 0 || last[i] >= session->n_steps) continue;
    node_state *state = &d->states[last[i]];
    state->dead[state->n_dead++] = i;
  }
  return PARE_OK;
}

static pare_status run_graph(pare_call *call, const char *attr, const pare_tensor *in, int n_in,
                             pare_tensor *out, int n_out);

static pare_status make_state(pare_session *session, int i_step) {
  pare_arena *arena = &session->arena;
  node_state *state = &session->dynamic->states[i_step];
  pare_call *call = &session->steps[i_step].call;
  *state = (node_state){.session = session, .call = call, .known = call->in_is_const};
  pare_arena_init(&state->arena, session->ctx);
  state->all = pare_arena_array(arena, (size_t)call->n_in, sizeof(bool));
  state->in = pare_arena_array(arena, (size_t)call->n_in, sizeof(seen));
  state->out = pare_arena_array(arena, (size_t)call->n_out, sizeof(seen));
  if (!state->all || !state->in || !state->out) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < call->n_in; i++) state->all[i] = true;
  call->arena = &state->arena;
  call->frame = state;
  call->run_graph = run_graph;
  return pare_plan_fail(session->model, call->node, make_children(session, state));
}

/* Memory for the inputs whose shapes are known: the caller writes there. */
static pare_status make_inputs(pare_session *session, const pare_shape *shapes) {
  const pare_model *model = session->model;
  for (int i = 0; i < model->n_inputs; i++) {
    int i_value = model->inputs[i];
    session->dynamic->kept[i_value] = true;
    if (shapes[i].rank != PARE_OPEN_RANK)
      PARE_TRY(pare_tensor_new(session->ctx, model->values[i_value].dtype, &shapes[i],
                               &session->tensors[i_value]));
  }
  return PARE_OK;
}

pare_status pare_dynamic_plan(pare_session *session, const pare_shape *shapes) {
  pare_model *model = session->model;
  if (session->options.training)
    return pare_fail(
        session->ctx, PARE_UNSUPPORTED,
        "a network whose shapes depend on data, or with control flow, runs but cannot be trained");
  dynamic *d = pare_arena_alloc(&session->arena, sizeof *d);
  if (!d) return PARE_OUT_OF_MEMORY;
  d->kept = pare_arena_array(&session->arena, (size_t)model->n_values, sizeof(bool));
  d->states = pare_arena_array(&session->arena, (size_t)model->n_nodes, sizeof(node_state));
  if (!d->kept || !d->states) return PARE_OUT_OF_MEMORY;
  PARE_TRY(pare_plan_steps(session, shapes));
  session->dynamic = d; /* from here on freed with the session */
  d->work = &d->work_left;
  d->base_bytes = session->ctx->used_bytes;
  for (int i = 0; i < model->n_values; i++) d->kept[i] = model->values[i].is_initializer;
  PARE_TRY(make_inputs(session, shapes));
  for (int i = 0; i < session->n_steps; i++) PARE_TRY(make_state(session, i));
  return find_dead(session);
}

static void drop_values(pare_session *session, bool inputs_too) {
  const pare_model *model = session->model;
  for (int i = 0; i < model->n_values; i++)
    if (!session->dynamic->kept[i]) pare_tensor_release(&session->tensors[i]);
  for (int i = 0; inputs_too && i < model->n_inputs; i++)
    pare_tensor_release(&session->tensors[model->inputs[i]]);
}

void pare_dynamic_free(pare_session *session) {
  dynamic *d = session->dynamic;
  if (!d) return;
  drop_values(session, true);
  for (int i = 0; i < session->n_steps; i++) {
    for (int k = 0; k < d->states[i].n_children; k++) pare_session_free(d->states[i].children[k].session);
    if (d->states[i].session) pare_arena_free(&d->states[i].arena);
  }
}

/* ---- one node ------------------------------------------------------------------------------------------ */

static bool as_seen(const node_state *state) {
  if (!state->ready) return false;
  for (int i = 0; i < state->call->n_in; i++) {
    const pare_tensor *in = state->call->in[i];
    if (!in) continue;
    if (in->list || in->dtype != state->in[i].dtype || !pare_shape_equal(&in->shape, &state->in[i].shape))
      return false;
  }
  return true;
}

/* Infers as if only true constants were there: then nothing else decides the shapes. */
static pare_status infer_by_shapes(node_state *state) {
  pare_call *call = state->call;
  void **data = pare_alloc_array(state->session->ctx, (size_t)call->n_in, sizeof(void *));
  if (!data) return PARE_OUT_OF_MEMORY;
  call->in_is_const = state->known;
  for (int i = 0; i < call->n_in; i++) {
    if (!call->in[i] || state->known[i]) continue;
    data[i] = call->in[i]->data;
    call->in[i]->data = NULL;
  }
  pare_status status = pare_plan_infer(call);
  for (int i = call->n_in - 1; i >= 0; i--) /* backwards: the same tensor may stand there twice */
    if (call->in[i] && !state->known[i]) call->in[i]->data = data[i];
  pare_free(state->session->ctx, data);
  return status;
}

static bool has_list(const pare_call *call) {
  for (int i = 0; i < call->n_in; i++)
    if (call->in[i] && call->in[i]->list) return true;
  return false;
}

static void remember(node_state *state) {
  const pare_call *call = state->call;
  for (int i = 0; i < call->n_in; i++)
    if (call->in[i]) state->in[i] = (seen){call->in[i]->dtype, call->in[i]->shape};
  for (int i = 0; i < call->n_out; i++)
    if (call->out[i]) state->out[i] = (seen){call->out[i]->dtype, call->out[i]->shape};
}

static pare_status get_ready(node_state *state) {
  pare_call *call = state->call;
  const pare_op *op = call->node->op;
  if (as_seen(state)) {
    for (int i = 0; i < call->n_out; i++)
      if (call->out[i])
        *call->out[i] = (pare_tensor){.dtype = state->out[i].dtype, .shape = state->out[i].shape};
    return PARE_OK;
  }
  state->ready = false;
  pare_arena_free(&state->arena);
  call->state = NULL;
  call->scratch_bytes = 0;
  call->wants_data = false;
  pare_status status = PARE_UNSUPPORTED;
  if (op->own_outputs)
    call->wants_data = true;
  else if (has_list(call))
    return pare_fail(call->ctx, PARE_BAD_MODEL, "an input is a sequence or an optional");
  else
    status = infer_by_shapes(state);
  if (status == PARE_OK) {
    remember(state);
    state->ready = true;
  } else if (call->wants_data) {
    call->in_is_const = state->all;
    status = pare_plan_infer(call);
  }
  if (status == PARE_OK) status = pare_call_prepare(call);
  if (status != PARE_OK) state->ready = false;
  return status;
}

static pare_status make_room(node_state *state) {
  pare_session *session = state->session;
  pare_call *call = state->call;
  bool shared = call->node->op->same_bytes && call->out[0] && call->in[0]->owner &&
                pare_tensor_len_bytes(call->in[0]) == pare_tensor_len_bytes(call->out[0]);
  for (int i = 0; i < call->n_out; i++) {
    pare_tensor *out = call->out[i];
    if (!out) continue;
    if (!pare_tensor_room(session->ctx, pare_tensor_len_bytes(out)))
      return pare_fail(session->ctx, PARE_OUT_OF_MEMORY, "the session's values take more than %zu bytes",
                       PARE_MAX_MEMORY_BYTES);
    if (i == 0 && shared) {
      out->owner = pare_bytes_retain(call->in[0]->owner);
      out->data = call->in[0]->data;
      continue;
    }
    pare_tensor made;
    PARE_TRY(pare_tensor_new(session->ctx, out->dtype, &out->shape, &made));
    *out = made;
  }
  if (!session->scratch || call->scratch_bytes > session->scratch_bytes) {
    pare_free(session->ctx, session->scratch);
    session->scratch_bytes = 0;
    session->scratch = pare_alloc(session->ctx, call->scratch_bytes);
    if (!session->scratch) return PARE_OUT_OF_MEMORY;
    session->scratch_bytes = call->scratch_bytes;
  }
  call->scratch = session->scratch;
  return PARE_OK;
}

static pare_status spend(node_state *state) {
  const pare_call *call = state->call;
  dynamic *d = state->session->dynamic;
  if (!d->is_graph) return PARE_OK;
  int64_t work = WORK_PER_NODE;
  for (int i = 0; i < call->n_out; i++) {
    if (!call->out[i]) continue;
    size_t len_bytes = call->out[i]->list ? (size_t)call->out[i]->list->n * sizeof(pare_tensor)
                                          : pare_tensor_len_bytes(call->out[i]);
    work += (int64_t)(len_bytes >> WORK_SHIFT);
  }
  *d->work -= work;
  if (*d->work > 0) return PARE_OK;
  return pare_fail(call->ctx, PARE_UNSUPPORTED,
                   "the loops of one run go on too long: endless? (PARE_MAX_WORK)");
}

static pare_status run_node(node_state *state) {
  pare_call *call = state->call;
  const pare_op *op = call->node->op;
  if (op->same_bytes && call->n_in == 1 && call->n_out == 1 && call->in[0] && call->in[0]->list) {
    *call->out[0] = pare_tensor_retain(call->in[0]); /* Identity of a list */
    return spend(state);
  }
  PARE_TRY(get_ready(state));
  if (!op->own_outputs) PARE_TRY(make_room(state));
  PARE_TRY(pare_call_run(call));
  return spend(state);
}

/* Type and shape stay, for who counts operations after a run. */
static void bury(pare_tensor *tensor) {
  pare_tensor dead = {.dtype = tensor->dtype, .shape = tensor->shape};
  pare_tensor_release(tensor);
  *tensor = dead;
}

static pare_status run_steps(pare_session *session) {
  dynamic *d = session->dynamic;
  bool profile = session->options.profile;
  for (int i = 0; i < session->n_steps; i++) {
    node_state *state = &d->states[i];
    double start = profile ? pare_now_ms() : 0;
    PARE_TRY(pare_plan_fail(session->model, state->call->node, run_node(state)));
    if (profile) session->steps[i].time_ms = pare_now_ms() - start;
    for (int k = 0; k < state->n_dead; k++) bury(&session->tensors[state->dead[k]]);
  }
  return PARE_OK;
}

static pare_status check_inputs(const pare_session *session) {
  const pare_model *model = session->model;
  for (int i = 0; i < model->n_inputs; i++) {
    const pare_tensor *in = &session->tensors[model->inputs[i]];
    if (!in->data && !in->list)
      return pare_fail(session->ctx, PARE_BAD_ARGUMENT, "input '%s' has not been given",
                       model->values[model->inputs[i]].name);
  }
  return PARE_OK;
}

pare_status pare_dynamic_run(pare_session *session) {
  dynamic *d = session->dynamic;
  PARE_TRY(check_inputs(session));
  drop_values(session, false);
  d->work_left = session->options.max_work > 0 ? session->options.max_work : PARE_MAX_WORK;
  session->ctx->peak_bytes = session->ctx->used_bytes;
  pare_status status = run_steps(session);
  size_t peak = session->ctx->peak_bytes,
         resident = pare_arena_used_bytes(&session->arena) + session->scratch_bytes;
  peak = peak > d->base_bytes ? peak - d->base_bytes : 0;
  session->memory_bytes = peak > resident ? peak - resident : 0;
  return status;
}

pare_status pare_session_give(pare_session *session, int i, const pare_tensor *value) {
  const pare_model *model = session->model;
  if (!session->dynamic || i < 0 || i >= model->n_inputs)
    return pare_fail(session->ctx, PARE_BAD_ARGUMENT, "input %d takes no value of another shape", i);
  const pare_value *input = &model->values[model->inputs[i]];
  bool is_list = value->list != NULL;
  if (is_list != (input->kind != PARE_KIND_TENSOR) || (!is_list && value->dtype != input->dtype))
    return pare_fail(session->ctx, PARE_BAD_ARGUMENT, "input '%s' is of another type", input->name);
  pare_tensor kept = pare_tensor_retain(value);
  pare_tensor_release(&session->tensors[model->inputs[i]]);
  session->tensors[model->inputs[i]] = kept;
  return PARE_OK;
}

/* ---- a node's graphs ----------------------------------------------------------------------------------- */

static child *find_child(const node_state *state, const char *attr) {
  for (int i = 0; i < state->n_children; i++)
    if (strcmp(state->children[i].attr, attr) == 0) return &state->children[i];
  return NULL;
}

static pare_status run_graph(pare_call *call, const char *attr, const pare_tensor *in, int n_in,
                             pare_tensor *out, int n_out) {
  const node_state *state = call->frame;
  for (int i = 0; i < n_out; i++) out[i] = (pare_tensor){0};
  const child *c = find_child(state, attr);
  if (!c) return pare_fail(call->ctx, PARE_BAD_MODEL, "it has no graph '%s'", attr);
  pare_session *session = c->session;
  const pare_model *model = session->model;
  if (n_in != c->n_formal || n_out != model->n_outputs)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "graph '%s' takes %d and gives %d values, not %d and %d",
                     attr, c->n_formal, model->n_outputs, n_in, n_out);
  session->dynamic->work = state->session->dynamic->work;
  for (int i = 0; i < model->n_inputs; i++) {
    const pare_tensor *given = i < n_in ? &in[i] : call->in[c->captured[i - n_in]];
    session->tensors[model->inputs[i]] = pare_tensor_retain(given);
  }
  pare_status status = check_inputs(session);
  if (status == PARE_OK) status = run_steps(session);
  for (int i = 0; i < n_out && status == PARE_OK; i++)
    out[i] = pare_tensor_retain(&session->tensors[model->outputs[i]]);
  drop_values(session, true);
  return status == PARE_OK ? status : pare_fail_within(call->ctx, status, "graph '%s'", attr);
}
