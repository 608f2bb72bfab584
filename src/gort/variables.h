/*
 * Global variables: names from the symbol table or DWARF; in a stripped binary the pieces of data
 * and bss that code refers to, and the functions that do.
 */
#ifndef LEAKHOUND_GORT_VARIABLES_H
#define LEAKHOUND_GORT_VARIABLES_H

#include "gort/runtime.h"

enum { VARIABLE_USERS_MAX = 3 };

struct variable {
    uint64_t address, size;              /* in the target */
    const char *name;                    /* package.name, or "" when the binary is stripped */
    const char *type_name;               /* from DWARF, else "" */
    uint64_t type_descriptor;            /* from DWARF (address in the target), else 0 */
    const struct executable_slot *slots; /* of one value, from DWARF: add the bias to descriptors */
    uint32_t slot_count;
    uint64_t value_size; /* bytes of one value, from DWARF; behind a slice there are several */
    const char *path;    /* static value: how the owner leads here, ".cache[3]"; else NULL */
    bool type_guessed;   /* type_name is a guess (variable_types.h) */
    bool is_runtime;     /* the runtime's own */
    uint32_t owner;      /* of a static value (static_values.h): the variable that leads to it; else
                            itself */
    uint32_t
        users[VARIABLE_USERS_MAX]; /* functions (pclntab) that refer to it; unnamed ones only */
    uint32_t user_count;           /* of all users, also beyond the array */
};

struct variable_table {
    VECTOR(struct variable) items; /* ascending, not overlapping, pointer sections only */
    struct arena arena;
};

/* Covers every word of data and bss that may hold a pointer: no address in the masks is without a
 * variable. Cost: sections and DWARF; stripped: a pass over the code (20 ms per MB). */
struct error *variable_table_read(struct go_runtime *runtime,
                                  struct variable_table *out) ERROR_CHECK;
void variable_table_deinit(struct variable_table *table);

/* Index of the variable that contains address, or UINT32_MAX. O(log n). */
uint32_t variable_at(const struct variable_table *table, uint64_t address);

/* The word at offset in a variable as Go writes it, from its slots: ".byID", "[3].next", "" for a
 * variable of one word; NULL when no slot contains it. O(slots). */
const char *variable_member(const struct variable *variable, uint64_t offset, struct arena *arena);

#endif
