/*
 * One walk for up to 64 questions: each node has a bit for every question in which it is reached.
 *
 * Nearly all nodes are reached in all of them at once, so that the walk is one pass over the
 * positions, by which a tree of all that is reachable comes before what hangs on it; what gets
 * another bit later, beside that tree, is looked at again.
 *
 * What is lost in a question are the whole dominator subtrees of the nodes that are lost while
 * their dominator is not: nothing below them has to be counted one by one.
 */
#include "graph/exclusive.h"

struct group {
    const struct graph *graph;
    const struct graph_result *result;
    struct graph_cut **questions;
    uint64_t all;        /* the bits of the questions */
    struct hash_map cut; /* source position << 32 | target, and | GRAPH_NONE for any: questions */
    uint64_t *reached;   /* by position */
    uint64_t *leaf_reached; /* by rank in shared_leaves */
    uint64_t *waiting;      /* bitset by position: to be looked at */
    VECTOR(uint32_t) again; /* waiting behind the pass */
};

static struct error *take_questions(struct group *g, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        for (uint64_t e = 0; e < g->questions[i]->count; e++) {
            uint32_t from, target;
            uint64_t *value;
            if (!cut_counts(g->graph, g->questions[i]->edges[e], &from, &target))
                continue;
            TRY(hash_map_insert(&g->cut, (uint64_t)from << 32 | target, &value, NULL));
            *value |= (uint64_t)1 << i;
            TRY(hash_map_insert(&g->cut, (uint64_t)from << 32 | GRAPH_NONE, &value, NULL));
            *value |= (uint64_t)1 << i;
        }
        g->questions[i]->bytes = g->questions[i]->objects = 0;
    }
    return NULL;
}

/* Passes on the bits of a position along its edges. */
static struct error *look_at(struct group *g, uint32_t position, bool in_pass)
{
    const struct graph_result *result = g->result;
    bool some_cut = hash_map_find(&g->cut, (uint64_t)position << 32 | GRAPH_NONE);
    bool classes = result->class_count > 1;
    struct edge_range range = node_edges(g->graph, result, result->order[position]);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t target = *e & GRAPH_ID, to = result->position[target];
        uint64_t bits = g->reached[position], *reached = &g->reached[to];
        if (*e & GRAPH_LEAF) {
            if (!ranked_set_has(&result->shared_leaves, target))
                continue;
            reached = &g->leaf_reached[ranked_set_rank(&result->shared_leaves, target)];
        }
        const uint64_t *cut =
            some_cut ? hash_map_find(&g->cut, (uint64_t)position << 32 | target) : NULL;
        if (cut)
            bits &= ~*cut;
        if (!(bits & ~*reached) || (classes && !same_class(result, position, to)))
            continue;
        *reached |= bits;
        if ((*e & GRAPH_LEAF) || bitset_get(g->waiting, to))
            continue;
        bitset_set(g->waiting, to);
        if (!in_pass || to <= position)
            TRY(vector_push(&g->again, to));
    }
    return NULL;
}

static struct error *walk(struct group *g)
{
    const struct graph_result *result = g->result;
    uint32_t n = result->count;
    g->reached[0] = g->all;
    for (uint64_t r = 0; r < result->root_count; r++) {
        g->reached[result->root_position[r]] = g->all;
        bitset_set(g->waiting, result->root_position[r]);
    }
    for (uint32_t i = 1; i < n; i++) {
        if (n - i > 8) {
            uint32_t soon = result->order[i + 8];
            if (soon < g->graph->object_ids)
                __builtin_prefetch(&g->graph->edge_begin[soon]);
        }
        if (n - i > 4) {
            struct edge_range soon = node_edges(g->graph, result, result->order[i + 4]);
            for (const uint32_t *e = soon.begin; e < soon.end && e < soon.begin + 8; e++)
                __builtin_prefetch(&result->position[*e & GRAPH_ID]);
        }
        if (!bitset_get(g->waiting, i))
            continue;
        bitset_clear(g->waiting, i);
        TRY(look_at(g, i, true));
    }
    for (uint64_t i = 0; i < g->again.count; i++) {
        uint32_t position = g->again.data[i];
        if (!bitset_get(g->waiting, position))
            continue;
        bitset_clear(g->waiting, position);
        TRY(look_at(g, position, false));
    }
    return NULL;
}

static void add_lost(struct group *g, uint64_t lost, uint64_t bytes, uint64_t objects)
{
    for (; lost; lost &= lost - 1) {
        struct graph_cut *question = g->questions[__builtin_ctzll(lost)];
        question->bytes += bytes;
        question->objects += objects;
    }
}

static void count_lost(struct group *g)
{
    const struct graph_result *result = g->result;
    for (uint32_t i = 1; i < result->count; i++) {
        uint64_t lost = g->reached[result->dominator[i]] & ~g->reached[i];
        if (lost)
            add_lost(g, lost, result->retained_bytes[i], result->retained_objects[i]);
    }
    uint32_t rank = 0;
    for (uint64_t leaf = ranked_set_next(&result->shared_leaves, 0); leaf != RANKED_SET_END;
         leaf = ranked_set_next(&result->shared_leaves, leaf + 1), rank++) {
        uint64_t lost = g->reached[result->leaf_dominator[rank]] & ~g->leaf_reached[rank];
        if (lost)
            add_lost(g, lost, graph_object_bytes(g->graph, (uint32_t)leaf), 1);
    }
    /* A leaf with one predecessor is lost alone by nothing but a cut of that edge. */
    for (uint64_t slot = 0; slot < g->cut.capacity; slot++) {
        uint32_t from = (uint32_t)(g->cut.keys[slot] >> 32), id = (uint32_t)g->cut.keys[slot];
        if (!g->cut.keys[slot] || id == GRAPH_NONE || result->position[id] != from ||
            is_inner(result, id) || ranked_set_has(&result->shared_leaves, id))
            continue;
        add_lost(g, g->reached[from] & g->cut.values[slot], graph_object_bytes(g->graph, id), 1);
    }
}

struct error *exclusive_of_group(const struct graph *graph, struct graph_cut **questions,
                                 unsigned count)
{
    const struct graph_result *result = graph->result;
    struct group g = {.graph = graph, .result = result, .questions = questions};
    uint64_t reached = (uint64_t)result->count * sizeof(uint64_t);
    uint64_t leaves = (uint64_t)result->shared_leaves.count * sizeof(uint64_t);
    uint64_t waiting = bitset_words(result->count) * sizeof(uint64_t);
    assert(count && count <= EXCLUSIVE_GROUP_MAX);
    g.all = UINT64_MAX >> (64 - count);
    struct error *error = big_array(reached, &g.reached);
    if (!error)
        error = big_array(leaves, &g.leaf_reached);
    if (!error)
        error = big_array(waiting, &g.waiting);
    if (!error)
        error = take_questions(&g, count);
    if (!error)
        error = walk(&g);
    if (!error)
        count_lost(&g);
    hash_map_deinit(&g.cut);
    vector_deinit(&g.again);
    big_array_free(g.reached, reached);
    big_array_free(g.leaf_reached, leaves);
    big_array_free(g.waiting, waiting);
    return error;
}
