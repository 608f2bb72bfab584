#include "cli/progress.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "cli/terminal.h"

static const uint64_t patience_ns = 1000000000, interval_ns = 200000000;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Within a phase it goes on as fast as up to there, but not to the phase's end. */
static double share_now(const struct progress *p, uint64_t now)
{
    double before = (double)(p->phase_ns - p->started_ns), inside = (double)(now - p->phase_ns);
    if (p->from <= 0 || p->to <= p->from || before <= 0)
        return p->from;
    double guess = p->from + inside * p->from / before, most = p->from + (p->to - p->from) * 0.95;
    return guess < most ? guess : most;
}

static void draw(struct progress *p)
{
    uint64_t now = now_ns();
    double share = share_now(p, now), elapsed = (double)(now - p->started_ns) / 1e9;
    p->shown = true;
    if (share < 0) {
        fprintf(stderr, "\r\033[K%s", p->phase);
    } else {
        if (share > p->shown_share)
            p->shown_share = share;
        share = p->shown_share;
        fprintf(stderr, "\r\033[K%s: %d %%", p->phase, (int)(share * 100));
        if (share >= 0.05) { /* less tells too little */
            double left = elapsed * (1 - share) / share;
            if (left < 90)
                fprintf(stderr, ", about %d s left", (int)(left + 1));
            else
                fprintf(stderr, ", about %d min left", (int)(left / 60 + 0.5));
        }
    }
    fflush(stderr);
}

static void *run(void *context)
{
    struct progress *p = context;
    uint64_t next = p->started_ns + patience_ns;
    pthread_mutex_lock(&p->mutex);
    while (!p->ending) {
        struct timespec until = {.tv_sec = (time_t)(next / 1000000000),
                                 .tv_nsec = (long)(next % 1000000000)};
        pthread_cond_timedwait(&p->ended, &p->mutex, &until);
        uint64_t now = now_ns();
        if (p->ending || now < next)
            continue;
        if (p->phase)
            draw(p);
        next = now + interval_ns;
    }
    pthread_mutex_unlock(&p->mutex);
    return NULL;
}

void progress_begin(struct progress *progress, bool quiet)
{
    *progress = (struct progress){.started_ns = now_ns()};
    if (quiet || !isatty(STDERR_FILENO) || !terminal_is_capable())
        return;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&progress->ended, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&progress->mutex, NULL);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    progress->enabled = !pthread_create(&progress->thread, NULL, run, progress);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void progress_end(struct progress *progress)
{
    if (!progress->enabled)
        return;
    pthread_mutex_lock(&progress->mutex);
    progress->ending = true;
    pthread_cond_signal(&progress->ended);
    pthread_mutex_unlock(&progress->mutex);
    pthread_join(progress->thread, NULL);
    progress->enabled = false;
    pthread_cond_destroy(&progress->ended);
    pthread_mutex_destroy(&progress->mutex);
    if (progress->shown)
        fputs("\r\033[K", stderr);
}

void progress_phase(void *context, const char *phase, double from, double to)
{
    struct progress *p = context;
    if (!p->enabled)
        return;
    pthread_mutex_lock(&p->mutex);
    p->phase = phase;
    p->from = from;
    p->to = to;
    p->phase_ns = now_ns();
    pthread_mutex_unlock(&p->mutex);
}

void progress_report(void *context, const char *phase, double share)
{
    progress_phase(context, phase, share, share);
}
