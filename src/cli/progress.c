#include "cli/progress.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/terminal.h"

static const uint64_t patience_ns = 1000000000, interval_ns = 100000000;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct progress progress_begin(bool quiet)
{
    return (struct progress){
        .enabled = !quiet && isatty(STDERR_FILENO) && terminal_is_capable(),
        .started_ns = now_ns(),
    };
}

void progress_report(void *context, const char *phase, double share)
{
    struct progress *progress = context;
    if (!progress->enabled)
        return;
    uint64_t now = now_ns();
    if (now - progress->started_ns < patience_ns || now - progress->last_ns < interval_ns)
        return;
    progress->last_ns = now;
    progress->shown = true;
    if (share >= 0 && share <= 1)
        fprintf(stderr, "\r\033[K%s: %d %%", phase, (int)(share * 100));
    else
        fprintf(stderr, "\r\033[K%s", phase);
    fflush(stderr);
}

void progress_end(struct progress *progress)
{
    if (progress->shown)
        fputs("\r\033[K", stderr);
    progress->shown = false;
}
