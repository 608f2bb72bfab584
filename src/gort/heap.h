/*
 * The Go heap: spans in use, which of their slots are allocated, and from an address to its object
 * (runtime/mheap.go, mcentral.go, mbitmap.go). Object ids are dense over spans in address order,
 * each span beginning at a multiple of 8.
 *
 * Memory: span 80 B, 16 B per 8 KiB page of the heap's address range, ⅝ B per object id.
 */
#ifndef LEAKHOUND_GORT_HEAP_H
#define LEAKHOUND_GORT_HEAP_H

#include "gort/runtime.h"

#define HEAP_NONE UINT32_MAX
enum { HEAP_PAGE_SHIFT = 13 };
#define HEAP_PAGE_SIZE ((uint64_t)1 << HEAP_PAGE_SHIFT)

struct heap_span {
    uint64_t address; /* of the mspan */
    uint64_t start;
    uint64_t element_size;
    uint64_t large_type;     /* ≥ 1.22, large objects: address of the type descriptor, or 0 */
    uint64_t specials;       /* first special record, or 0 */
    uint64_t allocated_bits; /* address of allocBits */
    uint32_t pages;
    uint32_t slots;    /* objects that fit */
    uint32_t first_id; /* object id of slot 0 */
    uint32_t divide;   /* slot = offset · divide >> 32 */
    uint32_t free_index;
    uint8_t size_class; /* 0 = one large object */
    bool no_pointers;
    bool has_header;    /* ≥ 1.22: every object begins with an 8-byte type pointer */
    bool is_user_arena; /* GOEXPERIMENT=arenas chunk */
    bool unswept;
};

struct heap_page { /* per 8 KiB page; slots = 0 where there is no span in use */
    uint32_t first_id, divide, first_page, slots; /* slots and the flags below */
};
#define HEAP_PAGE_NO_POINTERS 0x80000000u
#define HEAP_PAGE_HAS_HEADER 0x40000000u
#define HEAP_PAGE_SLOTS 0x3fffffffu
/* What first_page has of a page's number; no span is that long. */
#define HEAP_OFFSET_MASK (((uint64_t)1 << (32 + HEAP_PAGE_SHIFT)) - 1)

struct heap_statistics {
    uint64_t inuse_bytes;    /* = MemStats.HeapInuse */
    uint64_t stack_bytes;    /* spans in manual use: stacks and the like */
    uint64_t idle_bytes;     /* free pages of the heap, = HeapIdle; with stacks' free spans */
    uint64_t released_bytes; /* of these, given back to the system */
    uint64_t allocated_objects, allocated_bytes;
    uint64_t unswept_spans; /* a GC cycle is not finished */
    uint64_t unread_spans;  /* only of a target that runs on: they made no sense */
    bool idle_unknown;      /* likewise: idle_bytes and released_bytes could not be read */
    uint64_t lowest_span;   /* address of the lowest span, stacks included */
    uint64_t counted_end;   /* pages below count as given back, a P's own too; 0 none */
};

enum { HEAP_PARTS_MAX = 64, HEAP_THREADS_MAX = 64 };

struct heap {
    VECTOR(struct heap_span) spans; /* ascending by address and id */
    /* Parts of about equal work, by the heap alone and not by the number of threads, so that ids do
     * not depend on it: part k has the spans [part_begin[k], part_begin[k + 1]); at least 8 unused
     * ids lie behind each part. */
    unsigned threads; /* that may read it at a time */
    uint32_t part_count;
    uint64_t part_begin[HEAP_PARTS_MAX + 1];
    uint64_t low, high;      /* address range, multiples of the page size */
    struct heap_page *pages; /* (high − low) >> HEAP_PAGE_SHIFT entries (big_array) */
    uint64_t page_count;
    uint32_t object_ids; /* a multiple of 8 */
    uint64_t *allocated; /* bitset (big_array) of object_ids bits, owned */
    /* Only of a target that runs on, else NULL: what was allocated when the books were read; every
     * slot of a span counts as allocated then, since objects come while the pointers are read. */
    uint64_t *booked;
    uint32_t *span_of; /* by object id / 8: index of its span (big_array) */
    struct heap_statistics statistics;
};

/* Cost: a read per span; 0.15 s for 60 million objects. ERROR_FAULT for a span that cannot be
 * read (passed over when the target runs on), ERROR_LIMIT beyond 2^31 objects. threads: for what
 * reads the heap later, at most 64. */
struct error *heap_read(struct go_runtime *runtime, unsigned threads, struct heap *out) ERROR_CHECK;
void heap_deinit(struct heap *heap);

/* Offset in its span of an address between low and high that lies on that page. */
static inline uint64_t heap_page_offset(const struct heap *heap, const struct heap_page *page,
                                        uint64_t address)
{
    uint64_t start = heap->low + ((uint64_t)page->first_page << HEAP_PAGE_SHIFT);
    return (address - start) & HEAP_OFFSET_MASK;
}

/* Object id of the allocated object that contains address, HEAP_NONE when there is none. O(1). */
static inline uint32_t heap_find(const struct heap *heap, uint64_t address)
{
    uint64_t page = (address - heap->low) >> HEAP_PAGE_SHIFT;
    if (page >= heap->page_count)
        return HEAP_NONE;
    const struct heap_page *p = &heap->pages[page];
    uint32_t slots = p->slots & HEAP_PAGE_SLOTS;
    uint64_t offset = heap_page_offset(heap, p, address);
    uint64_t slot = offset * p->divide >> 32;
    if (slot >= slots)
        return HEAP_NONE;
    uint32_t id = p->first_id + (uint32_t)slot;
    return (heap->allocated[id >> 6] >> (id & 63)) & 1 ? id : HEAP_NONE;
}

/* What a slot's number is computed with: see heap_span.divide. */
static inline uint32_t heap_divide(uint32_t element_size)
{
    return UINT32_MAX / element_size + 1;
}

/* Id of the slot whose value (behind the type header) begins at address, which must lie between low
 * and high; HEAP_NONE when none does. Does not ask whether the slot is allocated. A slot's offset
 * times divide is a whole number of 2^32 and less than divide more; where a word further in stands
 * the rest is larger. */
static inline uint32_t heap_find_start(const struct heap *heap, uint64_t address,
                                       const struct heap_page **out_page)
{
    const struct heap_page *p = &heap->pages[(address - heap->low) >> HEAP_PAGE_SHIFT];
    uint64_t offset = heap_page_offset(heap, p, address);
    uint64_t product = offset * p->divide, slot = product >> 32;
    uint32_t header = p->slots & HEAP_PAGE_HAS_HEADER ? 8 : 0;
    bool starts = p->divide ? (uint32_t)product - header * p->divide < p->divide : !offset;
    *out_page = p;
    return starts && slot < (p->slots & HEAP_PAGE_SLOTS) ? p->first_id + (uint32_t)slot : HEAP_NONE;
}

static inline bool heap_page_has_no_pointers(const struct heap *heap, uint64_t address)
{
    return heap->pages[(address - heap->low) >> HEAP_PAGE_SHIFT].slots & HEAP_PAGE_NO_POINTERS;
}

/* Span of an object id; O(1). */
static inline const struct heap_span *heap_span_of(const struct heap *heap, uint32_t id)
{
    return &heap->spans.data[heap->span_of[id >> 3]];
}
/* Address of slot id; of what the program sees (behind the type header). */
uint64_t heap_address(const struct heap *heap, uint32_t id);
static inline uint64_t heap_slot_address(const struct heap_span *span, uint32_t id)
{
    return span->start + (uint64_t)(id - span->first_id) * span->element_size;
}

#endif
