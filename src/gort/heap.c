#include "gort/heap.h"

#include <inttypes.h>
#include <string.h>

#include "base/bitset.h"
#include "gort/bit_blocks.h"
#include "gort/runtime_constants.h"

enum {
    SPAN_BYTES_MAX = 512,
    SPANS_MAX = 1 << 27,
    CHUNK_PAGES = 512,      /* pallocChunkPages */
    CHUNK_LEVEL2_BITS = 13, /* pallocChunksL2Bits on 64-bit */
    CHUNK_BITS = 26,        /* of a chunk's number: 48 bits of address */
    RANGES_MAX = 1 << 16,
    PS_MAX = 1 << 16,
    SPAN_PAGES_MAX = 1 << 27, /* 1 TiB */
    ADDRESS_BITS = 47,        /* of a process on amd64 */
    SMALL_OBJECT_MAX = 32768, /* larger ones have no size class and a span of their own */
    RACY_TRIES = 20,
    RANDOM_BASE_MINOR = 26, /* the heap begins at a random page of its first arena */
};
#define IDS_MAX 0x7f000000u
#define CHUNK_BYTES ((uint64_t)CHUNK_PAGES * 8192)
#define ARENA_BYTES ((uint64_t)64 << 20)
#define ARENA_BASE_OFFSET 0xffff800000000000u /* linux/amd64, runtime/malloc.go */

static uint64_t span_field(const struct go_runtime *runtime, const uint8_t *bytes,
                           enum layout_field field, unsigned size)
{
    int32_t offset = layout_offset(runtime->layout, field);
    uint64_t value = 0;
    if (offset >= 0 && (uint64_t)offset + size <= SPAN_BYTES_MAX)
        memcpy(&value, bytes + offset, size);
    return value;
}
#define SPAN(name, size) span_field(runtime, bytes, LAYOUT_mspan_##name, size)
#define COUNT_BYTES(runtime) ((runtime)->minor >= 22 ? 2u : 8u) /* of nelems and freeindex */

/* Is [start, start + pages) memory of the target? Foreign numbers must not make tables larger than
 * what they describe. */
static bool is_mapped(const struct target *target, uint64_t start, uint64_t pages)
{
    uint64_t last;
    return start && start % HEAP_PAGE_SIZE == 0 && pages && pages <= SPAN_PAGES_MAX &&
           !__builtin_add_overflow(start, pages * HEAP_PAGE_SIZE - 1, &last) &&
           target_segment_at(target, start) && target_segment_at(target, last);
}

static bool is_plausible(const struct heap_span *span, uint64_t pages, uint64_t slots)
{
    uint64_t bytes = pages * HEAP_PAGE_SIZE, element = span->element_size;
    if (!element || element % 8 || element > bytes || slots > bytes / 8 ||
        (slots && element > bytes / slots) || slots > HEAP_PAGE_SLOTS)
        return false;
    return span->size_class ? element <= SMALL_OBJECT_MAX : slots <= 1;
}

