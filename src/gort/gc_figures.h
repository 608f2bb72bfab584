/*
 * What the garbage collector works by: how often it has run and when last, GOGC and GOMEMLIMIT as
 * they are set now, and the size of the heap at which the next cycle ends.
 *
 * Two variables of the runtime hold them, gcController and memstats (1.15: memstats, gcpercent and
 * heapminimum), each found by what the runtime's functions refer to, and believed only when what
 * stands there agrees with something else: the cycles counted in memstats with those in work and
 * with the ring of the last pauses, the heap's minimum with GOGC. What is not found is unknown.
 */
#ifndef LEAKHOUND_GORT_GC_FIGURES_H
#define LEAKHOUND_GORT_GC_FIGURES_H

#include "gort/runtime.h"

#define GC_NO_LIMIT ((uint64_t)INT64_MAX) /* math.MaxInt64: GOMEMLIMIT is off */
#define GC_NO_GOAL UINT64_MAX             /* GC is off and there is no memory limit */

struct gc_figures {
    bool pace_known; /* what follows up to marked_bytes */
    int32_t percent; /* GOGC, debug.SetGCPercent; −1: off */
    uint64_t memory_limit;
    uint64_t goal_bytes;   /* = MemStats.NextGC: the heap at which the next cycle ends */
    uint64_t marked_bytes; /* live at the end of the last cycle */

    bool cycles_known;
    uint32_t cycles;          /* = MemStats.NumGC: that have ended */
    uint64_t last_end_ns;     /* = MemStats.LastGC: since 1970; 0 when there was none */
    uint64_t last_end_ns_ago; /* 0: there was none, or the moment is not known (a core) */
};

/* Missing figures are no error; ERROR_FAULT when the target has ended. Cost: the code of a few
 * functions. */
struct error *gc_figures_read(struct go_runtime *runtime, struct gc_figures *out) ERROR_CHECK;

#endif
