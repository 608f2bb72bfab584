/*
 * How far a long piece of work has come, on standard error, for a person who waits:
 * "find the types: 38 %, about 4 s left".
 *
 * A thread of its own draws the line, for a phase may take longer than a person likes to look at
 * the same numbers. It blocks all signals.
 */
#ifndef LEAKHOUND_CLI_PROGRESS_H
#define LEAKHOUND_CLI_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool enabled; /* the thread runs */
    bool shown;
    pthread_t thread;
    pthread_mutex_t mutex; /* of all that follows */
    pthread_cond_t ended;
    bool ending;
    const char *phase;
    double from, to;    /* parts of the whole, 0 … 1, or negative */
    double shown_share; /* the largest so far: it never goes back */
    uint64_t started_ns;
    uint64_t phase_ns; /* when the phase began */
};

/* Shows itself only when standard error is a terminal, quiet is not asked for, and the work has
 * taken a second. The progress must stay where it is until progress_end, which takes the line
 * away. */
void progress_begin(struct progress *progress, bool quiet);
void progress_end(struct progress *progress);

/* For report_options.progress; context is the struct progress, phase lives until the next. */
void progress_phase(void *context, const char *phase, double from, double to);
/* The same for work that knows how much of it is done. */
void progress_report(void *context, const char *phase, double share);

#endif
