/*
 * Where a goroutine stands that was running when its program was stopped: in a thread's registers,
 * in a signal's frame, or where it left its stack for that of the scheduler (g0).
 */
#ifndef LEAKHOUND_GORT_RUNNING_H
#define LEAKHOUND_GORT_RUNNING_H

#include "gort/goroutine.h"

/* Which thread runs which m. Zero-initialised it is empty. */
struct running_threads {
    struct go_runtime *runtime;
    uint64_t *current; /* [threads] the g in the thread's local storage, 0 unknown */
};

struct error *running_threads_init(struct running_threads *threads,
                                   struct go_runtime *runtime) ERROR_CHECK;
void running_threads_deinit(struct running_threads *threads);

/* Fills sp, pc, bp, thread, signal_registers, is_running_threads and is_lost of g, whose address,
 * m, stack bounds, and sp, pc, bp from g.sched are there already. Cost: some reads of the target,
 * and O(threads). */
struct error *running_locate(struct running_threads *threads, struct goroutine *g) ERROR_CHECK;

#endif
