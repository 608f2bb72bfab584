#include "graph/walk_leaves.h"

#include <unistd.h>

enum {
    CLAIM_NODES = 2048,
    EDGES_AHEAD = 24, /* of one node, to prefetch */
    AHEAD_OF_RANGE = 32,
    AHEAD_OF_EDGES = 20,
    AHEAD_OF_TARGETS = 10,
    POPULATE_ENTRIES = 1 << 19, /* at once: 2 MiB, a huge page */
    SPINS = 12,
    WAIT_MICROSECONDS = 50,
};

struct claim {
    uint64_t begin, end;
    uint64_t known; /* up to there order may be read ahead */
};

void leaf_walk_begin(struct leaf_walk *walk, uint32_t class_first)
{
    walk->class_first = class_first;
    walk->published = walk->claimed = class_first;
    walk->complete = walk->more_wanted = false;
    walk->markers = MARKERS_NONE;
}

void leaf_walk_complete(struct leaf_walk *walk, uint64_t count, bool failed)
{
    if (failed)
        __atomic_store_n(&walk->failed, true, __ATOMIC_RELAXED);
    leaf_walk_publish(walk, count);
    __atomic_store_n(&walk->complete, true, __ATOMIC_RELEASE);
}

/* Three distances, each fetching what the next will read. */
static inline void look_ahead(const struct leaf_walk *walk, const struct claim *claim, uint64_t i)
{
    const struct graph *graph = walk->graph;
    const uint32_t *order = walk->result->order;
    uint32_t ids = graph->object_ids;
    if (i + AHEAD_OF_RANGE < claim->known) {
        uint32_t node = order[i + AHEAD_OF_RANGE];
        if (node < ids)
            __builtin_prefetch(&graph->edge_begin[node]);
    }
    if (i + AHEAD_OF_EDGES < claim->known) {
        uint32_t node = order[i + AHEAD_OF_EDGES];
        if (node < ids)
            __builtin_prefetch(&graph->edges[graph->edge_begin[node]]);
    }
    if (i + AHEAD_OF_TARGETS < claim->known) {
        struct edge_range range = node_edges(graph, walk->result, order[i + AHEAD_OF_TARGETS]);
        if (range.end - range.begin > EDGES_AHEAD)
            range.end = range.begin + EDGES_AHEAD;
        for (const uint32_t *e = range.begin; e < range.end; e++) {
            if (*e & GRAPH_LEAF)
                __builtin_prefetch(&walk->result->position[*e & GRAPH_ID], 1);
        }
    }
}

/* What stood at the leaf's position before, 0 when this is the first to come. */
static inline uint32_t discover(uint32_t *slot, uint32_t me, bool many)
{
    uint32_t seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
    if (seen)
        return seen;
    if (!many) {
        __atomic_store_n(slot, me, __ATOMIC_RELAXED);
        return 0;
    }
    __atomic_compare_exchange_n(slot, &seen, me, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    return seen;
}

static struct error *mark_leaves(const struct leaf_walk *walk, uint32_t me, bool many,
                                 struct pair_list *extra)
{
    const struct graph *graph = walk->graph;
    uint32_t *position = walk->result->position;
    struct edge_range range = node_edges(graph, walk->result, walk->result->order[me]);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        if (range.end - e > EDGES_AHEAD)
            __builtin_prefetch(&position[e[EDGES_AHEAD - 4] & GRAPH_ID], 1);
        if (!(*e & GRAPH_LEAF))
            continue;
        uint32_t leaf = *e & GRAPH_ID;
        assert(leaf < graph->object_ids);
        uint32_t seen = discover(&position[leaf], me, many);
        if (seen && seen != me && seen >= walk->class_first)
            TRY(pair_list_push(extra, me, leaf));
    }
    return NULL;
}

