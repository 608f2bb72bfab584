/* Goroutines: the runtime's list of them and what each is doing (runtime/runtime2.go, type g). */
#ifndef LEAKHOUND_GORT_GOROUTINE_H
#define LEAKHOUND_GORT_GOROUTINE_H

#include "gort/runtime.h"

/* g.atomicstatus without the scan bit (0x1000); the numbers are the same in all versions. */
enum goroutine_status {
    G_IDLE = 0,
    G_RUNNABLE = 1,
    G_RUNNING = 2,
    G_SYSCALL = 3,
    G_WAITING = 4,
    G_DEAD = 6,
    G_COPYSTACK = 8,
    G_PREEMPTED = 9,
    G_LEAKED = 10,     /* ≥ 1.26 */
    G_DEAD_EXTRA = 11, /* ≥ 1.26 */
};

enum { THREAD_NONE = INT32_MAX };

struct goroutine {
    uint64_t address; /* of the g */
    uint64_t id;
    uint32_t status;
    bool is_system;          /* the runtime's own: not in NumGoroutine */
    bool is_running_threads; /* its registers come from a thread */
    bool is_lost;            /* where it stands is not known: sp is a guess, pc is 0 */
    uint8_t wait_reason;
    const char *state;      /* "chan receive", "running", "select": as the runtime's dump says it */
    uint64_t wait_since_ns; /* g.waitsince (runtime's nanotime), 0 unknown */
    uint64_t stack_lo, stack_hi;
    uint64_t sp, pc, bp, lr;          /* where to unwind from */
    uint64_t closure_context;         /* g.sched.ctxt */
    uint64_t start_pc, created_by_pc; /* g.startpc, g.gopc */
    uint64_t parent_id;               /* ≥ 1.21, else 0 */
    uint64_t m;                       /* its m, or 0 */
    uint64_t locked_m;                /* the m that it is locked to, or 0 */
    /* Only with is_running_threads: the thread (index in target->threads) whose registers count, or
     * THREAD_NONE and the address of the 16 registers that a signal's frame holds. */
    uint32_t thread;
    uint64_t signal_registers;
    uint64_t deferred, panicking, waiting_sudog; /* g._defer, g._panic, g.waiting */
    uint64_t parameter;                          /* g.param: set by who ends its wait */
};

/* Of its stack; 0 where its bounds make no sense. */
static inline uint64_t goroutine_stack_bytes(const struct goroutine *g)
{
    uint64_t most = (uint64_t)1 << 30; /* that Go allows */
    return g->stack_hi > g->stack_lo && g->stack_hi - g->stack_lo <= most
               ? g->stack_hi - g->stack_lo
               : 0;
}

struct goroutine_list {
    VECTOR(struct goroutine) items; /* not dead, in the order of allgs */
    uint64_t user_count;            /* = runtime.NumGoroutine() */
    uint64_t system_count, dead_count;
    uint64_t unread_count; /* only of a target that runs on: caught in the middle of a change */
    struct arena arena;    /* strings */
};

/* Bounds the list at 16 M goroutines. A g that cannot be read is an error (fault), but counted and
 * passed over when the target runs on. */
struct error *goroutine_list_read(struct go_runtime *runtime,
                                  struct goroutine_list *out) ERROR_CHECK;
void goroutine_list_deinit(struct goroutine_list *list);

/* Name of the function that the goroutine runs (start_pc) and of the one that created it
 * (created_by_pc − 1), "" when unknown. */
const char *goroutine_function(struct go_runtime *runtime, const struct goroutine *g);
const char *goroutine_creator(struct go_runtime *runtime, const struct goroutine *g);

#endif
