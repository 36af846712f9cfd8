/* Paths and folders. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "cli/cli.h"

pare_status cli_load_model(pare_context *ctx, const char *path, pare_model **out) {
  pare_status status = pare_model_load_file(ctx, path, out);
  if (status == PARE_OK || status == PARE_IO) return status; /* IO names the path already */
  return pare_fail_within(ctx, status, "%s", path);
}

static bool is_folder(const char *path) {
  struct stat about;
  return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

/* With all folders on the way. */
pare_status cli_make_folder(pare_context *ctx, const char *path) {
  char part[4096];
  size_t length = strlen(path);
  if (length == 0 || length >= sizeof part) return pare_fail(ctx, PARE_IO, "%s: no such folder", path);
  for (size_t i = 1; i <= length; i++) {
    if (path[i] != '/' && path[i] != '\0') continue;
    memcpy(part, path, i);
    part[i] = '\0';
    if (is_folder(part) || mkdir(part, 0777) == 0) continue;
    int cause = errno;
    if (is_folder(part)) continue;
    return pare_fail(ctx, PARE_IO, "%s: the folder cannot be made (%s)", part, strerror(cause));
  }
  return PARE_OK;
}

bool cli_join(char *out, size_t size, const char *folder, const char *name) {
  size_t length = strlen(folder);
  bool slash = length > 0 && folder[length - 1] == '/';
  int n = snprintf(out, size, "%s%s%s", folder, slash ? "" : "/", name);
  return n > 0 && (size_t)n < size;
}
