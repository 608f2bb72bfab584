#include "gort/bit_blocks.h"

#include <string.h>

enum { BLOCKS_MAX = 1024 };
#define BLOCK_BYTES ((uint64_t)64 << 10)

struct error *bit_blocks_init(struct bit_blocks *blocks, struct target *target)
{
    *blocks = (struct bit_blocks){.target = target};
    if (target->kind == TARGET_CORE)
        return NULL;
    return big_array(BLOCKS_MAX * BLOCK_BYTES, &blocks->bytes);
}

void bit_blocks_deinit(struct bit_blocks *blocks)
{
    big_array_free(blocks->bytes, BLOCKS_MAX * BLOCK_BYTES);
    hash_map_deinit(&blocks->places);
    *blocks = (struct bit_blocks){0};
}

/* Where the block's bytes are, NULL when they were not or cannot be read. */
static struct error *find_block(struct bit_blocks *blocks, uint64_t number, const uint8_t **out)
{
    const uint64_t *known = hash_map_find(&blocks->places, number);
    uint64_t place = known ? *known : 0;
    if (!known && blocks->places.count < BLOCKS_MAX) {
        uint64_t *value, next = blocks->places.count;
        TRY(hash_map_insert(&blocks->places, number, &value, NULL));
        struct error *error = target_read(blocks->target, number * BLOCK_BYTES,
                                          blocks->bytes + next * BLOCK_BYTES, BLOCK_BYTES);
        *value = place = error ? 0 : next + 1;
        error_destroy(error); /* perhaps only what stands beside the bits */
    }
    *out = place ? blocks->bytes + (place - 1) * BLOCK_BYTES : NULL;
    return NULL;
}

struct error *bit_blocks_read(struct bit_blocks *blocks, uint64_t address, uint8_t *out, uint64_t n)
{
    uint64_t number = address / BLOCK_BYTES, within = address % BLOCK_BYTES;
    const uint8_t *block = NULL;
    if (blocks->bytes && number && n <= BLOCK_BYTES - within)
        TRY(find_block(blocks, number, &block));
    if (!block)
        return target_read(blocks->target, address, out, n);
    memcpy(out, block + within, n);
    return NULL;
}
