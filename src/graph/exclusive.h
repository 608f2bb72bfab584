/* Many questions in one walk of the whole graph; what exclusive.c and exclusive_group.c share. */
#ifndef LEAKHOUND_GRAPH_EXCLUSIVE_H
#define LEAKHOUND_GRAPH_EXCLUSIVE_H

#include "base/hash.h"
#include "graph/result.h"

enum { EXCLUSIVE_GROUP_MAX = 64 };

/* An edge of a question that counts: both ends reachable, and of one class. */
static inline bool cut_counts(const struct graph *graph, uint64_t edge, uint32_t *out_from,
                              uint32_t *out_target)
{
    const struct graph_result *result = graph->result;
    uint32_t source = (uint32_t)(edge >> 32), target = (uint32_t)edge & GRAPH_ID;
    assert(source < super_root(graph) && target < graph->object_ids);
    uint32_t from = source < graph->object_ids ? result->position[source]
                                               : result->root_position[source - graph->object_ids];
    *out_from = from;
    *out_target = target;
    return from && result->order[from] == source && result->position[target] &&
           same_class(result, from, result->position[target]);
}

/* Answers up to EXCLUSIVE_GROUP_MAX questions together. O(objects + edges) where they change
 * little, that times the questions at the very worst; 8 B per position and per leaf with several
 * predecessors. */
struct error *exclusive_of_group(const struct graph *graph, struct graph_cut **questions,
                                 unsigned count) ERROR_CHECK;

#endif
