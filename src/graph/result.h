/*
 * What graph_analyse leaves behind, private to src/graph.
 *
 * Positions. Everything is numbered once more, in the order of a depth-first walk (walk.h), which
 * is nearly that of addresses: position 0 is the super root, then come the roots of the first class
 * with the objects that they reach, then those of the next class. Only nodes with pointers (roots
 * and INNER objects) get a position; a LEAF (an object reached through an edge with GRAPH_LEAF)
 * only remembers the position of one of its predecessors. A dominator's position is always smaller
 * than that of the nodes under it, so that every pass over the dominator tree is one loop, up or
 * down.
 *
 * Memory: position 4 B per id; 20 B per inner node; leaves with several predecessors 4 B each and
 * 3/16 B per id.
 */
#ifndef LEAKHOUND_GRAPH_RESULT_H
#define LEAKHOUND_GRAPH_RESULT_H

#include <assert.h>

#include "base/bitset.h"
#include "graph/graph.h"
#include "graph/ranked_set.h"

enum { CLASSES_MAX = 256, CLASS_UNREACHABLE = 255 };

/* The positions from first up to the next class's first are of this class. */
struct class_range {
    uint32_t first;
    uint8_t class;
};

struct graph_result {
    uint32_t *position;  /* by object id: inner: its own; leaf: a predecessor's; 0: unreachable */
    uint32_t count;      /* positions in use */
    uint32_t *order;     /* position → node */
    uint32_t *dominator; /* position → position */
    uint64_t *retained_bytes;   /* position → bytes */
    uint32_t *retained_objects; /* position → objects */

    struct ranked_set shared_leaves; /* leaves with several predecessors of their class */
    uint32_t *leaf_dominator;        /* by rank in shared_leaves: position */

    uint32_t *root_position;   /* by root */
    uint32_t *root_edge_begin; /* by root, root_count + 1 entries into root_targets */
    uint32_t *root_targets;    /* object id, | GRAPH_LEAF */

    struct class_range classes[CLASSES_MAX];
    uint32_t class_count;

    /* Children in the dominator tree but the leaves with one predecessor; made on first use. */
    uint32_t *child_begin; /* position → index into children; count + 2 entries */
    uint32_t *children;    /* positions, or id | GRAPH_LEAF */

    uint32_t *paths; /* by object id: the node before it on a shortest path; made on first use */

    uint32_t *tops; /* position → position of the last dominator below the super root; likewise */

    uint64_t object_ids, root_count; /* as they were when the arrays were made */
};

struct edge_range {
    const uint32_t *begin, *end;
};

static inline uint32_t super_root(const struct graph *graph)
{
    return graph->object_ids + (uint32_t)graph->roots.count;
}

/* The edges of an object or root; the super root has none (its children are the holders). */
static inline struct edge_range node_edges(const struct graph *graph,
                                           const struct graph_result *result, uint32_t node)
{
    if (node < graph->object_ids) {
        return (struct edge_range){graph->edges + graph->edge_begin[node],
                                   graph->edges + graph->edge_begin[node + 1]};
    }
    uint32_t root = node - graph->object_ids;
    if (root >= graph->roots.count)
        return (struct edge_range){NULL, NULL};
    return (struct edge_range){result->root_targets + result->root_edge_begin[root],
                               result->root_targets + result->root_edge_begin[root + 1]};
}

/* Index into classes of a position. */
static inline uint32_t class_index(const struct graph_result *result, uint32_t position)
{
    uint32_t i = result->class_count;
    while (i > 1 && result->classes[i - 1].first > position)
        i--;
    return i ? i - 1 : 0;
}

/* An edge counts only between nodes of one class: no other edge can come first to its target. */
static inline bool same_class(const struct graph_result *result, uint32_t a, uint32_t b)
{
    return result->class_count < 2 || class_index(result, a) == class_index(result, b);
}

/* For a reachable object: has it a position of its own? */
static inline bool is_inner(const struct graph_result *result, uint32_t id)
{
    return result->order[result->position[id]] == id;
}

/* Position of a reachable leaf's immediate dominator. */
static inline uint32_t leaf_dominator(const struct graph_result *result, uint32_t id)
{
    return ranked_set_has(&result->shared_leaves, id)
               ? result->leaf_dominator[ranked_set_rank(&result->shared_leaves, id)]
               : result->position[id];
}

void graph_result_destroy(struct graph_result *result);

#endif