static struct error *add_span(struct go_runtime *runtime, struct heap *heap, const uint8_t *bytes,
                              uint64_t address, uint32_t sweep_generation)
{
    unsigned count_size = COUNT_BYTES(runtime);
    uint64_t state = SPAN(state, 1), pages = SPAN(npages, 8), slots = SPAN(nelems, count_size);
    struct heap_statistics *statistics = &heap->statistics;
    if (state != SPAN_MANUAL && state != SPAN_IN_USE)
        return NULL;
    uint8_t class = (uint8_t)SPAN(spanclass, 1);
    uint32_t unswept_for = sweep_generation - (uint32_t)SPAN(sweepgen, 4);
    struct heap_span span = {
        .address = address,
        .start = SPAN(startAddr, 8),
        .element_size = SPAN(elemsize, 8),
        .large_type = runtime->minor >= 22 && class >> 1 == 0 ? SPAN(largeType, 8) : 0,
        .specials = SPAN(specials, 8),
        .allocated_bits = SPAN(allocBits, 8),
        .pages = (uint32_t)pages,
        .slots = (uint32_t)slots,
        .free_index = (uint32_t)MIN_OF(SPAN(freeindex, count_size), slots),
        .size_class = class >> 1,
        .no_pointers = class & 1,
        .is_user_arena = SPAN(isUserArenaChunk, 1) != 0,
        .unswept = unswept_for == 2 || unswept_for == 1, /* 1: it is being swept */
    };
    if (!is_mapped(runtime->target, span.start, pages) ||
        (state == SPAN_IN_USE && !is_plausible(&span, pages, slots)))
        return error_fault(address,
                           "the span at 0x%" PRIx64 " makes no sense (start 0x%" PRIx64 ", %" PRIu64
                           " pages, %" PRIu64 " objects of %" PRIu64 " bytes)",
                           address, span.start, pages, slots, span.element_size);
    if (!statistics->lowest_span || span.start < statistics->lowest_span)
        statistics->lowest_span = span.start;
    if (state == SPAN_MANUAL) {
        statistics->stack_bytes += pages * HEAP_PAGE_SIZE;
        return NULL;
    }
    span.divide = span.size_class ? heap_divide((uint32_t)span.element_size) : 0;
    span.has_header = runtime->minor >= 22 && !span.no_pointers && span.size_class &&
                      span.element_size > RUNTIME_HEADER_ABOVE_BYTES && !span.is_user_arena;
    statistics->inuse_bytes += pages * HEAP_PAGE_SIZE;
    statistics->unswept_spans += span.unswept;
    return vector_push(&heap->spans, span);
}

/* A span caught in the middle of a change leaves the others alone. */
static struct error *pass_over(const struct go_runtime *runtime, struct heap *heap,
                               struct error *error)
{
    if (!error || !runtime->is_racy || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    heap->statistics.unread_spans++;
    return NULL;
}

/* Whether the span's record still says what it said when it was read. */
static bool still_stands(struct go_runtime *runtime, const struct heap_span *span)
{
    uint8_t bytes[SPAN_BYTES_MAX] = {0};
    struct error *error =
        target_read(runtime->target, span->address, bytes, GO_SIZE(runtime, mspan));
    bool same = !error && SPAN(state, 1) == SPAN_IN_USE && SPAN(startAddr, 8) == span->start &&
                SPAN(npages, 8) == span->pages;
    error_destroy(error);
    return same;
}

static void forget_span(struct heap *heap, const struct heap_span *span)
{
    heap->statistics.unread_spans++;
    heap->statistics.inuse_bytes -= span->pages * HEAP_PAGE_SIZE;
    heap->statistics.unswept_spans -= span->unswept;
}

/* Of spans that overlap, because one was freed and the other made of its pages meanwhile, or caught
 * half written, that one stays which still is as it was read. */
static void drop_overlapping(struct go_runtime *runtime, struct heap *heap)
{
    uint64_t kept = 0;
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        const struct heap_span span = heap->spans.data[i];
        bool dropped = false;
        while (kept && !dropped) {
            const struct heap_span *last = &heap->spans.data[kept - 1];
            if (span.start >= last->start + last->pages * HEAP_PAGE_SIZE)
                break;
            dropped = still_stands(runtime, last) || !still_stands(runtime, &span);
            forget_span(heap, dropped ? &span : last);
            kept -= !dropped;
        }
        if (!dropped)
            heap->spans.data[kept++] = span;
    }
    heap->spans.count = kept;
}

static int by_start(const void *a, const void *b)
{
    uint64_t x = ((const struct heap_span *)a)->start, y = ((const struct heap_span *)b)->start;
    return x < y ? -1 : x > y;
}

