#include "graph/retained.h"

#include "base/parallel.h"

enum { ADDERS_MAX = 4, AHEAD = 32, SHARED_AHEAD = 12 };

struct adding {
    const struct graph *graph;
    struct graph_result *result;
    unsigned parts;
};

static inline void prefetch_sums(const struct graph_result *result, uint32_t position)
{
    __builtin_prefetch(&result->retained_bytes[position], 1);
    __builtin_prefetch(&result->retained_objects[position], 1);
}

/* Every part goes through all objects and adds those whose sum lies in its share of the positions:
 * reading them once more costs less than atomic additions. */
static struct error *add_part(void *context, unsigned part)
{
    const struct adding *adding = context;
    const struct graph *graph = adding->graph;
    struct graph_result *result = adding->result;
    const struct ranked_set *shared = &result->shared_leaves;
    uint64_t n = result->count, ids = graph->object_ids;
    uint32_t low = (uint32_t)(n * part / adding->parts), rank = 0;
    uint32_t range = (uint32_t)(n * (part + 1) / adding->parts) - low;
    for (uint64_t id = 0; id < ids; id++) {
        if (id + AHEAD < ids && result->position[id + AHEAD] - low < range)
            prefetch_sums(result, result->position[id + AHEAD]);
        uint32_t position = result->position[id];
        if (!position)
            continue;
        assert(bitset_get(graph->allocated, id));
        if (ranked_set_has(shared, (uint32_t)id)) {
            if (rank + SHARED_AHEAD < shared->count)
                prefetch_sums(result, result->leaf_dominator[rank + SHARED_AHEAD]);
            position = result->leaf_dominator[rank++];
        }
        if (position - low >= range)
            continue;
        result->retained_bytes[position] += graph_object_bytes(graph, (uint32_t)id);
        result->retained_objects[position]++;
    }
    return NULL;
}

static void sum_up(struct graph_result *result)
{
    for (uint32_t i = result->count; i-- > 1;) {
        uint32_t above = result->dominator[i];
        if (i >= AHEAD)
            prefetch_sums(result, result->dominator[i - AHEAD]);
        result->retained_bytes[above] += result->retained_bytes[i];
        result->retained_objects[above] += result->retained_objects[i];
    }
}

struct error *graph_sum_retained(const struct graph *graph, struct graph_result *result,
                                 unsigned threads)
{
    struct adding adding = {graph, result, MIN_OF(threads, (unsigned)ADDERS_MAX)};
    TRY(parallel_run(adding.parts, add_part, &adding));
    sum_up(result);
    return NULL;
}
