#include "graph/leaves.h"

#include <string.h>

#include "base/parallel.h"

/* A climb in heavy paths costs no more than some 30 steps: past as many per edge they pay. */
enum { STEPS_PER_EDGE = 32, STEPS_FREE = 4096 };

struct leaf_work {
    const struct graph *graph;
    struct graph_result *result;
    struct pair_list *extra;
    uint64_t next_chunk;
    bool deep;          /* somebody's climbs are too long */
    uint32_t *path_top; /* position → top of its heavy path, or NULL; in result->retained_bytes */
};

/* Nearest common ancestor of two positions; adds its steps. */
static uint32_t nearest_common(const uint32_t *dominator, uint32_t a, uint32_t b, uint64_t *steps)
{
    uint64_t n = 0;
    while (a != b) {
        if (a > b)
            a = dominator[a];
        else
            b = dominator[b];
        n++;
    }
    *steps += n;
    return a;
}

/* The same by heavy paths. Of two different paths the one with the larger top cannot hold a
 * common ancestor: the other's nodes would lie below it and have a larger top. */
static uint32_t nearest_common_by_paths(const uint32_t *dominator, const uint32_t *path_top,
                                        uint32_t a, uint32_t b)
{
    for (;;) {
        uint32_t top_a = path_top[a], top_b = path_top[b];
        if (top_a == top_b)
            return MIN_OF(a, b);
        if (top_a > top_b)
            a = dominator[top_a];
        else
            b = dominator[top_b];
    }
}

/* Cuts the dominator tree into paths that go to the child with the most nodes below. The retained
 * sizes are still to be made: their memory serves. */
static void cut_heavy_paths(struct leaf_work *w)
{
    uint32_t n = w->result->count;
    const uint32_t *dominator = w->result->dominator;
    uint32_t *below = w->result->retained_objects, *heavy = (uint32_t *)w->result->retained_bytes;
    w->path_top = heavy + n;
    for (uint32_t i = n; i-- > 1;)
        below[dominator[i]] += below[i] + 1;
    for (uint32_t i = 1; i < n; i++) {
        uint32_t above = dominator[i];
        if (!heavy[above] || below[heavy[above]] < below[i])
            heavy[above] = i;
    }
    for (uint32_t i = 1; i < n; i++)
        w->path_top[i] = heavy[dominator[i]] == i ? w->path_top[dominator[i]] : i;
}

static void clear_heavy_paths(struct leaf_work *w)
{
    if (!w->path_top)
        return;
    memset(w->result->retained_bytes, 0, (uint64_t)w->result->count * sizeof(uint64_t));
    memset(w->result->retained_objects, 0, (uint64_t)w->result->count * sizeof(uint32_t));
}

static struct error *collect_part(void *context, unsigned part)
{
    (void)part;
    struct leaf_work *w = context;
    for (;;) {
        uint64_t c = __atomic_fetch_add(&w->next_chunk, 1, __ATOMIC_RELAXED);
        if (c >= w->extra->chunks.count)
            return NULL;
        const struct pair_chunk *chunk = w->extra->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++) {
            if (i + 24 < chunk->count)
                __builtin_prefetch(&w->result->shared_leaves.bits[chunk->pairs[i + 24].b >> 6], 1);
            ranked_set_add(&w->result->shared_leaves, chunk->pairs[i].b);
        }
    }
}

static void lower(struct leaf_work *w, uint32_t *slot, uint32_t source, uint64_t *steps)
{
    const uint32_t *dominator = w->result->dominator;
    uint32_t known = __atomic_load_n(slot, __ATOMIC_RELAXED), common;
    do {
        common = w->path_top ? nearest_common_by_paths(dominator, w->path_top, known, source)
                             : nearest_common(dominator, known, source, steps);
    } while (common != known && !__atomic_compare_exchange_n(slot, &known, common, false,
                                                             __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static struct error *climb_part(void *context, unsigned part)
{
    (void)part;
    struct leaf_work *w = context;
    struct graph_result *result = w->result;
    uint64_t steps = 0, allowed = STEPS_FREE;
    for (;;) {
        uint64_t c = __atomic_fetch_add(&w->next_chunk, 1, __ATOMIC_RELAXED);
        if (c >= w->extra->chunks.count)
            return NULL;
        const struct pair_chunk *chunk = w->extra->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++) {
            if (i + 16 < chunk->count) {
                uint32_t soon = chunk->pairs[i + 16].b;
                __builtin_prefetch(&result->shared_leaves.bits[soon >> 6]);
                __builtin_prefetch(&result->shared_leaves.rank_before[soon >> 6]);
            }
            if (i + 8 < chunk->count) {
                uint32_t rank = ranked_set_rank(&result->shared_leaves, chunk->pairs[i + 8].b);
                __builtin_prefetch(&result->leaf_dominator[rank], 1);
            }
            uint32_t rank = ranked_set_rank(&result->shared_leaves, chunk->pairs[i].b);
            lower(w, &result->leaf_dominator[rank], chunk->pairs[i].a, &steps);
            allowed += STEPS_PER_EDGE;
            if (steps > allowed || __atomic_load_n(&w->deep, __ATOMIC_RELAXED)) {
                if (w->path_top)
                    continue;
                /* All climb once more, by paths; what was found so far stays true. */
                __atomic_store_n(&w->deep, true, __ATOMIC_RELAXED);
                return NULL;
            }
        }
    }
}

static struct error *climb(struct leaf_work *w, unsigned threads)
{
    struct graph_result *result = w->result;
    TRY(big_array((uint64_t)result->shared_leaves.count * sizeof(uint32_t),
                  &result->leaf_dominator));
    uint32_t rank = 0;
    for (uint64_t id = ranked_set_next(&result->shared_leaves, 0); id != RANKED_SET_END;
         id = ranked_set_next(&result->shared_leaves, id + 1)) {
        result->leaf_dominator[rank++] = result->position[id];
    }
    w->next_chunk = 0;
    TRY(parallel_run(threads, climb_part, w));
    if (!w->deep)
        return NULL;
    cut_heavy_paths(w);
    w->next_chunk = 0;
    return parallel_run(threads, climb_part, w);
}

struct error *graph_leaf_dominators(const struct graph *graph, struct graph_result *result,
                                    unsigned threads, struct pair_list *leaves)
{
    struct leaf_work w = {.graph = graph, .result = result, .extra = leaves};
    TRY(ranked_set_init(&result->shared_leaves, graph->object_ids));
    TRY(parallel_run(threads, collect_part, &w));
    ranked_set_number(&result->shared_leaves);
    struct error *error = climb(&w, threads);
    pair_list_deinit(leaves);
    clear_heavy_paths(&w);
    return error;
}
