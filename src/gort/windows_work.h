/* What the passes over the heap share that look for windows. Private to the windows of gort. */
#ifndef LEAKHOUND_GORT_WINDOWS_WORK_H
#define LEAKHOUND_GORT_WINDOWS_WORK_H

#include "base/bitset.h"
#include "gort/windows.h"
#include "graph/ranked_set.h"

struct window_slot {
    uint64_t offset;  /* in a value */
    uint64_t element; /* bytes of what it counts: 1 for a string; pointer: of what it leads to */
    uint32_t type;    /* of that */
    uint8_t kind;     /* KIND_STRING, KIND_SLICE or KIND_POINTER */
};

struct window_plan {       /* of a type: how to look through its values */
    uint32_t first, count; /* its slots; strings and slices come before pointers */
    uint32_t wide;         /* of them, strings and slices */
    uint64_t size;         /* of a value */
};

struct window_target_sum { /* while they are collected */
    struct window_set set;
    uint64_t element;
    uint32_t element_type;
    uint8_t flags;
    bool mixed; /* windows of elements of different types */
    bool whole, lock;
};

struct windows_work {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct graph *graph;
    const struct root_table *roots;
    const struct variable_table *variables;
    const struct edge_words *words;
    const struct typing *typing;
    const struct string_sample *sample;
    VECTOR(struct window_slot) slots;
    VECTOR(struct window_plan) plans; /* by type */
    struct ranked_set suspects;
    uint64_t by_size[64];           /* suspects by the logarithm of their size */
    struct window_target_sum *sums; /* by rank (big_array) */
    uint64_t sums_bytes;
    uint32_t next_part;
};

/* A value that leads into the heap, as its slot tells. */
struct window_value {
    uint32_t id;             /* HEAP_NONE: it leads to no object */
    bool is_whole;           /* it sees all of it, or makes no sense */
    struct window_part part; /* else: in the slot */
    uint64_t copy_bytes;     /* what a copy of the part would take */
    uint64_t element;        /* bytes, and type, of what it counts */
    uint32_t element_type;
    uint8_t flag; /* WINDOWS_STRINGS, ... */
};
/* words: as many as the slot has, the first of which lies between heap->low and heap->high. */
struct window_value window_value_of(const struct windows_work *work, const struct window_slot *slot,
                                    const uint8_t *words);

/* What the words at a place without a type are, the first of which leads to object id; false when
 * they do not tell. Sets flags. */
bool windows_guess(const struct windows_work *work, uint32_t id, const uint64_t words[3],
                   struct window_slot *out, uint8_t *flags);

/* Does so little of the object show, or so much be held by what does not, that it is worth a look?
 */
bool windows_is_suspect(const struct windows_work *work, const struct window_value *value);

static inline const struct window_plan *windows_plan(const struct windows_work *work, uint32_t id)
{
    static const struct window_plan none = {0};
    uint32_t type = typing_type(work->typing, id);
    return type < work->plans.count ? &work->plans.data[type] : &none;
}

/* windows_sweep.c: fills suspects and by_size from the typed objects. */
struct error *windows_find_suspects(struct windows_work *work) ERROR_CHECK;

/* windows_sources.c: adds those that variables see to suspects and by_size. */
struct error *windows_suspects_of_variables(struct windows_work *work) ERROR_CHECK;
/* Fills sums from everything that leads to a suspect. */
struct error *windows_add_sources(struct windows_work *work) ERROR_CHECK;

#endif
