/* executable on hostile files: the input is written to a file in memory and opened as any other. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "binary/executable.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The slots of a type, of what it leads to, and of what its descriptor leads back to. */
static struct error *follow_type(struct executable *executable, const struct executable_type *type)
{
    for (unsigned depth = 0; type && depth < 4; depth++) {
        const struct executable_slot *slots;
        const struct executable_type *again, *next = NULL;
        uint32_t count;
        TRY(executable_type_slots(executable, type, &slots, &count));
        TRY(executable_type_of(executable, type->runtime_type, &again));
        for (uint32_t i = 0; i < count; i++) {
            if (strlen(slots[i].path) + (slots[i].type ? strlen(slots[i].type->name) : 0) > 0)
                next = slots[i].type;
        }
        type = next;
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    if (fd < 0)
        return 0;
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    struct executable *executable;
    if (write(fd, data, size) == (ssize_t)size) {
        struct error *error = executable_open(path, &executable);
        if (!error) {
            uint64_t address, bytes, count;
            executable_section(executable, ".text", &address, &bytes);
            for (uint64_t i = 0; i < executable->data_symbols.count; i++)
                executable_symbol_at(executable, executable->data_symbols.data[i].address);
            const struct executable_variable *variables;
            error = executable_variables(executable, &variables, &count);
            for (uint64_t i = 0; !error && i < count; i++) {
                /* The strings must be there to be read. */
                if (strlen(variables[i].name) + strlen(variables[i].type_name) == 0)
                    break;
                if (variables[i].type)
                    error = follow_type(executable, variables[i].type);
            }
            executable_destroy(executable);
        }
        error_destroy(error);
    }
    close(fd);
    return 0;
}
