/* Runs a fuzz target once on each file of the folders that it is given: so each file that once broke something is a test of the
 * ordinary builds (CTest fuzz.*), under ASan and UBSan too. Ends with 1 when a folder has no file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FILE_BYTES = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes stand in a block of exactly their size, so that ASan sees a read past the end. */
static int replay(const char *path) {
  static uint8_t buffer[MAX_FILE_BYTES];
  FILE *file = fopen(path, "rb");
  if (!file) return 0;
  const size_t size = fread(buffer, 1, sizeof(buffer), file);
  const int whole = !ferror(file) && feof(file);
  fclose(file);
  uint8_t *exact = whole ? malloc(size ? size : 1) : NULL;
  if (!exact) return 0;
  for (size_t i = 0; i < size; i++) exact[i] = buffer[i];
  fprintf(stderr, "%s\n", path); /* stays the last line when the target aborts */
  LLVMFuzzerTestOneInput(exact, size);
  free(exact);
  return 1;
}

static int replay_folder(const char *folder) {
  char path[1024];
  int n = 0;
  DIR *dir = opendir(folder);
  if (!dir) return 0;
  for (struct dirent *entry; (entry = readdir(dir));) {
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
    n += replay(path);
  }
  closedir(dir);
  return n;
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    const int n = replay_folder(argv[i]);
    fprintf(stderr, "%s: %d files\n", argv[i], n);
    if (n == 0) return 1;
  }
  return 0;
}
