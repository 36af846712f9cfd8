/* JSON in (jsmn's tokens with checked access) and out (a writer that puts the commas). */
#ifndef PARE_JSON_H
#define PARE_JSON_H

#include "base/base.h"

/* ---- out ---------------------------------------------------------------------------- */
typedef struct pare_json {
  pare_writer writer;
  int depth;
  bool needs_comma;
} pare_json;

void pare_json_init(pare_json *json, pare_context *ctx);
void pare_json_object(pare_json *json);            /* { */
void pare_json_array(pare_json *json);             /* [ */
void pare_json_end(pare_json *json, char bracket); /* '}' or ']' */
void pare_json_key(pare_json *json, const char *key);
void pare_json_text(pare_json *json, const char *text); /* NULL: null; escapes, invalid UTF-8 replaced */
void pare_json_int(pare_json *json, int64_t value);
/* The fewest digits that read back as the same float (if it is one) or double; NaN, infinity: null. */
void pare_json_number(pare_json *json, double value);
void pare_json_bool(pare_json *json, bool value);
void pare_json_raw(pare_json *json, const char *text); /* already JSON */
/* key + value in one */
void pare_json_put_text(pare_json *json, const char *key, const char *text);
void pare_json_put_int(pare_json *json, const char *key, int64_t value);
void pare_json_put_number(pare_json *json, const char *key, double value);
void pare_json_put_bool(pare_json *json, const char *key, bool value);
void pare_json_put_shape(pare_json *json, const char *key, const pare_shape *shape);
pare_status pare_json_finish(pare_json *json, pare_buffer *out);
void pare_json_free(pare_json *json);

/* ---- in ---------------------------------------------------------------------------- */
typedef struct pare_json_doc pare_json_doc; /* owns a copy of the text and its tokens */

/* `status` is what a syntax error becomes (BAD_RECIPE, ...); the message has line and column. Depth is
 * limited to 64. */
pare_status pare_json_parse(pare_context *ctx, const char *text, size_t len_bytes, pare_status status,
                            pare_json_doc **out);
void pare_json_doc_free(pare_json_doc *doc);
/* Tokens are numbered; 0 is the root, -1 is none. */
int pare_json_member(const pare_json_doc *doc, int object, const char *key);
int pare_json_count(const pare_json_doc *doc, int token); /* members or items */
int pare_json_item(const pare_json_doc *doc, int array, int i);
int pare_json_member_at(const pare_json_doc *doc, int object, int i, const char **key); /* value token */
/* kind: 'o' 'a' 's' 'n' (number) 'b' (bool) '0' (null) */
bool pare_json_is(const pare_json_doc *doc, int token, char kind);
bool pare_json_get_number(const pare_json_doc *doc, int token, double *out);
bool pare_json_get_bool(const pare_json_doc *doc, int token, bool *out);
/* Unescaped, zero-ended; NULL when not a string. */
const char *pare_json_get_text(const pare_json_doc *doc, int token);
pare_span pare_json_source(const pare_json_doc *doc, int token); /* the exact text of a value */
void pare_json_place(const pare_json_doc *doc, int token, int *line, int *column);

#endif
