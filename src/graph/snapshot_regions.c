#include "graph/snapshot_columns.h"

struct error *leaf_groups_init(struct leaf_groups *leaves, const struct snapshot_regions *regions,
                               uint32_t object_ids)
{
    leaves->bytes = bitset_words(object_ids);
    TRY(big_array(leaves->bytes, &leaves->bits));
    for (uint64_t r = 0; r < regions->items.count; r++) {
        const struct snapshot_region *region = &regions->items.data[r];
        if (!region->no_pointers)
            continue;
        uint64_t end = ((uint64_t)region->first_id + region->slots + 7) / 8;
        for (uint64_t group = region->first_id / 8; group < end; group++)
            leaves->bits[group / 8] |= (uint8_t)(1 << group % 8);
    }
    return NULL;
}

void leaf_groups_deinit(struct leaf_groups *leaves)
{
    big_array_free(leaves->bits, leaves->bytes);
    leaves->bits = NULL;
}

/* The last region that begins at or below id or address. */
static const struct snapshot_region *last_below(const struct snapshot_regions *regions,
                                                uint64_t place, bool by_address)
{
    uint64_t low = 0, high = regions->items.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        const struct snapshot_region *region = &regions->items.data[middle];
        if ((by_address ? region->address : region->first_id) <= place)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &regions->items.data[low - 1] : NULL;
}

const struct snapshot_region *snapshot_region_of(const struct snapshot_regions *regions,
                                                 uint32_t id)
{
    const struct snapshot_region *region = last_below(regions, id, false);
    return region && id - region->first_id < region->slots ? region : NULL;
}

uint32_t snapshot_find_object(const struct snapshot_regions *regions, uint64_t address)
{
    const struct snapshot_region *region = last_below(regions, address, true);
    if (!region)
        return GRAPH_NONE;
    uint64_t slot = (address - region->address) / region->element_size;
    return slot < region->slots ? region->first_id + (uint32_t)slot : GRAPH_NONE;
}