static struct error *read_spans(struct go_runtime *runtime, struct heap *heap)
{
    struct target *target = runtime->target;
    uint64_t header[3], size = GO_SIZE(runtime, mspan);
    uint32_t sweep_generation;
    uint64_t mheap = runtime->globals.mheap;
    uint8_t bytes[SPAN_BYTES_MAX] = {0};
    CLEANUP_FREE uint64_t *addresses = NULL;
    TRY(target_read(target, mheap + GO_OFFSET(runtime, mheap_allspans), header, sizeof(header)));
    TRY(target_read_u32(target, mheap + GO_OFFSET(runtime, mheap_sweepgen), &sweep_generation));
    if (header[1] > SPANS_MAX || size > SPAN_BYTES_MAX)
        return error_create(ERROR_LIMIT, "%" PRIu64 " spans are more than can be", header[1]);
    TRY(memory_array(header[1], 8, &addresses));
    TRY(target_read(target, header[0], addresses, header[1] * 8));
    for (uint64_t i = 0; i < header[1]; i++) {
        const void *view = target_view(target, addresses[i], size);
        if (view)
            memcpy(bytes, view, size);
        else
            TRY(target_read(target, addresses[i], bytes, size));
        TRY(pass_over(runtime, heap,
                      add_span(runtime, heap, bytes, addresses[i], sweep_generation)));
    }
    qsort(heap->spans.data, heap->spans.count, sizeof(struct heap_span), by_start);
    if (runtime->is_racy)
        drop_overlapping(runtime, heap);
    return NULL;
}

/* What scanning a span costs, roughly: bytes without pointers are not read. */
static uint64_t scan_work(const struct heap_span *span)
{
    return span->no_pointers ? span->pages / 8 + 1 : span->pages;
}

/* Numbers the objects and fills the table of pages. */
static struct error *number_objects(struct heap *heap)
{
    const unsigned parts = HEAP_PARTS_MAX;
    uint64_t ids = 0, end = 0, work = 0, done = 0;
    for (uint64_t i = 0; i < heap->spans.count; i++)
        work += scan_work(&heap->spans.data[i]);
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        struct heap_span *span = &heap->spans.data[i];
        if (heap->part_count + 1 < parts && done >= work / parts * (heap->part_count + 1)) {
            heap->part_begin[++heap->part_count] = i;
            ids += 8;
        }
        done += scan_work(span);
        if (span->start < end)
            return error_fault(span->start, "two spans overlap at 0x%" PRIx64, span->start);
        end = span->start + span->pages * HEAP_PAGE_SIZE;
        span->first_id = (uint32_t)ids;
        ids += (span->slots + 7u) & ~7u;
        if (ids > IDS_MAX)
            return error_create(ERROR_LIMIT,
                                "more than %u million objects: that needs wider object numbers",
                                IDS_MAX / 1000000);
    }
    heap->part_begin[++heap->part_count] = heap->spans.count;
    ids += 8;
    heap->object_ids = (uint32_t)ids;
    heap->low = heap->spans.count ? heap->spans.data[0].start : 0;
    heap->high = end;
    heap->page_count = (heap->high - heap->low) >> HEAP_PAGE_SHIFT;
    /* Chunks of user arenas stand at the far end of the address space (runtime/malloc.go, hints of
     * userArena). */
    if (heap->page_count > (uint64_t)1 << (ADDRESS_BITS - HEAP_PAGE_SHIFT))
        return error_create(ERROR_LIMIT, "the heap spans more than %u TiB of addresses",
                            1u << (ADDRESS_BITS - 40));
    TRY(big_array(heap->page_count * sizeof(struct heap_page), &heap->pages));
    TRY(big_array(bitset_words(ids + 64) * 8, &heap->allocated));
    TRY(big_array(ids / 8 * sizeof(uint32_t), &heap->span_of));
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        const struct heap_span *span = &heap->spans.data[i];
        for (uint32_t g = span->first_id / 8; g < (span->first_id + span->slots + 7) / 8; g++)
            heap->span_of[g] = (uint32_t)i;
        uint64_t first = (span->start - heap->low) >> HEAP_PAGE_SHIFT;
        const struct heap_page page = {
            .first_id = span->first_id,
            .divide = span->divide,
            .first_page = (uint32_t)first,
            .slots = span->slots | (span->no_pointers ? HEAP_PAGE_NO_POINTERS : 0) |
                     (span->has_header ? HEAP_PAGE_HAS_HEADER : 0),
        };
        for (uint64_t p = first; p < first + span->pages; p++)
            heap->pages[p] = page;
    }
    return NULL;
}

