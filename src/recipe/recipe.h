/* A recipe: read once into steps with filled parameters, then run as a state machine (run.c), saved and
 * resumed (checkpoint.c). */
#ifndef PARE_RECIPE_H
#define PARE_RECIPE_H

#include "compress/pass.h"
#include "measure/measure.h"
#include "recipe/job.h"

#define PARE_RECIPE_MAX_STEPS 64
#define PARE_RECIPE_MAX_BYTES (1u << 20)
#define PARE_RECIPE_MAX_SEED  9007199254740992.0 /* 2^53: what JSON numbers hold exactly */
#define PARE_RECIPE_SEED      1                  /* when there is none */
/* "step 2 (train)": how a message names a step. */
#define PARE_STEP_PLACE "step %d (%s)"

typedef struct pare_recipe_step {
  const pare_pass *pass;
  const char *name; /* its label, or the pass's name */
  uint64_t seed;
  void *params;
  uint64_t work; /* estimate, in evaluated samples */
} pare_recipe_step;

typedef struct pare_recipe {
  pare_context *ctx;
  pare_arena arena;
  pare_json_doc *doc;
  uint64_t seed;
  pare_recipe_step *steps;
  int n_steps;
} pare_recipe;

/* BAD_RECIPE: not JSON, an unknown pass, a parameter that is unknown or out of bounds; the message says
 * where. */
pare_status pare_recipe_read(pare_context *ctx, const char *text, size_t len_bytes, pare_recipe *out);
void pare_recipe_free(pare_recipe *recipe);
/* BAD_RECIPE unless every model that a step names is there ("original" always is); BAD_DATA unless data is
 * there when needed. */
pare_status pare_recipe_check(const pare_recipe *recipe, const pare_dataset *dataset,
                              const pare_run_options *options);

/* Where a run stands: each step goes through PASS (not the original), EVALUATE (with data), MEASURE. */
typedef enum pare_stage {
  PARE_STAGE_PASS,
  PARE_STAGE_EVALUATE,
  PARE_STAGE_MEASURE,
  PARE_STAGE_END
} pare_stage;

typedef struct pare_run {
  pare_job job;
  pare_recipe recipe;
  pare_dataset *dataset;    /* what is trained and evaluated on; NULL: none */
  pare_run_options options; /* its models are `named` */
  pare_named_model *named;  /* in recipe.arena, models retained */
  pare_model **models;      /* [n_steps + 1]; finished ones first, models[0] as given */
  pare_model *input;        /* of the step under way: the model before it, unshared */
  int i_input;              /* that step; 0: none yet */
  char **reports;           /* [n_steps + 1] JSON of each finished step */
  int n_finished;           /* of both */
  int i_step;               /* now: 0 is the original, then recipe.steps[i_step - 1] */
  pare_stage stage;
  pare_pass_env env;   /* of the pass that runs */
  void *state;         /* of a long pass, or NULL */
  pare_model *pending; /* the pass's result, until it is measured */
  pare_evaluator *evaluator;
  pare_json details; /* of this step: the members that the pass wrote */
  bool has_details;
  char *evaluation;                    /* JSON members, or NULL */
  double seconds;                      /* spent in the pass */
  uint64_t done_before, total, latest; /* progress, in estimated samples */
  double loss, accuracy;
  char stage_text[96];
  pare_status failed; /* what ended the run, or OK */
  char failure[1024];
} pare_run;

uint64_t pare_run_work(const pare_run *run, int i_step, pare_stage stage);
/* Sets env for the pass of step i_step (>= 1). */
pare_status pare_run_set_env(pare_run *run);
/* Shared by start and resume: takes `original` and `dataset` by reference, reads and checks the recipe. */
pare_status pare_run_new(pare_context *ctx, const pare_model *original, const pare_dataset *dataset,
                         const char *recipe, size_t len_bytes, const pare_run_options *options,
                         pare_run **out);
void pare_run_free(pare_job *job);
/* Progress of what is finished, after a resume. */
void pare_run_count_done(pare_run *run);
pare_status pare_run_checkpoint(const pare_job *job, pare_buffer *out);
/* The JSON object of a step that was measured. */
pare_status pare_run_step_json(pare_run *run, const pare_model_report *report, pare_buffer *out);
pare_status pare_run_report(const pare_job *job, pare_buffer *out);

#endif
