/* JSON out: a writer that puts the commas and escapes text (RFC 8259). Numbers are written with the fewest
 * digits that read back as the same float or double, so that a report is the same bytes in every build and
 * no longer than it must be. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"

void pare_json_init(pare_json *json, pare_context *ctx) {
  pare_writer_init(&json->writer, ctx);
  json->depth = 0;
  json->needs_comma = false;
}

static void comma(pare_json *json) {
  if (json->needs_comma) pare_writer_put(&json->writer, ",", 1);
  json->needs_comma = true;
}

static void open_bracket(pare_json *json, const char *bracket) {
  comma(json);
  pare_writer_put(&json->writer, bracket, 1);
  json->needs_comma = false;
  json->depth++;
}

void pare_json_object(pare_json *json) {
  open_bracket(json, "{");
}
void pare_json_array(pare_json *json) {
  open_bracket(json, "[");
}

void pare_json_end(pare_json *json, char bracket) {
  pare_writer_put(&json->writer, &bracket, 1);
  json->needs_comma = true;
  json->depth--;
}

static void escape_byte(pare_writer *writer, uint8_t byte) {
  switch (byte) {
  case '"': pare_writer_put(writer, "\\\"", 2); break;
  case '\\': pare_writer_put(writer, "\\\\", 2); break;
  case '\n': pare_writer_put(writer, "\\n", 2); break;
  case '\r': pare_writer_put(writer, "\\r", 2); break;
  case '\t': pare_writer_put(writer, "\\t", 2); break;
  default: pare_writer_printf(writer, "\\u%04x", byte);
  }
}

static void put_quoted(pare_writer *writer, const char *text) {
  size_t len_bytes = strlen(text);
  pare_writer_put(writer, "\"", 1);
  for (size_t i = 0; i < len_bytes;) {
    uint8_t byte = (uint8_t)text[i];
    size_t length = pare_utf8_length(text + i, len_bytes - i);
    if (length == 0) {
      pare_writer_text(writer, "\xEF\xBF\xBD"); /* U+FFFD, the replacement character */
      i++;
    } else if (length == 1 && (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f)) {
      escape_byte(writer, byte);
      i++;
    } else {
      pare_writer_put(writer, text + i, length);
      i += length;
    }
  }
  pare_writer_put(writer, "\"", 1);
}

void pare_json_key(pare_json *json, const char *key) {
  comma(json);
  put_quoted(&json->writer, key);
  pare_writer_put(&json->writer, ":", 1);
  json->needs_comma = false;
}

void pare_json_text(pare_json *json, const char *text) {
  comma(json);
  if (text == NULL)
    pare_writer_text(&json->writer, "null");
  else
    put_quoted(&json->writer, text);
}

void pare_json_int(pare_json *json, int64_t value) {
  comma(json);
  pare_writer_printf(&json->writer, "%lld", (long long)value);
}

/* A host program may have set a locale whose decimal point is another sign. */
static void point_is_dot(char *text) {
  for (; *text; text++)
    if (strchr("+-0123456789eE", *text) == NULL) *text = '.';
}

void pare_json_number(pare_json *json, double value) {
  char text[40];
  comma(json);
  if (!isfinite(value)) {
    pare_writer_text(&json->writer, "null");
    return;
  }
  if (value == floor(value) && fabs(value) <= 9007199254740992.0) {
    pare_writer_printf(&json->writer, "%lld", (long long)value);
    return;
  }
  bool is_float = fabs(value) < 3e38 && (double)(float)value == value;
  for (int digits = is_float ? 6 : 15; digits <= 17; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, value);
    double back = strtod(text, NULL);
    if (is_float ? (float)back == (float)value : back == value) break;
  }
  point_is_dot(text);
  pare_writer_text(&json->writer, text);
}

void pare_json_bool(pare_json *json, bool value) {
  comma(json);
  pare_writer_text(&json->writer, value ? "true" : "false");
}

void pare_json_raw(pare_json *json, const char *text) {
  comma(json);
  pare_writer_text(&json->writer, text);
}

void pare_json_put_text(pare_json *json, const char *key, const char *text) {
  pare_json_key(json, key);
  pare_json_text(json, text);
}

void pare_json_put_int(pare_json *json, const char *key, int64_t value) {
  pare_json_key(json, key);
  pare_json_int(json, value);
}

void pare_json_put_number(pare_json *json, const char *key, double value) {
  pare_json_key(json, key);
  pare_json_number(json, value);
}

void pare_json_put_bool(pare_json *json, const char *key, bool value) {
  pare_json_key(json, key);
  pare_json_bool(json, value);
}

void pare_json_put_shape(pare_json *json, const char *key, const pare_shape *shape) {
  pare_json_key(json, key);
  pare_json_array(json);
  for (int i = 0; i < shape->rank; i++) pare_json_int(json, shape->dims[i]);
  pare_json_end(json, ']');
}

pare_status pare_json_finish(pare_json *json, pare_buffer *out) {
  return pare_writer_finish(&json->writer, out);
}

void pare_json_free(pare_json *json) {
  pare_writer_free(&json->writer);
}
