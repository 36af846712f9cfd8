/* Shapes, state and coupling of the pools (pool.h). */
#include "ops/pool.h"

pare_status pare_pool_infer(pare_call *call) {
  static const pare_dtype f32_only[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, f32_only));
  pare_window window;
  const pare_shape x = pare_op_image(call, call->in[0]);
  PARE_TRY(pare_window_read(call, &x, NULL, true, &window));
  const pare_shape y = pare_window_out_shape(&x, x.dims[1], &window);
  return pare_op_set_image(call, PARE_F32, &y);
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

pare_status pare_pool_couple(const pare_call *call, pare_coupler *coupler) {
  (void)call;
  PARE_TRY(pare_couple_axes(coupler, 0, 0, PARE_OUT(0), 0));
  return pare_couple_axes(coupler, 0, 1, PARE_OUT(0), 1);
}
