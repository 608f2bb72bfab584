/*
 * pclntab on hostile bytes. Input: one byte of Go version, then the table, which stands at
 * 0x500000; text at 0x401000; funcdata 16 bytes into the table, so that inline trees are read, too.
 */
#include "binary/pclntab_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FUNCTIONS_TRIED = 64 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct pclntab_options options = {
        .address = 0x500000,
        .limit = 0x500000 + size,
        .text = 0x401000,
        .gofunc = data[0] <= 15 ? 0 : 0x500010,
        .go_minor = data[0],
    };
    struct pclntab *table = NULL;
    struct error *error = pclntab_from_bytes(data + 1, size - 1, &options, &table);
    if (error) {
        error_destroy(error);
        return 0;
    }
    uint32_t count = MIN_OF(pclntab_count(table), (uint32_t)FUNCTIONS_TRIED);
    for (uint32_t i = 0; i < count; i++) {
        struct pclntab_function function;
        error_destroy(pclntab_function(table, i, &function));
        pclntab_find_name(table, pclntab_name(table, i));
        uint64_t entry = pclntab_entry(table, i), end = pclntab_entry(table, i + 1);
        for (uint64_t pc = entry; pc < end && pc < entry + 64; pc += 5) {
            struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
            int32_t value;
            pclntab_find(table, pc);
            error_destroy(pclntab_sp_delta(table, i, pc, &value));
            for (unsigned which = 0; which < 3; which++) {
                error_destroy(pclntab_pcdata(table, i, which, pc, &value));
                pclntab_funcdata(table, i, which);
            }
            pclntab_frames(table, NULL, pc, frames);
        }
    }
    pclntab_destroy(table);
    return 0;
}
