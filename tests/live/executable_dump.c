/*
 * What binary/executable says about a file, for tests/live/test_executable.py:
 *   executable_dump FILE [NAME...]
 * An H line, a B line with the build id, S lines for the named sections, D lines for data symbols,
 * V lines for variables, each followed by an L line for each of its slots; T lines for what
 * pointers to types without a descriptor lead to.
 */
#include <inttypes.h>
#include <stdio.h>

#include "binary/executable.h"

enum { POINTER = 22 };

/* "L offset kind has_methods descriptor size path<tab>type" */
static struct error *dump_slots(struct executable *executable, const struct executable_type *type,
                                char letter)
{
    const struct executable_slot *slots;
    uint32_t count;
    TRY(executable_type_slots(executable, type, &slots, &count));
    for (uint32_t i = 0; i < count; i++) {
        const struct executable_type *to = slots[i].type;
        printf("%c %" PRIx64 " %d %d %" PRIx64 " %" PRIx64 " %s\t%s\n", letter, slots[i].offset,
               slots[i].kind, slots[i].has_methods, to ? to->runtime_type : 0, to ? to->size : 0,
               slots[i].path, to ? to->name : "");
        if (letter == 'L' && slots[i].kind == POINTER && to && !to->runtime_type)
            TRY(dump_slots(executable, to, 'T'));
    }
    return NULL;
}

static struct error *dump(struct executable *executable, int names, char **name)
{
    printf("H pie=%d stripped=%d dwarf=%d first=%" PRIx64 "\nB ", executable->is_pie,
           executable->is_stripped, executable->has_dwarf, executable->first_load_address);
    for (uint32_t i = 0; i < executable->build_id_size; i++)
        printf("%02x", executable->build_id[i]);
    printf("\n");
    for (int i = 0; i < names; i++) {
        uint64_t address, size;
        if (executable_section(executable, name[i], &address, &size))
            printf("S %s %" PRIx64 " %" PRIx64 "\n", name[i], address, size);
    }
    for (uint64_t i = 0; i < executable->data_symbols.count; i++) {
        const struct executable_symbol *symbol = &executable->data_symbols.data[i];
        const struct executable_symbol *last =
            executable_symbol_at(executable, symbol->address + symbol->size - 1);
        printf("D %" PRIx64 " %" PRIx64 " %d %s\n", symbol->address, symbol->size,
               symbol->size == 0 || (last && last->address == symbol->address), symbol->name);
    }
    const struct executable_variable *variables;
    uint64_t count;
    TRY(executable_variables(executable, &variables, &count));
    for (uint64_t i = 0; i < count; i++) {
        printf("V %" PRIx64 " %" PRIx64 " %" PRIx64 " %s\t%s\n", variables[i].address,
               variables[i].size, variables[i].runtime_type, variables[i].name,
               variables[i].type_name);
        if (variables[i].type)
            TRY(dump_slots(executable, variables[i].type, 'L'));
    }
    return NULL;
}

int main(int count, char **argument)
{
    if (count < 2) {
        fprintf(stderr, "usage: executable_dump FILE [SECTION...]\n");
        return 2;
    }
    struct executable *executable;
    struct error *error = executable_open(argument[1], &executable);
    if (!error) {
        error = dump(executable, count - 2, argument + 2);
        executable_destroy(executable);
    }
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        printf("E %d %s\n", (int)error->kind, text);
        error_destroy(error);
        return 1;
    }
    return 0;
}
