/* The plain reference of f32_depthwise.h. Every other variant must give these bytes. */
#include "kernels/f32_depthwise/f32_depthwise.h"

void pare_f32_depthwise__ref(const pare_f32_depthwise_args *args);

void pare_f32_depthwise_row(const pare_f32_depthwise_args *args, int64_t i_row, int64_t c_first) {
  const pare_window *w = args->window;
  const pare_f32_depthwise_part rows = pare_f32_depthwise_part_at(w, 0, i_row);
  float *y = args->y + i_row * w->out[1] * args->c;
  for (int64_t p = 0; p < w->out[1]; p++, y += args->c) {
    const pare_f32_depthwise_part columns = pare_f32_depthwise_part_at(w, 1, p);
    for (int64_t c = c_first; c < args->c; c++) {
      float sum = 0.0f;
      for (int64_t i = rows.first; i < rows.end; i++) {
        for (int64_t j = columns.first; j < columns.end; j++) {
          const int64_t at =
              (rows.start + i * w->dilation[0]) * w->in[1] + columns.start + j * w->dilation[1];
          const float product = args->w[(i * w->kernel[1] + j) * args->c + c] * args->x[at * args->c + c];
          sum = sum + product;
        }
      }
      if (args->bias) sum = sum + args->bias[c];
      sum = sum < args->clamp_low ? args->clamp_low : sum;
      y[c] = sum > args->clamp_high ? args->clamp_high : sum;
    }
  }
}

void pare_f32_depthwise__ref(const pare_f32_depthwise_args *args) {
  for (int64_t i = 0; i < args->n_rows; i++) pare_f32_depthwise_row(args, args->first_row + i, 0);
}
