/* The first look at every string and slice: into which objects lead such ones that show little? */
#include <string.h>

#include "base/parallel.h"
#include "gort/windows_work.h"

enum { READ_AHEAD = 256 << 10 };

struct sweep {
    struct windows_work *work;
    struct window window;
    uint64_t by_size[64];
};

static uint64_t load(const uint8_t *bytes)
{
    uint64_t v;
    memcpy(&v, bytes, 8);
    return v;
}

static void suspect(struct sweep *sweep, uint32_t id)
{
    uint64_t *word = &sweep->work->suspects.bits[id >> 6], bit = (uint64_t)1 << (id & 63);
    if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit ||
        __atomic_fetch_or(word, bit, __ATOMIC_RELAXED) & bit)
        return;
    sweep->by_size[63 - __builtin_clzll(window_target_bytes(sweep->work->heap, id))]++;
}

static void look(struct sweep *sweep, const struct window_slot *slot, const uint8_t *words)
{
    struct window_value value = window_value_of(sweep->work, slot, words);
    if (!value.is_whole && windows_is_suspect(sweep->work, &value))
        suspect(sweep, value.id);
}

/* Most values show most of what they lead to; the page tells that of small objects. A slot's number
 * is offset · divide >> 32: so many bytes are more than a slot when that is not 0. */
static inline bool shows_enough(const struct heap *heap, const struct window_slot *slot,
                                uint64_t address, uint64_t count)
{
    const struct heap_page *page = &heap->pages[(address - heap->low) >> HEAP_PAGE_SHIFT];
    uint64_t bytes = count * slot->element, enough;
    if (count >> 24 || slot->element >> 24)
        return false;
    if (page->slots & HEAP_PAGE_NO_POINTERS)
        enough = MAX_OF(bytes * WINDOWS_SEEN_SHARE, bytes + WINDOWS_HIDDEN_MIN);
    else /* no element is hidden */
        enough = bytes + slot->element - 1 + (page->slots & HEAP_PAGE_HAS_HEADER ? 8 : 0);
    return enough >> 31 ? page->divide != 0 : enough * page->divide >> 32 != 0;
}

static inline void look_at_value(struct sweep *sweep, const struct window_slot *slots,
                                 uint32_t count, const uint8_t *bytes)
{
    const struct heap *heap = sweep->work->heap;
    uint64_t range = heap->high - heap->low;
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *words = bytes + slots[i].offset;
        uint64_t address = load(words);
        if (address - heap->low >= range)
            continue;
        if (slots[i].kind == KIND_STRING && sweep->work->sample)
            string_sample_add(sweep->work->sample, heap, address, load(words + 8));
        if (!shows_enough(heap, &slots[i], address, load(words + 8)))
            look(sweep, &slots[i], words);
    }
}

/* One value that is too large to be read as a whole. */
static struct error *look_at_huge(struct sweep *sweep, const struct window_slot *slots,
                                  uint32_t count, uint64_t address, uint64_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        struct window_slot slot = slots[i];
        uint64_t left = size - slot.offset, n = slot.kind == KIND_SLICE ? 24 : 16;
        const uint8_t *bytes;
        TRY(window_get(&sweep->window, address + slot.offset, n,
                       MAX_OF(n, MIN_OF(left, (uint64_t)WINDOW_BYTES)), &bytes));
        slot.offset = 0;
        look_at_value(sweep, &slot, 1, bytes);
    }
    return NULL;
}

static struct error *look_at_object(struct sweep *sweep, const struct heap_span *span, uint32_t id,
                                    const struct window_plan *plan, uint64_t ahead)
{
    const struct window_slot *slots = &sweep->work->slots.data[plan->first];
    uint64_t from = span->has_header ? 8 : 0, values = (span->element_size - from) / plan->size;
    uint64_t address = heap_slot_address(span, id) + from;
    uint64_t per_read = WINDOW_BYTES / 2 / plan->size;
    if (!per_read && values)
        return look_at_huge(sweep, slots, plan->wide, address, plan->size);
    for (uint64_t i = 0; i < values; i += per_read) {
        uint64_t n = MIN_OF(per_read, values - i);
        const uint8_t *bytes;
        TRY(window_get(&sweep->window, address, n * plan->size, MAX_OF(n * plan->size, ahead),
                       &bytes));
        for (uint64_t k = 0; k < n; k++)
            look_at_value(sweep, slots, plan->wide, bytes + k * plan->size);
        address += n * plan->size;
    }
    return NULL;
}

