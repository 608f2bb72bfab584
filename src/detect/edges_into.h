/* All edges that lead to some objects: what a finding cuts that makes these objects go. Private to
 * detect. */
#ifndef LEAKHOUND_DETECT_EDGES_INTO_H
#define LEAKHOUND_DETECT_EDGES_INTO_H

#include "graph/graph.h"

struct edges_into {
    VECTOR(uint64_t) edges; /* source node << 32 | target, ascending by target */
};

/* Edges of reachable objects and of roots to the `count` targets (object ids, in any order). Cost:
 * a pass over all edges of the graph; ⅛ B per object id meanwhile. The caller frees *out, also
 * after an error. */
struct error *edges_into_find(const struct graph *graph, const uint32_t *targets, uint64_t count,
                              struct edges_into *out) ERROR_CHECK;
void edges_into_deinit(struct edges_into *list);

/* Those that lead to one target: the first, and their number. O(log edges). */
const uint64_t *edges_into_of(const struct edges_into *list, uint32_t target, uint64_t *out_count);

#endif
