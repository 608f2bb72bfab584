#include <malloc.h>
#include <string.h>

#include "base/parallel.h"
#include "gort/typing.h"

enum { PART_IDS = 1 << 16 };

struct packing {
    struct typing *typing;
    uint32_t parts, next;
};

/* From the front: an entry of half the width never reaches one that has not been read. By bytes,
 * since the row has two types of element meanwhile. */
static void pack_part(const struct typing *typing, uint64_t first, uint64_t end)
{
    char *row = (char *)typing->types + first * sizeof(uint32_t);
    for (uint64_t id = first; id < end; id++) {
        uint32_t wide;
        memcpy(&wide, row + (id - first) * sizeof(wide), sizeof(wide));
        uint16_t type = (uint16_t)(wide & 0x3fffffffu);
        if (wide >> 30)
            typing->strengths[id / 4] |= (uint8_t)(wide >> 30 << id % 4 * 2);
        memcpy(row + (id - first) * sizeof(type), &type, sizeof(type));
    }
}

static struct error *pack_parts(void *context, unsigned number)
{
    struct packing *packing = context;
    uint64_t ids = packing->typing->heap->object_ids;
    (void)number;
    for (;;) {
        uint64_t part = __atomic_fetch_add(&packing->next, 1, __ATOMIC_RELAXED);
        if (part >= packing->parts)
            return NULL;
        uint64_t first = part * PART_IDS;
        pack_part(packing->typing, first, MIN_OF(ids, first + PART_IDS));
    }
}

/* Each part within itself, on all threads, then the parts together. */
struct error *typing_pack(struct typing *typing)
{
    const uint64_t ids = typing->heap->object_ids;
    char *row = (char *)typing->types;
    struct packing packing = {.typing = typing};
    if (typing->table.types.count >= UINT16_MAX)
        return NULL;
    packing.parts = (uint32_t)((ids + PART_IDS - 1) / PART_IDS);
    TRY(big_array(ids / 4 + 1, &typing->strengths));
    TRY(parallel_run(typing->heap->threads, pack_parts, &packing));
    for (uint64_t part = 1; part < packing.parts; part++) {
        uint64_t first = part * PART_IDS, count = MIN_OF(ids - first, (uint64_t)PART_IDS);
        memmove(row + first * sizeof(uint16_t), row + first * sizeof(uint32_t),
                count * sizeof(uint16_t));
    }
    typing->packed = big_array_shrink(row, ids * sizeof(uint32_t), ids * sizeof(uint16_t));
    typing->types = NULL;
    malloc_trim(0); /* what held the evidence */
    return NULL;
}
