#include "gort/pointers.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"

enum {
    BLOCK_WORDS = 64,
    SMALL_MAX = 512,          /* ≥ 1.22: larger objects carry a type */
    INLINE_MARKS_BYTES = 128, /* spanInlineMarkBits */
    MASKS_MAX = 1 << 22,
};
#define ARENA_BYTES ((uint64_t)64 << 20)
#define ARENA_BASE_OFFSET 0xffff800000000000u
#define ALL_WORDS UINT64_MAX

struct error *pointer_reader_init(struct pointer_reader *reader, struct go_runtime *runtime,
                                  const struct heap *heap)
{
    *reader = (struct pointer_reader){
        .runtime = runtime, .heap = heap, .mask_room = heap->statistics.inuse_bytes};
    reader->encoding = runtime->minor <= 19   ? POINTERS_TWO_BITS
                       : runtime->minor <= 21 ? POINTERS_ONE_BIT
                                              : POINTERS_TYPED;
    reader->inline_marks = runtime->minor >= 26; /* Green Tea is the default from there */
    TRY(window_init(&reader->objects, runtime->target));
    TRY(window_init(&reader->bitmap, runtime->target));
    TRY(window_init(&reader->no_more, runtime->target));
    if (reader->encoding != POINTERS_TYPED)
        return target_read_u64(runtime->target,
                               runtime->globals.mheap + GO_OFFSET(runtime, mheap_arenas),
                               &reader->arenas);
    return NULL;
}

void pointer_reader_deinit(struct pointer_reader *reader)
{
    window_deinit(&reader->objects);
    window_deinit(&reader->bitmap);
    window_deinit(&reader->no_more);
    hash_map_deinit(&reader->masks);
    for (uint64_t i = 0; i < reader->mask_list.count; i++)
        free(reader->mask_list.data[i].bits);
    vector_deinit(&reader->mask_list);
}

struct error *pointer_type_mask(struct pointer_reader *reader, uint64_t descriptor,
                                const struct type_mask **out)
{
    uint64_t *index;
    bool added;
    if (reader->mask_list.count > MASKS_MAX)
        return error_create(ERROR_LIMIT, "more than %d types in the heap", MASKS_MAX);
    TRY(hash_map_insert(&reader->masks, descriptor, &index, &added));
    if (added) {
        struct type_mask mask = {0};
        struct error *error = type_mask_read(reader->runtime, descriptor, reader->mask_room, &mask);
        if (error) {
            /* not a type (a slot not yet initialised) or no mask: conservative */
            error_destroy(error);
            mask = (struct type_mask){0};
        }
        reader->mask_room -= mask.pointer_bytes;
        error = vector_push(&reader->mask_list, mask);
        if (error) {
            free(mask.bits);
            return error;
        }
        *index = reader->mask_list.count;
    }
    const struct type_mask *mask = &reader->mask_list.data[*index - 1];
    *out = mask->bits ? mask : NULL;
    return NULL;
}

/* Words [from, from + count) of a slot, mask applied; cuts into what the window can give. */
static struct error *visit_block(struct pointer_reader *reader, const struct heap_span *span,
                                 uint32_t id, uint64_t offset, unsigned count, uint64_t mask,
                                 pointer_visit visit, void *context)
{
    const uint8_t *bytes;
    uint64_t words[BLOCK_WORDS];
    uint64_t address = heap_slot_address(span, id) + offset;
    uint64_t ahead = span->start + span->pages * HEAP_PAGE_SIZE - address;
    TRY(window_get(&reader->objects, address, count * 8u, ahead, &bytes));
    if (((uintptr_t)bytes & 7) == 0) /* heap words are aligned, a core's bytes need not be */
        return visit(context, id, offset, (const uint64_t *)(const void *)bytes, mask);
    memcpy(words, bytes, count * 8u);
    return visit(context, id, offset, words, mask);
}

/* Every word: what is typed by nothing we can read. */
static struct error *scan_conservatively(struct pointer_reader *reader,
                                         const struct heap_span *span, uint32_t id,
                                         pointer_visit visit, void *context)
{
    for (uint64_t offset = 0; offset < span->element_size; offset += BLOCK_WORDS * 8) {
        unsigned count = (unsigned)MIN_OF((span->element_size - offset) / 8, (uint64_t)BLOCK_WORDS);
        uint64_t mask = count == 64 ? ALL_WORDS : ((uint64_t)1 << count) - 1;
        TRY(visit_block(reader, span, id, offset, count, mask, visit, context));
    }
    return NULL;
}