/* A sweep gives a span new bits and the old ones to somebody else: they hold when the span has the
 * same ones before and after. */
static struct error *read_moving_bits(struct go_runtime *runtime, struct heap_span *span,
                                      uint8_t *bits, uint64_t size)
{
    unsigned count_size = COUNT_BYTES(runtime);
    for (unsigned i = 0; i < RACY_TRIES; i++) {
        uint8_t bytes[SPAN_BYTES_MAX] = {0};
        struct error *error = target_read(runtime->target, span->allocated_bits, bits, size);
        if (!error)
            error = target_read(runtime->target, span->address, bytes, GO_SIZE(runtime, mspan));
        if (!error && (SPAN(state, 1) != SPAN_IN_USE || SPAN(startAddr, 8) != span->start ||
                       SPAN(nelems, count_size) != span->slots))
            error = error_fault(span->address, "a span that was just freed");
        if (error) {
            memset(bits, 0, size);
            span->free_index = 0;
            return error;
        }
        uint64_t free_index = MIN_OF(SPAN(freeindex, count_size), (uint64_t)span->slots);
        bool same = SPAN(allocBits, 8) == span->allocated_bits && free_index == span->free_index;
        span->allocated_bits = SPAN(allocBits, 8);
        span->free_index = (uint32_t)free_index;
        if (same)
            return NULL;
    }
    return error_fault(span->address, "a span that does not stand still");
}

/* While the target runs on, what a pointer refers to is taken as allocated whatever the books said
 * before it was made. */
static struct error *allocate_all(struct heap *heap)
{
    uint64_t bytes = bitset_words((uint64_t)heap->object_ids + 64) * 8;
    TRY(big_array(bytes, &heap->booked));
    memcpy(heap->booked, heap->allocated, bytes);
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        const struct heap_span *span = &heap->spans.data[i];
        for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++)
            bitset_set(heap->allocated, id);
    }
    return NULL;
}

/* A slot is allocated when it lies below freeindex or its bit in allocBits is set: freeindex passes
 * over allocated slots and allocates the free ones it meets (mbitmap.go, nextFreeIndex). That holds
 * for spans not yet swept too: their unmarked objects are garbage that is still there. */
static struct error *read_allocated_from(struct go_runtime *runtime, struct heap *heap,
                                         struct bit_blocks *blocks)
{
    uint8_t *bytes = (uint8_t *)heap->allocated;
    for (uint64_t i = 0; i < heap->spans.count; i++) {
        struct heap_span *span = &heap->spans.data[i];
        uint64_t size = (span->slots + 7u) / 8, count = 0;
        uint8_t *bits = bytes + span->first_id / 8;
        if (!span->slots)
            continue;
        struct error *error = runtime->is_racy
                                  ? read_moving_bits(runtime, span, bits, size)
                                  : bit_blocks_read(blocks, span->allocated_bits, bits, size);
        TRY(pass_over(runtime, heap, error));
        memset(bits, 0xff, span->free_index / 8);
        if (span->free_index % 8)
            bits[span->free_index / 8] |= (uint8_t)((1u << span->free_index % 8) - 1);
        if (span->slots % 8)
            bits[size - 1] &= (uint8_t)((1u << span->slots % 8) - 1);
        for (uint64_t b = 0; b < size; b++)
            count += (uint64_t)__builtin_popcount(bits[b]);
        heap->statistics.allocated_objects += count;
        heap->statistics.allocated_bytes += count * span->element_size;
    }
    return NULL;
}

static struct error *read_allocated(struct go_runtime *runtime, struct heap *heap)
{
    struct bit_blocks blocks;
    TRY(bit_blocks_init(&blocks, runtime->target));
    struct error *error = read_allocated_from(runtime, heap, &blocks);
    bit_blocks_deinit(&blocks);
    return error;
}

