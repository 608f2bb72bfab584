#include <string.h>

#include "base/bitset.h"
#include "gort/size_class.h"
#include "gort/typing_say.h"

enum { TINY_SLOT = 16 };

void typing_fit_init(struct typing_work *work, unsigned minor)
{
    for (uint32_t words = 1; words <= SLOT_WORDS_MAX; words++)
        work->divide_of_words[words] = heap_divide((uint32_t)size_class_round(minor, words * 8));
}

/* Slots of one size have one divide, and a smaller one than smaller slots. */
static enum type_strength fit_small(uint32_t wanted, uint32_t divide)
{
    return wanted == divide ? TYPE_FITS : wanted > divide ? TYPE_GUESSED : TYPE_UNKNOWN;
}

enum type_strength typing_fit(const struct typing *typing, const struct heap_span *span,
                              uint64_t size, bool has_pointers, uint64_t count)
{
    uint64_t bytes;
    if (!size || __builtin_mul_overflow(size, count, &bytes) ||
        __builtin_add_overflow(bytes, span->has_header ? 8 : 0, &bytes) ||
        bytes > span->element_size || has_pointers == span->no_pointers)
        return TYPE_UNKNOWN;
    if (span->divide)
        return fit_small(typing_divide_for(typing->work, bytes), span->divide);
    uint64_t pages = (bytes + HEAP_PAGE_SIZE - 1) >> HEAP_PAGE_SHIFT;
    return bytes > SLOT_WORDS_MAX * 8 && pages << HEAP_PAGE_SHIFT == span->element_size
               ? TYPE_FITS
               : TYPE_GUESSED;
}

uint32_t typing_object_at(const struct typing *typing, uint64_t address,
                          const struct heap_span **out_span)
{
    const struct heap *heap = typing->heap;
    const struct heap_page *page;
    if (address - heap->low >= heap->high - heap->low)
        return HEAP_NONE;
    uint32_t id = heap_find_start(heap, address, &page);
    if (id == HEAP_NONE || !bitset_get(heap->allocated, id))
        return HEAP_NONE;
    *out_span = heap_span_of(heap, id);
    return id;
}

static unsigned rank(const struct go_type *t)
{
    return t->pseudo ? 0 : t->kind == KIND_MAP || t->kind == KIND_CHAN ? 2 : 1;
}

bool typing_is_better(const struct typing *typing, uint32_t value, uint32_t old)
{
    if (!old || value == old || value >> 30 != old >> 30)
        return value >> 30 > old >> 30;
    uint32_t new_type = (value & 0x3fffffffu) - 1, old_type = (old & 0x3fffffffu) - 1;
    const struct go_type *a = &typing->table.types.data[new_type];
    const struct go_type *b = &typing->table.types.data[old_type];
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    if (a->pseudo != b->pseudo)
        return a->pseudo > b->pseudo;
    return a->size != b->size ? a->size > b->size : new_type < old_type;
}

static bool leads_on(const struct typing *typing, uint32_t value)
{
    const struct go_type *t = &typing->table.types.data[(value & 0x3fffffffu) - 1];
    return !t->pseudo && t->pointer_bytes;
}

void walker_send(struct type_walker *walker, uint32_t id, uint32_t value)
{
    struct outbox *outbox = &walker->outboxes[id >> walker->work->chunk_shift];
    struct error *error = vector_push(&outbox->items, (uint64_t)id << 32 | value);
    walker->sent++;
    if (error && walker->error)
        error_destroy(error);
    else if (error)
        walker->error = error;
}

void walker_set(struct type_walker *walker, uint32_t id, uint32_t type, enum type_strength strength)
{
    if (id != HEAP_NONE && type != TYPE_NONE && strength != TYPE_UNKNOWN)
        walker_say(walker, id, (uint32_t)strength << 30 | (type + 1),
                   leads_on(walker->typing, type + 1));
}

void typing_take_outboxes(struct typing *typing, uint32_t chunk)
{
    enum { FETCH_AHEAD = 16 };
    for (unsigned i = 0; i < typing->work->walker_count; i++) {
        struct outbox *outbox = &typing->work->walkers[i].outboxes[chunk];
        const uint64_t *items = outbox->items.data;
        for (uint64_t k = 0; k < outbox->items.count; k++) {
            if (k + FETCH_AHEAD < outbox->items.count)
                __builtin_prefetch(&typing->types[items[k + FETCH_AHEAD] >> 32], 1);
            uint32_t id = (uint32_t)(items[k] >> 32), value = (uint32_t)items[k];
            if (typing_take(typing, id, value, leads_on(typing, value)))
                bitset_set(typing->work->pending, id);
        }
        outbox->items.count = 0;
    }
}

/* By the page alone, which is near; spans and their numbers are not. */
static enum type_strength fit_page(const struct typing_work *work, const struct heap_page *page,
                                   uint64_t bytes, bool has_pointers)
{
    if (page->slots & HEAP_PAGE_HAS_HEADER)
        bytes += 8;
    if (has_pointers == !!(page->slots & HEAP_PAGE_NO_POINTERS) || bytes > SLOT_WORDS_MAX * 8)
        return TYPE_UNKNOWN;
    return fit_small(typing_divide_for(work, bytes), page->divide);
}

void walker_evidence(struct type_walker *walker, uint64_t address, uint32_t type, uint64_t count)
{
    const struct typing *typing = walker->typing;
    const struct heap *heap = typing->heap;
    const struct heap_page *page;
    uint64_t bytes;
    if (type == TYPE_NONE || address - heap->low >= heap->high - heap->low)
        return;
    const struct go_type *t = &typing->table.types.data[type];
    uint32_t id = heap_find_start(heap, address, &page);
    /* a map header: its map type says more, and comes from who uses it */
    if (id == HEAP_NONE || !t->size || t->is_map_header ||
        __builtin_mul_overflow(t->size, count, &bytes))
        return;
    bool has_pointers = t->pointer_bytes != 0;
    enum type_strength strength =
        page->divide ? fit_page(walker->work, page, bytes, has_pointers)
                     : typing_fit(typing, heap_span_of(heap, id), t->size, has_pointers, count);
    if (!has_pointers && bytes < TINY_SLOT && page->divide == heap_divide(TINY_SLOT))
        type = walker->work->small_values;
    if (strength != TYPE_UNKNOWN)
        walker_say(walker, id, (uint32_t)strength << 30 | (type + 1), has_pointers);
}

void walker_slot_fits(const struct typing_work *work, const struct go_type *to,
                      struct type_slot *slot)
{
    slot->to_pointers = to->pointer_bytes != 0;
    /* what shares its slot with others needs a closer look */
    if (to->size && !to->is_map_header && (to->pointer_bytes || to->size >= TINY_SLOT))
        for (unsigned header = 0; header < 2; header++)
            slot->divide[header] = typing_divide_for(work, to->size + header * 8);
}
