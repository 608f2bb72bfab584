/* Random graphs of every kind that graph.h allows, small enough for slow references. */
#ifndef LEAKHOUND_TESTS_RANDOM_GRAPH_H
#define LEAKHOUND_TESTS_RANDOM_GRAPH_H

#include <assert.h>

#include "base/bitset.h"
#include "graph/graph.h"

static uint64_t random_state = 88172645463325252u;

static inline uint32_t random_below(uint32_t limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (uint32_t)((random_state >> 32) * limit >> 32);
}

static inline void must(struct error *error)
{
    assert(!error);
}

struct random_shape {
    uint32_t regions;    /* of 8 ids */
    uint32_t leaf_share; /* of 8 regions */
    uint32_t hole_share; /* of 8 ids */
    uint32_t edges_most; /* per object */
    uint32_t reach;      /* 0: targets anywhere, else at most that far ahead or behind */
    bool chain;          /* every object leads to the next one that has pointers */
    uint32_t roots;
    uint32_t root_edges_most;
    uint32_t classes;
};

static inline struct random_shape random_shape_small(void)
{
    return (struct random_shape){
        .regions = random_below(9),
        .leaf_share = random_below(7),
        .hole_share = random_below(3),
        .edges_most = random_below(6),
        .reach = random_below(2) ? 0 : 2 + random_below(8),
        .chain = !random_below(4),
        .roots = random_below(9),
        .root_edges_most = 1 + random_below(4),
        .classes = 1 + random_below(3),
    };
}

struct random_objects {
    uint32_t *ids; /* allocated */
    uint32_t count;
    bool *leaf_region;
};

static inline uint32_t random_target(const struct random_objects *objects, uint32_t from,
                                     uint32_t reach)
{
    uint32_t n = objects->count, index = reach ? from + n + random_below(2 * reach + 1) : 0;
    index = reach ? (index + (n > reach ? n - reach : 0)) % n : random_below(n);
    uint32_t id = objects->ids[index];
    return id | (objects->leaf_region[id / 8] ? GRAPH_LEAF : 0);
}

static inline void random_roots(struct graph *graph, const struct random_shape *shape,
                                const struct random_objects *objects)
{
    for (uint32_t r = 0; r < shape->roots; r++) {
        uint32_t parent = r && random_below(2) ? random_below(r) : GRAPH_NONE, root;
        must(graph_add_root(graph, parent, (uint8_t)random_below(shape->classes), &root));
    }
    /* in any order */
    uint32_t edges = shape->roots * shape->root_edges_most;
    for (uint32_t e = 0; objects->count && e < edges; e++) {
        if (random_below(2))
            must(graph_add_root_edge(graph, random_below(shape->roots),
                                     random_target(objects, 0, 0)));
    }
}

static inline struct graph *random_graph(const struct random_shape *shape)
{
    uint32_t ids = shape->regions * 8;
    struct graph *graph;
    must(graph_create(ids, (uint64_t)ids * (shape->edges_most + 3), &graph));
    struct random_objects objects = {.count = 0};
    must(memory_array(ids, sizeof(uint32_t), &objects.ids));
    must(memory_array(shape->regions, sizeof(bool), &objects.leaf_region));
    for (uint32_t id = 0; id < ids; id++) {
        if (id % 8 == 0) {
            objects.leaf_region[id / 8] = random_below(8) < shape->leaf_share;
            graph->size_words[id / 8] = 1 + random_below(6);
        }
        if (random_below(8) < shape->hole_share)
            continue;
        bitset_set(graph->allocated, id);
        graph->totals.allocated_objects++;
        graph->totals.allocated_bytes += graph_object_bytes(graph, id);
        objects.ids[objects.count++] = id;
    }
    uint32_t e = 0, index = 0;
    for (uint32_t id = 0; id < ids; id++) {
        graph->edge_begin[id] = e;
        if (!bitset_get(graph->allocated, id)) {
            if (random_below(2))
                graph->edges[e++] = UINT32_MAX; /* not to be read */
            continue;
        }
        if (!objects.leaf_region[id / 8]) {
            if (shape->chain && index + 1 < objects.count)
                graph->edges[e++] = random_target(
                    &(struct random_objects){objects.ids + index + 1, 1, objects.leaf_region}, 0,
                    0);
            for (uint32_t i = random_below(shape->edges_most + 1); i-- > 0;)
                graph->edges[e++] = random_target(&objects, index, shape->reach);
        }
        index++;
    }
    graph->edge_begin[ids] = e;
    graph->totals.edges = e;
    random_roots(graph, shape, &objects);
    free(objects.ids);
    free(objects.leaf_region);
    return graph;
}

#endif
