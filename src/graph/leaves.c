#include "graph/leaves.h"

#include <string.h>

#include "base/parallel.h"

/* A climb in heavy paths costs no more than some 30 steps: past as many per edge they pay. */
enum { STEPS_PER_EDGE = 32, STEPS_FREE = 4096, CLIMBERS = 16 };

struct leaf_work {
    const struct graph *graph;
    struct graph_result *result;
    struct pair_list *extra;
    uint64_t next_chunk;
    bool deep;          /* somebody's climbs are too long */
    uint32_t *path_top; /* position → top of its heavy path, or NULL; in result->retained_bytes */
};

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

/* One edge on its way: from its source and from what is known of the leaf's dominator up to their
 * nearest common ancestor. Several go at once, so that they wait for memory together. */
struct climber {
    uint32_t a, b;
    uint32_t known, *slot; /* in leaf_dominator */
};

static void begin_climb(const struct leaf_work *w, const struct pair_chunk *chunk, uint64_t i,
                        struct climber *out)
{
    const struct ranked_set *set = &w->result->shared_leaves;
    if (i + 16 < chunk->count) {
        uint32_t soon = chunk->pairs[i + 16].b;
        __builtin_prefetch(&set->bits[soon >> 6]);
        __builtin_prefetch(&set->rank_before[soon >> 6]);
    }
    if (i + 8 < chunk->count) {
        uint32_t rank = ranked_set_rank(set, chunk->pairs[i + 8].b);
        __builtin_prefetch(&w->result->leaf_dominator[rank], 1);
    }
    uint32_t *slot = &w->result->leaf_dominator[ranked_set_rank(set, chunk->pairs[i].b)];
    uint32_t known = __atomic_load_n(slot, __ATOMIC_RELAXED);
    *out = (struct climber){known, chunk->pairs[i].a, known, slot};
}

/* A step up from the one that is lower in the tree, as a larger position may be. True at the common
 * ancestor. */
static inline bool step(const uint32_t *dominator, struct climber *c)
{
    uint32_t low = MIN_OF(c->a, c->b), high = MAX_OF(c->a, c->b);
    c->a = low;
    if (low == high)
        return true;
    c->b = dominator[high];
    return false;
}

/* The same by heavy paths. Of two different paths the one with the larger top cannot hold a
 * common ancestor: the other's nodes would lie below it and have a larger top. */
static inline bool step_by_paths(const uint32_t *dominator, const uint32_t *path_top,
                                 struct climber *c)
{
    uint32_t top_a = path_top[c->a], top_b = path_top[c->b];
    if (top_a == top_b) {
        c->a = MIN_OF(c->a, c->b);
        return true;
    }
    if (top_a > top_b)
        c->a = dominator[top_a];
    else
        c->b = dominator[top_b];
    return false;
}

/* False when another edge of that leaf was quicker: then the climb goes on from what that found. */
static inline bool end_climb(struct climber *c)
{
    uint32_t common = c->a;
    if (common == c->known || __atomic_compare_exchange_n(c->slot, &c->known, common, false,
                                                          __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return true;
    c->a = c->known;
    c->b = common;
    return false;
}

/* False when the climbs are too long. */
static bool climb_chunk(const struct leaf_work *w, const struct pair_chunk *chunk, uint64_t *steps)
{
    const uint32_t *dominator = w->result->dominator, *path_top = w->path_top;
    struct climber climbers[CLIMBERS];
    uint64_t next = 0;
    uint32_t count = 0;
    for (; next < chunk->count && count < CLIMBERS; next++)
        begin_climb(w, chunk, next, &climbers[count++]);
    while (count) {
        *steps += count;
        for (uint32_t i = 0; i < count; i++) {
            struct climber *c = &climbers[i];
            if (!(path_top ? step_by_paths(dominator, path_top, c) : step(dominator, c)) ||
                !end_climb(c))
                continue;
            if (next < chunk->count)
                begin_climb(w, chunk, next++, c);
            else
                *c = climbers[--count];
        }
        if (!path_top && *steps > STEPS_FREE + next * STEPS_PER_EDGE)
            return false;
    }
    return true;
}

static struct error *climb_part(void *context, unsigned part)
{
    (void)part;
    struct leaf_work *w = context;
    while (!__atomic_load_n(&w->deep, __ATOMIC_RELAXED) || w->path_top) {
        uint64_t c = __atomic_fetch_add(&w->next_chunk, 1, __ATOMIC_RELAXED), steps = 0;
        if (c >= w->extra->chunks.count)
            break;
        /* All climb once more, by paths; what was found so far stays true. */
        if (!climb_chunk(w, w->extra->chunks.data[c], &steps))
            __atomic_store_n(&w->deep, true, __ATOMIC_RELAXED);
    }
    return NULL;
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
