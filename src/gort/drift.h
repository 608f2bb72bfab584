/*
 * How far a heap that was read while its program ran on is off: its books and pointers are read a
 * second time and compared with what was taken the first time.
 */
#ifndef LEAKHOUND_GORT_DRIFT_H
#define LEAKHOUND_GORT_DRIFT_H

#include "gort/heap.h"
#include "graph/graph.h"

struct drift {
    bool measured;
    uint64_t gone_objects, gone_bytes;           /* allocated the first time only */
    uint64_t new_objects, new_bytes;             /* the second time only */
    uint64_t rewritten_objects, rewritten_bytes; /* there both times, with other pointers */
    uint64_t unread; /* spans, objects, goroutines that made no sense when they were read */
    /* Reachable bytes that hang on objects that are gone or rewritten, those themselves included:
     * drift_weigh. What is missing in the live heap is part of its garbage or came later. */
    uint64_t doubtful_bytes;
    uint64_t *changed; /* bitset by object id: gone or rewritten; big_array of changed_bytes */
    uint64_t changed_bytes;
};

/* heap and graph as scan_heap left them (before graph_analyse); parts of the heap are compared by
 * heap->threads threads. An object that was freed and made anew in its place between the readings
 * counts as rewritten or not at all. Costs what reading the books and the scan cost. The caller
 * owns out (drift_deinit), also after an error. */
struct error *drift_measure(struct go_runtime *runtime, const struct heap *heap,
                            const struct graph *graph, struct drift *out) ERROR_CHECK;

/* After graph_analyse: what hangs on the objects that came, went or changed. A walk of the graph.
 * What is reachable counts as allocated from now on, also what the books did not know yet. */
struct error *drift_weigh(struct drift *drift, const struct heap *heap,
                          struct graph *graph) ERROR_CHECK;

void drift_deinit(struct drift *drift);

#endif
