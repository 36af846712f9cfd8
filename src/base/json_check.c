/* A strict reader of RFC 8259 that only says yes, or no and where. It keeps one bit per open bracket and
 * never recurses. Stricter than the RFC in three places: at most 64 brackets deep, no \u0000 (text here
 * ends with a zero), and surrogates must come in pairs. */
#include <string.h>

#include "base/json_check.h"
#include "base/text.h"

typedef struct check {
  const char *text;
  size_t len_bytes, at;
  size_t n_tokens;
  const char *error;
} check;

static char look(const check *c) {
  return c->at < c->len_bytes ? c->text[c->at] : '\0';
}
static bool ended(const check *c) {
  return c->at >= c->len_bytes;
}
static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool wrong(check *c, const char *error) {
  if (c->error == NULL) c->error = error;
  return false;
}

static void skip_space(check *c) {
  while (!ended(c) && (look(c) == ' ' || look(c) == '\n' || look(c) == '\r' || look(c) == '\t')) c->at++;
}

static bool skip_digits(check *c) {
  if (!is_digit(look(c))) return wrong(c, "a digit is missing");
  while (is_digit(look(c))) c->at++;
  return true;
}

static bool check_number(check *c) {
  if (look(c) == '-') c->at++;
  if (look(c) == '0') {
    c->at++;
    if (is_digit(look(c))) return wrong(c, "a number may not start with 0");
  } else if (!skip_digits(c)) {
    return false;
  }
  if (look(c) == '.') {
    c->at++;
    if (!skip_digits(c)) return false;
  }
  if (look(c) == 'e' || look(c) == 'E') {
    c->at++;
    if (look(c) == '+' || look(c) == '-') c->at++;
    if (!skip_digits(c)) return false;
  }
  return true;
}

static bool check_word(check *c, const char *word) {
  size_t length = strlen(word);
  if (c->len_bytes - c->at < length || memcmp(c->text + c->at, word, length) != 0)
    return wrong(c, "a value is expected");
  c->at += length;
  return true;
}

/* Four hexadecimal digits. */
static bool check_hex(check *c, uint32_t *out) {
  *out = 0;
  for (int i = 0; i < 4; i++, c->at++) {
    char d = look(c);
    uint32_t digit = 0;
    if (is_digit(d))
      digit = (uint32_t)(d - '0');
    else if (d >= 'a' && d <= 'f')
      digit = (uint32_t)(d - 'a') + 10;
    else if (d >= 'A' && d <= 'F')
      digit = (uint32_t)(d - 'A') + 10;
    else
      return wrong(c, "\\u needs four hexadecimal digits");
    *out = *out * 16 + digit;
  }
  return true;
}

static bool check_escape(check *c) {
  c->at++; /* the backslash */
  if (ended(c)) return wrong(c, "the text is not closed");
  char kind = look(c);
  if (kind == '\0' || strchr("\"\\/bfnrtu", kind) == NULL) return wrong(c, "there is no such escape");
  c->at++;
  if (kind != 'u') return true;
  uint32_t code = 0, low = 0;
  if (!check_hex(c, &code)) return false;
  if (code == 0) return wrong(c, "\\u0000 may not stand in a text");
  if (code >= 0xDC00 && code <= 0xDFFF) return wrong(c, "a low surrogate stands alone");
  if (code < 0xD800 || code > 0xDBFF) return true;
  if (look(c) != '\\' || c->at + 1 >= c->len_bytes || c->text[c->at + 1] != 'u')
    return wrong(c, "a high surrogate stands alone");
  c->at += 2;
  if (!check_hex(c, &low)) return false;
  return (low >= 0xDC00 && low <= 0xDFFF) || wrong(c, "a high surrogate stands alone");
}

static bool check_text(check *c) {
  c->at++; /* the quote */
  for (;;) {
    if (ended(c)) return wrong(c, "the text is not closed");
    char byte = look(c);
    if (byte == '"') break;
    if (byte == '\\') {
      if (!check_escape(c)) return false;
      continue;
    }
    if ((uint8_t)byte < 0x20) return wrong(c, "a control character must be escaped");
    size_t length = pare_utf8_length(c->text + c->at, c->len_bytes - c->at);
    if (length == 0) return wrong(c, "the text is not UTF-8");
    c->at += length;
  }
  c->at++;
  c->n_tokens++;
  return true;
}

static bool check_scalar(check *c) {
  c->n_tokens++;
  switch (look(c)) {
  case 't': return check_word(c, "true");
  case 'f': return check_word(c, "false");
  case 'n': return check_word(c, "null");
  default: break;
  }
  if (ended(c)) return wrong(c, "a value is missing");
  if (look(c) != '-' && !is_digit(look(c))) return wrong(c, "a value is expected");
  return check_number(c);
}

static bool check_key(check *c) {
  skip_space(c);
  if (look(c) != '"') return wrong(c, "a key in quotes is expected");
  if (!check_text(c)) return false;
  skip_space(c);
  if (look(c) != ':') return wrong(c, "':' is expected");
  c->at++;
  return true;
}

/* After a value: closes brackets and passes a comma. *more false: the whole value has ended. */
static bool check_after(check *c, const bool *is_object, int *depth, bool *more) {
  *more = true;
  while (*depth > 0) {
    skip_space(c);
    char byte = look(c);
    if (byte == ',') {
      c->at++;
      return !is_object[*depth - 1] || check_key(c);
    }
    if (byte != (is_object[*depth - 1] ? '}' : ']'))
      return wrong(c, is_object[*depth - 1] ? "',' or '}' is expected" : "',' or ']' is expected");
    c->at++;
    --*depth;
  }
  *more = false;
  return true;
}

/* At a bracket. *empty: it was closed at once, so it counts as a finished value. */
static bool check_open(check *c, bool *is_object, int *depth, bool *empty) {
  bool object = look(c) == '{';
  if (*depth == PARE_JSON_MAX_DEPTH) return wrong(c, "brackets are nested too deeply (64)");
  c->at++;
  c->n_tokens++;
  skip_space(c);
  *empty = look(c) == (object ? '}' : ']');
  if (*empty) {
    c->at++;
    return true;
  }
  is_object[(*depth)++] = object;
  return !object || check_key(c);
}

static bool check_document(check *c) {
  bool is_object[PARE_JSON_MAX_DEPTH];
  int depth = 0;
  for (bool more = true; more;) {
    skip_space(c);
    char byte = look(c);
    if (byte == '{' || byte == '[') {
      bool empty = false;
      if (!check_open(c, is_object, &depth, &empty)) return false;
      if (!empty) continue;
    } else if (!(byte == '"' ? check_text(c) : check_scalar(c))) {
      return false;
    }
    if (!check_after(c, is_object, &depth, &more)) return false;
  }
  skip_space(c);
  return ended(c) || wrong(c, "something stands after the end");
}

const char *pare_json_check(const char *text, size_t len_bytes, size_t *n_tokens, size_t *error_offset) {
  check c = {.text = text, .len_bytes = len_bytes};
  check_document(&c);
  *n_tokens = c.n_tokens;
  *error_offset = c.at;
  return c.error;
}
