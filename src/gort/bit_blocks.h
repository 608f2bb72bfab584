/*
 * Reading the allocation bits of spans: some ten bytes for each, spread over blocks of 64 KiB in
 * the order of the last sweep (runtime/mheap.go, gcBitsArena). Of a live process each block is read
 * once; spans in the order of their addresses would read a page for nearly every span.
 *
 * Memory: 64 KiB per block, at most 64 MiB, until bit_blocks_deinit.
 */
#ifndef LEAKHOUND_GORT_BIT_BLOCKS_H
#define LEAKHOUND_GORT_BIT_BLOCKS_H

#include "base/hash.h"
#include "target/target.h"

struct bit_blocks {
    struct target *target;
    struct hash_map
        places;     /* number of the block → its place in bytes + 1, 0 when it is not read */
    uint8_t *bytes; /* big_array, NULL where it does not pay */
};

struct error *bit_blocks_init(struct bit_blocks *blocks, struct target *target) ERROR_CHECK;
void bit_blocks_deinit(struct bit_blocks *blocks);

/* As target_read. */
struct error *bit_blocks_read(struct bit_blocks *blocks, uint64_t address, uint8_t *out,
                              uint64_t n) ERROR_CHECK;

#endif
