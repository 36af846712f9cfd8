/* JSON in: jsmn's tokens with checked access. The text is checked to be JSON first (json_check.c), so that
 * every token has the form that the functions here rely on; texts are unescaped once, when the document is
 * read. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#define JSMN_STATIC
#define JSMN_PARENT_LINKS
#include <jsmn.h>

#include "base/json.h"
#include "base/json_check.h"

struct pare_json_doc {
  pare_context *ctx;
  pare_arena arena; /* the text and what was unescaped */
  const char *text;
  size_t len_bytes;
  jsmntok_t *tokens;
  int *span;            /* [n]: tokens of the value, its own included */
  const char **strings; /* [n]: NULL unless a text */
  int n;
};

static void place_of(const char *text, size_t offset, int *line, int *column) {
  *line = 1;
  *column = 1;
  for (size_t i = 0; i < offset; i++) {
    if (text[i] == '\n') {
      ++*line;
      *column = 1;
    } else if (((uint8_t)text[i] & 0xC0) != 0x80) {
      ++*column;
    }
  }
}

static uint32_t hex4(const char *text) {
  uint32_t code = 0;
  for (int i = 0; i < 4; i++) {
    char d = text[i];
    code = code * 16 + (uint32_t)(d <= '9' ? d - '0' : (d | 0x20) - 'a' + 10);
  }
  return code;
}

static char *put_utf8(char *out, uint32_t code) {
  if (code < 0x80) {
    *out++ = (char)code;
  } else if (code < 0x800) {
    *out++ = (char)(0xC0 | code >> 6);
    *out++ = (char)(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    *out++ = (char)(0xE0 | code >> 12);
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  } else {
    *out++ = (char)(0xF0 | code >> 18);
    *out++ = (char)(0x80 | (code >> 12 & 0x3F));
    *out++ = (char)(0x80 | (code >> 6 & 0x3F));
    *out++ = (char)(0x80 | (code & 0x3F));
  }
  return out;
}

/* In place: the escaped form is never shorter. The form was checked. */
static void unescape(char *text) {
  char *out = text;
  for (const char *in = text; *in;) {
    if (*in != '\\') {
      *out++ = *in++;
      continue;
    }
    char kind = in[1];
    in += 2;
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *simple = strchr(from, kind);
    if (kind == 'u') {
      uint32_t code = hex4(in);
      in += 4;
      if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex4(in + 2) - 0xDC00);
        in += 6;
      }
      out = put_utf8(out, code);
    } else {
      *out++ = simple != NULL ? to[simple - from] : kind;
    }
  }
  *out = '\0';
}

static pare_status index_tokens(pare_json_doc *doc) {
  for (int i = 0; i < doc->n; i++) {
    doc->span[i] = 1;
    if (doc->tokens[i].type != JSMN_STRING) continue;
    const jsmntok_t *token = &doc->tokens[i];
    char *text =
        pare_arena_text_n(&doc->arena, doc->text + token->start, (size_t)(token->end - token->start));
    if (text == NULL) return PARE_OUT_OF_MEMORY;
    unescape(text);
    doc->strings[i] = text;
  }
  for (int i = doc->n - 1; i > 0; i--) doc->span[doc->tokens[i].parent] += doc->span[i];
  return PARE_OK;
}

static pare_status fill(pare_json_doc *doc, const char *text, size_t n_tokens) {
  doc->text = pare_arena_text_n(&doc->arena, text, doc->len_bytes);
  doc->tokens = pare_arena_array(&doc->arena, n_tokens, sizeof(jsmntok_t));
  doc->span = pare_arena_array(&doc->arena, n_tokens, sizeof(int));
  doc->strings = pare_arena_array(&doc->arena, n_tokens, sizeof(char *));
  if (doc->text == NULL || doc->tokens == NULL || doc->span == NULL || doc->strings == NULL)
    return PARE_OUT_OF_MEMORY;
  jsmn_parser parser;
  jsmn_init(&parser);
  doc->n = jsmn_parse(&parser, doc->text, doc->len_bytes, doc->tokens, (unsigned)n_tokens);
  if (doc->n != (int)n_tokens) return pare_fail(doc->ctx, PARE_BAD_ARGUMENT, "JSON: it cannot be read");
  return index_tokens(doc);
}

