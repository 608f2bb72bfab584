/* What executable.c (ELF) and executable_dwarf.c (DWARF) share of an open executable. */
#ifndef LEAKHOUND_BINARY_EXECUTABLE_PRIVATE_H
#define LEAKHOUND_BINARY_EXECUTABLE_PRIVATE_H

#include <gelf.h>

#include "binary/executable.h"

struct executable_section_entry {
    const char *name; /* lives as long as elf */
    uint64_t address, size, flags;
    uint32_t type;
};

struct executable_private {
    int fd;
    Elf *elf;
    VECTOR(struct executable_section_entry) sections;
    uint64_t types; /* address as linked of the symbol runtime.types, 0 when there is none */

    bool variables_read;            /* executable_variables has been here */
    struct executable_dwarf *dwarf; /* NULL before, and without DWARF */
    VECTOR(struct executable_variable) variables;
};

#endif
