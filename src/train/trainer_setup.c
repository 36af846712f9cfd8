/* Builds a trainer: data, a private copy of the weights, the session, the tape, the optimizer's state. */
#include <string.h>

#include "train/parameters.h"
#include "train/schedule.h"
#include "train/trainer.h"

static pare_status set_up_data(pare_trainer *trainer, const pare_trainer_setup *setup) {
  PARE_TRY(pare_dataset_for_training(setup->dataset, &trainer->dataset));
  int64_t n = trainer->dataset->train.n;
  int64_t limit = setup->run != NULL ? setup->run->limit_train : 0;
  if (limit > 0 && limit < n) n = limit;
  if (n < 1) return pare_fail(trainer->ctx, PARE_BAD_DATA, "the data set has no samples to train on");
  trainer->n_samples = n;
  trainer->n_batch = trainer->options.batch_size < n ? trainer->options.batch_size : n;
  trainer->n_epoch = (uint64_t)(n / trainer->n_batch);
  if (__builtin_mul_overflow(trainer->n_epoch, (uint64_t)trainer->options.epochs, &trainer->n_total)) {
    return pare_fail(trainer->ctx, PARE_BAD_ARGUMENT, "too many epochs");
  }
  trainer->order = pare_arena_array(&trainer->arena, (size_t)n, sizeof(uint32_t));
  trainer->labels = pare_arena_array(&trainer->arena, (size_t)trainer->n_batch, sizeof(int32_t));
  return trainer->order != NULL && trainer->labels != NULL ? PARE_OK : PARE_OUT_OF_MEMORY;
}

/* trainer->frozen: initializers that a frozen node reads. */
static pare_status set_up_frozen(pare_trainer *trainer, const pare_trainer_setup *setup) {
  const pare_model *model = trainer->model;
  trainer->frozen = pare_arena_array(&trainer->arena, (size_t)model->n_values, sizeof(bool));
  if (trainer->frozen == NULL) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < setup->n_freeze; i++) {
    int i_node = pare_model_find_node(model, setup->freeze[i]);
    if (i_node < 0) {
      return pare_fail(trainer->ctx, PARE_BAD_RECIPE, "freeze: there is no layer '%s'", setup->freeze[i]);
    }
    const pare_node *node = &model->nodes[i_node];
    for (int input = 0; input < node->n_inputs; input++) {
      if (pare_parameter_role(model, node, input) == PARE_ROLE_NONE) continue;
      trainer->frozen[pare_parameter_value(model, node, input)] = true;
    }
  }
  return PARE_OK;
}

static pare_status plan(pare_trainer *trainer, const pare_trainer_setup *setup) {
  pare_context *ctx = trainer->ctx;
  const pare_model *model = trainer->model;
  if (model->n_inputs != 1 || model->n_outputs < 1) {
    return pare_fail(ctx, PARE_UNSUPPORTED, "training needs a model with one input, this one has %d",
                     model->n_inputs);
  }
  const pare_value *input = &model->values[model->inputs[0]];
  if (!input->has_shape || input->shape.rank < 1) {
    return pare_fail(ctx, PARE_UNSUPPORTED, "input '%s' has no batch dimension", input->name);
  }
  pare_shape shape = input->shape;
  shape.dims[0] = trainer->n_batch;
  const pare_shape *sample = &trainer->dataset->sample_shape;
  for (int i = 1; i < shape.rank && sample->rank == shape.rank - 1; i++) {
    if (shape.dims[i] < 0) shape.dims[i] = sample->dims[i - 1];
  }
  PARE_TRY(pare_dataset_fits(trainer->dataset, &shape));
  pare_plan_options options = {
      .batch = trainer->n_batch,
      .input_shapes = &shape,
      .numerics = setup->run != NULL ? setup->run->numerics : PARE_EXACT,
      .n_threads = setup->run != NULL ? setup->run->n_threads : 1,
      .keep_all = true,
      .training = true,
  };
  pare_model *logits;
  PARE_TRY(pare_model_logits(model, &logits));
  pare_status status = pare_session_plan(logits, &options, &trainer->session);
  pare_model_free(logits);
  return status;
}

