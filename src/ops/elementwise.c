/* What element-wise operators share; see elementwise.h. */
#include "ops/elementwise.h"

/* ---- unary --------------------------------------------------------------------------------------------- */
pare_status pare_unary_infer(pare_call *call) {
  static const pare_dtype dtypes[] = {PARE_F32, PARE_NONE};
  PARE_TRY(pare_op_need_dtype(call, 0, dtypes));
  return pare_op_infer_same(call);
}

pare_status pare_unary_run(pare_call *call, pare_unary_fn fn) {
  fn(call, pare_f32(call->in[0]), pare_f32(call->out[0]), pare_tensor_count(call->in[0]));
  return PARE_OK;
}

pare_status pare_unary_backward(pare_grad_call *grad, pare_unary_grad_fn fn) {
  const pare_call *call = grad->call;
  if (pare_grad_wants(grad, 0) && grad->d_out[0] != NULL)
    fn(call, pare_f32(call->in[0]), pare_f32(call->out[0]), pare_f32(grad->d_out[0]), pare_f32(grad->d_in[0]),
       pare_tensor_count(call->in[0]));
  return PARE_OK;
}

pare_status pare_couple_same(const pare_call *call, pare_coupler *coupler) {
  for (int axis = 0; axis < call->in[0]->shape.rank; axis++)
    PARE_TRY(pare_couple_axes(coupler, 0, axis, PARE_OUT(0), axis));
  return PARE_OK;
}

/* ---- binary -------------------------------------------------------------------------------------------- */
static const pare_binary_kernel *find_kernel(const pare_binary_kernel *kernels, size_t n, pare_dtype dtype) {
  for (size_t i = 0; i < n; i++)
    if (kernels[i].in == dtype) return &kernels[i];
  return NULL;
}

pare_status pare_binary_infer(pare_call *call, const pare_binary_kernel *kernels, size_t n) {
  PARE_TRY(pare_op_need(call, 0));
  pare_shape shape = call->in[0]->shape;
  const pare_dtype dtype = call->in[0]->dtype;
  const pare_binary_kernel *kernel = find_kernel(kernels, n, dtype);
  if (kernel == NULL)
    return pare_fail(call->ctx, PARE_UNSUPPORTED, "inputs of type %s", pare_dtype_name(dtype));
  for (int i = 1; i < call->n_in; i++) {
    PARE_TRY(pare_op_need(call, i));
    if (call->in[i]->dtype != dtype)
      return pare_fail(call->ctx, PARE_BAD_MODEL, "inputs of different types, %s and %s",
                       pare_dtype_name(dtype), pare_dtype_name(call->in[i]->dtype));
    PARE_TRY(pare_op_broadcast(call, &shape, &call->in[i]->shape, &shape));
  }
  return pare_op_set_out(call, 0, kernel->out, &shape);
}

void pare_binary_apply(pare_binary_fn fn, const pare_tensor *a, const pare_tensor *b, pare_tensor *out) {
  pare_loop loop;
  const pare_shape *const shapes[] = {&out->shape, &a->shape, &b->shape};
  pare_loop_broadcast(&loop, &out->shape, shapes, 3);
  const int64_t size = (int64_t)pare_dtype_size(a->dtype), out_size = (int64_t)pare_dtype_size(out->dtype);
  const int64_t run = pare_loop_run(&loop), a_step = pare_loop_step(&loop, 1),
                b_step = pare_loop_step(&loop, 2);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    fn(pare_u8(a) + loop.at[1] * size, a_step, pare_u8(b) + loop.at[2] * size, b_step,
       pare_u8(out) + loop.at[0] * out_size, run);
}

pare_status pare_binary_run(pare_call *call, const pare_binary_kernel *kernels, size_t n) {
  pare_binary_apply(find_kernel(kernels, n, call->in[0]->dtype)->run, call->in[0], call->in[1], call->out[0]);
  return PARE_OK;
}

pare_status pare_binary_backward(pare_grad_call *grad, pare_binary_grad_fn fn) {
  const pare_call *call = grad->call;
  const bool a_wanted = pare_grad_wants(grad, 0), b_wanted = pare_grad_wants(grad, 1);
  if (grad->d_out[0] == NULL || !(a_wanted || b_wanted)) return PARE_OK;
  const pare_shape *out = &call->out[0]->shape;
  const pare_shape *const shapes[] = {out, &call->in[0]->shape, &call->in[1]->shape};
  pare_loop loop;
  pare_loop_broadcast(&loop, out, shapes, 3);
  const int64_t run = pare_loop_run(&loop), a_step = pare_loop_step(&loop, 1),
                b_step = pare_loop_step(&loop, 2);
  for (pare_loop_start(&loop); loop.more; pare_loop_next(&loop))
    fn(pare_f32(call->in[0]) + loop.at[1], a_step, pare_f32(call->in[1]) + loop.at[2], b_step,
       pare_f32(grad->d_out[0]) + loop.at[0], run, a_wanted ? pare_f32(grad->d_in[0]) + loop.at[1] : NULL,
       b_wanted ? pare_f32(grad->d_in[1]) + loop.at[2] : NULL);
  return PARE_OK;
}

pare_status pare_select_run(pare_call *call, const pare_binary_kernel *kernels, size_t n) {
  pare_binary_fn fn = find_kernel(kernels, n, call->in[0]->dtype)->run;
  pare_binary_apply(fn, call->in[0], call->in[call->n_in > 1 ? 1 : 0], call->out[0]);
  for (int i = 2; i < call->n_in; i++) pare_binary_apply(fn, call->out[0], call->in[i], call->out[0]);
  return PARE_OK;
}

/* The element of input i that stands at place `index` of the output, in row-major order. */
static int64_t element_of(const pare_shape *in, const pare_shape *out, int64_t index) {
  int64_t at = 0, stride = 1;
  for (int i = 1; i <= in->rank; i++) { /* from the last axis */
    const int64_t dim = in->dims[in->rank - i], k = index % out->dims[out->rank - i];
    index /= out->dims[out->rank - i];
    at += dim == 1 ? 0 : k * stride;
    stride *= dim;
  }
  return at;
}

pare_status pare_select_backward(pare_grad_call *grad) {
  const pare_call *call = grad->call;
  if (grad->d_out[0] == NULL || call->in[0]->dtype != PARE_F32) return PARE_OK;
  const pare_shape *out = &call->out[0]->shape;
  const int64_t n = pare_shape_count(out);
  for (int64_t o = 0; o < n; o++) {
    for (int i = 0; i < call->n_in; i++) {
      const int64_t at = element_of(&call->in[i]->shape, out, o);
      if (pare_f32(call->in[i])[at] != pare_f32(call->out[0])[o]) continue;
      if (pare_grad_wants(grad, i)) pare_f32(grad->d_in[i])[at] += pare_f32(grad->d_out[0])[o];
      break;
    }
  }
  return PARE_OK;
}

pare_status pare_couple_broadcast(const pare_call *call, pare_coupler *coupler) {
  const pare_shape *out = &call->out[0]->shape;
  for (int i = 0; i < call->n_in; i++) {
    const pare_shape *in = &call->in[i]->shape;
    const int missing = out->rank - in->rank;
    for (int axis = 0; axis < in->rank; axis++)
      if (in->dims[axis] == out->dims[axis + missing])
        PARE_TRY(pare_couple_axes(coupler, i, axis, PARE_OUT(0), axis + missing));
  }
  return PARE_OK;
}
