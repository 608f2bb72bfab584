#include "graph/ranked_set.h"

struct error *ranked_set_init(struct ranked_set *set, uint64_t ids)
{
    struct ranked_set made = {.words = bitset_words(ids)};
    TRY(big_array(made.words * sizeof(uint64_t), &made.bits));
    struct error *error = big_array(made.words * sizeof(uint32_t), &made.rank_before);
    if (error) {
        big_array_free(made.bits, made.words * sizeof(uint64_t));
        return error;
    }
    *set = made;
    return NULL;
}

void ranked_set_deinit(struct ranked_set *set)
{
    big_array_free(set->bits, set->words * sizeof(uint64_t));
    big_array_free(set->rank_before, set->words * sizeof(uint32_t));
    *set = (struct ranked_set){0};
}

void ranked_set_number(struct ranked_set *set)
{
    uint32_t count = 0;
    for (uint64_t w = 0; w < set->words; w++) {
        set->rank_before[w] = count;
        count += (uint32_t)__builtin_popcountll(set->bits[w]);
    }
    set->count = count;
}
