/* See little_mlp.h. */
#include "little_mlp.h"

#include "base/rng.h"
#include "onnx_maker.h"

pare_buffer little_mlp_file(pare_context *ctx) {
  float w1[48], b1[24], w2[72], b2[3] = {0};
  pare_rng rng = pare_rng_new(7, "little mlp");
  for (int i = 0; i < 48; i++) w1[i] = 2 * pare_rng_f32(&rng) - 1;
  for (int i = 0; i < 24; i++) b1[i] = pare_rng_f32(&rng) - 0.5f;
  for (int i = 0; i < 72; i++) w2[i] = (2 * pare_rng_f32(&rng) - 1) / 5;
  pare_writer graph;
  pare_writer_init(&graph, ctx);
  size_t node = make_node_begin(&graph, "Gemm", "fc1", "x,w1,b1", "h");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, node);
  make_node(&graph, "Relu", "relu", "h", "r");
  node = make_node_begin(&graph, "Gemm", "fc2", "r,w2,b2", "logits");
  make_attr_int(&graph, "transB", 1);
  pare_wire_end(&graph, node);
  make_tensor(&graph, MAKE_INITIALIZER, "w1", PARE_F32, (const int64_t[]){24, 2}, 2, w1, sizeof w1);
  make_tensor(&graph, MAKE_INITIALIZER, "b1", PARE_F32, (const int64_t[]){24}, 1, b1, sizeof b1);
  make_tensor(&graph, MAKE_INITIALIZER, "w2", PARE_F32, (const int64_t[]){3, 24}, 2, w2, sizeof w2);
  make_tensor(&graph, MAKE_INITIALIZER, "b2", PARE_F32, (const int64_t[]){3}, 1, b2, sizeof b2);
  make_value(&graph, MAKE_INPUT, "x", PARE_F32, (const int64_t[]){-1, 2}, 2);
  make_value(&graph, MAKE_OUTPUT, "logits", PARE_F32, (const int64_t[]){-1, 3}, 2);
  return make_model(&graph, 8, 13);
}

pare_model *little_mlp(pare_context *ctx) {
  pare_buffer file = little_mlp_file(ctx);
  pare_model *model = NULL;
  pare_status status = pare_model_load(ctx, file.data, file.len_bytes, &model);
  pare_buffer_free(ctx, &file);
  return status == PARE_OK ? model : NULL;
}
