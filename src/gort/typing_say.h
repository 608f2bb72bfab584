/*
 * The shortest ways from a word to a type, some ten million times a second: what walkers do for
 * most pointers and strings. Private to the typing of gort.
 */
#ifndef LEAKHOUND_GORT_TYPING_SAY_H
#define LEAKHOUND_GORT_TYPING_SAY_H

#include "base/bitset.h"
#include "gort/typing_work.h"

/* Is one entry of typing->types better than another? A total order. */
bool typing_is_better(const struct typing *typing, uint32_t value, uint32_t old);
void walker_send(struct type_walker *walker, uint32_t id, uint32_t value);

/* For who owns the id's chunk: sets the value when it is better. leads_on: what is of that type
 * must be walked. True when the object is to become pending. */
static inline bool typing_take(struct typing *typing, uint32_t id, uint32_t value, bool leads_on)
{
    uint32_t old = typing->types[id];
    if (old == value || !bitset_get(typing->heap->allocated, id) ||
        (old && !typing_is_better(typing, value, old)))
        return false;
    typing->types[id] = value;
    return leads_on && !bitset_get(typing->work->pending, id);
}

/* value: as typing->types would hold it. */
static inline void walker_say(struct type_walker *walker, uint32_t id, uint32_t value,
                              bool leads_on)
{
    struct typing_work *work = walker->work;
    if (work->only_guesses)
        value = (value & 0x3fffffffu) | (uint32_t)TYPE_GUESSED << 30;
    if (!walker_owns(walker, id)) {
        walker_send(walker, id, value);
    } else if (typing_take(walker->typing, id, value, leads_on)) {
        bitset_set(work->pending, id);
        if (walker->is_serial)
            typing_note_pending(work, id);
    }
}

/* The object that a pointer slot's word leads to is of the slot's type. */
static inline void walker_pointer(struct type_walker *walker, const struct type_slot *slot,
                                  uint64_t word)
{
    const struct heap *heap = walker->typing->heap;
    const struct heap_page *page;
    if (word - heap->low >= heap->high - heap->low)
        return;
    uint32_t id = heap_find_start(heap, word, &page);
    if (id == HEAP_NONE)
        return;
    uint32_t wanted = slot->divide[page->slots & HEAP_PAGE_HAS_HEADER ? 1 : 0];
    if (!wanted || wanted != page->divide ||
        slot->to_pointers == !!(page->slots & HEAP_PAGE_NO_POINTERS))
        walker_evidence(walker, word, slot->type, 1);
    else
        walker_say(walker, id, (uint32_t)TYPE_FITS << 30 | (slot->type + 1), slot->to_pointers);
}

/* The bytes of a string stand at address, perhaps within an object. */
static inline void walker_string(struct type_walker *walker, uint64_t address)
{
    const struct heap *heap = walker->typing->heap;
    if (address - heap->low >= heap->high - heap->low)
        return;
    const struct heap_page *page = &heap->pages[(address - heap->low) >> HEAP_PAGE_SHIFT];
    uint64_t offset = heap_page_offset(heap, page, address);
    uint64_t slot = offset * page->divide >> 32;
    if (page->slots & HEAP_PAGE_NO_POINTERS && slot < (page->slots & HEAP_PAGE_SLOTS))
        walker_say(walker, page->first_id + (uint32_t)slot,
                   (uint32_t)TYPE_FITS << 30 | (walker->work->string_data + 1), false);
}

#endif
