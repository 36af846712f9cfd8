/* Reverse-mode gradients over the steps of a session in training mode (Griewank and Walther, "Evaluating
 * Derivatives").
 *
 * A value wants a gradient when something learned leads to it and it leads to output 0. Nodes are visited
 * in reverse; a value read by several nodes gets the sum, because every backward function adds. A
 * gradient is zeroed right before the first addition to it, or set by it where the operator can, and its memory serves another once the node
 * that made the value is done: together they stay in the cache. */
#include <string.h>

#include "train/parameters.h"
#include "train/tape_memory.h"

struct pare_tape_step {
  pare_grad_call grad;
  const pare_op *op;
  pare_tensor **zeroed; /* gradients that get their first addition here */
  int n_zeroed;
};

static bool any_of(const bool *flags, const int *values, int n) {
  for (int i = 0; i < n; i++) {
    if (values[i] >= 0 && flags[values[i]]) return true;
  }
  return false;
}

/* tape->wanted from what is learned: forward closure of `learn` and backward closure of output 0, both. */
static pare_status find_wanted(pare_tape *tape, const bool *learn) {
  const pare_session *session = tape->session;
  const pare_model *model = session->model;
  int n_values = model->n_values;
  bool *reaches = pare_arena_array(&tape->arena, (size_t)n_values, sizeof(bool));
  if (reaches == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < n_values; i++) tape->wanted[i] = learn[i] && session->tensors[i].dtype == PARE_F32;
  for (int i_step = 0; i_step < session->n_steps; i_step++) {
    const pare_node *node = session->steps[i_step].call.node;
    if (!any_of(tape->wanted, node->inputs, node->n_inputs)) continue;
    for (int i = 0; i < node->n_outputs; i++) {
      int value = node->outputs[i];
      if (value >= 0 && session->tensors[value].dtype == PARE_F32) tape->wanted[value] = true;
    }
  }
  reaches[model->outputs[0]] = true;
  for (int i_step = session->n_steps - 1; i_step >= 0; i_step--) {
    const pare_node *node = session->steps[i_step].call.node;
    if (!any_of(reaches, node->outputs, node->n_outputs)) continue;
    for (int i = 0; i < node->n_inputs; i++) {
      if (node->inputs[i] >= 0) reaches[node->inputs[i]] = true;
    }
  }
  for (int i = 0; i < n_values; i++) tape->wanted[i] = tape->wanted[i] && reaches[i];
  return PARE_OK;
}

static pare_tensor **gradients_of(pare_tape *tape, const int *values, int n) {
  pare_tensor **list = pare_arena_array(&tape->arena, (size_t)n, sizeof(pare_tensor *));
  if (list == NULL) return NULL;
  for (int i = 0; i < n; i++) {
    if (values[i] >= 0 && tape->wanted[values[i]]) list[i] = &tape->gradients[values[i]];
  }
  return list;
}

/* Whether an input after the first is `value` too. */
static bool reads_again(const pare_node *node, int value) {
  for (int i = 1; i < node->n_inputs; i++)
    if (node->inputs[i] == value) return true;
  return false;
}

/* Appends a node. Its inputs' gradients are alive from the first such node on, its outputs' no longer
 * than this one. */
static pare_status add_step(pare_tape *tape, pare_step *step, pare_gradient_life *lives) {
  const pare_node *node = step->call.node;
  if (node->op->backward == NULL) {
    return pare_fail(tape->session->ctx, PARE_UNSUPPORTED, "node '%s' (%s) has no gradient%s%s", node->name,
                     node->op_type, node->op->no_gradient != NULL ? ": " : "",
                     node->op->no_gradient != NULL ? node->op->no_gradient : "");
  }
  pare_tape_step *added = &tape->steps[tape->n_steps++];
  added->op = node->op;
  added->grad.call = &step->call;
  added->grad.d_in = gradients_of(tape, node->inputs, node->n_inputs);
  added->grad.d_out = gradients_of(tape, node->outputs, node->n_outputs);
  added->zeroed = pare_arena_array(&tape->arena, (size_t)node->n_inputs, sizeof(pare_tensor *));
  if (added->grad.d_in == NULL || added->grad.d_out == NULL || added->zeroed == NULL)
    return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < node->n_inputs; i++) {
    int value = node->inputs[i];
    if (value < 0 || !tape->wanted[value] || lives[value].first != PARE_NO_STEP) continue;
    lives[value].first = tape->n_steps - 1;
    if (i == 0 && node->op->sets_gradient && added->grad.d_out[0] != NULL && !reads_again(node, value))
      added->grad.fresh = true;
    else
      added->zeroed[added->n_zeroed++] = &tape->gradients[value];
  }
  for (int i = 0; i < node->n_outputs; i++) {
    if (node->outputs[i] >= 0) lives[node->outputs[i]].last = tape->n_steps - 1;
  }
  return PARE_OK;
}

