/* libFuzzer: any bytes load as a model or fail cleanly; what loads is described, its shapes are inferred, it is written (in another
 * opset too, where it has a form in it), and what was saved loads again to the same bytes. The same bytes are read as a tensor's, a
 * sequence's and an optional's file as well. */
#include "graph/graph.h"
#include "onnx/onnx.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "limited_alloc.h"

static void check(const pare_context *ctx, bool condition, const char *what) {
  if (condition) return;
  fprintf(stderr, "%s; last error: %s\n", what, pare_error(ctx));
  abort(); /* what libFuzzer reports */
}

/* Each of them may run out of the little memory that there is; a success is freed. */
static void describe(pare_context *ctx, const pare_model *model) {
  pare_buffer json;
  if (pare_model_info(model, &json) == PARE_OK) pare_buffer_free(ctx, &json);
  if (pare_model_graph(model, &json) == PARE_OK) pare_buffer_free(ctx, &json);
  if (pare_model_check_runtime(model, "onnxruntime@1.14", &json) == PARE_OK) pare_buffer_free(ctx, &json);
}

static void save_in_opset(pare_context *ctx, const pare_model *model, int64_t opset) {
  pare_model *copy;
  pare_buffer bytes;
  if (pare_model_clone(model, &copy) != PARE_OK) return;
  if (pare_onnx_set_opset(copy, opset) == PARE_OK && pare_model_finish(copy) == PARE_OK &&
      pare_model_save(copy, &bytes) == PARE_OK)
    pare_buffer_free(ctx, &bytes);
  pare_model_free(copy);
}

/* What is short of memory need not go on; whatever else fails is a defect. */
static bool held(const pare_context *ctx, pare_status status, const char *what) {
  check(ctx, status == PARE_OK || status == PARE_OUT_OF_MEMORY, what);
  return status == PARE_OK;
}

static void save_twice(pare_context *ctx, const pare_model *model) {
  pare_model *again;
  pare_buffer first, second;
  if (!held(ctx, pare_model_save(model, &first), "loaded but not saved")) return;
  if (held(ctx, pare_model_load(ctx, first.data, first.len_bytes, &again), "saved but not loaded")) {
    if (held(ctx, pare_model_save(again, &second), "not saved again")) {
      bool same =
          first.len_bytes == second.len_bytes && memcmp(first.data, second.data, first.len_bytes) == 0;
      check(ctx, same, "saved differently the second time");
      pare_buffer_free(ctx, &second);
    }
    pare_model_free(again);
  }
  pare_buffer_free(ctx, &first);
}

static void read_values(pare_context *ctx, const uint8_t *data, size_t size) {
  pare_tensor tensor;
  pare_buffer name;
  if (pare_onnx_tensor_read(ctx, "fuzzed", data, size, &tensor, &name) == PARE_OK) {
    pare_tensor_release(&tensor);
    pare_buffer_free(ctx, &name);
  }
  if (pare_onnx_list_read(ctx, PARE_KIND_SEQUENCE, data, size, &tensor) == PARE_OK)
    pare_tensor_release(&tensor);
  if (pare_onnx_list_read(ctx, PARE_KIND_OPTIONAL, data, size, &tensor) == PARE_OK)
    pare_tensor_release(&tensor);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx;
  pare_model *model;
  if (limited_context(&ctx) != PARE_OK) return 0;
  if (pare_model_load(ctx, data, size, &model) == PARE_OK) {
    save_twice(ctx, model);
    save_in_opset(ctx, model, 13);
    save_in_opset(ctx, model, 21);
    describe(ctx, model);
    pare_model_free(model);
  } else {
    check(ctx, model == NULL && *pare_error(ctx) != 0, "failed without a message");
  }
  read_values(ctx, data, size);
  pare_context_free(ctx);
  limited_check();
  return 0;
}
