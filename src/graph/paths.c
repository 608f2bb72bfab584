/*
 * Shortest paths from the roots: breadth first, class by class, over the edges that count (those
 * between nodes of one class).
 */
#include "graph/result.h"

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

struct path_walk {
    const struct graph *graph;
    const struct graph_result *result;
    uint32_t *before; /* = result->paths: node + 1, 0: not found */
    uint32_t *queue;  /* nodes with edges */
    uint64_t head, tail;
};

static void prefetch_next(const struct path_walk *w)
{
    if (w->head + 16 < w->tail) {
        uint32_t node = w->queue[w->head + 16];
        if (node < w->graph->object_ids)
            __builtin_prefetch(&w->graph->edge_begin[node]);
    }
    if (w->head + 8 < w->tail)
        __builtin_prefetch(node_edges(w->graph, w->result, w->queue[w->head + 8]).begin);
    if (w->head + 4 < w->tail) {
        struct edge_range range = node_edges(w->graph, w->result, w->queue[w->head + 4]);
        for (const uint32_t *e = range.begin; e < range.end && e < range.begin + 16; e++)
            __builtin_prefetch(&w->before[*e & GRAPH_ID], 1);
    }
}

/* first: the first position of the class; all before it belong to earlier ones. */
static void walk_queue(struct path_walk *w, uint32_t first)
{
    for (; w->head < w->tail; w->head++) {
        prefetch_next(w);
        uint32_t node = w->queue[w->head];
        struct edge_range range = node_edges(w->graph, w->result, node);
        for (const uint32_t *e = range.begin; e < range.end; e++) {
            uint32_t target = *e & GRAPH_ID;
            if (w->before[target] || (first > 1 && w->result->position[target] < first))
                continue;
            w->before[target] = node + 1;
            if (!(*e & GRAPH_LEAF))
                w->queue[w->tail++] = target;
        }
    }
}

struct error *graph_find_paths(struct graph *graph)
{
    struct graph_result *result = graph->result;
    struct path_walk w = {.graph = graph, .result = result};
    if (result->paths)
        return NULL;
    TRY(big_array(words(result->count), &w.queue));
    struct error *error = big_array(words(result->object_ids), &w.before);
    for (uint32_t c = 0; !error && c < result->class_count; c++) {
        for (uint32_t r = 0; r < result->root_count; r++) {
            if (graph->roots.data[r].class == result->classes[c].class)
                w.queue[w.tail++] = graph_root_node(graph, r);
        }
        walk_queue(&w, result->classes[c].first);
    }
    big_array_free(w.queue, words(result->count));
    result->paths = w.before;
    return error;
}

void graph_forget_paths(struct graph *graph)
{
    big_array_free(graph->result->paths, words(graph->result->object_ids));
    graph->result->paths = NULL;
}

uint32_t graph_parent_on_path(const struct graph *graph, uint32_t node)
{
    const struct graph_result *result = graph->result;
    if (node < graph->object_ids)
        return result->paths[node] ? result->paths[node] - 1 : GRAPH_NONE;
    if (node >= super_root(graph))
        return GRAPH_NONE;
    uint32_t parent = graph->roots.data[node - graph->object_ids].parent;
    return parent == GRAPH_NONE ? super_root(graph) : graph_root_node(graph, parent);
}
