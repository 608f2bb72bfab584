/* The bytes of objects for walkers. A core is looked at where it is mapped. Of a live target a
 * parallel walker keeps those of its chunk that have pointers, read once a visit, for it comes back
 * to them as it follows pointers up and down; where they are too many, and for the serial walker,
 * there is a window. */
#include <string.h>

#include "gort/typing_work.h"

enum {
    VIEW_BYTES = 64 << 20, /* of a core, at most at once: an arena */
    KEPT_BYTES = 32 << 20, /* of a live target, for each walker */
    RUN_BYTES = 256 << 10, /* read at once when much of the chunk will be needed */
};

struct error *typing_memory_places(const struct heap *heap, uint32_t **out)
{
    uint32_t pages = 0;
    TRY(memory_array(heap->spans.count + 1, sizeof(uint32_t), out));
    for (uint64_t s = 0; s < heap->spans.count; s++) {
        (*out)[s] = pages;
        if (!heap->spans.data[s].no_pointers)
            pages += heap->spans.data[s].pages;
    }
    (*out)[heap->spans.count] = pages;
    return NULL;
}

/* Number of the spans that end before the id. */
static uint32_t spans_before(const struct heap *heap, uint64_t id)
{
    uint32_t low = 0, high = (uint32_t)heap->spans.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct heap_span *span = &heap->spans.data[middle];
        if (span->first_id + (uint64_t)span->slots <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct error *walker_memory_begin(struct type_walker *walker, bool much)
{
    struct walker_memory *memory = &walker->memory;
    const struct heap *heap = walker->typing->heap;
    const uint32_t *places = walker->work->places;
    memory->size = 0;
    memory->is_kept = false;
    memory->much = much;
    if (walker->typing->runtime->target->kind == TARGET_CORE)
        return NULL;
    uint64_t behind = walker->first + (uint64_t)walker->count, end = spans_before(heap, behind);
    if (end < heap->spans.count && heap->spans.data[end].first_id < behind)
        end++;
    memory->first_span = spans_before(heap, walker->first);
    memory->span_count = (uint32_t)end - memory->first_span;
    if ((places[end] - places[memory->first_span]) * HEAP_PAGE_SIZE > KEPT_BYTES)
        return NULL;
    if (!memory->kept)
        TRY(big_array(KEPT_BYTES, &memory->kept));
    TRY(vector_reserve(&memory->is_read, memory->span_count + (uint64_t)1));
    memset(memory->is_read.data, 0, memory->span_count);
    memory->is_kept = true;
    return NULL;
}

/* Reads the span, and when much is needed those behind it. */
static struct error *keep(struct type_walker *walker, const struct heap_span *span)
{
    struct walker_memory *memory = &walker->memory;
    const struct heap *heap = walker->typing->heap;
    const uint32_t *places = walker->work->places + memory->first_span;
    uint64_t begin = (uint64_t)(span - heap->spans.data) - memory->first_span, end = begin + 1;
    uint64_t size = span->pages * HEAP_PAGE_SIZE;
    uint8_t *bytes = memory->kept + (uint64_t)(places[begin] - places[0]) * HEAP_PAGE_SIZE;
    if (!memory->is_read.data[begin]) {
        for (; memory->much && end < memory->span_count && size < RUN_BYTES; end++) {
            const struct heap_span *next = &heap->spans.data[memory->first_span + end];
            if (next->no_pointers || memory->is_read.data[end] || next->start != span->start + size)
                break;
            size += next->pages * HEAP_PAGE_SIZE;
        }
        TRY(target_read_sparse(walker->typing->runtime->target, span->start, bytes, size));
        memset(memory->is_read.data + begin, 1, end - begin);
    }
    memory->start = span->start;
    memory->size = size;
    memory->bytes = bytes;
    return NULL;
}

struct error *walker_memory_get(struct type_walker *walker, const struct heap_span *span,
                                uint64_t address, uint64_t n, uint64_t ahead, const uint8_t **out)
{
    struct walker_memory *memory = &walker->memory;
    struct target *target = walker->typing->runtime->target;
    if (memory->is_kept) {
        TRY(keep(walker, span));
        *out = memory->bytes + (address - memory->start);
        return NULL;
    }
    if (target->kind == TARGET_CORE) {
        /* aligned, for the next object may as well lie below */
        for (uint64_t size = VIEW_BYTES; size > n; size /= 8) {
            uint64_t start = address & ~(size - 1);
            const uint8_t *view =
                address - start <= size - n ? target_view(target, start, size) : NULL;
            if (view) {
                memory->start = start;
                memory->size = size;
                memory->bytes = view;
                *out = view + (address - start);
                return NULL;
            }
        }
    }
    uint64_t left = span->start + span->pages * HEAP_PAGE_SIZE - address;
    return window_get(&walker->objects, address, n, MAX_OF(n, MIN_OF(left, ahead)), out);
}

void walker_memory_deinit(struct walker_memory *memory)
{
    big_array_free(memory->kept, KEPT_BYTES);
    vector_deinit(&memory->is_read);
}
