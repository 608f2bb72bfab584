/*
 * Exclusive size of a set of edges: one walk over the graph without them.
 *
 * The classes stay what graph_analyse found, so that the answer agrees with retained sizes: an
 * object that only a later class still refers to counts as gone.
 */
#include "base/hash.h"
#include "graph/result.h"

struct walk {
    const struct graph *graph;
    const struct graph_result *result;
    struct hash_map cut;   /* (source node + 1) << 32 | target */
    uint64_t *cut_sources; /* bitset by node */
    uint64_t *seen;        /* bitset by object id */
    uint32_t *queue;       /* nodes with edges */
    uint64_t queued;
    uint64_t bytes, objects;
};

static struct error *index_cut(struct walk *w, const uint64_t *edges, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t source = edges[i] >> 32, target = edges[i] & GRAPH_ID;
        assert(source < super_root(w->graph));
        uint64_t *value;
        TRY(hash_map_insert(&w->cut, (source + 1) << 32 | target, &value, NULL));
        bitset_set(w->cut_sources, source);
    }
    return NULL;
}

static void scan(struct walk *w, uint32_t node)
{
    const struct graph *graph = w->graph;
    const struct graph_result *result = w->result;
    bool some_cut = bitset_get(w->cut_sources, node);
    bool classes = result->class_count > 1;
    uint32_t me = node < graph->object_ids ? result->position[node]
                                           : result->root_position[node - graph->object_ids];
    struct edge_range range = node_edges(graph, result, node);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t target = *e & GRAPH_ID;
        if (bitset_get(w->seen, target) ||
            (classes && !same_class(result, me, result->position[target])) ||
            (some_cut && hash_map_find(&w->cut, ((uint64_t)node + 1) << 32 | target)))
            continue;
        bitset_set(w->seen, target);
        w->objects++;
        w->bytes += graph_object_bytes(graph, target);
        if (!(*e & GRAPH_LEAF)) {
            __builtin_prefetch(&graph->edge_begin[target]);
            w->queue[w->queued++] = target;
        }
    }
}

static struct error *walk(struct walk *w, const uint64_t *edges, uint64_t count)
{
    const struct graph *graph = w->graph;
    uint64_t roots = w->result->root_count;
    TRY(big_array(bitset_words(graph->object_ids + roots) * sizeof(uint64_t), &w->cut_sources));
    TRY(big_array(bitset_words(graph->object_ids) * sizeof(uint64_t), &w->seen));
    TRY(big_array((uint64_t)w->result->count * sizeof(uint32_t), &w->queue));
    TRY(index_cut(w, edges, count));
    for (uint32_t r = 0; r < roots; r++)
        w->queue[w->queued++] = graph_root_node(graph, r);
    for (uint64_t i = 0; i < w->queued; i++) {
        if (i + 8 < w->queued) {
            struct edge_range soon = node_edges(graph, w->result, w->queue[i + 8]);
            __builtin_prefetch(soon.begin);
        }
        if (i + 4 < w->queued) {
            struct edge_range soon = node_edges(graph, w->result, w->queue[i + 4]);
            for (const uint32_t *e = soon.begin; e < soon.end && e < soon.begin + 16; e++)
                __builtin_prefetch(&w->seen[(*e & GRAPH_ID) >> 6]);
        }
        scan(w, w->queue[i]);
    }
    return NULL;
}

struct error *graph_exclusive(struct graph *graph, const uint64_t *cut_edges, uint64_t cut_count,
                              uint64_t *out_bytes, uint64_t *out_objects)
{
    struct walk w = {.graph = graph, .result = graph->result};
    struct error *error = walk(&w, cut_edges, cut_count);
    uint64_t nodes = graph->object_ids + w.result->root_count;
    big_array_free(w.cut_sources, bitset_words(nodes) * sizeof(uint64_t));
    big_array_free(w.seen, bitset_words(graph->object_ids) * sizeof(uint64_t));
    big_array_free(w.queue, (uint64_t)w.result->count * sizeof(uint32_t));
    hash_map_deinit(&w.cut);
    if (error)
        return error;
    *out_bytes = graph->totals.reachable_bytes - w.bytes;
    *out_objects = graph->totals.reachable_objects - w.objects;
    return NULL;
}