static bool claim_some(struct leaf_walk *walk, struct claim *out)
{
    uint64_t begin = __atomic_load_n(&walk->claimed, __ATOMIC_RELAXED), known, end;
    do {
        known = __atomic_load_n(&walk->published, __ATOMIC_ACQUIRE);
        if (begin >= known)
            return false;
        end = MIN_OF(known, begin + CLAIM_NODES);
    } while (!__atomic_compare_exchange_n(&walk->claimed, &begin, end, false, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    *out = (struct claim){begin, end, known};
    return true;
}

/* Some entries of 4 B of an array of `all`, from *done on. */
static bool populate(uint32_t *array, uint64_t done, uint64_t all)
{
    return big_array_populate(array + done, MIN_OF(all - done, (uint64_t)POPULATE_ENTRIES) * 4);
}

/* Makes some pages resident, the most urgent first; false when there is nothing to do. Sizes only
 * for positions that there are: more would be memory that nobody needs. */
static bool populate_next(struct leaf_walk *walk, uint64_t published)
{
    const struct graph_result *result = walk->result;
    uint64_t ids = result->object_ids, nodes = ids + result->root_count + 1;
    bool done = true;
    if (walk->populated_positions < MIN_OF(nodes, published + POPULATE_ENTRIES)) {
        done = populate(result->order, walk->populated_positions, nodes) &&
               populate(result->dominator, walk->populated_positions, nodes);
        walk->populated_positions += POPULATE_ENTRIES;
    } else if (walk->populated_ids < ids) {
        done = populate(result->position, walk->populated_ids, ids);
        walk->populated_ids += POPULATE_ENTRIES;
    } else if (walk->populated_sums + POPULATE_ENTRIES <= published) {
        uint64_t *bytes = result->retained_bytes + walk->populated_sums;
        done = populate(result->retained_objects, walk->populated_sums, nodes) &&
               big_array_populate(bytes, POPULATE_ENTRIES * sizeof(*bytes));
        walk->populated_sums += POPULATE_ENTRIES;
    } else {
        return false;
    }
    walk->cannot_populate = !done;
    return done;
}

/* One thread at a time. */
static bool populate_some(struct leaf_walk *walk)
{
    if (__atomic_exchange_n(&walk->someone_populates, true, __ATOMIC_ACQUIRE))
        return false;
    bool done = !walk->cannot_populate &&
                populate_next(walk, __atomic_load_n(&walk->published, __ATOMIC_RELAXED));
    __atomic_store_n(&walk->someone_populates, false, __ATOMIC_RELEASE);
    return done;
}

static void wait_a_little(unsigned *waits)
{
    if (++*waits > SPINS) {
        usleep(WAIT_MICROSECONDS);
        return;
    }
    for (unsigned i = 0; i < *waits * 4; i++)
        __builtin_ia32_pause();
}

/* Becomes the lone marker (true), or one of many once the lone one agrees (false). */
static bool take_part(struct leaf_walk *walk)
{
    int nobody = MARKERS_NONE;
    if (__atomic_compare_exchange_n(&walk->markers, &nobody, MARKERS_ONE, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE))
        return true;
    __atomic_store_n(&walk->more_wanted, true, __ATOMIC_RELAXED);
    unsigned waits = 0;
    while (__atomic_load_n(&walk->markers, __ATOMIC_ACQUIRE) != MARKERS_MANY &&
           !__atomic_load_n(&walk->failed, __ATOMIC_RELAXED))
        wait_a_little(&waits);
    return false;
}

static struct error *follow(struct leaf_walk *walk, bool lone, bool wait, struct pair_list *extra)
{
    struct claim claim;
    bool many = !lone;
    unsigned waits = 0;
    while (!__atomic_load_n(&walk->failed, __ATOMIC_RELAXED)) {
        if (lone && !many && __atomic_load_n(&walk->more_wanted, __ATOMIC_RELAXED)) {
            many = true;
            __atomic_store_n(&walk->markers, MARKERS_MANY, __ATOMIC_RELEASE);
        }
        /* complete first: all is published before it */
        bool complete = __atomic_load_n(&walk->complete, __ATOMIC_ACQUIRE);
        if (!claim_some(walk, &claim)) {
            if (complete || !wait)
                break;
            if (!populate_some(walk))
                wait_a_little(&waits);
            continue;
        }
        waits = 0;
        for (uint64_t i = claim.begin; i < claim.end; i++) {
            look_ahead(walk, &claim, i);
            TRY(mark_leaves(walk, (uint32_t)i, many, extra));
        }
    }
    return NULL;
}

struct error *leaf_walk_follow(struct leaf_walk *walk, bool wait, struct pair_list *extra)
{
    bool lone = take_part(walk);
    struct error *error = follow(walk, lone, wait, extra);
    if (error)
        __atomic_store_n(&walk->failed, true, __ATOMIC_RELAXED);
    if (lone)
        __atomic_store_n(&walk->markers, wait ? MARKERS_MANY : MARKERS_NONE, __ATOMIC_RELEASE);
    return error;
}