/* Free pages by the page allocator's bitmaps (runtime/mpagealloc.go, mpallocbits.go): per chunk of
 * 512 pages 64 bytes of "allocated" and 64 of "scavenged". */
static struct error *read_free_pages(struct go_runtime *runtime, struct heap *heap)
{
    struct target *target = runtime->target;
    uint64_t pages = runtime->globals.mheap + GO_OFFSET(runtime, mheap_pages), ranges[3];
    CLEANUP_FREE uint64_t *bounds = NULL;
    TRY(target_read(target, pages + GO_OFFSET(runtime, pageAlloc_inUse), ranges, sizeof(ranges)));
    if (ranges[1] > RANGES_MAX)
        return error_fault(pages, "the page allocator at 0x%" PRIx64 " makes no sense", pages);
    TRY(memory_array(ranges[1] * 2, 8, &bounds));
    TRY(target_read(target, ranges[0], bounds, ranges[1] * 16));
    uint64_t chunks = pages + GO_OFFSET(runtime, pageAlloc_chunks);
    if (runtime->minor >= RANDOM_BASE_MINOR && ranges[1] &&
        heap->statistics.lowest_span > bounds[0] &&
        heap->statistics.lowest_span - bounds[0] < ARENA_BYTES)
        heap->statistics.counted_end = heap->statistics.lowest_span;
    uint64_t last_end = 0;
    for (uint64_t r = 0; r < ranges[1]; r++) {
        uint64_t end = bounds[2 * r + 1], level2 = 0;
        if (bounds[2 * r] < last_end || end < bounds[2 * r] ||
            (end - ARENA_BASE_OFFSET) / CHUNK_BYTES >> CHUNK_BITS)
            return error_fault(pages, "the page allocator at 0x%" PRIx64 " makes no sense", pages);
        last_end = end;
        for (uint64_t at = bounds[2 * r]; at < end; at += CHUNK_BYTES) {
            uint64_t index = (at - ARENA_BASE_OFFSET) / CHUNK_BYTES, words[16];
            if (at == bounds[2 * r] || index % (1u << CHUNK_LEVEL2_BITS) == 0)
                TRY(target_read_u64(target, chunks + (index >> CHUNK_LEVEL2_BITS) * 8, &level2));
            if (!level2)
                continue;
            TRY(target_read_sparse(
                target, level2 + (index & ((1u << CHUNK_LEVEL2_BITS) - 1)) * sizeof(words), words,
                sizeof(words)));
            for (unsigned w = 0; w < 8; w++) {
                /* what the random base leaves out is called allocated, but counts as given back */
                for (uint64_t k = 0, page = at + w * 64 * HEAP_PAGE_SIZE;
                     k < 64 && page < heap->statistics.counted_end; k++, page += HEAP_PAGE_SIZE) {
                    if (!(words[w] >> k & 1)) {
                        heap->statistics.counted_end = page;
                        break;
                    }
                    words[w] &= ~((uint64_t)1 << k);
                    words[w + 8] |= (uint64_t)1 << k;
                }
                heap->statistics.idle_bytes +=
                    (uint64_t)__builtin_popcountll(~words[w]) * HEAP_PAGE_SIZE;
                heap->statistics.released_bytes +=
                    (uint64_t)__builtin_popcountll(~words[w] & words[w + 8]) * HEAP_PAGE_SIZE;
            }
        }
    }
    return NULL;
}

/* Of the 64 pages from base those below end, as bits. */
static uint64_t pages_below(uint64_t base, uint64_t end)
{
    uint64_t n = end > base ? (end - base) / HEAP_PAGE_SIZE : 0;
    return n < 64 ? ((uint64_t)1 << n) - 1 : UINT64_MAX;
}

/* Pages that a P keeps for itself count as free though the bitmaps call them allocated
 * (runtime/mpagecache.go); up to 1.18 the rest of the newest arena counts as given back. */
