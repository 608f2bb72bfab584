/*
 * How often the garbage collector of a target has run: two counters that every version of the
 * runtime keeps, readable while the target runs.
 *
 * work.cycles counts the cycles that have begun (runtime/mgc.go, gcStart, with the world stopped);
 * mheap_.sweepgen grows by two at the end of each mark phase (gcSweep, called by gcMarkTermination,
 * with the world stopped): from then on what the cycle found dead counts as free. The same in
 * 1.15 to 1.27.
 */
#ifndef LEAKHOUND_GORT_GC_CYCLES_H
#define LEAKHOUND_GORT_GC_CYCLES_H

#include "gort/runtime.h"

struct gc_cycles {
    uint32_t begun, finished; /* 31 bits, wrap around */
};

/* ERROR_UNSUPPORTED when the two do not fit each other: at most one cycle is under way. */
struct error *gc_cycles_read(struct go_runtime *runtime, struct gc_cycles *out) ERROR_CHECK;

/* Has a cycle that began after `before` was read finished by `now`? One that was under way then
 * does not count: it may have marked what has died since. */
static inline bool gc_cycles_passed(const struct gc_cycles *before, const struct gc_cycles *now)
{
    uint32_t since = (now->finished - before->begun) & INT32_MAX;
    return since && since <= INT32_MAX / 2;
}

#endif
