/*
 * A set of object ids that numbers its members: a bitset, and the count of members before each
 * word. So a property of few objects costs 4 B for each of those few and 3/16 B for every id, and
 * the set itself mostly stays in the processor's cache.
 */
#ifndef LEAKHOUND_GRAPH_RANKED_SET_H
#define LEAKHOUND_GRAPH_RANKED_SET_H

#include "base/bitset.h"
#include "base/memory.h"

struct ranked_set {
    uint64_t *bits;
    uint32_t *rank_before; /* by word; valid after ranked_set_number */
    uint64_t words;
    uint32_t count;
};

/* An empty set over the ids 0 … ids - 1. */
struct error *ranked_set_init(struct ranked_set *set, uint64_t ids) ERROR_CHECK;
void ranked_set_deinit(struct ranked_set *set);

/* Adds from any thread. */
static inline void ranked_set_add(struct ranked_set *set, uint32_t id)
{
    uint64_t *word = &set->bits[id >> 6], bit = (uint64_t)1 << (id & 63);
    if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
        __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
}

/* Numbers the members in ascending order; no more may be added afterwards. */
void ranked_set_number(struct ranked_set *set);

static inline bool ranked_set_has(const struct ranked_set *set, uint32_t id)
{
    return bitset_get(set->bits, id);
}
static inline uint32_t ranked_set_rank(const struct ranked_set *set, uint32_t id)
{
    uint64_t below = set->bits[id >> 6] & (((uint64_t)1 << (id & 63)) - 1);
    return set->rank_before[id >> 6] + (uint32_t)__builtin_popcountll(below);
}

/* The first member from `from` on, or RANKED_SET_END. */
#define RANKED_SET_END UINT64_MAX
static inline uint64_t ranked_set_next(const struct ranked_set *set, uint64_t from)
{
    uint64_t w = from >> 6;
    if (w >= set->words)
        return RANKED_SET_END;
    uint64_t rest = set->bits[w] & (UINT64_MAX << (from & 63));
    while (!rest && ++w < set->words)
        rest = set->bits[w];
    return rest ? w * 64 + (uint64_t)__builtin_ctzll(rest) : RANKED_SET_END;
}

#endif
