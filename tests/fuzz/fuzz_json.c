/* JSON: any bytes are read or refused; what is read is written back as the same document. */
#include <stdlib.h>

#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_value(const pare_json_doc *doc, int token, pare_json *json) {
  double number = 0;
  bool flag = false;
  const char *key = NULL;
  bool is_object = pare_json_is(doc, token, 'o');
  if (is_object || pare_json_is(doc, token, 'a')) {
    (is_object ? pare_json_object : pare_json_array)(json);
    for (int i = 0; i < pare_json_count(doc, token); i++) {
      int at = is_object ? pare_json_member_at(doc, token, i, &key) : pare_json_item(doc, token, i);
      if (is_object) pare_json_key(json, key);
      write_value(doc, at, json);
    }
    pare_json_end(json, is_object ? '}' : ']');
  } else if (pare_json_get_number(doc, token, &number)) {
    pare_json_number(json, number);
  } else if (pare_json_get_bool(doc, token, &flag)) {
    pare_json_bool(json, flag);
  } else {
    pare_json_text(json, pare_json_get_text(doc, token));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pare_context *ctx = NULL;
  pare_json_doc *doc = NULL, *again = NULL;
  pare_json json;
  pare_buffer text;
  if (size > 20000 || pare_context_new(NULL, &ctx) != PARE_OK) return 0;
  if (pare_json_parse(ctx, (const char *)data, size, PARE_BAD_ARGUMENT, &doc) == PARE_OK) {
    pare_json_init(&json, ctx);
    write_value(doc, 0, &json);
    if (pare_json_finish(&json, &text) != PARE_OK) abort();
    if (pare_json_parse(ctx, (const char *)text.data, text.len_bytes, PARE_BAD_ARGUMENT, &again) != PARE_OK)
      abort();
    if (pare_json_count(doc, 0) != pare_json_count(again, 0)) abort();
    pare_json_doc_free(again);
    pare_json_doc_free(doc);
    pare_buffer_free(ctx, &text);
  }
  pare_context_free(ctx);
  return 0;
}
