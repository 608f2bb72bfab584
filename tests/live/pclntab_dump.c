/*
 * What pclntab says about a Go process or core, for tests/live/test_pclntab.py:
 *   pclntab_dump TARGET ADDRESS LIMIT TEXT ETEXT GOFUNC MINOR PROBES
 * F lines: every function; P lines: about PROBES program counters spread over all functions, each
 * with its stack depth, PCDATA 0–2, FUNCDATA and frames.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "binary/pclntab.h"

static void print_probe(struct pclntab *table, struct target *target, uint32_t index, uint64_t pc)
{
    int32_t depth = -1;
    struct error *error = pclntab_sp_delta(table, index, pc, &depth);
    printf("P %" PRIx64 "\t%" PRId32, pc, error ? -1 : depth);
    error_destroy(error);
    for (unsigned which = 0; which < 3; which++) {
        int32_t value = -1;
        error = pclntab_pcdata(table, index, which, pc, &value);
        printf(" %" PRId32, error ? -99 : value);
        error_destroy(error);
    }
    for (unsigned which = 0; which < 4; which++)
        printf(" %" PRIx64, pclntab_funcdata(table, index, which));
    struct pclntab_frame frames[PCLNTAB_FRAMES_MAX];
    uint32_t count = pclntab_frames(table, target, pc, frames);
    for (uint32_t i = 0; i < count; i++)
        printf("\t%s|%s|%" PRIu32 "|%d", frames[i].function, frames[i].file, frames[i].line,
               frames[i].inlined);
    printf("\n");
}

static struct error *dump(const char *const *argument)
{
    struct pclntab_options options = {
        .address = strtoull(argument[2], NULL, 16),
        .limit = strtoull(argument[3], NULL, 16),
        .text = strtoull(argument[4], NULL, 16),
        .text_end = strtoull(argument[5], NULL, 16),
        .gofunc = strtoull(argument[6], NULL, 16),
        .go_minor = (unsigned)strtoul(argument[7], NULL, 10),
    };
    uint64_t probes = strtoull(argument[8], NULL, 10);
    struct target *target;
    struct target_options how = {.freeze = FREEZE_STOP};
    TRY(target_open(argument[1], &how, &target));
    struct pclntab *table;
    struct error *error = pclntab_load(target, &options, &table);
    if (error) {
        target_destroy(target);
        return error;
    }
    uint32_t count = pclntab_count(table);
    uint64_t text_bytes = pclntab_entry(table, count) - pclntab_entry(table, 0);
    uint64_t stride = probes && text_bytes > probes ? text_bytes / probes : 1;
    for (uint32_t i = 0; i < count; i++) {
        struct pclntab_function f;
        error = pclntab_function(table, i, &f);
        if (error)
            break;
        uint32_t named = pclntab_find_name(table, f.name);
        bool found = named <= i && strcmp(pclntab_name(table, named), f.name) == 0 &&
                     (f.entry == f.end ||
                      (pclntab_find(table, f.entry) == i && pclntab_find(table, f.end - 1) == i));
        printf("F %" PRIx64 " %" PRIx64 " %" PRId32 " %d %s\n", f.entry, f.end, f.start_line, found,
               f.name);
        for (uint64_t pc = f.entry; pc < f.end; pc += stride)
            print_probe(table, target, i, pc);
        /* Often padding, which no table covers. (Not the last byte: the oracle asks for pc + 1.) */
        if (f.end - f.entry > 2)
            print_probe(table, target, i, f.end - 2);
    }
    if (!error && pclntab_find(table, pclntab_entry(table, count)) != PCLNTAB_NONE)
        error = error_format(0, "a function behind the last one");
    pclntab_destroy(table);
    target_destroy(target);
    return error;
}

int main(int count, char **argument)
{
    if (count != 9) {
        fprintf(stderr,
                "usage: pclntab_dump TARGET ADDRESS LIMIT TEXT ETEXT GOFUNC MINOR PROBES\n");
        return 2;
    }
    struct error *error = dump((const char *const *)argument);
    if (error) {
        char text[512];
        error_text(error, text, sizeof(text));
        fprintf(stderr, "%s\n", text);
        error_destroy(error);
        return 1;
    }
    return 0;
}
