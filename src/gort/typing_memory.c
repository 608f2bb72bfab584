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

static uint32_t first_span_behind(const struct heap *heap, uint32_t id)
{
    uint32_t low = 0, high = (uint32_t)heap->spans.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct heap_span *span = &heap->spans.data[middle];
        if (span->first_id + span->slots <= id)
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
    memory->size = 0;
    memory->is_kept = false;
    memory->much = much;
    if (walker->typing->runtime->target->kind == TARGET_CORE)
        return NULL;
    uint64_t bytes = 0, places = 0;
    memory->first_span = first_span_behind(heap, walker->first);
    memory->places.count = 0;
    for (uint64_t s = memory->first_span; s < heap->spans.count; s++) {
        const struct heap_span *span = &heap->spans.data[s];
        if (span->first_id >= walker->first + (uint64_t)walker->count)
            break;
        TRY(vector_push(&memory->places, (uint32_t)places));
        if (span->no_pointers)
            continue;
        places += span->pages;
        bytes = places * HEAP_PAGE_SIZE;
        if (bytes > KEPT_BYTES)
            return NULL;
    }
    TRY(vector_push(&memory->places, (uint32_t)places));
    if (!memory->kept)
        TRY(big_array(KEPT_BYTES, &memory->kept));
    TRY(vector_reserve(&memory->is_read, memory->places.count));
    memset(memory->is_read.data, 0, memory->places.count * sizeof(*memory->is_read.data));
    memory->is_kept = true;
    return NULL;
}

/* Reads the span, and when much is needed those behind it. */
static struct error *keep(struct type_walker *walker, const struct heap_span *span)
{
    struct walker_memory *memory = &walker->memory;
    const struct heap *heap = walker->typing->heap;
    uint64_t begin = (uint64_t)(span - heap->spans.data) - memory->first_span, end = begin + 1;
    uint64_t size = span->pages * HEAP_PAGE_SIZE;
    uint8_t *bytes = memory->kept + memory->places.data[begin] * HEAP_PAGE_SIZE;
    if (!memory->is_read.data[begin]) {
        for (; memory->much && end + 1 < memory->places.count && size < RUN_BYTES; end++) {
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
    vector_deinit(&memory->places);
    vector_deinit(&memory->is_read);
}