static pare_status set_up_output(pare_trainer *trainer) {
  const pare_session *session = trainer->session;
  const pare_value *value = &session->model->values[session->model->outputs[0]];
  const pare_tensor *output = &session->tensors[session->model->outputs[0]];
  int64_t count = pare_tensor_count(output);
  char text[96];
  if (output->dtype != PARE_F32 || output->shape.rank < 1 || output->shape.dims[0] != trainer->n_batch ||
      count < 1) {
    return pare_fail(trainer->ctx, PARE_BAD_MODEL,
                     "output '%s' is %s %s: training needs f32 logits [batch, classes]", value->name,
                     pare_dtype_name(output->dtype), pare_shape_text(&output->shape, text, sizeof(text)));
  }
  trainer->n_classes = count / trainer->n_batch;
  if (trainer->n_classes < trainer->dataset->n_classes) {
    return pare_fail(trainer->ctx, PARE_BAD_DATA, "the data has %d classes, output '%s' only %lld",
                     trainer->dataset->n_classes, value->name, (long long)trainer->n_classes);
  }
  trainer->d_logits = pare_arena_array(&trainer->arena, (size_t)count, sizeof(float));
  return trainer->d_logits != NULL ? PARE_OK : PARE_OUT_OF_MEMORY;
}

static pare_status add_trained(pare_trainer *trainer, int i_model, int i_session, bool learned) {
  pare_trained *trained = &trainer->trained[trainer->n_trained++];
  const pare_value *value = &trainer->model->values[i_model];
  trained->i_model = i_model;
  trained->i_session = i_session;
  trained->n = pare_tensor_count(&value->tensor);
  trained->w = pare_f32(&trainer->session->tensors[i_session]);
  trained->learned = learned;
  if (!learned) return PARE_OK;
  trained->g = pare_f32(&trainer->tape->gradients[i_session]);
  trainer->gradients[trainer->n_gradients] = trained->g;
  trainer->counts[trainer->n_gradients++] = trained->n;
  int n_slots = pare_optim_at((int)trainer->options.optimizer)->n_slots;
  for (int slot = 0; slot < n_slots; slot++) {
    trained->slots[slot] = pare_arena_array(&trainer->arena, (size_t)trained->n, sizeof(float));
    if (trained->slots[slot] == NULL) return PARE_OUT_OF_MEMORY;
  }
  if (!value->pruned) return PARE_OK;
  trained->mask = pare_arena_alloc(&trainer->arena, (size_t)trained->n);
  if (trained->mask == NULL) return PARE_OUT_OF_MEMORY;
  for (int64_t i = 0; i < trained->n; i++) trained->mask[i] = pare_f32(&value->tensor)[i] != 0.0f;
  return PARE_OK;
}

/* A weight that the file computes from constants (Transpose of an initializer, a Constant node) is folded
 * while planning: there is no initializer to write what was learned back to. */
static pare_status check_folded(const pare_trainer *trainer, const int *in_model) {
  const pare_model *planned = trainer->session->model;
  for (int i_node = 0; i_node < planned->n_nodes; i_node++) {
    const pare_node *node = &planned->nodes[i_node];
    for (int i = 0; i < node->n_inputs; i++) {
      if (pare_parameter_role(planned, node, i) != PARE_ROLE_WEIGHT) continue;
      int i_value = pare_parameter_value(planned, node, i);
      if (in_model[i_value] >= 0) continue;
      return pare_fail(trainer->ctx, PARE_UNSUPPORTED,
                       "node '%s' (%s): its weight '%s' is computed by other nodes from constants, which "
                       "training does not follow",
                       node->name, node->op_type, planned->values[i_value].name);
    }
  }
  return PARE_OK;
}

/* The tape, and one entry for every weight that it gives a gradient, plus running statistics. */
static pare_status set_up_weights(pare_trainer *trainer, const pare_role *roles) {
  const pare_model *model = trainer->model;
  const pare_model *planned = trainer->session->model;
  size_t n_values = (size_t)planned->n_values;
  bool *learn = pare_arena_array(&trainer->arena, n_values, sizeof(bool));
  int *in_model = pare_arena_array(&trainer->arena, n_values, sizeof(int));
  trainer->trained = pare_arena_array(&trainer->arena, n_values, sizeof(pare_trained));
  trainer->gradients = pare_arena_array(&trainer->arena, n_values, sizeof(float *));
  trainer->counts = pare_arena_array(&trainer->arena, n_values, sizeof(int64_t));
  if (learn == NULL || in_model == NULL || trainer->trained == NULL || trainer->gradients == NULL ||
      trainer->counts == NULL) {
    return PARE_OUT_OF_MEMORY;
  }
  for (int i = 0; i < planned->n_values; i++) {
    in_model[i] = -1;
    if (!planned->values[i].is_initializer) continue;
    in_model[i] = pare_model_find_value(model, planned->values[i].name);
    if (in_model[i] < 0 || !model->values[in_model[i]].is_initializer) in_model[i] = -1;
    learn[i] = in_model[i] >= 0 && !trainer->frozen[in_model[i]] && pare_role_is_learned(roles[in_model[i]]);
  }
  PARE_TRY(check_folded(trainer, in_model));
  PARE_TRY(pare_tape_new_for(trainer->session, learn, &trainer->tape));
  for (int i = 0; i < planned->n_values; i++) {
    if (!planned->values[i].is_initializer || in_model[i] < 0) continue;
    bool statistic = pare_role_is_statistic(roles[in_model[i]]) && !trainer->frozen[in_model[i]];
    bool learned = learn[i] && trainer->tape->wanted[i];
    if (learned || statistic) PARE_TRY(add_trained(trainer, in_model[i], i, learned));
  }
  return PARE_OK;
}

