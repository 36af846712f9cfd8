/* Between the files of the planner. */
#ifndef PARE_PLAN_H
#define PARE_PLAN_H

#include "session/session.h"

typedef enum pare_fold_rule {
  PARE_FOLD_ALL,
  PARE_FOLD_KEEP_DEQUANTIZE, /* int8 weights stay int8, for fusion */
  PARE_FOLD_FOR_TRAINING,    /* nothing computed from f32 weights: they will change */
  PARE_FOLD_FOR_FILE         /* pare_fold_for_file */
} pare_fold_rule;

/* Puts the node in front of the message; OK passes through. */
pare_status pare_plan_fail(const pare_model *model, const pare_node *node, pare_status status);
/* UNSUPPORTED lists every operator that is not there. */
pare_status pare_plan_check_operators(const pare_model *model);
/* [model->n_inputs]; UNSUPPORTED when a dimension stays open. PARE_OPEN_RANK: a sequence or an optional. */
#define PARE_OPEN_RANK (-1)
pare_status pare_plan_input_shapes(const pare_model *model, const pare_plan_options *options,
                                   pare_shape *shapes);
/* `tensors` [n_values]: initializers with their data, inputs with their shapes, the rest empty. */
void pare_plan_set_inputs(const pare_model *model, const pare_shape *shapes, pare_tensor *tensors);
/* A call of `node` on `tensors`; its arrays live in `arena`. `is_const` [n_values]. */
pare_status pare_plan_call(const pare_model *model, const pare_node *node, pare_tensor *tensors,
                           const bool *is_const, pare_arena *arena, pare_call *call);
/* Checks counts, infers, checks sizes. */
pare_status pare_plan_infer(pare_call *call);
/* Between DequantizeLinear and QuantizeLinear: functions of one byte become tables (fuse_table.c). */
pare_status pare_fuse_tables(pare_model *model, pare_numerics numerics);
/* Every line of rewrites.def. */
pare_status pare_plan_rewrite(pare_model *model, pare_numerics numerics);
/* Keeps images channels last where that is faster. */
pare_status pare_plan_layout(pare_model *model, const pare_shape *input_shapes);
/* For training: images of a batch side by side. */
pare_status pare_plan_batch_layout(pare_model *model, const pare_shape *input_shapes);
/* `input_shapes` NULL: none is known. Sets `dynamic` (may be NULL) when a shape cannot be known before data is there, and puts
 * the branch that is taken in the place of an If whose condition is constant. */
pare_status pare_plan_fold(pare_model *model, const pare_shape *input_shapes, pare_fold_rule rule,
                           bool *dynamic);
/* One step per node of the planned model, its tensors not inferred yet. */
pare_status pare_plan_steps(pare_session *session, const pare_shape *input_shapes);
/* dynamic.c: instead of the above, nodes are inferred, prepared and run one after another with their data there. */
pare_status pare_dynamic_plan(pare_session *session, const pare_shape *input_shapes);
pare_status pare_dynamic_run(pare_session *session);
void pare_dynamic_free(pare_session *session);
/* The same where the module has them, NULL where not: what needs them is in the second part of ops.def (dynamic_forms.c). */
typedef struct pare_dynamic_forms {
  pare_status (*plan)(pare_session *session, const pare_shape *input_shapes);
  pare_status (*run)(pare_session *session);
  void (*free)(pare_session *session);
} pare_dynamic_forms;
const pare_dynamic_forms *pare_dynamic_forms_here(void);
/* Gives every value that is computed a place in session->memory, and sets memory_bytes. */
pare_status pare_plan_memory(pare_session *session);

#endif
