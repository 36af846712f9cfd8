/* UTF-8 (RFC 3629) and the edit distance of Levenshtein 1966 for "did you mean". */
#include <string.h>

#include "base/text.h"

static bool is_tail(uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

size_t pare_utf8_length(const char *text, size_t len_bytes) {
  const uint8_t *s = (const uint8_t *)text;
  if (len_bytes == 0) return 0;
  if (s[0] < 0x80) return 1;
  size_t length = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
  if (s[0] < 0xC2 || s[0] > 0xF4 || len_bytes < length) return 0;
  for (size_t i = 1; i < length; i++)
    if (!is_tail(s[i])) return 0;
  /* too long a form, a surrogate, past U+10FFFF */
  if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F)) return 0;
  if ((s[0] == 0xF0 && s[1] < 0x90) || (s[0] == 0xF4 && s[1] > 0x8F)) return 0;
  return length;
}

#define LONGEST_NAME 40

static int smaller(int a, int b) {
  return a < b ? a : b;
}

/* Both at most LONGEST_NAME bytes. */
static int edit_distance(const char *a, const char *b) {
  int row[LONGEST_NAME + 1];
  int n = (int)strlen(b);
  for (int j = 0; j <= n; j++) row[j] = j;
  for (int i = 1; a[i - 1]; i++) {
    int diagonal = row[0];
    row[0] = i;
    for (int j = 1; j <= n; j++) {
      int change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = smaller(change, smaller(row[j], row[j - 1]) + 1);
    }
  }
  return row[n];
}

const char *pare_nearest_name(const char *wanted, const char *(*name)(const void *arg, int i),
                              const void *arg) {
  size_t length = strlen(wanted);
  if (length > LONGEST_NAME) return NULL;
  const char *best = NULL;
  int best_distance = (int)(length / 2) + 2;
  for (int i = 0;; i++) {
    const char *candidate = name(arg, i);
    if (candidate == NULL) return best;
    if (strlen(candidate) > LONGEST_NAME) continue;
    int distance = edit_distance(wanted, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
}
