/* SHA-256 against the examples of FIPS 180-4 (NIST, "SHA256.pdf") and NIST's long message. */
#include "unit.h"

#include "base/sha256.h"

#include <string.h>

static void expect(const void *bytes, size_t len_bytes, const char *digest) {
  char hex[65];
  pare_sha256 hash;
  pare_sha256_start(&hash);
  pare_sha256_add(&hash, bytes, len_bytes);
  pare_sha256_finish_hex(&hash, hex);
  assert_string_equal(hex, digest);
}

static void digests_equal_the_standards_examples(void **state) {
  (void)state;
  expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  expect(two_blocks, strlen(two_blocks), "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void pieces_of_any_size_give_the_digest_of_the_whole(void **state) {
  (void)state;
  char million[1000];
  memset(million, 'a', sizeof(million));
  for (size_t piece = 1; piece <= 1000; piece += 111) {
    pare_sha256 hash;
    char hex[65];
    pare_sha256_start(&hash);
    for (size_t done = 0; done < 1000000;) {
      size_t n = 1000000 - done < piece ? 1000000 - done : piece;
      pare_sha256_add(&hash, million, n);
      done += n;
    }
    pare_sha256_finish_hex(&hash, hex);
    assert_string_equal(hex, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(digests_equal_the_standards_examples),
      cmocka_unit_test(pieces_of_any_size_give_the_digest_of_the_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
