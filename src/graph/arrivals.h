/*
 * Edges sorted by their targets, roughly: into blocks of neighbouring positions, so small that what
 * is done with a block's edges stays in the processor's cache. That is as good as a full sort for
 * whoever goes through the positions in order, and one pass instead of several.
 */
#ifndef LEAKHOUND_GRAPH_ARRIVALS_H
#define LEAKHOUND_GRAPH_ARRIVALS_H

#include "graph/pair_list.h"

struct arrivals {
    struct pair *pairs; /* a: source, b: target */
    uint64_t *begin;    /* block → index into pairs; block_count + 1 entries */
    uint64_t block_count;
    uint64_t count;
    unsigned shift; /* block of a target = target >> shift */
};

/* edges: targets below `targets`; they are used up. 8 B per edge, twice that for a moment.
 * O(edges). ERROR_LIMIT from 2^32 - 1 edges on. */
struct error *arrivals_sort(struct pair_list *edges, uint32_t targets, unsigned threads,
                            struct arrivals *out) ERROR_CHECK;
void arrivals_deinit(struct arrivals *arrivals);

#endif
