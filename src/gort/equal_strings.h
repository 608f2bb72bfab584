/*
 * Strings with the same contents in different objects: what interning would save. Of the contents
 * nothing is kept but which objects are alike.
 *
 * Only strings that are the whole of their object count (they begin where it does, and fill half of
 * it or more), and no objects of 16 bytes, which may be several small values together. Of large
 * heaps a sample is taken, all objects of one span in 2^shift: pairs are then mostly missed, and
 * what is found often is found in proportion. So bytes times 2^shift are at most the truth, but for
 * chance.
 *
 * Memory: 4 B per object id of the spans in the sample while strings are collected; then 16 B, at
 * last 4 B per string that has its like; SAMPLE_MAX strings at most.
 */
#ifndef LEAKHOUND_GORT_EQUAL_STRINGS_H
#define LEAKHOUND_GORT_EQUAL_STRINGS_H

#include "base/hash.h"
#include "gort/heap.h"

struct string_sample {
    uint32_t *lengths; /* by object id: of the longest string that begins with it (big_array) */
    uint64_t bytes;
    unsigned shift;
};

struct string_group {      /* of equal strings */
    uint32_t first, count; /* in members; at least two */
    uint32_t length;
};

struct equal_strings {
    VECTOR(struct string_group) groups; /* by their first member */
    VECTOR(uint32_t) members;           /* object ids, ascending in each group */
    uint64_t looked_at;                 /* strings */
    unsigned shift;                     /* of the sample */
};

struct error *string_sample_begin(const struct heap *heap, struct string_sample *out) ERROR_CHECK;
void string_sample_end(struct string_sample *sample);

/* A string of so many bytes at address, which lies between heap->low and heap->high. From any
 * thread. */
static inline void string_sample_add(const struct string_sample *sample, const struct heap *heap,
                                     uint64_t address, uint64_t length)
{
    const struct heap_page *page = &heap->pages[(address - heap->low) >> HEAP_PAGE_SHIFT];
    if (!(page->slots & HEAP_PAGE_NO_POINTERS) || length > UINT32_MAX ||
        hash_mix(page->first_id >> 3) & ((1u << sample->shift) - 1))
        return;
    uint32_t id = heap_find_start(heap, address, &page);
    if (id == HEAP_NONE)
        return;
    uint32_t old = __atomic_load_n(&sample->lengths[id], __ATOMIC_RELAXED);
    while (old < length &&
           !__atomic_compare_exchange_n(&sample->lengths[id], &old, (uint32_t)length, false,
                                        __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Reads the contents of the strings in the sample, in the order of addresses. Up to heap->threads
 * threads; the result does not depend on them. */
struct error *equal_strings_read(struct target *target, const struct heap *heap,
                                 const struct string_sample *sample,
                                 struct equal_strings *out) ERROR_CHECK;
void equal_strings_deinit(struct equal_strings *strings);

#endif
