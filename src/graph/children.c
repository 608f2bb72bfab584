/*
 * The dominator tree from above.
 *
 * Indexed by position are the inner children and the leaves with several predecessors. The other
 * leaves, most of the heap, are not: they are found again among the edges of their dominator.
 */
#include "graph/result.h"

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

/* O(objects), once. */
static struct error *index_children(struct graph_result *result)
{
    if (result->children)
        return NULL;
    uint32_t n = result->count, leaves = result->shared_leaves.count, *begin, *children;
    TRY(big_array(words((uint64_t)n + 2), &begin));
    struct error *error = big_array(words((uint64_t)n + leaves), &children);
    if (error) {
        big_array_free(begin, words((uint64_t)n + 2));
        return error;
    }
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    for (uint32_t i = 1; i < n; i++)
        begin[result->dominator[i] + 2]++;
    for (uint32_t rank = 0; rank < leaves; rank++)
        begin[result->leaf_dominator[rank] + 2]++;
    for (uint32_t i = 0; i < n; i++)
        begin[i + 1] += begin[i];
    for (uint32_t i = 1; i < n; i++)
        children[begin[result->dominator[i] + 1]++] = i;
    uint32_t rank = 0;
    for (uint64_t id = ranked_set_next(&result->shared_leaves, 0); id != RANKED_SET_END;
         id = ranked_set_next(&result->shared_leaves, id + 1)) {
        children[begin[result->leaf_dominator[rank++] + 1]++] = (uint32_t)id | GRAPH_LEAF;
    }
    result->child_begin = begin;
    result->children = children;
    return NULL;
}

void graph_forget_children(struct graph *graph)
{
    struct graph_result *result = graph->result;
    uint64_t n = result->count;
    big_array_free(result->child_begin, words(n + 2));
    big_array_free(result->children, words(n + result->shared_leaves.count));
    result->child_begin = result->children = NULL;
}

struct leaf_list {
    VECTOR(uint32_t) ids;
};

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* Adds to an empty list every leaf of at least min_bytes, once, whose only predecessor is the node
 * at position. */
static struct error *list_own_leaves(const struct graph *graph, uint32_t position,
                                     uint64_t min_bytes, struct leaf_list *leaves)
{
    const struct graph_result *result = graph->result;
    struct edge_range range = node_edges(graph, result, result->order[position]);
    bool ascending = true;
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t id = *e & GRAPH_ID;
        if (!(*e & GRAPH_LEAF) || result->position[id] != position ||
            ranked_set_has(&result->shared_leaves, id) || graph_object_bytes(graph, id) < min_bytes)
            continue;
        if (leaves->ids.count) {
            uint32_t last = leaves->ids.data[leaves->ids.count - 1];
            if (last == id)
                continue;
            ascending = ascending && last < id;
        }
        TRY(vector_push(&leaves->ids, id));
    }
    if (ascending)
        return NULL;
    qsort(leaves->ids.data, leaves->ids.count, sizeof(uint32_t), compare_ids);
    uint64_t kept = 0;
    for (uint64_t i = 0; i < leaves->ids.count; i++) {
        if (!kept || leaves->ids.data[kept - 1] != leaves->ids.data[i])
            leaves->ids.data[kept++] = leaves->ids.data[i];
    }
    leaves->ids.count = kept;
    return NULL;
}

static bool find_position(const struct graph *graph, uint32_t node, uint32_t *out)
{
    const struct graph_result *result = graph->result;
    if (node < graph->object_ids) {
        *out = result->position[node];
        return *out && result->order[*out] == node;
    }
    assert(node <= super_root(graph));
    *out = node == super_root(graph) ? 0 : result->root_position[node - graph->object_ids];
    return true;
}

struct error *graph_dominated(struct graph *graph, uint32_t node, uint64_t min_bytes,
                              void (*visit)(void *context, uint32_t child), void *context)
{
    TRY(index_children(graph->result));
    const struct graph_result *result = graph->result;
    uint32_t position;
    if (!find_position(graph, node, &position))
        return NULL;
    for (uint32_t c = result->child_begin[position]; c < result->child_begin[position + 1]; c++) {
        uint32_t child = result->children[c];
        uint32_t child_node = child & GRAPH_LEAF ? child & GRAPH_ID : result->order[child];
        if (graph_retained_bytes(graph, child_node) >= min_bytes)
            visit(context, child_node);
    }
    struct leaf_list leaves = {0};
    struct error *error = list_own_leaves(graph, position, min_bytes, &leaves);
    for (uint64_t i = 0; !error && i < leaves.ids.count; i++)
        visit(context, leaves.ids.data[i]);
    vector_deinit(&leaves.ids);
    return error;
}
