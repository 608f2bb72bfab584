/*
 * What each goroutine is blocked on: the channels of its operation or select, or the lock, wait
 * group or condition variable. These are the waits that the runtime's own search for leaked
 * goroutines looks at (Go ≥ 1.26: runtime/mgc.go, isMaybeRunnable); whatever else a goroutine
 * waits for – time, the network, a system call, the collector – can end without another goroutine.
 *
 * Channels stand in the sudogs of g.waiting. A semaphore's sudog is in g.waiting, too, from 1.26
 * on; before, it is the local variable of runtime.semacquire1, and that of
 * sync.runtime_notifyListWait does not even tell its list, which is found by way of the
 * sync.Cond that the frame above holds (runtime/sema.go).
 *
 * Memory: 5 B per goroutine and 24 B per object.
 */
#ifndef LEAKHOUND_GORT_BLOCKED_ON_H
#define LEAKHOUND_GORT_BLOCKED_ON_H

#include "gort/goroutine.h"
#include "gort/heap.h"

enum blocked_operation {
    BLOCKED_NOT, /* it can go on without another goroutine, or nobody knows */
    BLOCKED_SEND,
    BLOCKED_RECEIVE,
    BLOCKED_SELECT, /* its objects are the channels that are not nil */
    BLOCKED_SEND_NIL,
    BLOCKED_RECEIVE_NIL,
    BLOCKED_SELECT_NO_CASES,
    BLOCKED_MUTEX,
    BLOCKED_RWMUTEX_READ,
    BLOCKED_RWMUTEX_WRITE,
    BLOCKED_WAIT_GROUP,
    BLOCKED_COND,
    BLOCKED_OPERATIONS
};

struct blocked_object {
    uint64_t address; /* hchan, semaphore or notifyList */
    uint32_t object;  /* that contains it, HEAP_NONE: it is no heap object */
    uint32_t sudog;   /* object that hangs the goroutine on it, HEAP_NONE unknown */
    uint32_t element; /* object that a value is to be sent from or received into, or HEAP_NONE */
};

struct blocked_table {
    uint8_t *operations; /* by index in the list of goroutines: enum blocked_operation */
    uint32_t *begin;     /* likewise, count + 1 entries, into objects */
    VECTOR(struct blocked_object) objects;
    uint64_t goroutines; /* entries */
    uint64_t blocked;    /* of them, with an operation */
    uint64_t unclear;    /* their wait is of that kind, but what they wait for was not found, or
                            they are just being woken: BLOCKED_NOT */
};

/* Reads the sudogs of all goroutines, and before 1.26 the stacks of those that wait for a
 * semaphore. What cannot be read is unclear, no error. The caller frees *out, also after an
 * error. */
struct error *blocked_read(struct go_runtime *runtime, const struct heap *heap,
                           const struct goroutine_list *goroutines,
                           struct blocked_table *out) ERROR_CHECK;
void blocked_deinit(struct blocked_table *table);

static inline enum blocked_operation blocked_operation_of(const struct blocked_table *table,
                                                          uint64_t goroutine)
{
    return goroutine < table->goroutines ? (enum blocked_operation)table->operations[goroutine]
                                         : BLOCKED_NOT;
}

/* "send on a channel", "lock a mutex": what it waits to do; and what it waits for: "channel",
 * "mutex", "" for none. Static. */
const char *blocked_operation_text(enum blocked_operation operation);
const char *blocked_object_kind(enum blocked_operation operation);

#endif