static pare_status build(pare_tape *tape, const bool *learn) {
  const pare_session *session = tape->session;
  const pare_model *model = session->model;
  size_t n_values = (size_t)model->n_values;
  PARE_TRY(pare_model_trainable(model));
  tape->wanted = pare_arena_array(&tape->arena, n_values, sizeof(bool));
  tape->gradients = pare_arena_array(&tape->arena, n_values, sizeof(pare_tensor));
  tape->steps = pare_arena_array(&tape->arena, (size_t)session->n_steps, sizeof(pare_tape_step));
  pare_gradient_life *lives = pare_arena_array(&tape->arena, n_values, sizeof(*lives));
  if (tape->wanted == NULL || tape->gradients == NULL || tape->steps == NULL || lives == NULL)
    return PARE_OUT_OF_MEMORY;
  PARE_TRY(find_wanted(tape, learn));
  if (!tape->wanted[model->outputs[0]]) {
    return pare_fail(session->ctx, PARE_BAD_MODEL, "nothing to train: no learned weight leads to output '%s'",
                     model->values[model->outputs[0]].name);
  }
  for (size_t i = 0; i < n_values; i++)
    lives[i] = (pare_gradient_life){.first = PARE_NO_STEP, .last = session->n_steps};
  lives[model->outputs[0]].first = -1;
  for (int i_step = session->n_steps - 1; i_step >= 0; i_step--) {
    pare_step *step = &session->steps[i_step];
    const pare_node *node = step->call.node;
    for (int i = 0; i < node->n_outputs; i++) { /* nothing arrives: it only leads on through integers */
      int value = node->outputs[i];
      if (value >= 0 && lives[value].first == PARE_NO_STEP) tape->wanted[value] = false;
    }
    if (!any_of(tape->wanted, node->outputs, node->n_outputs) ||
        !any_of(tape->wanted, node->inputs, node->n_inputs)) {
      continue;
    }
    PARE_TRY(add_step(tape, step, lives));
  }
  for (size_t i = 0; i < n_values; i++) tape->wanted[i] = tape->wanted[i] && lives[i].first != PARE_NO_STEP;
  return pare_tape_place(tape, lives);
}

pare_status pare_tape_new_for(pare_session *session, const bool *learn, pare_tape **out) {
  *out = NULL;
  if (!session->options.training) {
    return pare_fail(session->ctx, PARE_BAD_ARGUMENT, "gradients need a session planned for training");
  }
  pare_tape *tape = pare_alloc(session->ctx, sizeof(*tape));
  if (tape == NULL) return PARE_OUT_OF_MEMORY;
  tape->session = session;
  pare_arena_init(&tape->arena, session->ctx);
  pare_status status = build(tape, learn);
  if (status != PARE_OK) {
    pare_tape_free(tape);
    return status;
  }
  *out = tape;
  return PARE_OK;
}

pare_status pare_tape_new(pare_session *session, bool inputs_too, pare_tape **out) {
  *out = NULL;
  const pare_model *model = session->model;
  size_t n_values = (size_t)model->n_values;
  pare_role *roles = pare_alloc_array(session->ctx, n_values, sizeof(pare_role));
  bool *learn = pare_alloc_array(session->ctx, n_values, sizeof(bool));
  pare_status status = roles != NULL && learn != NULL ? PARE_OK : PARE_OUT_OF_MEMORY;
  if (status == PARE_OK) {
    pare_parameter_roles(model, roles);
    for (size_t i = 0; i < n_values; i++) learn[i] = pare_role_is_learned(roles[i]);
    for (int i = 0; inputs_too && i < model->n_inputs; i++) learn[model->inputs[i]] = true;
    status = pare_tape_new_for(session, learn, out);
  }
  pare_free(session->ctx, roles);
  pare_free(session->ctx, learn);
  return status;
}

void pare_tape_free(pare_tape *tape) {
  if (tape == NULL) return;
  pare_context *ctx = tape->session->ctx;
  pare_free(ctx, tape->memory);
  pare_arena_free(&tape->arena);
  pare_free(ctx, tape);
}

pare_status pare_tape_backward(pare_tape *tape, const float *d_output) {
  const pare_session *session = tape->session;
  pare_tensor *last = &tape->gradients[session->model->outputs[0]];
  memcpy(last->data, d_output, pare_tensor_len_bytes(last));
  for (int i_step = 0; i_step < tape->n_steps; i_step++) {
    pare_tape_step *step = &tape->steps[i_step];
    for (int i = 0; i < step->n_zeroed; i++)
      memset(step->zeroed[i]->data, 0, pare_tensor_len_bytes(step->zeroed[i]));
    pare_status status = step->op->backward(&step->grad);
    if (status != PARE_OK) {
      const pare_node *node = step->grad.call->node;
      return pare_fail_within(session->ctx, status, "gradient of node '%s' (%s)", node->name, node->op_type);
    }
  }
  return PARE_OK;
}
