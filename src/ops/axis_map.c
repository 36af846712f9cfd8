/* Copying by tables of places (axis_map.h), a row of the last axis at a time. */
#include "ops/axis_map.h"

pare_status pare_axis_map_new(pare_call *call, pare_axis_map **out) {
  pare_axis_map *map = pare_arena_alloc(call->arena, sizeof *map);
  if (!map) return PARE_OUT_OF_MEMORY;
  map->in = call->in[0]->shape;
  map->out = call->out[0]->shape;
  if (map->in.rank == 0) map->in = map->out = PARE_SHAPE(1);
  map->rank = map->in.rank;
  for (int i = 0; i < map->rank; i++) {
    map->from[i] = pare_arena_array(call->arena, (size_t)map->out.dims[i], sizeof(int64_t));
    if (!map->from[i]) return PARE_OUT_OF_MEMORY;
  }
  map->run = pare_arena_array(call->arena, (size_t)map->out.dims[map->rank - 1], sizeof(int64_t));
  *out = map;
  return map->run ? PARE_OK : PARE_OUT_OF_MEMORY;
}

void pare_axis_map_finish(pare_axis_map *map) {
  const int64_t *from = map->from[map->rank - 1], n = map->out.dims[map->rank - 1];
  for (int64_t i = n - 1; i >= 0; i--) {
    const bool goes_on = i + 1 < n && from[i] >= 0 && from[i + 1] == from[i] + 1;
    map->run[i] = goes_on ? map->run[i + 1] + 1 : 1;
  }
}

/* Rows of the output, one after another: where the row's source begins in the input, -1: all constant. */
typedef struct rows {
  const pare_axis_map *map;
  int64_t index[PARE_MAX_RANK], n, n_rows;
} rows;

static rows rows_of(const pare_axis_map *map) {
  return (rows){.map = map,
                .n = map->out.dims[map->rank - 1],
                .n_rows = pare_shape_count_range(&map->out, 0, map->rank - 1)};
}

static int64_t rows_next(rows *r) {
  const pare_axis_map *map = r->map;
  int64_t at = 0;
  bool constant = false;
  for (int i = 0; i < map->rank - 1; i++) {
    const int64_t k = map->from[i][r->index[i]];
    constant |= k < 0;
    at = at * map->in.dims[i] + (k < 0 ? 0 : k);
  }
  for (int i = map->rank - 2; i >= 0 && ++r->index[i] == map->out.dims[i]; i--) r->index[i] = 0;
  return constant ? -1 : at * map->in.dims[map->rank - 1];
}

void pare_axis_map_copy(const pare_axis_map *map, size_t size, const void *constant, const void *in,
                        void *out) {
  rows r = rows_of(map);
  const int64_t *from = map->from[map->rank - 1];
  uint8_t *to = out;
  for (int64_t row = 0; row < r.n_rows && r.n > 0; row++, to += (size_t)r.n * size) {
    const int64_t first = rows_next(&r);
    for (int64_t i = 0, n; i < r.n; i += n) {
      const bool is_constant = first < 0 || from[i] < 0;
      n = first < 0 ? 1 : map->run[i];
      const void *source = is_constant ? constant : (const uint8_t *)in + (size_t)(first + from[i]) * size;
      memcpy(to + (size_t)i * size, source, (size_t)n * size);
    }
  }
}

pare_status pare_axis_map_run(pare_call *call) {
  pare_axis_map_copy(call->state, pare_dtype_size(call->in[0]->dtype), NULL, call->in[0]->data,
                     call->out[0]->data);
  return PARE_OK;
}

pare_status pare_axis_map_add_back(const pare_axis_map *map, pare_grad_call *grad) {
  if (!pare_grad_wants(grad, 0) || grad->d_out[0] == NULL) return PARE_OK;
  rows r = rows_of(map);
  const int64_t *from = map->from[map->rank - 1];
  const float *g = pare_f32(grad->d_out[0]);
  float *d = pare_f32(grad->d_in[0]);
  for (int64_t row = 0; row < r.n_rows && r.n > 0; row++, g += r.n) {
    const int64_t first = rows_next(&r);
    for (int64_t i = 0; i < r.n && first >= 0; i++)
      if (from[i] >= 0) d[first + from[i]] += g[i];
  }
  return PARE_OK;
}

pare_status pare_axis_map_backward(pare_grad_call *grad) {
  return pare_axis_map_add_back(grad->call->state, grad);
}
