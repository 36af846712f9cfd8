/* One batch: gather, forward, loss, backward, mask, clip, update. trainer_setup.c builds what this uses. */
#include "train/trainer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/schedule.h"

static void draw_order(pare_trainer *trainer, pare_rng *rng) {
  for (int64_t i = 0; i < trainer->n_samples; i++) trainer->order[i] = (uint32_t)i;
  if (trainer->options.shuffle) pare_rng_shuffle(rng, trainer->order, (size_t)trainer->n_samples);
}

static uint64_t count_right(const float *logits, const int32_t *labels, int64_t n, int64_t c) {
  uint64_t right = 0;
  for (int64_t i_row = 0; i_row < n; i_row++) {
    const float *row = logits + i_row * c;
    int64_t best = 0;
    for (int64_t i = 1; i < c; i++) best = row[i] > row[best] ? i : best;
    right += best == labels[i_row];
  }
  return right;
}

static double learning_rate(const pare_trainer *trainer) {
  pare_schedule_at at = {
      .rate = trainer->options.learning_rate,
      .i_batch = trainer->state.i_batch,
      .n_total = trainer->n_total,
      .n_epoch = trainer->n_epoch,
      .step_size = trainer->options.step_size,
      .gamma = trainer->options.gamma,
  };
  return pare_schedule_entry((int)trainer->options.schedule)->rate(&at);
}

static pare_status diverged(pare_trainer *trainer, const char *what) {
  const pare_trainer_state *state = &trainer->state;
  char before[64] = "";
  if (state->i_batch > 0) snprintf(before, sizeof(before), " (loss of the batch before: %.6g)", state->loss);
  return pare_fail(
      trainer->ctx, PARE_BAD_ARGUMENT,
      "training diverged: %s is not a finite number at batch %llu of %llu, learning rate %.6g%s; "
      "try a smaller learning_rate or a clip_norm",
      what, (unsigned long long)(state->i_batch + 1), (unsigned long long)trainer->n_total,
      learning_rate(trainer), before);
}

static void add_to_curve(pare_trainer *trainer, double loss, uint64_t right) {
  pare_trainer_state *state = &trainer->state;
  uint64_t per_point = (trainer->n_total + PARE_CURVE_POINTS - 1) / PARE_CURVE_POINTS;
  state->point_loss += loss;
  state->point_right += right;
  state->point_batches++;
  if (state->point_batches < per_point && state->i_batch + 1 < trainer->n_total) return;
  if (state->n_points < PARE_CURVE_POINTS) {
    double n = (double)state->point_batches;
    state->curve_loss[state->n_points] = (float)(state->point_loss / n);
    state->curve_accuracy[state->n_points] =
        (float)((double)state->point_right / (n * (double)trainer->n_batch));
    state->n_points++;
  }
  state->point_loss = 0;
  state->point_right = state->point_batches = 0;
}

static void mask_gradients(pare_trainer *trainer) {
  for (int i = 0; i < trainer->n_trained; i++) {
    pare_trained *trained = &trainer->trained[i];
    if (trained->mask == NULL) continue;
    for (int64_t j = 0; j < trained->n; j++) trained->g[j] = trained->mask[j] ? trained->g[j] : 0.0f;
  }
}

static void update_weights(pare_trainer *trainer) {
  const pare_optim *optim = pare_optim_at((int)trainer->options.optimizer);
  double rate = learning_rate(trainer);
  for (int i = 0; i < trainer->n_trained; i++) {
    pare_trained *trained = &trainer->trained[i];
    if (!trained->learned) continue;
    optim->update(&trainer->options.settings, rate, trainer->state.i_batch + 1, trained->w, trained->g,
                  trained->slots, trained->n);
  }
}

static pare_status batch_loss(pare_trainer *trainer, const pare_tensor *input, const pare_tensor *output,
                              double *loss) {
  pare_train_batch batch = {
      .samples = pare_f32(input),
      .labels = trainer->labels,
      .logits = pare_f32(output),
      .n = trainer->n_batch,
      .c = trainer->n_classes,
      .d_logits = trainer->d_logits,
  };
  if (trainer->objective.compute != NULL)
    return trainer->objective.compute(trainer->objective.user, &batch, loss);
  *loss = pare_loss_at((int)trainer->options.loss)
              ->compute(batch.logits, batch.labels, batch.n, batch.c, batch.d_logits);
  return PARE_OK;
}

