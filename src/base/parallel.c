#include "base/parallel.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>

enum { PARTS_MAX = 64 };

struct part {
    struct error *(*work)(void *, unsigned);
    void *context;
    unsigned number;
    struct error *error;
    pthread_t thread;
    bool started;
};

unsigned parallel_processor_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int n = CPU_COUNT(&set);
    return n < 1 ? 1 : n > PARTS_MAX ? PARTS_MAX : (unsigned)n;
}

static void *run_part(void *argument)
{
    struct part *part = argument;
    part->error = part->work(part->context, part->number);
    return NULL;
}

struct error *parallel_run(unsigned parts, struct error *(*work)(void *context, unsigned part),
                           void *context)
{
    struct part state[PARTS_MAX];
    if (parts > PARTS_MAX)
        return error_create(ERROR_LIMIT, "at most %d threads", PARTS_MAX);
    sigset_t all, before;
    sigfillset(&all);
    sigdelset(&all, SIGBUS); /* the thread's own: blocked, it would end the process unhandled */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (unsigned i = 0; i < parts; i++) {
        state[i] = (struct part){.work = work, .context = context, .number = i};
        state[i].started = i && !pthread_create(&state[i].thread, NULL, run_part, &state[i]);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    for (unsigned i = 0; i < parts; i++)
        if (!state[i].started)
            run_part(&state[i]);
    struct error *first = NULL;
    for (unsigned i = 0; i < parts; i++) {
        if (state[i].started)
            pthread_join(state[i].thread, NULL);
        if (first)
            error_destroy(state[i].error);
        else
            first = state[i].error;
    }
    return first;
}
