/*
 * The ways down by the heaviest child. Each step keeps at least half of the bytes, so that there
 * are few of them, and one look at every position finds all: a dominator's position is smaller, so
 * that a node is known to be on a way before its children come.
 */
#include "base/hash.h"
#include "graph/result.h"

struct descent {
    const struct graph *graph;
    const struct graph_result *result;
    uint32_t steps;
    uint64_t *on_way;      /* bitset by position */
    struct hash_map found; /* position + 1 → steps taken << 32 | heaviest child + 1 */
};

static uint64_t least(const struct graph *graph, uint32_t node)
{
    return MAX_OF(graph_retained_bytes(graph, node) / 2, (uint64_t)1);
}

/* Of two children of the same weight the lower node. */
static void offer(const struct graph *graph, uint32_t *best, uint32_t child)
{
    uint64_t bytes = graph_retained_bytes(graph, child);
    uint64_t best_bytes = *best == GRAPH_NONE ? 0 : graph_retained_bytes(graph, *best);
    if (bytes > best_bytes || (bytes == best_bytes && child < *best))
        *best = child;
}

static struct error *enter(struct descent *d, uint32_t position, uint64_t steps)
{
    uint64_t *value;
    bool added;
    TRY(hash_map_insert(&d->found, (uint64_t)position + 1, &value, &added));
    if (added || steps < *value >> 32)
        *value = steps << 32 | (uint32_t)*value;
    bitset_set(d->on_way, position);
    return NULL;
}

/* A child of a node on a way; out_steps: steps to it, 0 when it is too light or too far. */
static uint64_t offer_to(struct descent *d, uint32_t position, uint32_t child)
{
    uint64_t *value = hash_map_find(&d->found, (uint64_t)position + 1);
    if (graph_retained_bytes(d->graph, child) < least(d->graph, d->result->order[position]))
        return 0;
    uint32_t best = (uint32_t)*value - 1;
    offer(d->graph, &best, child);
    *value = *value >> 32 << 32 | (best + 1);
    return (*value >> 32) + 1 < d->steps ? (*value >> 32) + 1 : 0;
}

static struct error *go_down(struct descent *d)
{
    const struct graph_result *result = d->result;
    for (uint32_t i = 1; i < result->count; i++) {
        if (!bitset_get(d->on_way, result->dominator[i]))
            continue;
        uint64_t steps = offer_to(d, result->dominator[i], result->order[i]);
        if (steps)
            TRY(enter(d, i, steps));
    }
    uint32_t rank = 0;
    for (uint64_t leaf = ranked_set_next(&result->shared_leaves, 0); leaf != RANKED_SET_END;
         leaf = ranked_set_next(&result->shared_leaves, leaf + 1)) {
        uint32_t position = result->leaf_dominator[rank++];
        if (bitset_get(d->on_way, position))
            offer_to(d, position, (uint32_t)leaf);
    }
    return NULL;
}

/* The leaves that only this node refers to stand nowhere but in its edges. */
static uint32_t heaviest_child(const struct descent *d, uint32_t position)
{
    const struct graph *graph = d->graph;
    const struct graph_result *result = d->result;
    const uint64_t *value = hash_map_find(&d->found, (uint64_t)position + 1);
    uint32_t best = value ? (uint32_t)*value - 1 : GRAPH_NONE, node = result->order[position];
    uint64_t bytes = least(graph, node);
    struct edge_range range = node_edges(graph, result, node);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t id = *e & GRAPH_ID;
        if ((*e & GRAPH_LEAF) && result->position[id] == position &&
            graph_object_bytes(graph, id) >= bytes && !ranked_set_has(&result->shared_leaves, id))
            offer(graph, &best, id);
    }
    return best;
}

static uint32_t position_of(const struct descent *d, uint32_t node)
{
    assert(node < super_root(d->graph));
    return node < d->graph->object_ids ? d->result->position[node]
                                       : d->result->root_position[node - d->graph->object_ids];
}

struct error *graph_heaviest_ways(struct graph *graph, const uint32_t *nodes, uint32_t count,
                                  uint32_t steps, uint32_t *out)
{
    struct descent d = {.graph = graph, .result = graph->result, .steps = steps};
    uint64_t bytes = bitset_words(d.result->count) * sizeof(uint64_t);
    TRY(big_array(bytes, &d.on_way));
    struct error *error = NULL;
    for (uint32_t i = 0; i < count && !error; i++)
        error = enter(&d, position_of(&d, nodes[i]), 0);
    if (!error && count && steps)
        error = go_down(&d);
    for (uint32_t i = 0; i < count && !error; i++) {
        uint32_t node = nodes[i], *way = out + (uint64_t)i * steps;
        for (uint32_t s = 0; s < steps; s++) {
            bool has_children = node != GRAPH_NONE && position_of(&d, node) &&
                                d.result->order[position_of(&d, node)] == node;
            node = way[s] = has_children ? heaviest_child(&d, position_of(&d, node)) : GRAPH_NONE;
        }
    }
    hash_map_deinit(&d.found);
    big_array_free(d.on_way, bytes);
    return error;
}
