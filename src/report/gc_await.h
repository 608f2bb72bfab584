/*
 * Waits until a running process has collected its garbage once more. Nothing of the process is
 * changed or stopped: two counters of its runtime are read (gort/gc_cycles.h).
 *
 * What makes it collect: its own allocation; the runtime, which forces a cycle when the last one is
 * two minutes old (runtime/proc.go, forcegcperiod; sysmon of an idle process may be a minute late),
 * unless GC is off or there has never been one; or a command of the user's, which asks the process
 * in its own way: by a signal that it handles, by its /debug/pprof/heap?gc=1.
 */
#ifndef LEAKHOUND_REPORT_GC_AWAIT_H
#define LEAKHOUND_REPORT_GC_AWAIT_H

#include "base/memory.h"

/* Longer than the runtime's two minutes and the minute that an idle process may be late. */
#define GC_AWAIT_DEFAULT_NS ((uint64_t)200 * 1000000000u)

struct gc_await_options {
    uint64_t timeout_ns;
    const char *command; /* for sh, with LEAKHOUND_PID in its environment; its output goes to
                            standard error; NULL: none */
};

struct gc_await_result {
    uint64_t waited_ns;
    uint32_t cycle; /* the number of the last cycle that had finished then */
};

/* Returns once a cycle that began after the call has finished. name: a pid. ERROR_LIMIT when that
 * takes longer than the timeout, with what may be the cause; ERROR_OS when the process ends or the
 * command fails. Cost: finding the runtime (0.1 to 0.4 s), then two small reads 50 times a second.
 */
struct error *gc_await(const char *name, const struct gc_await_options *options,
                       struct gc_await_result *out) ERROR_CHECK;

#endif