/* Objects with a type: its mask, repeated to the object's end. */
static struct error *scan_typed(struct pointer_reader *reader, const struct heap_span *span,
                                uint32_t id, uint64_t descriptor, pointer_visit visit,
                                void *context)
{
    const struct type_mask *mask;
    uint64_t start = span->has_header ? 8 : 0, end = span->element_size;
    if (!descriptor)
        return NULL; /* allocated but not yet initialised: the collector skips it too */
    if (reader->clues) {
        uint32_t clue = clue_make(reader->runtime, descriptor);
        if (clue)
            __atomic_store_n(&reader->clues[id], clue | CLUE_HEADER, __ATOMIC_RELAXED);
    }
    TRY(pointer_type_mask(reader, descriptor, &mask));
    if (!mask)
        return scan_conservatively(reader, span, id, visit, context);
    if (!mask->pointer_bytes)
        return NULL;
    /* materialised GC programs (1.22, 1.23) have no size: one value fills the object */
    uint64_t step = mask->size ? mask->size : end, words = mask->pointer_bytes / 8;
    if (step <= BLOCK_WORDS * 4 && step % 8 == 0) { /* small elements: several to a block */
        unsigned per_block = (unsigned)(BLOCK_WORDS * 8 / step), element = (unsigned)(step / 8);
        uint64_t pattern = 0;
        for (unsigned i = 0; i < per_block; i++)
            pattern |= mask->bits[0] << i * element;
        for (uint64_t at = start; at + 8 <= end; at += per_block * step) {
            unsigned count = (unsigned)MIN_OF((end - at) / 8, (uint64_t)per_block * element);
            uint64_t bits = count < 64 ? pattern & (((uint64_t)1 << count) - 1) : pattern;
            if (bits)
                TRY(visit_block(reader, span, id, at, count, bits, visit, context));
        }
        return NULL;
    }
    for (uint64_t element = start; element < end; element += step) {
        for (uint64_t w = 0; w < words && element + w * 8 + 8 <= end; w += BLOCK_WORDS) {
            uint64_t room = (end - element) / 8 - w;
            unsigned count = (unsigned)MIN_OF(MIN_OF(words - w, room), (uint64_t)BLOCK_WORDS);
            uint64_t bits = mask->bits[w / 64];
            if (count < 64)
                bits &= ((uint64_t)1 << count) - 1;
            if (bits)
                TRY(visit_block(reader, span, id, element + w * 8, count, bits, visit, context));
        }
    }
    return NULL;
}

/* Pointer bits of a small object, ≥ 1.22. */
static struct error *small_mask(struct pointer_reader *reader, const struct heap_span *span,
                                uint32_t id, uint64_t *out)
{
    uint64_t bytes = span->pages * HEAP_PAGE_SIZE, size = bytes / 64;
    uint64_t base = span->start + bytes - size;
    const uint8_t *span_bytes, *bitmap;
    if (reader->inline_marks && span->element_size >= 16)
        base -= INLINE_MARKS_BYTES;
    uint64_t first = (uint64_t)(id - span->first_id) * span->element_size / 8;
    unsigned words = (unsigned)(span->element_size / 8);
    TRY(window_get(&reader->objects, span->start, bytes, bytes, &span_bytes));
    bitmap = span_bytes + (base - span->start);
    uint64_t low, high = 0, index = first / 64;
    memcpy(&low, bitmap + index * 8, 8);
    if (first % 64 + words > 64 && (index + 2) * 8 <= size)
        memcpy(&high, bitmap + index * 8 + 8, 8);
    uint64_t mask = first % 64 ? low >> first % 64 | high << (64 - first % 64) : low;
    *out = words < 64 ? mask & (((uint64_t)1 << words) - 1) : mask;
    return NULL;
}

/* Address of the heapArena that describes address. */
static struct error *arena_of(struct pointer_reader *reader, uint64_t address, uint64_t *out)
{
    uint64_t index = (address - ARENA_BASE_OFFSET) / ARENA_BYTES;
    TRY(target_read_u64(reader->runtime->target, reader->arenas + index * 8, out));
    if (!*out)
        return error_fault(address, "no heap arena for 0x%" PRIx64, address);
    return NULL;
}

/* ≤ 1.19: pointer and scan bits of 64 words (fewer at an arena's end) from address, which is at a
 * multiple of 32 bytes at least when it begins a bitmap byte. */
static struct error *two_bit_block(struct pointer_reader *reader, uint64_t address, unsigned count,
                                   uint64_t *out_pointers, uint64_t *out_more)
{
    uint64_t arena, pointers = 0, more = 0;
    TRY(arena_of(reader, address, &arena));
    uint64_t word = address % ARENA_BYTES / 8, last = word + count - 1;
    const uint8_t *bytes;
    uint64_t bitmap = arena + GO_OFFSET(reader->runtime, heapArena_bitmap);
    TRY(window_get(&reader->bitmap, bitmap + word / 4, last / 4 - word / 4 + 1,
                   ARENA_BYTES / 32 - word / 4, &bytes));
    for (unsigned i = 0; i < count; i++) {
        uint64_t at = word + i;
        uint8_t byte = bytes[at / 4 - word / 4];
        pointers |= (uint64_t)(byte >> at % 4 & 1) << i;
        more |= (uint64_t)(byte >> (4 + at % 4) & 1) << i;
    }
    *out_pointers = pointers;
    *out_more = more;
    return NULL;
}

