/* Goroutines with very many deferred calls: `defer` in a loop runs none of them before the function
 * returns (runtime/panic.go; g._defer). Only records on the heap count: those of a loop are there
 * in every version, while others have a place on the stack or none at all. */
#ifndef LEAKHOUND_GORT_DEFER_PILES_H
#define LEAKHOUND_GORT_DEFER_PILES_H

#include "gort/goroutine.h"
#include "gort/heap.h"

enum { DEFER_PILE_LEAST = 64 };

struct defer_pile {
    uint32_t goroutine; /* index in the list */
    uint64_t count;     /* of the calls that one place has deferred; the place with the most */
    const char *function, *at; /* that place: "main.load", "load.go:30"; "" unknown */
    const char *called;        /* the function that is deferred there */
    uint64_t first, objects;   /* in the table's: records, closures, arguments, of all places */
};

struct defer_pile_table {
    VECTOR(struct defer_pile) items; /* ascending by goroutine */
    VECTOR(uint32_t) objects;        /* ids */
    struct arena arena;
};

/* Cost: a read per record of chains that are at least that long, else one per goroutine. The caller
 * frees *out, also after an error. */
struct error *defer_piles_read(struct go_runtime *runtime, const struct heap *heap,
                               const struct goroutine_list *goroutines,
                               struct defer_pile_table *out) ERROR_CHECK;
void defer_piles_deinit(struct defer_pile_table *table);

#endif
