#include "gort/runtime_constants.h"

#include <stddef.h>

#include "base/memory.h"

/* runtime/mheap.go, the constants _KindSpecial…; index = stored number. */
static const uint8_t kinds_to_22[] = {
    SPECIAL_UNKNOWN, SPECIAL_FINALIZER, SPECIAL_PROFILE, SPECIAL_REACHABLE, SPECIAL_PIN_COUNTER,
};
static const uint8_t kinds_23_to_24[] = {
    SPECIAL_UNKNOWN,   SPECIAL_FINALIZER,   SPECIAL_WEAK_HANDLE, SPECIAL_PROFILE,
    SPECIAL_REACHABLE, SPECIAL_PIN_COUNTER, SPECIAL_CLEANUP,
};
static const uint8_t kinds_from_25[] = {
    SPECIAL_UNKNOWN,         SPECIAL_TINY_BLOCK, SPECIAL_FINALIZER,   SPECIAL_WEAK_HANDLE,
    SPECIAL_PROFILE,         SPECIAL_REACHABLE,  SPECIAL_PIN_COUNTER, SPECIAL_CLEANUP,
    SPECIAL_CHECK_FINALIZER, SPECIAL_BUBBLE,     SPECIAL_SECRET,
};

/* The first version that has each kind. */
static const uint8_t first_minor[] = {
    [SPECIAL_REACHABLE] = 19, [SPECIAL_PIN_COUNTER] = 21, [SPECIAL_WEAK_HANDLE] = 23,
    [SPECIAL_CLEANUP] = 24,   [SPECIAL_TINY_BLOCK] = 25,  [SPECIAL_CHECK_FINALIZER] = 25,
    [SPECIAL_BUBBLE] = 25,    [SPECIAL_SECRET] = 26,
};

enum special_kind runtime_special_kind(unsigned go_minor, uint8_t stored)
{
    const uint8_t *kinds = kinds_from_25;
    size_t count = ARRAY_COUNT(kinds_from_25);
    if (go_minor <= 22) {
        kinds = kinds_to_22;
        count = ARRAY_COUNT(kinds_to_22);
    } else if (go_minor <= 24) {
        kinds = kinds_23_to_24;
        count = ARRAY_COUNT(kinds_23_to_24);
    }
    enum special_kind kind = stored < count ? (enum special_kind)kinds[stored] : SPECIAL_UNKNOWN;
    return go_minor >= first_minor[kind] ? kind : SPECIAL_UNKNOWN;
}

/*
 * runtime/runtime2.go, the constants waitReason… in their order: new ones were put between old
 * ones, so a reason's number is its place among those that the version has. 1.26 sorted them anew.
 */
struct wait_reason {
    uint8_t first, last; /* Go minor versions that have it */
    const char *text;
};

static const struct wait_reason reasons_to_25[] = {
    {0, 25, ""},
    {0, 25, "GC assist marking"},
    {0, 25, "IO wait"},
    {0, 25, "chan receive (nil chan)"},
    {0, 25, "chan send (nil chan)"},
    {0, 25, "dumping heap"},
    {0, 25, "garbage collection"},
    {0, 25, "garbage collection scan"},
    {0, 25, "panicwait"},
    {0, 25, "select"},
    {0, 25, "select (no cases)"},
    {0, 25, "GC assist wait"},
    {0, 25, "GC sweep wait"},
    {0, 25, "GC scavenge wait"},
    {0, 25, "chan receive"},
    {0, 25, "chan send"},
    {0, 25, "finalizer wait"},
    {0, 25, "force gc (idle)"},
    {25, 25, "GOMAXPROCS updater (idle)"},
    {0, 25, "semacquire"},
    {0, 25, "sleep"},
    {0, 25, "sync.Cond.Wait"},
    {0, 19, "timer goroutine (idle)"},
    {21, 25, "sync.Mutex.Lock"},
    {21, 25, "sync.RWMutex.RLock"},
    {21, 25, "sync.RWMutex.Lock"},
    {24, 25, "sync.WaitGroup.Wait"},
    {0, 25, "trace reader (blocked)"},
    {0, 25, "wait for GC cycle"},
    {0, 25, "GC worker (idle)"},
    {21, 25, "GC worker (active)"},
    {0, 25, "preempted"},
    {0, 25, "debug call"},
    {21, 25, "GC mark termination"},
    {21, 25, "stopping the world"},
    {22, 25, "flushing proc caches"},
    {22, 25, "trace goroutine status"},
    {22, 25, "trace proc status"},
    {22, 25, "page trace flush"},
    {22, 25, "coroutine"},
    {23, 25, "GC weak to strong wait"},
    {24, 25, "synctest.Run"},
    {24, 25, "synctest.Wait"},
    {24, 24, "chan receive (synctest)"},
    {25, 25, "chan receive (durable)"},
    {24, 24, "chan send (synctest)"},
    {25, 25, "chan send (durable)"},
    {24, 24, "select (synctest)"},
    {25, 25, "select (durable)"},
    {25, 25, "sync.WaitGroup.Wait (durable)"},
    {25, 25, "cleanup wait"},
};

