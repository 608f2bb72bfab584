/* The top of every node's dominators below the super root: one pass down the positions, for a
 * dominator's position is smaller than that of the nodes under it. */
#include "graph/result.h"

struct error *graph_find_tops(struct graph *graph)
{
    struct graph_result *result = graph->result;
    uint32_t *tops;
    if (result->tops)
        return NULL;
    TRY(big_array((uint64_t)result->count * sizeof(*tops), &tops));
    for (uint32_t i = 1; i < result->count; i++)
        tops[i] = result->dominator[i] ? tops[result->dominator[i]] : i;
    result->tops = tops;
    return NULL;
}

uint32_t graph_top(const struct graph *graph, uint32_t node)
{
    const struct graph_result *result = graph->result;
    uint32_t position;
    if (!graph_is_reachable(graph, node) || node == super_root(graph))
        return GRAPH_NONE;
    if (node < graph->object_ids) {
        position = is_inner(result, node) ? result->position[node] : leaf_dominator(result, node);
        if (!position)
            return node; /* a leaf that several holders reach */
    } else {
        position = result->root_position[node - graph->object_ids];
    }
    return result->order[result->tops[position]];
}

void graph_forget_tops(struct graph *graph)
{
    big_array_free(graph->result->tops, (uint64_t)graph->result->count * sizeof(uint32_t));
    graph->result->tops = NULL;
}
