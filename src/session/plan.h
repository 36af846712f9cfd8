/* Between the files of the planner. */
#ifndef PARE_PLAN_H
#define PARE_PLAN_H

#include "session/session.h"

typedef enum pare_fold_rule {
  PARE_FOLD_ALL,
  PARE_FOLD_KEEP_DEQUANTIZE, /* int8 weights stay int8, for fusion */
  PARE_FOLD_FOR_TRAINING     /* nothing computed from f32 weights: they will change */
} pare_fold_rule;

/* Puts the node in front of the message; OK passes through. */
pare_status pare_plan_fail(const pare_model *model, const pare_node *node, pare_status status);
/* UNSUPPORTED lists every operator that is not there. */
pare_status pare_plan_check_operators(const pare_model *model);
/* [model->n_inputs]; UNSUPPORTED when a dimension stays open. */
pare_status pare_plan_input_shapes(const pare_model *model, const pare_plan_options *options,
                                   pare_shape *shapes);
/* `tensors` [n_values]: initializers with their data, inputs with their shapes, the rest empty. */
void pare_plan_set_inputs(const pare_model *model, const pare_shape *shapes, pare_tensor *tensors);
/* A call of `node` on `tensors`; its arrays live in `arena`. `is_const` [n_values]. */
pare_status pare_plan_call(const pare_model *model, const pare_node *node, pare_tensor *tensors,
                           const bool *is_const, pare_arena *arena, pare_call *call);
/* Checks counts, infers, checks sizes. */
pare_status pare_plan_infer(pare_call *call);
pare_status pare_plan_fold(pare_model *model, const pare_shape *input_shapes, pare_fold_rule rule);
/* Keeps images channels last where that is faster. */
pare_status pare_plan_layout(pare_model *model, const pare_shape *input_shapes);
/* Gives every value that is computed a place in session->memory, and sets memory_bytes. */
pare_status pare_plan_memory(pare_session *session);

#endif