pare_status pare_json_parse(pare_context *ctx, const char *text, size_t len_bytes, pare_status status,
                            pare_json_doc **out) {
  *out = NULL;
  if (len_bytes > PARE_JSON_MAX_BYTES) return pare_fail(ctx, status, "JSON: the text is over 64 MiB");
  size_t n_tokens = 0, offset = 0;
  const char *error = pare_json_check(text, len_bytes, &n_tokens, &offset);
  if (error != NULL) {
    int line = 0, column = 0;
    place_of(text, offset, &line, &column);
    return pare_fail(ctx, status, "JSON, line %d, column %d: %s", line, column, error);
  }
  pare_json_doc *doc = pare_alloc(ctx, sizeof *doc);
  if (doc == NULL) return PARE_OUT_OF_MEMORY;
  doc->ctx = ctx;
  doc->len_bytes = len_bytes;
  pare_arena_init(&doc->arena, ctx);
  pare_status filled = fill(doc, text, n_tokens);
  if (filled != PARE_OK) {
    pare_json_doc_free(doc);
    return filled;
  }
  *out = doc;
  return PARE_OK;
}

void pare_json_doc_free(pare_json_doc *doc) {
  if (doc == NULL) return;
  pare_arena_free(&doc->arena);
  pare_free(doc->ctx, doc);
}

static bool is_token(const pare_json_doc *doc, int token) {
  return token >= 0 && token < doc->n;
}
static bool is_type(const pare_json_doc *doc, int token, jsmntype_t type) {
  return is_token(doc, token) && doc->tokens[token].type == type;
}

int pare_json_count(const pare_json_doc *doc, int token) {
  bool counts = is_type(doc, token, JSMN_OBJECT) || is_type(doc, token, JSMN_ARRAY);
  return counts ? doc->tokens[token].size : 0;
}

/* The i-th child of an object (its key) or an array. */
static int child(const pare_json_doc *doc, int token, int i) {
  if (i < 0 || i >= pare_json_count(doc, token)) return -1;
  int at = token + 1;
  for (; i > 0; i--) at += doc->span[at];
  return at;
}

int pare_json_item(const pare_json_doc *doc, int array, int i) {
  return is_type(doc, array, JSMN_ARRAY) ? child(doc, array, i) : -1;
}

int pare_json_member_at(const pare_json_doc *doc, int object, int i, const char **key) {
  int at = is_type(doc, object, JSMN_OBJECT) ? child(doc, object, i) : -1;
  if (key != NULL) *key = at < 0 ? NULL : doc->strings[at];
  return at < 0 ? -1 : at + 1;
}

int pare_json_member(const pare_json_doc *doc, int object, const char *key) {
  if (!is_type(doc, object, JSMN_OBJECT)) return -1;
  int at = object + 1;
  for (int i = doc->tokens[object].size; i > 0; i--, at += doc->span[at])
    if (strcmp(doc->strings[at], key) == 0) return at + 1;
  return -1;
}

bool pare_json_is(const pare_json_doc *doc, int token, char kind) {
  if (!is_token(doc, token)) return false;
  char first = doc->text[doc->tokens[token].start];
  switch (doc->tokens[token].type) {
  case JSMN_OBJECT: return kind == 'o';
  case JSMN_ARRAY: return kind == 'a';
  case JSMN_STRING: return kind == 's';
  default: break;
  }
  if (first == 't' || first == 'f') return kind == 'b';
  return kind == (first == 'n' ? '0' : 'n');
}

bool pare_json_get_number(const pare_json_doc *doc, int token, double *out) {
  char text[512];
  if (!pare_json_is(doc, token, 'n')) return false;
  pare_span source = pare_json_source(doc, token);
  if (source.len_bytes >= sizeof text) return false;
  memcpy(text, source.data, source.len_bytes);
  text[source.len_bytes] = '\0';
  char *point = strchr(text, '.');
  const char *local = localeconv()->decimal_point; /* a host program may have set another */
  if (point != NULL && local != NULL && local[0] != '\0') *point = local[0];
  *out = strtod(text, NULL);
  return true;
}

bool pare_json_get_bool(const pare_json_doc *doc, int token, bool *out) {
  if (!pare_json_is(doc, token, 'b')) return false;
  *out = doc->text[doc->tokens[token].start] == 't';
  return true;
}

const char *pare_json_get_text(const pare_json_doc *doc, int token) {
  return is_token(doc, token) ? doc->strings[token] : NULL;
}

pare_span pare_json_source(const pare_json_doc *doc, int token) {
  if (!is_token(doc, token)) return (pare_span){NULL, 0};
  const jsmntok_t *t = &doc->tokens[token];
  int quote = t->type == JSMN_STRING ? 1 : 0;
  return (pare_span){(const uint8_t *)doc->text + t->start - quote, (size_t)(t->end - t->start + 2 * quote)};
}

void pare_json_place(const pare_json_doc *doc, int token, int *line, int *column) {
  pare_span source = pare_json_source(doc, token);
  place_of(doc->text, source.data == NULL ? 0 : (size_t)((const char *)source.data - doc->text), line,
           column);
}
