/*
 * The part of the walk that any thread can do: marking the leaves of the nodes that the depth-first
 * walk has numbered (walk.h).
 */
#ifndef LEAKHOUND_GRAPH_WALK_LEAVES_H
#define LEAKHOUND_GRAPH_WALK_LEAVES_H

#include "graph/pair_list.h"
#include "graph/result.h"

/* Who marks. A lone thread needs no atomic operations, which cost more than all the rest; others
 * ask, and wait until it has finished what it is at. */
enum leaf_markers { MARKERS_NONE, MARKERS_ONE, MARKERS_MANY };

struct leaf_walk {
    const struct graph *graph;
    struct graph_result *result;
    uint32_t class_first; /* the first position of the class that is walked */

    uint64_t published __attribute__((aligned(128))); /* positions below are final */
    bool complete;                                    /* and there will be no more in this class */
    bool failed;
    uint64_t claimed __attribute__((aligned(128))); /* positions below are marked or being marked */
    int markers;                                    /* enum leaf_markers */
    bool more_wanted;

    /* What a thread that waits does: it makes pages resident that the walk, or what follows it,
     * will write. */
    bool someone_populates __attribute__((aligned(128)));
    bool cannot_populate;
    uint64_t populated_positions; /* of order and dominator */
    uint64_t populated_ids;       /* of position */
    uint64_t populated_sums;      /* positions, of the retained sizes */
};

/* For the next class; no other thread may be in leaf_walk_follow. */
void leaf_walk_begin(struct leaf_walk *walk, uint32_t class_first);

/* Marks what is published until the class is complete, or without wait until there is nothing to do
 * now. Edges to leaves that others have found go to extra (source position, leaf id). */
struct error *leaf_walk_follow(struct leaf_walk *walk, bool wait,
                               struct pair_list *extra) ERROR_CHECK;

/* Positions below count are final. */
static inline void leaf_walk_publish(struct leaf_walk *walk, uint64_t count)
{
    __atomic_store_n(&walk->published, count, __ATOMIC_RELEASE);
}
/* Ends the class for all; failed: at once. */
void leaf_walk_complete(struct leaf_walk *walk, uint64_t count, bool failed);

#endif
