/*
 * DWARF 2 to 5 as cmd/link writes it (cmd/link/internal/ld/dwarf.go): the open DWARF, its types,
 * and the attributes that both are read with. Private to binary/executable.
 */
#ifndef LEAKHOUND_BINARY_EXECUTABLE_DWARF_H
#define LEAKHOUND_BINARY_EXECUTABLE_DWARF_H

#include <elfutils/libdw.h>

#include "base/hash.h"
#include "binary/executable_private.h"

enum { /* cmd/internal/dwarf, DW_AT_go_… */
       DW_AT_GO_KIND = 0x2900,
       DW_AT_GO_ELEM = 0x2902,
       DW_AT_GO_RUNTIME_TYPE = 0x2904,
};

/* Bytes of a debug section as libdw reads them, unpacked. */
struct debug_bytes {
    const char *start;
    uint64_t size;
};

struct executable_dwarf {
    Dwarf *dwarf;
    uint64_t types; /* executable_private.types */
    VECTOR(struct debug_bytes) sections;
    struct hash_map by_die;        /* offset of a type's DIE + 1 → struct type_record * */
    struct hash_map by_descriptor; /* DW_AT_go_runtime_type → offset of a type's DIE */
    uint64_t slot_count;           /* of all types */
    struct arena arena;            /* types, slots, paths; names stay in the sections */
};

/* sections of private have been read. ERROR_FORMAT when libdw refuses the DWARF. */
struct error *executable_dwarf_open(struct executable_private *private,
                                    struct executable_dwarf **out) ERROR_CHECK;
void executable_dwarf_close(struct executable_dwarf *dwarf);

/* Name of a DIE as it stands in the file, or NULL. */
const char *die_name(const struct executable_dwarf *dwarf, Dwarf_Die *die);
/* The attribute's value; false when it is not there or no number. */
bool die_number(Dwarf_Die *die, unsigned attribute, uint64_t *out);
/* The DIE that the attribute refers to. */
bool die_reference(Dwarf_Die *die, unsigned attribute, Dwarf_Die *out);
/* DW_AT_go_runtime_type as it is written: an offset, whatever its form; 0 without. */
uint64_t die_descriptor(Dwarf_Die *die);
/* Goes on to the next DIE beside this one; *out_end when there is none. A sibling that lies before
 * its sibling would lead round in a circle: ERROR_FORMAT. */
struct error *die_next(Dwarf_Die *die, bool *out_end) ERROR_CHECK;

/* A top-level DIE that may be a type with a descriptor: remembers it for executable_type_of. */
struct error *executable_dwarf_note_type(struct executable_dwarf *dwarf,
                                         Dwarf_Die *die) ERROR_CHECK;
/* The type that a DIE describes; one per DIE, its slots are not yet read. Cost: O(1). */
struct error *executable_dwarf_type(struct executable_dwarf *dwarf, Dwarf_Die *die,
                                    const struct executable_type **out) ERROR_CHECK;

#endif