static pare_status set_up(pare_trainer *trainer, const pare_trainer_setup *setup) {
  PARE_TRY(pare_model_trainable(setup->model));
  PARE_TRY(set_up_data(trainer, setup));
  PARE_TRY(pare_model_clone(setup->model, &trainer->model));
  PARE_TRY(set_up_frozen(trainer, setup));
  pare_role *roles = pare_arena_array(&trainer->arena, (size_t)trainer->model->n_values, sizeof(pare_role));
  if (roles == NULL) return PARE_OUT_OF_MEMORY;
  pare_parameter_roles(trainer->model, roles);
  PARE_TRY(plan(trainer, setup));
  PARE_TRY(set_up_output(trainer));
  PARE_TRY(set_up_weights(trainer, roles));
  trainer->state.rng = pare_rng_new(setup->seed, "shuffle");
  return PARE_OK;
}

pare_status pare_trainer_new(const pare_trainer_setup *setup, pare_trainer **out) {
  *out = NULL;
  pare_context *ctx = setup->model->ctx;
  const pare_train_options *options = setup->options;
  if (options->epochs < 1 || options->batch_size < 1 || options->optimizer < 0 ||
      options->optimizer >= pare_optim_count() || options->schedule < 0 ||
      options->schedule >= pare_schedule_count() || options->loss < 0 || options->loss >= pare_loss_count()) {
    return pare_fail(ctx, PARE_BAD_ARGUMENT, "training options are outside their ranges");
  }
  pare_trainer *trainer = pare_alloc(ctx, sizeof(*trainer));
  if (trainer == NULL) return PARE_OUT_OF_MEMORY;
  trainer->ctx = ctx;
  trainer->options = *options;
  if (setup->objective != NULL) trainer->objective = *setup->objective;
  pare_arena_init(&trainer->arena, ctx);
  pare_status status = set_up(trainer, setup);
  if (status != PARE_OK) {
    pare_trainer_free(trainer);
    return status;
  }
  *out = trainer;
  return PARE_OK;
}

void pare_trainer_free(pare_trainer *trainer) {
  if (trainer == NULL) return;
  pare_tape_free(trainer->tape);
  pare_session_free(trainer->session);
  pare_model_free(trainer->model);
  pare_dataset_free(trainer->dataset);
  pare_arena_free(&trainer->arena);
  pare_free(trainer->ctx, trainer);
}

void pare_trainer_details(const pare_trainer *trainer, pare_json *json) {
  const pare_trainer_state *state = &trainer->state;
  int64_t n_weights = 0;
  for (int i = 0; i < trainer->n_gradients; i++) n_weights += trainer->counts[i];
  pare_json_put_int(json, "samples", trainer->n_samples);
  pare_json_put_int(json, "batch_size", trainer->n_batch);
  pare_json_put_int(json, "batches", (int64_t)state->i_batch);
  pare_json_put_int(json, "dropped_samples_per_epoch", trainer->n_samples % trainer->n_batch);
  pare_json_put_int(json, "trained_parameters", n_weights);
  pare_json_put_text(json, "optimizer", pare_optim_name((int)trainer->options.optimizer));
  pare_json_put_number(json, "train_loss", state->loss);
  pare_json_put_number(json, "train_accuracy", pare_trainer_accuracy(trainer));
  pare_json_key(json, "curve");
  pare_json_object(json);
  pare_json_put_int(json, "batches_per_point",
                    (int64_t)((trainer->n_total + PARE_CURVE_POINTS - 1) / PARE_CURVE_POINTS));
  pare_json_key(json, "loss");
  pare_json_array(json);
  for (uint64_t i = 0; i < state->n_points; i++) pare_json_number(json, (double)state->curve_loss[i]);
  pare_json_end(json, ']');
  pare_json_key(json, "accuracy");
  pare_json_array(json);
  for (uint64_t i = 0; i < state->n_points; i++) pare_json_number(json, (double)state->curve_accuracy[i]);
  pare_json_end(json, ']');
  pare_json_end(json, '}');
}
