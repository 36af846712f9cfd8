/* Data sets that need no file, for an MLP and for an LSTM. Made from a fixed seed with nothing but +, -, *, /
 * and the core's own cosine: the same numbers in every build. 2,000 samples to train, 1,000 to test, classes
 * in turn.
 *
 * spirals: points [2] on three arms, r in [0,1), angle 4 * class + 4 r + noise of deviation 0.2 (the data of
 * Stanford's CS231n notes, "Putting it together: minimal neural network case study"); x = r sin(angle), y = r
 * cos(angle).
 *
 * sequence: a point seen at 6 times [6,2], circling the origin from a random start by 45 degrees a step. The
 * class is which way it turns and whether its radius grows or shrinks: 4 classes, none of which one step
 * alone shows. Noise of deviation 0.45, so that no model gets all of them right. */
#include "data/dataset_internal.h"
#include "kernels/f32_math/f32_math.h"

#include <string.h>

enum { SEED = 1, N_TRAIN = 2000, N_TEST = 1000, N_STEPS = 6 };
static const double pi = 3.14159265358979323846;

/* About normal, deviation 1: the sum of 12 uniform numbers, less its mean (Irwin-Hall). */
static double noise(pare_rng *rng) {
  double sum = -6.0;
  for (int i = 0; i < 12; i++) sum += (double)pare_rng_f32(rng);
  return sum;
}

static double sine(double angle) {
  return pare_cos(angle - pi / 2);
}

static void make_spiral(pare_rng *rng, int label, float *out) {
  double r = (double)pare_rng_f32(rng);
  double angle = 4.0 * label + 4.0 * r + 0.2 * noise(rng);
  out[0] = (float)(r * sine(angle));
  out[1] = (float)(r * pare_cos(angle));
}

static void make_sequence(pare_rng *rng, int label, float *out) {
  double turn = label & 1 ? -pi / 4 : pi / 4, growth = label & 2 ? 0.15 : -0.15;
  double start = 2 * pi * (double)pare_rng_f32(rng);
  for (int t = 0; t < N_STEPS; t++) {
    double angle = start + turn * t, radius = 1.0 + growth * (t - 2.5);
    out[2 * t] = (float)(radius * pare_cos(angle) + 0.45 * noise(rng));
    out[2 * t + 1] = (float)(radius * sine(angle) + 0.45 * noise(rng));
  }
}

static const char *const spiral_classes[] = {"first arm", "second arm", "third arm"};
static const char *const sequence_classes[] = {"left, shrinking", "right, shrinking", "left, growing",
                                               "right, growing"};

static const pare_generated kinds[] = {
    {"spirals", "points on three arms", 3, {1, {2}}, spiral_classes, make_spiral},
    {"sequence",
     "a point circling the origin in 6 steps",
     4,
     {2, {N_STEPS, 2}},
     sequence_classes,
     make_sequence},
};

const pare_generated *pare_generated_find(const char *name) {
  for (size_t i = 0; i < PARE_COUNT(kinds); i++) {
    if (strcmp(kinds[i].name, name) == 0) return &kinds[i];
  }
  return NULL;
}

static pare_status make_split(pare_context *ctx, const pare_generated *kind, pare_rng *rng, int64_t n,
                              pare_split *out) {
  pare_shape shape = {.rank = kind->sample_shape.rank + 1, .dims = {n}};
  for (int i = 0; i < kind->sample_shape.rank; i++) shape.dims[i + 1] = kind->sample_shape.dims[i];
  PARE_TRY(pare_tensor_new(ctx, PARE_F32, &shape, &out->samples));
  out->labels = pare_alloc_array(ctx, (size_t)n, sizeof(*out->labels));
  if (!out->labels) return PARE_OUT_OF_MEMORY;
  out->n = n;
  int64_t elements = pare_shape_count(&kind->sample_shape);
  for (int64_t i = 0; i < n; i++) {
    out->labels[i] = (int32_t)(i % kind->n_classes);
    kind->make(rng, out->labels[i], pare_f32(&out->samples) + i * elements);
  }
  return PARE_OK;
}

static pare_status fill(pare_dataset *dataset, const pare_generated *kind) {
  pare_rng rng = pare_rng_new(SEED, kind->name);
  PARE_TRY(make_split(dataset->ctx, kind, &rng, N_TRAIN, &dataset->train));
  PARE_TRY(make_split(dataset->ctx, kind, &rng, N_TEST, &dataset->test));
  dataset->class_names =
      pare_arena_array(&dataset->arena, (size_t)kind->n_classes, sizeof(*dataset->class_names));
  if (!dataset->class_names) return PARE_OUT_OF_MEMORY;
  for (int i = 0; i < kind->n_classes; i++) dataset->class_names[i] = kind->class_names[i];
  return pare_dataset_settle(dataset);
}

pare_status pare_dataset_generate(pare_context *ctx, const pare_generated *kind, pare_dataset **out) {
  PARE_TRY(pare_dataset_new(ctx, kind->name, out));
  pare_status status = fill(*out, kind);
  if (status == PARE_OK) return status;
  pare_dataset_free(*out);
  *out = NULL;
  return status;
}
