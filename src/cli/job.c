/* Running a job from a terminal: a bar with the time left on stderr when it is a terminal, and Ctrl-C as a
 * wish to stop between two steps. */
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"
#include "cli/cli.h"

#if defined(__wasi__)
/* WASI has no signals: Ctrl-C ends the process, and a checkpoint, if any, is at most ten seconds old. */
void cli_catch_interrupts(void) {}
bool cli_interrupted(void) {
  return false;
}
#else
#include <signal.h>

static volatile sig_atomic_t interrupted;

/* The second one ends the program as usual. */
static void on_interrupt(int number) {
  interrupted = 1;
  signal(number, SIG_DFL);
}

void cli_catch_interrupts(void) {
  signal(SIGINT, on_interrupt);
}
bool cli_interrupted(void) {
  return interrupted != 0;
}
#endif

#define BUDGET_MS     100
#define CHECKPOINT_MS 10000.0
#define BAR           24

static void put_time(double seconds, char *text, size_t size) {
  if (seconds < 60)
    snprintf(text, size, "%.0f s", ceil(seconds));
  else if (seconds < 3600)
    snprintf(text, size, "%d:%02d min", (int)(seconds / 60), (int)seconds % 60);
  else
    snprintf(text, size, "%d:%02d h", (int)(seconds / 3600), (int)(seconds / 60) % 60);
}

static void draw(const pare_progress *progress, double started) {
  char bar[BAR + 1], left[24] = "", numbers[64] = "";
  double share = progress->total > 0 ? (double)progress->done / (double)progress->total : 0;
  int full = (int)(share * BAR);
  memset(bar, '.', BAR);
  memset(bar, '#', (size_t)(full > BAR ? BAR : full));
  bar[BAR] = '\0';
  double spent = (pare_now_ms() - started) / 1000;
  if (share > 0.01 && spent > 1) {
    char time[16];
    put_time(spent / share - spent, time, sizeof time);
    snprintf(left, sizeof left, "  %s left", time);
  }
  if (!isnan(progress->loss)) snprintf(numbers, sizeof numbers, "  loss %.4f", progress->loss);
  if (!isnan(progress->accuracy))
    snprintf(numbers + strlen(numbers), sizeof numbers - strlen(numbers), "  %.2f %%",
             progress->accuracy * 100);
  fprintf(stderr, "\r\033[K[%s] %3d %%  %.32s%s%s", bar, (int)(share * 100), progress->stage, numbers, left);
  fflush(stderr);
}

int cli_run_job(pare_context *ctx, pare_job *job, const cli_options *options, cli_between between) {
  bool shows = !options->quiet && isatty(2) != 0;
  double started = pare_now_ms(), saved = started;
  pare_progress progress = {.finished = false};
  pare_status status = PARE_OK;
  cli_catch_interrupts();
  while (status == PARE_OK && !progress.finished && !cli_interrupted()) {
    status = pare_job_step(job, BUDGET_MS, &progress);
    if (shows && status == PARE_OK) draw(&progress, started);
    if (status != PARE_OK || between == NULL || pare_now_ms() - saved < CHECKPOINT_MS) continue;
    status = between(ctx, job, options);
    saved = pare_now_ms();
  }
  if (shows) fputs("\r\033[K", stderr);
  if (status != PARE_OK) return cli_fail(ctx);
  if (progress.finished) return CLI_OK;
  if (between != NULL && between(ctx, job, options) != PARE_OK) return cli_fail(ctx);
  fputs("pare: interrupted\n", stderr);
  return CLI_INTERRUPTED;
}
