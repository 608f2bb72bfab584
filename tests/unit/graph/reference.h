/*
 * The slow, plain way to everything that graph.h promises: a list of edges, and walks over it. It
 * shares no code with src/graph.
 */
#ifndef LEAKHOUND_TESTS_REFERENCE_H
#define LEAKHOUND_TESTS_REFERENCE_H

#include <string.h>

#include "random_graph.h"

struct reference {
    const struct graph *graph;
    uint32_t nodes; /* objects, roots, super root */
    uint32_t super;
    uint32_t *begin;   /* by node: targets[begin[v] .. begin[v + 1]), without the edges that the */
    uint32_t *targets; /* classes forbid */
    uint8_t *class;    /* by node; 255: unreachable */
    uint32_t *stack;
    bool *seen;
};

static inline uint64_t reference_bytes(const struct reference *ref, uint32_t node)
{
    return node < ref->graph->object_ids ? graph_object_bytes(ref->graph, node) : 0;
}

/* Calls visit for every edge of the graph, whatever the classes. */
static inline void each_edge(const struct graph *graph,
                             void (*visit)(struct reference *, uint32_t, uint32_t),
                             struct reference *ref)
{
    uint32_t ids = graph->object_ids, roots = (uint32_t)graph->roots.count;
    for (uint32_t r = 0; r < roots; r++) {
        uint32_t parent = graph->roots.data[r].parent;
        visit(ref, parent == GRAPH_NONE ? ids + roots : ids + parent, ids + r);
    }
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint64_t edge = graph->root_edges.data[i];
        visit(ref, ids + (uint32_t)(edge >> 32), (uint32_t)edge & GRAPH_ID);
    }
    for (uint32_t id = 0; id < ids; id++) {
        if (!bitset_get(graph->allocated, id))
            continue;
        for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++)
            visit(ref, id, graph->edges[e] & GRAPH_ID);
    }
}

static inline void count_edge(struct reference *ref, uint32_t from, uint32_t to)
{
    (void)to;
    ref->begin[from + 1]++;
}

static inline void fill_edge(struct reference *ref, uint32_t from, uint32_t to)
{
    ref->targets[ref->begin[from]++] = to;
}

/* What start reaches without the node `removed` and without the cut edges (source << 32 | target);
 * in ref->seen. */
static inline void reference_walk(struct reference *ref, uint32_t start, uint32_t removed,
                                  const uint64_t *cut, uint64_t cut_count)
{
    memset(ref->seen, 0, ref->nodes * sizeof(bool));
    if (start == removed)
        return;
    uint32_t depth = 0;
    ref->stack[depth++] = start;
    ref->seen[start] = true;
    while (depth) {
        uint32_t node = ref->stack[--depth];
        for (uint32_t e = ref->begin[node]; e < ref->begin[node + 1]; e++) {
            uint32_t target = ref->targets[e];
            bool skip = ref->seen[target] || target == removed;
            for (uint64_t c = 0; !skip && c < cut_count; c++)
                skip = cut[c] == ((uint64_t)node << 32 | target);
            if (!skip) {
                ref->seen[target] = true;
                ref->stack[depth++] = target;
            }
        }
    }
}

static inline uint64_t reference_seen_bytes(const struct reference *ref)
{
    uint64_t bytes = 0;
    for (uint32_t v = 0; v < ref->nodes; v++)
        bytes += ref->seen[v] ? reference_bytes(ref, v) : 0;
    return bytes;
}

static inline uint64_t reference_seen_objects(const struct reference *ref)
{
    uint64_t objects = 0;
    for (uint32_t v = 0; v < ref->graph->object_ids; v++)
        objects += ref->seen[v];
    return objects;
}

/* Class by class: what the roots of a class reach is theirs if no earlier class has it. */
static inline void reference_classes(struct reference *ref)
{
    const struct graph *graph = ref->graph;
    memset(ref->class, 255, ref->nodes);
    ref->class[ref->super] = 0;
    for (unsigned class = 0; class < 255; class ++) {
        for (uint32_t r = 0; r < graph->roots.count; r++) {
            if (graph->roots.data[r].class != class)
                continue;
            reference_walk(ref, graph->object_ids + r, GRAPH_NONE, NULL, 0);
            for (uint32_t v = 0; v < ref->nodes; v++) {
                if (ref->seen[v] && ref->class[v] > class)
                    ref->class[v] = (uint8_t) class;
            }
        }
    }
}

static inline void reference_drop_edges(struct reference *ref)
{
    uint32_t kept = 0, end = 0;
    for (uint32_t v = 0; v < ref->nodes; v++) {
        uint32_t begin = end;
        end = ref->begin[v + 1];
        ref->begin[v] = kept;
        for (uint32_t e = begin; e < end; e++) {
            if (v == ref->super || ref->class[v] <= ref->class[ref->targets[e]])
                ref->targets[kept++] = ref->targets[e];
        }
    }
    ref->begin[ref->nodes] = kept;
}

static inline void reference_init(struct reference *ref, const struct graph *graph)
{
    *ref = (struct reference){.graph = graph,
                              .nodes = graph->object_ids + (uint32_t)graph->roots.count + 1};
    ref->super = ref->nodes - 1;
    must(memory_array(ref->nodes + 1, sizeof(uint32_t), &ref->begin));
    each_edge(graph, count_edge, ref);
    for (uint32_t v = 0; v < ref->nodes; v++)
        ref->begin[v + 1] += ref->begin[v];
    must(memory_array(ref->begin[ref->nodes], sizeof(uint32_t), &ref->targets));
    each_edge(graph, fill_edge, ref);
    for (uint32_t v = ref->nodes; v > 0; v--)
        ref->begin[v] = ref->begin[v - 1];
    ref->begin[0] = 0;
    must(memory_array(ref->nodes, sizeof(uint8_t), &ref->class));
    must(memory_array(ref->nodes, sizeof(uint32_t), &ref->stack));
    must(memory_array(ref->nodes, sizeof(bool), &ref->seen));
    reference_classes(ref);
    reference_drop_edges(ref);
}

static inline void reference_deinit(struct reference *ref)
{
    free(ref->begin);
    free(ref->targets);
    free(ref->class);
    free(ref->stack);
    free(ref->seen);
}

static inline bool reference_has_edge(const struct reference *ref, uint32_t from, uint32_t to)
{
    for (uint32_t e = ref->begin[from]; e < ref->begin[from + 1]; e++) {
        if (ref->targets[e] == to)
            return true;
    }
    return false;
}

#endif