static const struct wait_reason reasons_from_26[] = {
    {26, UINT8_MAX, ""},
    {26, UINT8_MAX, "GC assist marking"},
    {26, UINT8_MAX, "IO wait"},
    {26, UINT8_MAX, "dumping heap"},
    {26, UINT8_MAX, "garbage collection"},
    {26, UINT8_MAX, "garbage collection scan"},
    {26, UINT8_MAX, "panicwait"},
    {26, UINT8_MAX, "GC assist wait"},
    {26, UINT8_MAX, "GC sweep wait"},
    {26, UINT8_MAX, "GC scavenge wait"},
    {26, UINT8_MAX, "finalizer wait"},
    {26, UINT8_MAX, "force gc (idle)"},
    {26, UINT8_MAX, "GOMAXPROCS updater (idle)"},
    {26, UINT8_MAX, "semacquire"},
    {26, UINT8_MAX, "sleep"},
    {26, UINT8_MAX, "chan receive (nil chan)"},
    {26, UINT8_MAX, "chan send (nil chan)"},
    {26, UINT8_MAX, "select (no cases)"},
    {26, UINT8_MAX, "select"},
    {26, UINT8_MAX, "chan receive"},
    {26, UINT8_MAX, "chan send"},
    {26, UINT8_MAX, "sync.Cond.Wait"},
    {26, UINT8_MAX, "sync.Mutex.Lock"},
    {26, UINT8_MAX, "sync.RWMutex.RLock"},
    {26, UINT8_MAX, "sync.RWMutex.Lock"},
    {26, UINT8_MAX, "sync.WaitGroup.Wait"},
    {26, UINT8_MAX, "trace reader (blocked)"},
    {26, UINT8_MAX, "wait for GC cycle"},
    {26, UINT8_MAX, "GC worker (idle)"},
    {26, UINT8_MAX, "GC worker (active)"},
    {26, UINT8_MAX, "preempted"},
    {26, UINT8_MAX, "debug call"},
    {26, UINT8_MAX, "GC mark termination"},
    {26, UINT8_MAX, "stopping the world"},
    {26, UINT8_MAX, "flushing proc caches"},
    {26, UINT8_MAX, "trace goroutine status"},
    {26, UINT8_MAX, "trace proc status"},
    {26, UINT8_MAX, "page trace flush"},
    {26, UINT8_MAX, "coroutine"},
    {26, UINT8_MAX, "GC weak to strong wait"},
    {26, UINT8_MAX, "synctest.Run"},
    {26, UINT8_MAX, "synctest.Wait"},
    {26, UINT8_MAX, "chan receive (durable)"},
    {26, UINT8_MAX, "chan send (durable)"},
    {26, UINT8_MAX, "select (durable)"},
    {26, UINT8_MAX, "sync.WaitGroup.Wait (durable)"},
    {26, UINT8_MAX, "cleanup wait"},
};

const char *runtime_wait_reason(unsigned go_minor, uint8_t reason)
{
    bool is_old = go_minor <= 25;
    const struct wait_reason *reasons = is_old ? reasons_to_25 : reasons_from_26;
    size_t count = is_old ? ARRAY_COUNT(reasons_to_25) : ARRAY_COUNT(reasons_from_26);
    for (size_t i = 0; i < count; i++) {
        if (go_minor < reasons[i].first || go_minor > reasons[i].last)
            continue;
        if (reason-- == 0)
            return reasons[i].text;
    }
    return NULL;
}