static struct error *scan_two_bits(struct pointer_reader *reader, const struct heap_span *span,
                                   uint32_t id, pointer_visit visit, void *context)
{
    uint64_t address = heap_slot_address(span, id);
    bool old = reader->runtime->minor <= 15;
    for (uint64_t offset = 0; offset < span->element_size;) {
        uint64_t in_arena = ARENA_BYTES - (address + offset) % ARENA_BYTES, pointers, more;
        unsigned count = (unsigned)MIN_OF(MIN_OF(span->element_size - offset, in_arena) / 8,
                                          (uint64_t)BLOCK_WORDS);
        TRY(two_bit_block(reader, address + offset, count, &pointers, &more));
        if (old && offset == 0)
            more |= 2; /* the second word's bit means something else (checkmarks) up to 1.15 */
        uint64_t stops = ~more;
        if (count < 64)
            stops &= ((uint64_t)1 << count) - 1;
        if (stops)
            pointers &= ((uint64_t)1 << __builtin_ctzll(stops)) - 1;
        if (pointers)
            TRY(visit_block(reader, span, id, offset, count, pointers, visit, context));
        if (stops)
            break;
        offset += count * 8u;
    }
    return NULL;
}

/* 1.20, 1.21: aligned blocks of the arena's bitmap; noMorePtrs says that an object has no pointers
 * behind a block. */
static struct error *scan_one_bit(struct pointer_reader *reader, const struct heap_span *span,
                                  uint32_t id, pointer_visit visit, void *context)
{
    struct go_runtime *runtime = reader->runtime;
    uint64_t start = heap_slot_address(span, id), end = start + span->element_size, arena = 0;
    for (uint64_t at = start, next; at < end; at = next) {
        const uint8_t *bytes;
        uint64_t bits, word = at % ARENA_BYTES / 8;
        next = MIN_OF(end, (at / (BLOCK_WORDS * 8) + 1) * (BLOCK_WORDS * 8));
        if (at == start || at % ARENA_BYTES == 0)
            TRY(arena_of(reader, at, &arena));
        TRY(window_get(&reader->bitmap,
                       arena + GO_OFFSET(runtime, heapArena_bitmap) + word / 64 * 8, 8,
                       ARENA_BYTES / 64 - word / 64 * 8, &bytes));
        memcpy(&bits, bytes, 8);
        bits >>= word % 64;
        unsigned count = (unsigned)((next - at) / 8);
        if (count < 64)
            bits &= ((uint64_t)1 << count) - 1;
        if (bits)
            TRY(visit_block(reader, span, id, at - start, count, bits, visit, context));
        if (next < end) {
            const uint8_t *no_more;
            TRY(window_get(&reader->no_more,
                           arena + GO_OFFSET(runtime, heapArena_noMorePtrs) + word / 64 / 8, 1,
                           ARENA_BYTES / 8 / 64 / 8 - word / 64 / 8, &no_more));
            if (*no_more >> (word / 64 % 8) & 1)
                break;
        }
    }
    return NULL;
}

static struct error *scan_slot(struct pointer_reader *reader, const struct heap_span *span,
                               uint32_t id, pointer_visit visit, void *context)
{
    if (span->is_user_arena)
        return scan_conservatively(reader, span, id, visit, context);
    if (reader->encoding == POINTERS_TWO_BITS)
        return scan_two_bits(reader, span, id, visit, context);
    if (reader->encoding == POINTERS_ONE_BIT)
        return scan_one_bit(reader, span, id, visit, context);
    if (span->size_class == 0)
        return scan_typed(reader, span, id, span->large_type, visit, context);
    if (span->has_header) {
        const uint8_t *bytes;
        uint64_t descriptor, address = heap_slot_address(span, id);
        TRY(window_get(&reader->objects, address, 8,
                       span->start + span->pages * HEAP_PAGE_SIZE - address, &bytes));
        memcpy(&descriptor, bytes, 8);
        return scan_typed(reader, span, id, descriptor, visit, context);
    }
    uint64_t mask;
    TRY(small_mask(reader, span, id, &mask));
    if (!mask)
        return NULL;
    return visit_block(reader, span, id, 0, (unsigned)(span->element_size / 8), mask, visit,
                       context);
}

/* While the target runs on, an object may be made into another one as it is read. */
static struct error *pass_over(struct pointer_reader *reader, struct error *error)
{
    if (!error || !reader->runtime->is_racy || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    reader->unread_objects++;
    return NULL;
}

struct error *pointer_scan_span(struct pointer_reader *reader, const struct heap_span *span,
                                void (*before)(void *context, uint32_t id), pointer_visit visit,
                                void *context)
{
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
        if (before)
            before(context, id);
        if (!span->no_pointers && bitset_get(reader->heap->allocated, id))
            TRY(pass_over(reader, scan_slot(reader, span, id, visit, context)));
    }
    return NULL;
}

struct error *pointer_scan_object(struct pointer_reader *reader, uint32_t id, pointer_visit visit,
                                  void *context)
{
    const struct heap_span *span = heap_span_of(reader->heap, id);
    if (span->no_pointers || !bitset_get(reader->heap->allocated, id))
        return NULL;
    return scan_slot(reader, span, id, visit, context);
}
