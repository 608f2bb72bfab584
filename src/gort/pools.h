/*
 * What waits for its next use in the pools of the program (sync/pool.go, poolqueue.go): the
 * objects in each P's private slot and ring, and in the victim cache, where each cycle of the
 * collector moves them before the next one drops them.
 *
 * The pools are those that sync.allPools and sync.oldPools list. These are found as the slices of
 * pools to which sync.poolCleanup refers.
 */
#ifndef LEAKHOUND_GORT_POOLS_H
#define LEAKHOUND_GORT_POOLS_H

#include "gort/heap.h"

struct pool {
    uint64_t address;
    uint32_t object; /* that the sync.Pool is or lies in, HEAP_NONE: a variable */
    uint32_t locals; /* Ps that it has a place for */
    uint64_t first_item, item_count;
};

struct pool_item {
    uint32_t source; /* object of the slot: array of poolLocal, or a ring */
    uint32_t object; /* what the slot holds */
};

struct pool_table {
    VECTOR(struct pool) pools;
    VECTOR(struct pool_item) items; /* by pool */
};

/* Pools that make no sense are left out. Cost: a read per slot in use. The caller frees *out, also
 * after an error. */
struct error *pool_table_read(struct go_runtime *runtime, const struct heap *heap,
                              struct pool_table *out) ERROR_CHECK;
void pool_table_deinit(struct pool_table *table);

#endif
