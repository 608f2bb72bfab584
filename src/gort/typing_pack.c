#include <malloc.h>
#include <string.h>

#include "gort/typing.h"

/* From the front: an entry of half the width never reaches one that has not been read. By bytes,
 * since the row has two types of element meanwhile. */
struct error *typing_pack(struct typing *typing)
{
    const uint64_t ids = typing->heap->object_ids;
    char *row = (char *)typing->types;
    if (typing->table.types.count >= UINT16_MAX)
        return NULL;
    TRY(big_array(ids / 4 + 1, &typing->strengths));
    for (uint64_t id = 0; id < ids; id++) {
        uint32_t wide;
        memcpy(&wide, row + id * sizeof(wide), sizeof(wide));
        uint16_t type = (uint16_t)(wide & 0x3fffffffu);
        if (wide >> 30)
            typing->strengths[id / 4] |= (uint8_t)(wide >> 30 << id % 4 * 2);
        memcpy(row + id * sizeof(type), &type, sizeof(type));
    }
    typing->packed = big_array_shrink(row, ids * sizeof(uint32_t), ids * sizeof(uint16_t));
    typing->types = NULL;
    malloc_trim(0); /* what held the evidence */
    return NULL;
}
