#include "graph/holder_sets.h"

#include <string.h>

#include "graph/graph.h"

struct error *holder_sets_init(struct holder_sets *sets, uint64_t holders)
{
    *sets = (struct holder_sets){0};
    return memory_array(holders, sizeof(uint32_t), &sets->holder_united_at);
}

void holder_sets_deinit(struct holder_sets *sets)
{
    vector_deinit(&sets->sets);
    vector_deinit(&sets->members);
    hash_map_deinit(&sets->first_of_hash);
    free(sets->holder_united_at);
    vector_deinit(&sets->gathered);
    *sets = (struct holder_sets){0};
}

void holder_sets_begin(struct holder_sets *sets)
{
    sets->unions++;
    sets->gathered.count = 0;
    sets->gathered_more = false;
    sets->only = UINT32_MAX;
}

struct error *holder_sets_add(struct holder_sets *sets, uint32_t holder)
{
    if (sets->holder_united_at[holder] == sets->unions)
        return NULL;
    TRY(vector_push(&sets->gathered, holder));
    sets->holder_united_at[holder] = sets->unions;
    sets->only = UINT32_MAX;
    return NULL;
}

struct error *holder_sets_add_set(struct holder_sets *sets, uint32_t set)
{
    struct holder_set *added = &sets->sets.data[set];
    if (added->united_at == sets->unions)
        return NULL;
    added->united_at = sets->unions;
    bool alone = !sets->gathered.count;
    for (uint32_t i = 0; i < added->count; i++)
        TRY(holder_sets_add(sets, sets->members.data[added->first + i]));
    sets->gathered_more |= added->more;
    sets->only = alone ? set : UINT32_MAX;
    return NULL;
}

static int compare_holders(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static struct error *intern(struct holder_sets *sets, uint32_t *out_set)
{
    const uint32_t *members = sets->gathered.data;
    uint32_t count = (uint32_t)sets->gathered.count;
    uint64_t hash = hash_bytes(members, count * sizeof(*members)) + sets->gathered_more;
    uint64_t *first;
    TRY(hash_map_insert(&sets->first_of_hash, hash | 1, &first, NULL));
    for (uint64_t s = *first; s; s = sets->sets.data[s - 1].next_same_hash) {
        const struct holder_set *set = &sets->sets.data[s - 1];
        if (set->count == count && set->more == sets->gathered_more &&
            !memcmp(sets->members.data + set->first, members, count * sizeof(*members))) {
            *out_set = (uint32_t)(s - 1);
            return NULL;
        }
    }
    struct holder_set made = {.first = sets->members.count,
                              .count = count,
                              .more = sets->gathered_more,
                              .next_same_hash = (uint32_t)*first};
    TRY(vector_reserve(&sets->members, sets->members.count + count));
    TRY(vector_push(&sets->sets, made));
    memcpy(sets->members.data + sets->members.count, members, count * sizeof(*members));
    sets->members.count += count;
    *first = sets->sets.count;
    *out_set = (uint32_t)(sets->sets.count - 1);
    return NULL;
}

struct error *holder_sets_end(struct holder_sets *sets, uint32_t *out_set)
{
    if (sets->only != UINT32_MAX) {
        *out_set = sets->only;
        return NULL;
    }
    TRY(vector_reserve(&sets->gathered, 1)); /* a valid pointer also for the empty set */
    qsort(sets->gathered.data, sets->gathered.count, sizeof(uint32_t), compare_holders);
    if (sets->gathered.count > GRAPH_SHARED_HOLDERS_MAX) {
        sets->gathered.count = GRAPH_SHARED_HOLDERS_MAX;
        sets->gathered_more = true;
    }
    return intern(sets, out_set);
}
