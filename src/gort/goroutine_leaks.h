/*
 * Goroutines that are blocked for ever, proven by reachability as Go's own goroutineleak profile
 * does from 1.26 on (runtime/mgc.go, findGoroutineLeaks): a goroutine that is blocked on channels
 * or on a lock, wait group or condition variable can only go on when one that lives gets hold of
 * one of these. So those alone are alive that wait for nothing of the kind, and those one of whose
 * objects is no heap object or is reached from variables, timers, finalizers or a goroutine that is
 * alive. The way from a blocked goroutine itself to what it waits for does not count.
 *
 * The runtime's search misses one thing: where the value that a goroutine waits to send or receive
 * lies in an object that leads to the channel, the sudog leads to it, too. But nobody looks at that
 * value without having the channel. What is found only without these pointers is LEAK_SUSPECTED.
 *
 * The main goroutine in `select {}` is not told as leaked, but what it alone holds wakes nobody.
 */
#ifndef LEAKHOUND_GORT_GOROUTINE_LEAKS_H
#define LEAKHOUND_GORT_GOROUTINE_LEAKS_H

#include "gort/blocked_on.h"
#include "gort/roots.h"

enum goroutine_leak {
    LEAK_NO,
    LEAK_SUSPECTED, /* would be proven, but there is a doubt, or Go's own search would miss it */
    LEAK_PROVEN,
};

struct goroutine_leaks {
    uint8_t *of; /* by index in the list of goroutines: enum goroutine_leak */
    uint64_t goroutines;
    uint64_t count;    /* of those that are not LEAK_NO */
    const char *doubt; /* NULL, or why they are only suspected: a sentence; static */
};

/* After graph_analyse. Cost: O(edges + waits · log(waits)), and one pass over the graph at most,
 * which ends early when all goroutines are found alive; memory: graph/marking.h, and 12 B per
 * goroutine and wait. The caller frees *out, also after an error. */
struct error *goroutine_leaks_find(const struct go_runtime *runtime, const struct graph *graph,
                                   const struct root_table *roots,
                                   const struct goroutine_list *goroutines,
                                   const struct blocked_table *blocked,
                                   struct goroutine_leaks *out) ERROR_CHECK;
void goroutine_leaks_deinit(struct goroutine_leaks *leaks);

static inline enum goroutine_leak goroutine_leak_of(const struct goroutine_leaks *leaks,
                                                    uint64_t goroutine)
{
    return goroutine < leaks->goroutines ? (enum goroutine_leak)leaks->of[goroutine] : LEAK_NO;
}

const char *goroutine_leak_name(enum goroutine_leak leak); /* "no", "suspected", "proven" */

#endif
