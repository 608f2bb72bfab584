#include "detect/edges_into.h"

#include "base/bitset.h"

static int by_target(const void *x, const void *y)
{
    uint64_t a = *(const uint64_t *)x, b = *(const uint64_t *)y;
    uint32_t to_a = (uint32_t)a, to_b = (uint32_t)b;
    if (to_a != to_b)
        return to_a < to_b ? -1 : 1;
    return (a > b) - (a < b);
}

static struct error *collect(const struct graph *graph, const uint64_t *wanted,
                             struct edges_into *out)
{
    for (uint64_t word = 0; word < bitset_words(graph->object_ids); word++) {
        for (uint64_t left = graph->allocated[word]; left; left &= left - 1) {
            uint32_t id = (uint32_t)(word * 64) + (uint32_t)__builtin_ctzll(left);
            for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1]; e++) {
                uint32_t to = graph->edges[e] & GRAPH_ID;
                if (bitset_get(wanted, to) && to != id && graph_is_reachable(graph, id))
                    TRY(vector_push(&out->edges, (uint64_t)id << 32 | to));
            }
        }
    }
    for (uint64_t i = 0; i < graph->root_edges.count; i++) {
        uint32_t to = (uint32_t)graph->root_edges.data[i] & GRAPH_ID;
        uint32_t root = (uint32_t)(graph->root_edges.data[i] >> 32);
        if (bitset_get(wanted, to))
            TRY(vector_push(&out->edges, (uint64_t)graph_root_node(graph, root) << 32 | to));
    }
    return NULL;
}

struct error *edges_into_find(const struct graph *graph, const uint32_t *targets, uint64_t count,
                              struct edges_into *out)
{
    uint64_t *wanted, bytes = bitset_words(graph->object_ids) * 8;
    *out = (struct edges_into){0};
    TRY(big_array(bytes, &wanted));
    for (uint64_t i = 0; i < count; i++)
        bitset_set(wanted, targets[i]);
    struct error *error = collect(graph, wanted, out);
    big_array_free(wanted, bytes);
    if (!error && out->edges.count)
        qsort(out->edges.data, out->edges.count, sizeof(*out->edges.data), by_target);
    return error;
}

void edges_into_deinit(struct edges_into *list)
{
    vector_deinit(&list->edges);
}

const uint64_t *edges_into_of(const struct edges_into *list, uint32_t target, uint64_t *out_count)
{
    uint64_t low = 0, high = list->edges.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if ((uint32_t)list->edges.data[middle] < target)
            low = middle + 1;
        else
            high = middle;
    }
    for (high = low; high < list->edges.count && (uint32_t)list->edges.data[high] == target;)
        high++;
    *out_count = high - low;
    return list->edges.data + low;
}
