/* NonMaxSuppression: per image and class the boxes of the highest scores, without those that overlap one kept
 * before by more than `iou_threshold`; [n, 3] of (image, class, box) (ONNX NonMaxSuppression, opset 11). Equal
 * scores: the box that stands first. */
#include "ops/op_util.h"

enum { BOXES, SCORES, MOST, IOU, SCORE };

typedef struct suppression {
  const float *boxes, *scores; /* [N,n,4], [N,C,n] */
  int64_t images, classes, n, most;
  float iou, score;
  bool has_score, center;
  int64_t *order, *kept, *spare; /* [n] of one image and class */
} suppression;

static pare_status need_scalar(pare_call *call, int i, pare_dtype dtype) {
  if (!pare_call_has(call, i)) return PARE_OK;
  const pare_dtype dtypes[] = {dtype, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, i, dtypes));
  PARE_TRY(pare_op_need_data(call, i));
  if (pare_tensor_count(call->in[i]) == 1) return PARE_OK;
  return pare_fail(call->ctx, PARE_BAD_MODEL, "input %d must have one element", i);
}

static void read(const pare_call *call, suppression *s) {
  const pare_shape *scores = &call->in[SCORES]->shape;
  *s = (suppression){.boxes = pare_f32(call->in[BOXES]),
                     .scores = pare_f32(call->in[SCORES]),
                     .images = scores->dims[0],
                     .classes = scores->dims[1],
                     .n = scores->dims[2]};
  s->most = pare_call_has(call, MOST) ? *pare_s64(call->in[MOST]) : 0;
  s->iou = pare_call_has(call, IOU) ? *pare_f32(call->in[IOU]) : 0;
  s->has_score = pare_call_has(call, SCORE);
  s->score = s->has_score ? *pare_f32(call->in[SCORE]) : 0;
  s->center = pare_node_int(call->node, "center_point_box", 0) != 0;
}

/* Corners of a box, low before high: [y, x] x [low, high] (or [x, y] about a centre). */
static void corners(const suppression *s, const float *box, float low[2], float high[2]) {
  for (int k = 0; k < 2; k++) {
    const float a = s->center ? box[k] - box[k + 2] / 2 : box[k],
                b = s->center ? box[k] + box[k + 2] / 2 : box[k + 2];
    low[k] = a < b ? a : b;
    high[k] = a < b ? b : a;
  }
}

static bool overlaps(const suppression *s, const float *a, const float *b) {
  float low[2][2], high[2][2], both = 1, area[2] = {1, 1};
  corners(s, a, low[0], high[0]);
  corners(s, b, low[1], high[1]);
  for (int k = 0; k < 2; k++) {
    const float from = low[0][k] > low[1][k] ? low[0][k] : low[1][k],
                to = high[0][k] < high[1][k] ? high[0][k] : high[1][k];
    both *= to > from ? to - from : 0;
    for (int i = 0; i < 2; i++) area[i] *= high[i][k] - low[i][k];
  }
  const float either = area[0] + area[1] - both;
  return area[0] > 0 && area[1] > 0 && either > 0 && both / either > s->iou;
}

/* Indices by falling score, stable. */
static void sort(suppression *s, const float *scores, int64_t n) {
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t low = 0; low < n; low += 2 * width) {
      const int64_t middle = low + width < n ? low + width : n,
                    high = low + 2 * width < n ? low + 2 * width : n;
      for (int64_t i = low, j = middle, k = low; k < high; k++) {
        const bool left = j >= high || (i < middle && !(scores[s->order[i]] < scores[s->order[j]]));
        s->spare[k] = left ? s->order[i++] : s->order[j++];
      }
    }
    int64_t *kept = s->order;
    s->order = s->spare;
    s->spare = kept;
  }
}

/* One image and class: how many are in kept[]. */
static int64_t select(suppression *s, const float *boxes, const float *scores) {
  int64_t n = 0, n_kept = 0;
  for (int64_t i = 0; i < s->n; i++)
    if (!s->has_score || scores[i] > s->score) s->order[n++] = i;
  sort(s, scores, n);
  for (int64_t i = 0; i < n && n_kept < s->most; i++) {
    bool free = true;
    for (int64_t k = 0; k < n_kept && free; k++)
      free = !overlaps(s, boxes + 4 * s->order[i], boxes + 4 * s->kept[k]);
    if (free) s->kept[n_kept++] = s->order[i];
  }
  return n_kept;
}

/* All of them; `out` [n,3] or NULL to count. OUT_OF_MEMORY. */
static pare_status select_all(const pare_call *call, int64_t *out, int64_t *n) {
  suppression s;
  read(call, &s);
  int64_t *memory = pare_alloc_array(call->ctx, (size_t)s.n, 3 * sizeof *memory);
  if (!memory) return PARE_OUT_OF_MEMORY;
  s.order = memory;
  s.kept = memory + s.n;
  s.spare = memory + 2 * s.n;
  *n = 0;
  for (int64_t i = 0; i < s.images; i++)
    for (int64_t c = 0; c < s.classes; c++) {
      const int64_t found = select(&s, s.boxes + i * s.n * 4, s.scores + (i * s.classes + c) * s.n);
      for (int64_t k = 0; k < found && out; k++) {
        int64_t *row = out + 3 * (*n + k);
        row[0] = i, row[1] = c, row[2] = s.kept[k];
      }
      *n += found;
    }
  pare_free(call->ctx, memory);
  return PARE_OK;
}

static pare_status infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  for (int i = BOXES; i <= SCORES; i++) {
    PARE_TRY(pare_op_need_dtype(call, i, f32_only));
    PARE_TRY(pare_op_need_data(call, i));
  }
  PARE_TRY(need_scalar(call, MOST, PARE_S64));
  PARE_TRY(need_scalar(call, IOU, PARE_F32));
  PARE_TRY(need_scalar(call, SCORE, PARE_F32));
  const pare_shape *boxes = &call->in[BOXES]->shape, *scores = &call->in[SCORES]->shape;
  if (boxes->rank != 3 || scores->rank != 3 || boxes->dims[2] != 4 || boxes->dims[0] != scores->dims[0] ||
      boxes->dims[1] != scores->dims[2])
    return pare_fail(call->ctx, PARE_BAD_MODEL, "boxes and scores are not [N,n,4] and [N,C,n]");
  int64_t n;
  PARE_TRY(select_all(call, NULL, &n));
  const pare_shape out = PARE_SHAPE(n, 3);
  return pare_op_set_out(call, 0, PARE_S64, &out);
}

static pare_status run(pare_call *call) {
  int64_t n;
  return select_all(call, pare_s64(call->out[0]), &n);
}

const pare_op pare_op_non_max_suppression = {
    .name = "NonMaxSuppression",
    .domain = "",
    .min_in = 2,
    .max_in = 5,
    .min_out = 1,
    .max_out = 1,
    .infer = infer,
    .shape_from_data = true,
    .run = run,
    .no_gradient = "an index does not change with the values",
    .quant = PARE_QUANT_NONE,
};
