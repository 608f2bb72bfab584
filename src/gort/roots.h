/*
 * The roots of the Go heap as the collector takes them (runtime/mgcmark.go), each under a holder
 * that a person can find: a variable, a group of goroutines, a timer's function, a finalizer.
 */
#ifndef LEAKHOUND_GORT_ROOTS_H
#define LEAKHOUND_GORT_ROOTS_H

#include "gort/goroutine.h"
#include "gort/heap.h"
#include "gort/variables.h"
#include "graph/graph.h"

enum root_kind {
    ROOT_GLOBAL,
    ROOT_GOROUTINES, /* a group: same creation site, state and place */
    ROOT_GOROUTINE,  /* one of a group */
    ROOT_FRAME,      /* one frame of one goroutine */
    ROOT_TIMERS,     /* pending timers of one function */
    ROOT_FINALIZERS, /* finalizers or cleanups of one function */
    ROOT_RUNTIME,    /* the runtime's own */
};

/* Classes for the graph: what a variable or goroutine holds is not also the runtime's. */
enum { ROOT_CLASS_PROGRAM = 0, ROOT_CLASS_DEFERRED = 1, ROOT_CLASS_RUNTIME = 2 };

struct root_info { /* by root number of the graph */
    uint8_t kind;  /* enum root_kind */
    const char *name;
    uint32_t variable;  /* ROOT_GLOBAL: index in the variables, else GRAPH_NONE */
    uint32_t goroutine; /* ROOT_GOROUTINE and _FRAME: index in the list */
    uint32_t group;     /* goroutine roots: index in groups */
    uint64_t count;     /* goroutines or timers in it */
};

struct goroutine_group {
    const char *state, *created_by, *function; /* function: the one that runs (its start) */
    const char *top;                           /* innermost function that is not the runtime's */
    uint64_t created_by_pc, top_pc;
    const char *created_at, *top_at; /* "client.go:88", "" unknown */
    const char *stuck, *stuck_at;    /* innermost function that is not of package sync either */
    uint64_t count, stack_bytes, oldest_wait_ns; /* oldest_wait_ns: smallest waitsince, 0 none */
    uint32_t root;                               /* GRAPH_NONE until it has one */
    bool is_system;
};

/* A finalizer or cleanup that is set: it runs when its object has become unreachable. Until then
 * its root holds `targets`, and of a finalizer all that the object points to, but not the object
 * itself (runtime/mgcmark.go, markrootSpans). 24 B. */
struct deferred_call {
    uint32_t object;
    uint32_t root;
    uint32_t
        targets[3]; /* objects: the closure; of cleanups ≥ 1.26 also its argument; GRAPH_NONE */
    bool is_cleanup;
};

enum timer_kind {
    TIMER_CHANNEL,  /* time.After, NewTimer, NewTicker: sends the time on its channel */
    TIMER_FUNCTION, /* time.AfterFunc */
    TIMER_SLEEP,    /* time.Sleep */
    TIMER_OTHER,    /* the runtime's, deadlines of connections */
};

/* A timer in a P's heap; 40 B. Stopped ones are there, too, until the runtime cleans up. */
struct pending_timer {
    uint32_t object;  /* that it is part of, HEAP_NONE: none of the heap */
    uint32_t channel; /* TIMER_CHANNEL: its channel's object, or HEAP_NONE */
    uint32_t root;
    uint8_t kind; /* enum timer_kind */
    bool is_stopped;
    uint64_t when_ns; /* by the runtime's clock */
    uint64_t period_ns;
};

struct root_table {
    VECTOR(struct root_info) infos;
    VECTOR(struct goroutine_group) groups;
    VECTOR(struct deferred_call) deferred_calls;
    uint32_t *goroutine_roots; /* by index in the list: its root, before those of its frames */
    VECTOR(struct pending_timer) pending_timers;
    uint64_t timers;         /* pending, all kinds */
    uint64_t unread_records; /* timers and special records that damage has put out of reach */
    uint64_t damaged_stacks; /* walked conservatively from some frame on */
    struct arena arena;
};

/* Adds all roots to the graph. The goroutine list and variables stay the caller's. */
struct error *roots_add(struct go_runtime *runtime, const struct heap *heap,
                        const struct goroutine_list *goroutines,
                        const struct variable_table *variables, struct graph *graph,
                        struct root_table *out) ERROR_CHECK;
void root_table_deinit(struct root_table *table);

#endif
