/*
 * The bytes of a pclntab and what both halves of its decoder need: pclntab.c knows where things
 * lie (header, functab, _func records, names), pclntab_lines.c what the pc-value tables say.
 */
#ifndef LEAKHOUND_BINARY_PCLNTAB_TABLE_H
#define LEAKHOUND_BINARY_PCLNTAB_TABLE_H

#include "base/cursor.h"
#include "base/hash.h"
#include "binary/pclntab.h"

/* How the format changed; the magic number tells. */
enum pclntab_layout {
    LAYOUT_GO_1_2,  /* Go 1.2–1.15: absolute addresses, all offsets from the table's start */
    LAYOUT_GO_1_18, /* Go 1.18, 1.19: offsets from text, sub-tables, 20-byte inlinedCall */
    LAYOUT_GO_1_20, /* Go 1.20 and later: _func.startLine, 16-byte inlinedCall */
};

struct pclntab {
    const uint8_t *bytes; /* the whole table; every offset below is from its start */
    uint64_t size;
    void *owned_bytes; /* big_array of owned_size bytes, or NULL when bytes is a view */
    uint64_t owned_size;

    struct pclntab_options options;
    enum pclntab_layout layout;
    uint32_t quantum; /* pc deltas are multiples of it (minLC: 1 on amd64, 4 on arm64) */
    uint32_t count;
    /* Offsets that are 0 or the table's start in LAYOUT_GO_1_2, where all share one base. */
    uint64_t functab, functions, names, compilation_units, files, pc_values;

    /* Index by name, built by the first pclntab_find_name: hash → function index + 1, then the
     * next function of the same hash (index + 1, 0 ends) in ascending order. */
    struct hash_map functions_by_name;
    uint32_t *next_same_hash; /* [count] */
};

/* runtime._func as far as it is used. pcdata and funcdata are offsets of their arrays. */
struct pclntab_record {
    uint64_t entry;
    uint32_t name, args, deferreturn, pcsp, pcfile, pcline, compilation_unit;
    uint32_t pcdata_count, funcdata_count;
    int32_t start_line;
    uint8_t func_id, flags;
    uint64_t pcdata, funcdata;
};

/* Takes a table that lies in memory: bytes must hold size bytes and outlive the table, which does
 * not own them. Same checks and errors as pclntab_load. Cost: O(functions), the functab is checked
 * to ascend. */
struct error *pclntab_from_bytes(const void *bytes, uint64_t size,
                                 const struct pclntab_options *options,
                                 struct pclntab **out) ERROR_CHECK;

struct error *pclntab_record(const struct pclntab *table, uint32_t index,
                             struct pclntab_record *out) ERROR_CHECK;

/* Address of FUNCDATA `which` of a record already read; 0 when there is none. */
uint64_t pclntab_record_funcdata(const struct pclntab *table, const struct pclntab_record *record,
                                 unsigned which);

/* Zero-terminated string at offset, or NULL when it does not end within the table (or within
 * 64 KiB: no name of a function or file is longer). */
const char *pclntab_string(const struct pclntab *table, uint64_t offset);

#endif
