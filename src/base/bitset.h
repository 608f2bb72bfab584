/* Bitsets as plain arrays of 64-bit words; ⅛ byte per member. */
#ifndef LEAKHOUND_BASE_BITSET_H
#define LEAKHOUND_BASE_BITSET_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t bitset_words(uint64_t bits)
{
    return (bits + 63) / 64;
}
static inline bool bitset_get(const uint64_t *set, uint64_t i)
{
    return (set[i >> 6] >> (i & 63)) & 1;
}
static inline void bitset_set(uint64_t *set, uint64_t i)
{
    set[i >> 6] |= (uint64_t)1 << (i & 63);
}
static inline void bitset_clear(uint64_t *set, uint64_t i)
{
    set[i >> 6] &= ~((uint64_t)1 << (i & 63));
}

#endif
