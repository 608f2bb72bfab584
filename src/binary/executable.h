/*
 * The executable file: ELF header, sections, symbols, build id (libelf), and where there is DWARF
 * the names and types of global variables (libdw).
 */
#ifndef LEAKHOUND_BINARY_EXECUTABLE_H
#define LEAKHOUND_BINARY_EXECUTABLE_H

#include "base/memory.h"

struct executable_symbol {
    const char *name;
    uint64_t address; /* as linked: add the load bias */
    uint64_t size;
};

struct executable {
    bool is_pie;
    bool is_stripped; /* no symbol table */
    bool has_dwarf;
    uint64_t first_load_address; /* lowest p_vaddr of PT_LOAD, page aligned; bias = mapped − this */
    unsigned char build_id[64]; /* GNU build id, build_id_size 0 when none */
    uint32_t build_id_size;
    VECTOR(struct executable_symbol)
    data_symbols; /* STT_OBJECT or NOTYPE in data/bss, by address */
    struct executable_private *private;
};

/* ERROR_UNSUPPORTED for another architecture or 32 bits, ERROR_FORMAT when it is no ELF file. */
struct error *executable_open(const char *path, struct executable **out) ERROR_CHECK;
void executable_destroy(struct executable *executable);

/* Symbol that contains address (as linked), or NULL. O(log n). */
const struct executable_symbol *executable_symbol_at(const struct executable *executable,
                                                     uint64_t address);

/* Address (as linked) and size of a section; false when there is none of that name. */
bool executable_section(const struct executable *executable, const char *name,
                        uint64_t *out_address, uint64_t *out_size);

/*
 * A word of a value that leads to other memory: structs and arrays are flattened. type is that of
 * the element for pointers and slices, the slot's own for maps and channels, NULL for the rest.
 */
struct executable_slot {
    uint64_t offset;  /* from the start of the value, in bytes */
    const char *path; /* as Go writes it: ".cache.items", "[3].next"; "" for the value itself */
    const struct executable_type *type;
    uint8_t width; /* bytes: 24 for slices, 16 for strings and interfaces, else 8 */
    uint8_t kind;  /* Go's number (internal/abi/type.go): pointer 22, slice 23, string 24, map 21,
                      chan 18, func 19, interface 20 */
    bool has_methods; /* interface: its first word is an itab (runtime.iface, not eface) */
};

struct executable_type {
    const char *name; /* as DWARF names it: map[string]*main.session; "?" without a name */
    uint64_t size;    /* bytes of a value, 0 when the DWARF does not say */
    /* Address as linked of the run-time descriptor (from DW_AT_go_runtime_type); 0 when the linker
     * dropped it because the program never needs it, or when the symbol runtime.types, to which it
     * is relative, is not there. */
    uint64_t runtime_type;
    uint8_t kind; /* as above, 0 when unknown */
};

enum { EXECUTABLE_SLOTS_MAX = 4096 }; /* of one type; what an array has beyond is left out */

/* Slots of a type, ascending by offset. Cost: one look at its DIEs at the first call. */
struct error *executable_type_slots(struct executable *executable,
                                    const struct executable_type *type,
                                    const struct executable_slot **out,
                                    uint32_t *out_count) ERROR_CHECK;

/* Type whose descriptor stands at runtime_type (as linked); *out = NULL when DWARF has none. Only
 * after executable_variables. */
struct error *executable_type_of(struct executable *executable, uint64_t runtime_type,
                                 const struct executable_type **out) ERROR_CHECK;

struct executable_variable {
    const char *name;      /* package.path.variable */
    uint64_t address;      /* as linked */
    const char *type_name; /* these three as in type */
    uint64_t size;
    uint64_t runtime_type;
    const struct executable_type *type; /* NULL when the DWARF has none */
};
/* Global variables that DWARF describes, ascending by address; owned by the executable, as are all
 * types and slots. Empty without DWARF. Cost: a walk of the top-level DIEs of every unit; done on
 * first call. */
struct error *executable_variables(struct executable *executable,
                                   const struct executable_variable **out,
                                   uint64_t *out_count) ERROR_CHECK;

#endif
