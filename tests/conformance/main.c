/* conformance [TEXT]: runs ONNX's backend cases (all, or those whose path has TEXT) and prints a line of JSON for each. Built natively and
 * for WASI; wasm/tools/conformance.mjs makes the table. PARE_ONNX_TESTDATA names another folder. */
#include "conformance.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>

static void print_case(void *user, const char *group, const char *name, const case_result *result) {
  static const char *const outcomes[] = {"passed", "failed", "unsupported"};
  pare_json json;
  pare_buffer text;
  pare_json_init(&json, user);
  pare_json_object(&json);
  pare_json_put_text(&json, "group", group);
  pare_json_put_text(&json, "name", name);
  pare_json_put_text(&json, "op", result->op);
  pare_json_put_text(&json, "outcome", outcomes[result->outcome]);
  pare_json_put_bool(&json, "claimed", result->claimed);
  pare_json_put_text(&json, "message", result->message);
  pare_json_end(&json, '}');
  if (pare_json_finish(&json, &text) != PARE_OK) return;
  printf("%s\n", (const char *)text.data);
  pare_buffer_free(user, &text);
}

int main(int argc, char **argv) {
  pare_context *ctx;
  const char *root = getenv("PARE_ONNX_TESTDATA");
  if (pare_context_new(NULL, &ctx) != PARE_OK) return 1;
  int n = run_conformance(root ? root : CONFORMANCE_FOLDER, argc > 1 ? argv[1] : NULL, print_case, ctx);
  pare_context_free(ctx);
  return n > 0 ? 0 : 1;
}
