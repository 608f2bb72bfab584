/* Evidence for typing from what its other sources found (call sites, variables); serial, while
 * typing_run lasts. Private to the typing of gort. */
#ifndef LEAKHOUND_GORT_TYPING_WALK_H
#define LEAKHOUND_GORT_TYPING_WALK_H

#include "gort/typing.h"

/* How well so many values of a size fit a slot of the span. */
enum type_strength typing_fit(const struct typing *typing, const struct heap_span *span,
                              uint64_t size, bool has_pointers, uint64_t count);
/* The object at whose beginning (behind a type header) address stands, or HEAP_NONE. */
uint32_t typing_object_at(const struct typing *typing, uint64_t address,
                          const struct heap_span **out_span);
void typing_set(struct typing *typing, uint32_t id, uint32_t type, enum type_strength strength);

/* The body of a function value: its function, what it captured, a method value's receiver. */
void typing_closure(struct typing *typing, uint64_t address);
/* The data word of an interface whose dynamic type is `type`. */
void typing_interface_data(struct typing *typing, uint32_t type, uint64_t data);

/* Evidence from one value of the type in bytes (size of them are there). */
void typing_walk_value(struct typing *typing, uint32_t type, const uint8_t *bytes, uint64_t size);

/* The same from one value whose words DWARF describes, for types without a descriptor. */
void typing_walk_slots(struct typing *typing, const struct executable_slot *slots, uint32_t count,
                       const uint8_t *bytes, uint64_t size);

/* Slots that are no kind of Go's: see typing_known.c. */
enum { SLOT_TRIE = 64, SLOT_BOXED_INTERFACE, SLOT_POOL };
enum { KNOWN_SLOTS_MAX = 16 };

/* The slots of a struct type of the standard library whose pointers its descriptor does not tell;
 * false when it is none. out: KNOWN_SLOTS_MAX. */
bool typing_known_slots(struct typing *typing, uint32_t type, uint64_t at, struct type_slot *out,
                        uint32_t *out_count);
/* A variable that is a sync.Map (≥ 1.24; DWARF names it, its descriptor need not be there). */
void typing_sync_map(struct typing *typing, const uint8_t *bytes, uint64_t size);
/* Follows such a slot, whose word is not 0. */
void typing_follow_known(struct typing *typing, const struct type_slot *slot, uint64_t word);

/* A channel that nothing types: it says itself what it carries (runtime/chan.go, hchan.elemtype).
 * Returns the type of its elements, TYPE_NONE when there is no channel at address. */
uint32_t typing_bare_channel(struct typing *typing, uint64_t address);

#endif
