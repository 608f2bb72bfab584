/*
 * Types of heap objects. Exact sources: malloc headers and large-object types (≥ 1.22), interface
 * values, DWARF types of global variables, calls that pass a type together with a global; from
 * there along typed pointers. Evidence is believed when the type fits the slot (size class, pointer
 * words); what fits only loosely is kept as a guess and shown as one.
 *
 * The result depends on the target alone, not on the number of threads (typing_sweep.h tells why).
 *
 * Memory: 2¼ B per object id; 4⅛ B (the clues of the scan, turned into types in place) while it
 * runs, and up to 33 MiB a thread and 16 MiB in all.
 */
#ifndef LEAKHOUND_GORT_TYPING_H
#define LEAKHOUND_GORT_TYPING_H

#include "gort/pointers.h"
#include "gort/roots.h"
#include "gort/types.h"
#include "graph/graph.h"

enum type_strength { TYPE_UNKNOWN = 0, TYPE_GUESSED = 1, TYPE_FITS = 2, TYPE_EXACT = 3 };

struct type_slot { /* a word of a type that leads to another object */
    uint64_t offset;
    uint32_t type;    /* pointer, slice: the element; map, chan, func: itself; else TYPE_NONE */
    uint8_t kind;     /* enum go_kind */
    bool has_methods; /* interface: the first word is an itab */
    bool to_pointers; /* pointer: what it leads to has pointers */
    /* Pointer: heap_page.divide of the slots that one value fits, without and with a type header; 0
     * when that must be looked at more closely. */
    uint32_t divide[2];
};

struct type_slots { /* what a walk over values of a type needs to know */
    struct type_slot *items;
    uint32_t count;
    uint8_t kind;
    bool known;
    uint64_t size; /* of the type */
};

struct typing_work;

struct typing {
    struct type_table table;
    struct go_runtime *runtime;
    const struct heap *heap;
    /* While typing_run lasts, and for good when there are 65,535 types or more. By object id:
     * strength << 30 | type index + 1; 0 = unknown (big_array). */
    uint32_t *types;
    uint16_t *packed;   /* else: type index + 1 */
    uint8_t *strengths; /* with it: two bits per object id */
    struct pointer_reader reader;
    VECTOR(struct type_slots) slots; /* by type */
    struct hash_map closures; /* entry of a function literal → type of what it captured + 1 */
    struct typing_work *work; /* while it runs */
};

/* clues: from scan_heap; becomes the typing's own. Reads the target: it must stand still. Up to
 * heap->threads threads. Cost: O(objects), a few passes over the objects with pointers. */
struct error *typing_run(struct go_runtime *runtime, const struct heap *heap, uint32_t *clues,
                         const struct variable_table *variables,
                         const struct goroutine_list *goroutines, struct typing *out) ERROR_CHECK;
void typing_deinit(struct typing *typing);

/* At the end of typing_run: halves the row of types. */
struct error *typing_pack(struct typing *typing) ERROR_CHECK;

/* Index in typing->table of an object's type, TYPE_NONE when unknown. */
static inline uint32_t typing_type(const struct typing *typing, uint32_t id)
{
    /* 0 → TYPE_NONE */
    return (typing->packed ? typing->packed[id] : typing->types[id] & 0x3fffffffu) - 1;
}
static inline enum type_strength typing_strength(const struct typing *typing, uint32_t id)
{
    uint32_t strength = typing->packed ? (uint32_t)typing->strengths[id / 4] >> id % 4 * 2
                                       : typing->types[id] >> 30;
    return (enum type_strength)(strength & 3);
}
/* Number of values of its type that an object holds (an array behind a slice: many). */
uint64_t typing_count(const struct typing *typing, uint32_t id);
/* "main.session", or "[]main.session" for several; arena-owned. */
const char *typing_name(struct typing *typing, uint32_t id, struct arena *arena);

/* Name of the member at offset in a value of type (its size is `bytes`, repeated): ".sessions",
 * "[3].next"; "" when unknown. */
const char *typing_member(struct typing *typing, uint32_t type, uint64_t offset, uint64_t bytes,
                          struct arena *arena);

/* Evidence from elsewhere (call sites), while typing_run lasts: the object at address holds count
 * values of the type, or is the body of a map, channel or closure of that type. */
void typing_evidence(struct typing *typing, uint64_t address, uint32_t type, uint64_t count);
void typing_map(struct typing *typing, uint64_t address, uint32_t map_type);

#endif
