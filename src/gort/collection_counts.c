#include "gort/collection_counts.h"

#include <string.h>

#include "base/bitset.h"
#include "gort/window.h"

enum { NOTHING, A_MAP, A_CHANNEL };

struct reading {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct typing *typing;
    uint8_t *what;                                                             /* by type */
    uint64_t map_count, channel_count, channel_room, map_bytes, channel_bytes; /* offsets, sizes */
    struct window window;
    struct collection_counts *out;
};

static struct error *learn(struct reading *r)
{
    struct go_runtime *rt = r->runtime;
    const struct type_table *table = &r->typing->table;
    bool swiss = GO_HAS(rt, maps_Map_used);
    r->map_count = swiss ? GO_OFFSET(rt, maps_Map_used) : GO_OFFSET(rt, hmap_count);
    r->map_bytes = swiss ? GO_SIZE(rt, maps_Map) : GO_SIZE(rt, hmap);
    r->channel_count = GO_OFFSET(rt, hchan_qcount);
    r->channel_room = GO_OFFSET(rt, hchan_dataqsiz);
    r->channel_bytes = GO_SIZE(rt, hchan);
    TRY(memory_array(table->types.count, 1, &r->what));
    for (uint64_t i = 0; i < table->types.count; i++) {
        const struct go_type *type = &table->types.data[i];
        r->what[i] = type->kind == KIND_MAP || type->is_map_header ? A_MAP
                     : type->kind == KIND_CHAN                     ? A_CHANNEL
                                                                   : NOTHING;
    }
    return NULL;
}

static uint64_t word(const uint8_t *bytes)
{
    uint64_t value;
    memcpy(&value, bytes, sizeof(value));
    return value;
}

static struct error *add(struct reading *r, const struct heap_span *span, uint32_t id, uint8_t what)
{
    uint64_t header = span->has_header ? 8 : 0,
             size = what == A_MAP ? r->map_bytes : r->channel_bytes;
    uint64_t address = heap_slot_address(span, id) + header;
    uint64_t end = span->start + (uint64_t)span->slots * span->element_size;
    const uint8_t *bytes;
    if (size + header > span->element_size)
        return NULL; /* it cannot be what its type says */
    TRY(window_get(&r->window, address, size, MIN_OF(end - address, (uint64_t)WINDOW_BYTES),
                   &bytes));
    struct collection_count count = {
        .id = id,
        .is_channel = what == A_CHANNEL,
        .entries = word(bytes + (what == A_MAP ? r->map_count : r->channel_count)),
        .capacity = what == A_CHANNEL ? word(bytes + r->channel_room) : 0,
    };
    /* nonsense of damaged or half made headers */
    bool believable =
        count.entries <= (uint64_t)1 << 40 &&
        (what == A_MAP || (count.entries <= count.capacity && count.capacity <= (uint64_t)1 << 40));
    if (count.entries < COLLECTION_ENTRIES_MIN || !believable)
        return NULL;
    return vector_push(&r->out->items, count);
}

static struct error *read_span(struct reading *r, const struct heap_span *span)
{
    uint64_t least = MIN_OF(r->map_bytes, r->channel_bytes);
    if (span->element_size < least)
        return NULL;
    for (uint32_t i = 0; i < span->slots; i++) {
        uint32_t id = span->first_id + i, type = typing_type(r->typing, id);
        if (type != TYPE_NONE && r->what[type] && bitset_get(r->heap->allocated, id))
            TRY(add(r, span, id, r->what[type]));
    }
    return NULL;
}

struct error *collection_counts_read(struct go_runtime *runtime, const struct heap *heap,
                                     const struct typing *typing, struct collection_counts *out)
{
    struct reading r = {.runtime = runtime, .heap = heap, .typing = typing, .out = out};
    TRY(window_init(&r.window, runtime->target));
    struct error *error = learn(&r);
    for (uint64_t s = 0; s < heap->spans.count && !error; s++)
        error = read_span(&r, &heap->spans.data[s]);
    free(r.what);
    window_deinit(&r.window);
    return error;
}

void collection_counts_deinit(struct collection_counts *counts)
{
    vector_deinit(&counts->items);
}