/* An object without a type: what may be a string or a slice of it. */
static struct error *look_at_unknown(struct sweep *sweep, const struct heap_span *span, uint32_t id,
                                     uint64_t ahead)
{
    static const struct window_slot text = {.element = 1, .kind = KIND_STRING};
    struct windows_work *work = sweep->work;
    const struct heap *heap = work->heap;
    uint64_t address = heap_slot_address(span, id), size = span->element_size;
    for (uint64_t at = 0, n; at + 16 <= size; at += n - 16) {
        const uint8_t *bytes;
        n = MIN_OF(size - at, (uint64_t)READ_AHEAD);
        TRY(window_get(&sweep->window, address + at, n, MAX_OF(n, ahead), &bytes));
        for (uint64_t w = 0; w + 16 <= n; w += 8) {
            uint64_t words[3] = {load(bytes + w), load(bytes + w + 8),
                                 w + 24 <= n ? load(bytes + w + 16) : 0};
            struct window_slot slot;
            uint8_t flags = 0;
            if (words[0] - heap->low >= heap->high - heap->low ||
                (heap_page_has_no_pointers(heap, words[0]) &&
                 shows_enough(heap, &text, words[0], words[1])))
                continue;
            uint32_t to = heap_find(heap, words[0]);
            if (to != HEAP_NONE && to != id && words[1] < heap->low &&
                windows_guess(work, to, words, &slot, &flags))
                look(sweep, &slot, (const uint8_t *)words);
        }
        if (n + at >= size)
            break;
    }
    return NULL;
}

/* Bytes from the span's start to the end of the last of the spans with pointers that follow it
 * without a gap, a few of them. */
static uint64_t run_bytes(const struct heap *heap, uint64_t s)
{
    const struct heap_span *span = &heap->spans.data[s];
    uint64_t bytes = span->pages * HEAP_PAGE_SIZE;
    for (s++; s < heap->spans.count && bytes < READ_AHEAD; s++) {
        const struct heap_span *next = &heap->spans.data[s];
        if (next->no_pointers || next->start != span->start + bytes)
            break;
        bytes += next->pages * HEAP_PAGE_SIZE;
    }
    return bytes;
}

static struct error *sweep_span(struct sweep *sweep, uint64_t s, uint64_t *run_end)
{
    const struct heap *heap = sweep->work->heap;
    const struct heap_span *span = &heap->spans.data[s];
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
        const struct window_plan *plan = windows_plan(sweep->work, id);
        bool unknown = typing_type(sweep->work->typing, id) == TYPE_NONE;
        if ((!plan->wide && !unknown) || !bitset_get(heap->allocated, id))
            continue;
        uint64_t address = heap_slot_address(span, id);
        if (address >= *run_end)
            *run_end = span->start + run_bytes(heap, s);
        uint64_t ahead = MIN_OF(*run_end - address, (uint64_t)READ_AHEAD);
        TRY(unknown ? look_at_unknown(sweep, span, id, ahead)
                    : look_at_object(sweep, span, id, plan, ahead));
    }
    return NULL;
}

static struct error *sweep_parts(void *context, unsigned number)
{
    struct windows_work *work = context;
    struct sweep sweep = {.work = work};
    (void)number;
    struct error *error = window_init(&sweep.window, work->runtime->target);
    for (;;) {
        uint32_t part = __atomic_fetch_add(&work->next_part, 1, __ATOMIC_RELAXED);
        if (error || part >= work->heap->part_count)
            break;
        uint64_t run_end = 0;
        for (uint64_t s = work->heap->part_begin[part];
             s < work->heap->part_begin[part + 1] && !error; s++)
            if (!work->heap->spans.data[s].no_pointers)
                error = sweep_span(&sweep, s, &run_end);
    }
    for (unsigned i = 0; i < ARRAY_COUNT(sweep.by_size); i++)
        __atomic_fetch_add(&work->by_size[i], sweep.by_size[i], __ATOMIC_RELAXED);
    window_deinit(&sweep.window);
    return error;
}

struct error *windows_find_suspects(struct windows_work *work)
{
    work->next_part = 0;
    return parallel_run(work->heap->threads, sweep_parts, work);
}
