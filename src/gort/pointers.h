/*
 * The pointer words of heap objects, exactly as the collector of each version sees them
 * (runtime/mbitmap.go):
 *   ≤ 1.19  heapArena.bitmap, two bits a word (pointer, and "more to come")
 *   ≤ 1.21  heapArena.bitmap, one bit a word, and noMorePtrs
 *   ≥ 1.22  objects ≤ 512 B: bitmap at the span's end; larger: type header; large: span.largeType
 */
#ifndef LEAKHOUND_GORT_POINTERS_H
#define LEAKHOUND_GORT_POINTERS_H

#include "gort/heap.h"
#include "gort/types.h"
#include "gort/window.h"

enum pointer_encoding {
    POINTERS_TWO_BITS,
    POINTERS_ONE_BIT,
    POINTERS_TYPED,
};

/* What the scan learns of an object's type on its way: the descriptor's place in the type section
 * (offset / 8 + 1; 0 = nothing), exactly from a header, or as the dynamic type of some interface
 * value that points to the object. */
#define CLUE_HEADER 0x80000000u
#define CLUE_OFFSET 0x7fffffffu
#define CLUE_CLOSURE 0x7fffffffu /* begins with the entry of a closure's function */
static inline uint32_t clue_make(const struct go_runtime *runtime, uint64_t descriptor)
{
    const struct go_module *m = &runtime->module;
    return descriptor >= m->types && descriptor < m->types_end
               ? (uint32_t)((descriptor - m->types) / 8) + 1
               : 0;
}
static inline uint64_t clue_descriptor(const struct go_runtime *runtime, uint32_t clue)
{
    return runtime->module.types + (uint64_t)((clue & CLUE_OFFSET) - 1) * 8;
}

/* One per thread. */
struct pointer_reader {
    struct go_runtime *runtime;
    const struct heap *heap;
    enum pointer_encoding encoding;
    bool inline_marks; /* Green Tea: mark bits between the pointer bitmap and the span's end */
    struct window objects, bitmap, no_more;
    struct hash_map masks; /* descriptor → index in mask_list + 1 */
    VECTOR(struct type_mask) mask_list;
    uint64_t arenas;         /* address of the table of heapArena pointers */
    uint64_t mask_room;      /* bytes that masks not read yet can describe: each has an object */
    uint32_t *clues;         /* by object id, or NULL: where the type of a header is noted */
    uint64_t unread_objects; /* only of a target that runs on: they made no sense */
};

struct error *pointer_reader_init(struct pointer_reader *reader, struct go_runtime *runtime,
                                  const struct heap *heap) ERROR_CHECK;
void pointer_reader_deinit(struct pointer_reader *reader);

/* Called with up to 64 consecutive words of an object: bit i of mask = words[i] is a pointer.
 * offset: of words[0] in the slot. */
typedef struct error *(*pointer_visit)(void *context, uint32_t id, uint64_t offset,
                                       const uint64_t *words, uint64_t mask);

/* Visits every allocated object of the span that has pointers, in order, block by block of at most
 * 64 words that hold any. before (may be NULL) is called for every slot, allocated or not, before
 * its blocks. */
struct error *pointer_scan_span(struct pointer_reader *reader, const struct heap_span *span,
                                void (*before)(void *context, uint32_t id), pointer_visit visit,
                                void *context) ERROR_CHECK;

/* The same for one object. */
struct error *pointer_scan_object(struct pointer_reader *reader, uint32_t id, pointer_visit visit,
                                  void *context) ERROR_CHECK;

/* Mask of a type, cached; NULL when the program has none (then take the object conservatively). */
struct error *pointer_type_mask(struct pointer_reader *reader, uint64_t descriptor,
                                const struct type_mask **out) ERROR_CHECK;

#endif