static pare_status train_batch(pare_trainer *trainer) {
  pare_trainer_state *state = &trainer->state;
  const pare_session *session = trainer->session;
  const pare_tensor *input = &session->tensors[session->model->inputs[0]];
  const pare_tensor *output = &session->tensors[session->model->outputs[0]];
  uint64_t i_in_epoch = state->i_batch % trainer->n_epoch;
  if (i_in_epoch == 0) {
    state->rng_epoch = state->rng;
    draw_order(trainer, &state->rng);
    state->n_right = state->n_seen = 0;
  }
  pare_dataset_gather(trainer->dataset, &trainer->dataset->train,
                      trainer->order + i_in_epoch * (uint64_t)trainer->n_batch, 0, trainer->n_batch,
                      pare_f32(input), trainer->labels);
  PARE_TRY(pare_session_run(trainer->session));
  double loss;
  PARE_TRY(batch_loss(trainer, input, output, &loss));
  if (!isfinite(loss)) return diverged(trainer, "the loss");
  PARE_TRY(pare_tape_backward(trainer->tape, trainer->d_logits));
  mask_gradients(trainer);
  double norm = pare_clip_grad_norm(trainer->gradients, trainer->counts, trainer->n_gradients,
                                    trainer->options.clip_norm);
  if (!isfinite(norm)) return diverged(trainer, "the norm of the gradients");
  update_weights(trainer);

  uint64_t right = count_right(pare_f32(output), trainer->labels, trainer->n_batch, trainer->n_classes);
  add_to_curve(trainer, loss, right);
  state->loss = loss;
  state->n_right += right;
  state->n_seen += (uint64_t)trainer->n_batch;
  state->i_batch++;
  return PARE_OK;
}

pare_status pare_trainer_step(pare_trainer *trainer, uint32_t budget_ms) {
  double start = pare_now_ms();
  while (!pare_trainer_finished(trainer)) {
    PARE_TRY(train_batch(trainer));
    if (pare_now_ms() - start >= (double)budget_ms) break;
  }
  return PARE_OK;
}

double pare_trainer_accuracy(const pare_trainer *trainer) {
  const pare_trainer_state *state = &trainer->state;
  return state->n_seen > 0 ? (double)state->n_right / (double)state->n_seen : (double)NAN;
}

pare_status pare_trainer_model(pare_trainer *trainer, pare_model **out) {
  *out = NULL;
  pare_model *model = trainer->model;
  for (int i = 0; i < trainer->n_trained; i++) {
    const pare_trained *trained = &trainer->trained[i];
    pare_tensor *own;
    PARE_TRY(pare_model_edit_initializer(model, trained->i_model, &own));
    memcpy(own->data, trained->w, (size_t)trained->n * sizeof(float));
  }
  *out = pare_model_retain(model);
  return PARE_OK;
}

/* ---- checkpoint -------------------------------------------------------------------------------------- */

static const char magic[8] = "PARETRN1";

void pare_trainer_save(const pare_trainer *trainer, pare_writer *out) {
  uint64_t n_trained = (uint64_t)trainer->n_trained;
  int n_slots = pare_optim_at((int)trainer->options.optimizer)->n_slots;
  pare_writer_put(out, magic, sizeof(magic));
  pare_writer_put(out, &trainer->n_total, sizeof(trainer->n_total));
  pare_writer_put(out, &n_trained, sizeof(n_trained));
  pare_writer_put(out, &trainer->state, sizeof(trainer->state));
  for (int i = 0; i < trainer->n_trained; i++) {
    const pare_trained *trained = &trainer->trained[i];
    pare_writer_put(out, &trained->n, sizeof(trained->n));
    pare_writer_put(out, trained->w, (size_t)trained->n * sizeof(float));
    for (int slot = 0; trained->learned && slot < n_slots; slot++) {
      pare_writer_put(out, trained->slots[slot], (size_t)trained->n * sizeof(float));
    }
  }
}

static bool take(pare_span *span, void *out, size_t len_bytes) {
  if (span->len_bytes < len_bytes) return false;
  memcpy(out, span->data, len_bytes);
  span->data += len_bytes;
  span->len_bytes -= len_bytes;
  return true;
}

static bool take_weights(pare_trainer *trainer, pare_span *saved) {
  int n_slots = pare_optim_at((int)trainer->options.optimizer)->n_slots;
  for (int i = 0; i < trainer->n_trained; i++) {
    pare_trained *trained = &trainer->trained[i];
    int64_t n;
    size_t len_bytes = (size_t)trained->n * sizeof(float);
    if (!take(saved, &n, sizeof(n)) || n != trained->n || !take(saved, trained->w, len_bytes)) return false;
    for (int slot = 0; trained->learned && slot < n_slots; slot++) {
      if (!take(saved, trained->slots[slot], len_bytes)) return false;
    }
  }
  return saved->len_bytes == 0;
}

pare_status pare_trainer_restore(pare_trainer *trainer, pare_span saved) {
  char found[sizeof(magic)];
  uint64_t n_total, n_trained;
  pare_trainer_state state;
  bool good = take(&saved, found, sizeof(found)) && memcmp(found, magic, sizeof(magic)) == 0 &&
              take(&saved, &n_total, sizeof(n_total)) && n_total == trainer->n_total &&
              take(&saved, &n_trained, sizeof(n_trained)) && n_trained == (uint64_t)trainer->n_trained &&
              take(&saved, &state, sizeof(state)) && state.i_batch <= n_total &&
              state.n_points <= PARE_CURVE_POINTS && take_weights(trainer, &saved);
  if (!good) {
    return pare_fail(trainer->ctx, PARE_BAD_ARGUMENT,
                     "the checkpoint belongs to another training run or is damaged");
  }
  trainer->state = state;
  if (state.i_batch % trainer->n_epoch != 0) {
    pare_rng rng = state.rng_epoch;
    draw_order(trainer, &rng);
  }
  return PARE_OK;
}