static struct error *read_kept_pages(struct go_runtime *runtime, struct heap *heap)
{
    struct target *target = runtime->target;
    uint64_t ps[2], p, cache[3], arena[2];
    TRY(target_read(target, runtime->globals.allp, ps, sizeof(ps)));
    for (uint64_t i = 0; i < MIN_OF(ps[1], (uint64_t)PS_MAX); i++) {
        TRY(target_read_u64(target, ps[0] + 8 * i, &p));
        if (!p)
            continue;
        TRY(target_read(target, p + GO_OFFSET(runtime, p_pcache), cache, sizeof(cache)));
        uint64_t counted = pages_below(cache[0], heap->statistics.counted_end);
        uint64_t kept = cache[1] & ~counted, released = cache[1] & cache[2];
        heap->statistics.idle_bytes += (uint64_t)__builtin_popcountll(kept) * HEAP_PAGE_SIZE;
        heap->statistics.released_bytes +=
            (uint64_t)__builtin_popcountll(released & ~counted) * HEAP_PAGE_SIZE;
        heap->statistics.released_bytes -=
            (uint64_t)__builtin_popcountll(cache[1] & counted & ~released) * HEAP_PAGE_SIZE;
    }
    if (runtime->minor > 18)
        return NULL;
    TRY(target_read(target, runtime->globals.mheap + GO_OFFSET(runtime, mheap_curArena), arena,
                    sizeof(arena)));
    if (arena[1] > arena[0]) {
        heap->statistics.idle_bytes += arena[1] - arena[0];
        heap->statistics.released_bytes += arena[1] - arena[0];
    }
    return NULL;
}

/* The figures of free pages, unless the target changed them meanwhile. */
static struct error *read_idle(struct go_runtime *runtime, struct heap *heap)
{
    struct error *error = read_free_pages(runtime, heap);
    if (!error)
        error = read_kept_pages(runtime, heap);
    if (!error || !runtime->is_racy || error->kind != ERROR_FAULT)
        return error;
    error_destroy(error);
    heap->statistics.idle_bytes = heap->statistics.released_bytes = 0;
    heap->statistics.idle_unknown = true;
    return NULL;
}

static struct error *read_once(struct go_runtime *runtime, unsigned threads, struct heap *out)
{
    struct heap heap = {.threads = MAX_OF(1u, MIN_OF(threads, (unsigned)HEAP_THREADS_MAX))};
    struct error *error = read_spans(runtime, &heap);
    if (!error)
        error = number_objects(&heap);
    if (!error)
        error = read_allocated(runtime, &heap);
    if (!error && runtime->is_racy)
        error = allocate_all(&heap);
    if (!error)
        error = read_idle(runtime, &heap);
    if (error) {
        heap_deinit(&heap);
        return error_wrap(error, "the heap's books cannot be read");
    }
    *out = heap;
    return NULL;
}

struct error *heap_read(struct go_runtime *runtime, unsigned threads, struct heap *out)
{
    struct error *error = read_once(runtime, threads, out);
    for (unsigned i = 0; error && runtime->is_racy && error->kind == ERROR_FAULT && i < RACY_TRIES;
         i++) { /* the list of spans may have moved while it was read */
        error_destroy(error);
        error = read_once(runtime, threads, out);
    }
    return error;
}

void heap_deinit(struct heap *heap)
{
    big_array_free(heap->pages, heap->page_count * sizeof(struct heap_page));
    if (heap->allocated)
        big_array_free(heap->allocated, bitset_words((uint64_t)heap->object_ids + 64) * 8);
    if (heap->booked)
        big_array_free(heap->booked, bitset_words((uint64_t)heap->object_ids + 64) * 8);
    if (heap->span_of)
        big_array_free(heap->span_of, (uint64_t)heap->object_ids / 8 * sizeof(uint32_t));
    vector_deinit(&heap->spans);
    *heap = (struct heap){0};
}

uint64_t heap_address(const struct heap *heap, uint32_t id)
{
    const struct heap_span *span = heap_span_of(heap, id);
    return heap_slot_address(span, id) + (span->has_header ? 8 : 0);
}
