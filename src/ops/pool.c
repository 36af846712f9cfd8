/* Shapes, state and coupling of the pools (pool.h). */
#include "ops/pool.h"

pare_status pare_pool_infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  return pare_pool_infer_shape(call);
}

pare_status pare_pool_infer_shape(pare_call *call) {
  pare_window window;
  PARE_TRY(pare_op_need(call, 0));
  const pare_shape x = pare_op_image(call, call->in[0]);
  PARE_TRY(pare_window_read(call, &x, NULL, true, &window));
  const pare_shape y = pare_window_out_shape(&x, x.dims[1], &window);
  return pare_op_set_image(call, call->in[0]->dtype, &y);
}

pare_status pare_pool_infer_global(pare_call *call) {
  pare_shape y = pare_op_image(call, call->in[0]);
  if (y.rank < 3)
    return pare_fail(call->ctx, PARE_BAD_MODEL, "input has rank %d, expected at least 3", y.rank);
  for (int i = 2; i < y.rank; i++) {
    if (y.dims[i] < 1) return pare_fail(call->ctx, PARE_BAD_MODEL, "input length %lld", (long long)y.dims[i]);
    y.dims[i] = 1;
  }
  return pare_op_set_image(call, call->in[0]->dtype, &y);
}

pare_status pare_pool_prepare(pare_call *call) {
  pare_window *window = pare_arena_alloc(call->arena, sizeof *window);
  if (!window) return PARE_OUT_OF_MEMORY;
  call->state = window;
  const pare_shape x = pare_op_image(call, call->in[0]);
  return pare_window_read(call, &x, NULL, true, window);
}

float pare_pool_divisor(const pare_window *w, bool include_pad, pare_pool_part rows, pare_pool_part columns) {
  if (!include_pad) return (float)((rows.end - rows.first) * (columns.end - columns.first));
  int64_t n = 1;
  const int64_t starts[2] = {rows.start, columns.start};
  for (int i = 0; i < 2; i++)
    n *= pare_pool_padded(w->kernel[i], w->dilation[i], starts[i], w->in[i] + w->pad_end[i]);
  return (float)n;
}

pare_status pare_pool_couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}
