/*
 * What a part of the roots reaches, where that part grows with what is reached: objects that are
 * watched are told when they are, and the caller adds the roots that come alive with them.
 *
 * All edges count, whatever their class, but those that are left out. Objects without pointers are
 * only known to be reached when they are watched.
 *
 * Memory: 3/8 B per object id, 4 B per object with pointers, 32 B per edge that is left out.
 */
#ifndef LEAKHOUND_GRAPH_MARKING_H
#define LEAKHOUND_GRAPH_MARKING_H

#include "base/hash.h"
#include "graph/graph.h"

struct graph_marking {
    const struct graph *graph;
    uint64_t *marked, *watched, *sources; /* bitsets by object id; sources: of left out edges */
    struct hash_map left_out;             /* source + 1 << 32 | target → 1 */
    uint32_t next;                        /* position: so far the sweep has come */
    uint32_t *queue; /* objects with pointers that were found behind the sweep */
    uint64_t head, tail, room;
    VECTOR(uint32_t) strays; /* that no root reaches, from graph_marking_add_object */
    VECTOR(uint32_t)
    found; /* watched objects that were reached since the caller last took them;
              it sets count to 0 */
};

/* For a graph after graph_analyse, which must outlive it. The caller frees *out, also after an
 * error. */
struct error *graph_marking_init(struct graph_marking *out, const struct graph *graph) ERROR_CHECK;
void graph_marking_deinit(struct graph_marking *marking);

/* Before the first root: edges from source to target do not count; object is watched. */
struct error *graph_marking_leave_out(struct graph_marking *marking, uint32_t source,
                                      uint32_t target) ERROR_CHECK;
void graph_marking_watch(struct graph_marking *marking, uint32_t object);

/* The root's own edges (not those of its parts) count from now on. */
struct error *graph_marking_add_root(struct graph_marking *marking, uint32_t root) ERROR_CHECK;
/* Reached from now on. edge: the object, with GRAPH_LEAF when it has no pointers. */
struct error *graph_marking_add_object(struct graph_marking *marking, uint32_t edge) ERROR_CHECK;
/* Goes on until a watched object is found or nothing is left to do. O(edges) over all
 * calls together. */
struct error *graph_marking_run(struct graph_marking *marking) ERROR_CHECK;

/* Of a watched object, or one with pointers. */
static inline bool graph_marking_has(const struct graph_marking *marking, uint32_t object)
{
    return (marking->marked[object >> 6] >> (object & 63)) & 1;
}

#endif
