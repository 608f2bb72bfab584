/*
 * Sets of holders, each kept once. A set is the first GRAPH_SHARED_HOLDERS_MAX of its members in
 * ascending order, and whether there are more; so united from whatever parts in whatever order, the
 * same members give the same set, and none costs more than 256 B.
 *
 * A union is built between holder_sets_begin and holder_sets_end.
 */
#ifndef LEAKHOUND_GRAPH_HOLDER_SETS_H
#define LEAKHOUND_GRAPH_HOLDER_SETS_H

#include "base/hash.h"

struct holder_set {
    uint64_t first; /* index into members */
    uint32_t count;
    bool more;
    uint32_t next_same_hash; /* set + 1 */
    uint32_t united_at;      /* the last union it went into */
};

struct holder_sets {
    VECTOR(struct holder_set) sets;
    VECTOR(uint32_t) members;
    struct hash_map first_of_hash; /* hash → set + 1 */
    uint32_t *holder_united_at;    /* by holder */
    uint32_t unions;
    VECTOR(uint32_t) gathered;
    bool gathered_more;
    uint32_t only; /* the one set that the union has got so far, or UINT32_MAX */
};

/* holders: the numbers 0 … holders - 1 may be added. */
struct error *holder_sets_init(struct holder_sets *sets, uint64_t holders) ERROR_CHECK;
void holder_sets_deinit(struct holder_sets *sets);

void holder_sets_begin(struct holder_sets *sets);
struct error *holder_sets_add(struct holder_sets *sets, uint32_t holder) ERROR_CHECK;
struct error *holder_sets_add_set(struct holder_sets *sets, uint32_t set) ERROR_CHECK;
struct error *holder_sets_end(struct holder_sets *sets, uint32_t *out_set) ERROR_CHECK;

#endif
