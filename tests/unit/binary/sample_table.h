/*
 * A pclntab of four functions, in each of the three layouts, written by hand so that the tests know
 * every value in it:
 *
 *   0  main.main           0x401000–0x401040  stack maps, stack objects, two inlined calls
 *   1  main.(*T).Method    0x401040–0x401060  nothing but its name
 *   2  main.main           0x401060–0x401070  the same name again
 *   3  main.last           0x401070–0x401080
 *
 * In main.main, 0x401010–0x401020 is main.inner (a.go:52) in main.middle (b.go:31) in main.main
 * (a.go:12), and 0x401024–0x401028 is main.middle (b.go:31) in main.main.
 */
#ifndef LEAKHOUND_TESTS_UNIT_BINARY_SAMPLE_TABLE_H
#define LEAKHOUND_TESTS_UNIT_BINARY_SAMPLE_TABLE_H

#include <assert.h>
#include <string.h>

#include "binary/pclntab_table.h"

enum { SAMPLE_TEXT = 0x401000, SAMPLE_ADDRESS = 0x500000, SAMPLE_FUNCTIONS = 4 };

struct sample {
    uint8_t bytes[4096];
    uint64_t size;
    struct pclntab_options options;
    uint64_t inline_tree, stack_objects; /* what FUNCDATA of main.main must give */
};

struct sample_value {
    int32_t value;
    uint32_t end; /* offset from the function's entry at which the value ends */
};

static inline void sample_put(struct sample *s, uint64_t at, uint64_t value, unsigned bytes)
{
    assert(at + bytes <= sizeof(s->bytes));
    memcpy(s->bytes + at, &value, bytes);
    s->size = MAX_OF(s->size, at + bytes);
}

static inline uint64_t sample_append(struct sample *s, const void *bytes, uint64_t count)
{
    uint64_t at = s->size;
    assert(at + count <= sizeof(s->bytes));
    memcpy(s->bytes + at, bytes, count);
    s->size += count;
    return at;
}

static inline uint64_t sample_string(struct sample *s, const char *text)
{
    return sample_append(s, text, strlen(text) + 1);
}

static inline void sample_varint(struct sample *s, uint32_t value)
{
    uint8_t byte;
    for (; value >= 0x80; value >>= 7) {
        byte = (uint8_t)(value | 0x80);
        sample_append(s, &byte, 1);
    }
    byte = (uint8_t)value;
    sample_append(s, &byte, 1);
}

static inline uint64_t sample_pc_values(struct sample *s, const struct sample_value *values,
                                        unsigned count)
{
    uint64_t at = s->size;
    int32_t value = -1;
    uint32_t pc = 0;
    for (unsigned i = 0; i < count; i++) {
        int32_t delta = values[i].value - value;
        sample_varint(s, ((uint32_t)delta << 1) ^ (uint32_t)(delta >> 31));
        sample_varint(s, values[i].end - pc);
        value = values[i].value;
        pc = values[i].end;
    }
    sample_varint(s, 0);
    return at;
}

static inline void sample_align(struct sample *s)
{
    s->size = (s->size + 7) & ~(uint64_t)7;
}

/* The inline tree: 0 is main.middle called at +0x08, 1 is main.inner called at +0x24. */
static inline uint64_t sample_inline_tree(struct sample *s, bool old, uint64_t middle,
                                          uint64_t inner)
{
    const uint64_t names[] = {middle, inner}, parents[] = {0x08, 0x24};
    sample_align(s);
    uint64_t at = s->size;
    for (unsigned i = 0; i < 2; i++) {
        uint64_t call = s->size;
        s->size += old ? 12 : 4;
        if (old) { /* file and line are there, and are not needed */
            sample_put(s, call + 4, 0x7777, 4);
            sample_put(s, call + 8, 0x7777, 4);
        }
        sample_put(s, s->size, names[i], 4);
        sample_put(s, s->size, parents[i], 4);
        if (!old)
            sample_put(s, s->size, 99, 4);
    }
    return at;
}

static inline void sample_build(struct sample *s, enum pclntab_layout layout)
{
    const bool absolute = layout == LAYOUT_GO_1_2;
    *s = (struct sample){.options = {.address = SAMPLE_ADDRESS,
                                     .limit = SAMPLE_ADDRESS + sizeof(s->bytes),
                                     .text = SAMPLE_TEXT,
                                     .text_end = SAMPLE_TEXT + 0x80,
                                     .go_minor = absolute                   ? 15
                                                 : layout == LAYOUT_GO_1_18 ? 19
                                                                            : 27}};
    const uint32_t magic[] = {0xfffffffbu, 0xfffffff0u, 0xfffffff1u};
    sample_put(s, 0, magic[layout], 4);
    sample_put(s, 6, 1, 1);
    sample_put(s, 7, 8, 1);
    sample_put(s, 8, SAMPLE_FUNCTIONS, 8);

    /* Go 1.15 has functab first, the strings and tables among the records and the files last; later
     * versions have a part for each. Offsets are from `base` of the part they point into. */
    const uint64_t functab_old = 16,
                   functab_bytes = absolute ? 16 * SAMPLE_FUNCTIONS + 12 : 8 * SAMPLE_FUNCTIONS + 4;
    s->size = absolute ? functab_old + functab_bytes : 72;
    uint64_t names = s->size;
    sample_string(s, "go:buildid");
    uint64_t name_main = sample_string(s, "main.main");
    uint64_t name_method = sample_string(s, "main.(*T).Method");
    uint64_t name_last = sample_string(s, "main.last");
    uint64_t name_inner = sample_string(s, "main.inner");
    uint64_t name_middle = sample_string(s, "main.middle");
    sample_align(s);

    uint64_t units = 0, files = 0;
    if (!absolute) {
        units = s->size;
        const uint32_t list[] = {UINT32_MAX, 9, 0, 7}; /* unit 0: one dead file; unit 1: the rest */
        sample_append(s, list, sizeof(list));
        files = s->size;
        sample_string(s, "/src/b");
        sample_string(s, "x");
        sample_string(s, "/src/a.go");
        sample_align(s);
    }
    uint64_t pc_values = s->size;
    const uint8_t nothing = 0; /* offset 0 means "no table" */
    sample_append(s, &nothing, 1);
    /* Files 1 = a.go and 2 = b.go in Go 1.15; 0 and 1 of unit 1 later. */
    const int32_t a = absolute ? 1 : 0, b = absolute ? 2 : 1;
    const struct sample_value sp[] = {{0, 4}, {24, 0x3c}, {0, 0x40}};
    const struct sample_value file[] = {{a, 0x24}, {b, 0x28}, {a, 0x40}};
    const struct sample_value line[] = {{10, 8},    {12, 0x10}, {52, 0x20}, {12, 0x24},
                                        {31, 0x28}, {14, 0x30}, {900, 0x40}};
    const struct sample_value safe[] = {{-1, 8}, {-2, 0x10}, {-1, 0x40}};
    const struct sample_value map[] = {{-1, 8}, {3, 0x30}, {200, 0x40}};
    const struct sample_value tree[] = {{-1, 0x10}, {1, 0x20}, {-1, 0x24}, {0, 0x28}, {-1, 0x40}};
    uint64_t tables[6];
    tables[0] = sample_pc_values(s, sp, ARRAY_COUNT(sp));
    tables[1] = sample_pc_values(s, file, ARRAY_COUNT(file));
    tables[2] = sample_pc_values(s, line, ARRAY_COUNT(line));
    tables[3] = sample_pc_values(s, safe, ARRAY_COUNT(safe));
    tables[4] = sample_pc_values(s, map, ARRAY_COUNT(map));
    tables[5] = sample_pc_values(s, tree, ARRAY_COUNT(tree));

    uint64_t name_base = absolute ? 0 : names, pc_base = absolute ? 0 : pc_values;
    uint64_t tree_offset = sample_inline_tree(s, layout != LAYOUT_GO_1_20, name_middle - name_base,
                                              name_inner - name_base);
    s->inline_tree = SAMPLE_ADDRESS + tree_offset;
    s->stack_objects = s->inline_tree + 8;
    s->options.gofunc = absolute ? 0 : SAMPLE_ADDRESS + 16;

    sample_align(s);
    uint64_t functab = absolute ? functab_old : s->size;
    if (!absolute)
        s->size += functab_bytes;
    const uint64_t function_names[] = {name_main, name_method, name_main, name_last};
    const uint32_t entries[] = {0, 0x40, 0x60, 0x70, 0x80};
    for (unsigned i = 0; i < SAMPLE_FUNCTIONS; i++) {
        sample_align(s);
        uint64_t record = s->size, at = record;
        bool full = i == 0;
        if (absolute) {
            sample_put(s, functab + i * 16, SAMPLE_TEXT + entries[i], 8);
            sample_put(s, functab + i * 16 + 8, record, 8);
            sample_put(s, at, SAMPLE_TEXT + entries[i], 8), at += 8;
        } else {
            sample_put(s, functab + i * 8, entries[i], 4);
            sample_put(s, functab + i * 8 + 4, record - functab, 4);
            sample_put(s, at, entries[i], 4), at += 4;
        }
        sample_put(s, at, function_names[i] - name_base, 4), at += 4;
        sample_put(s, at, full ? 0x80000000u : 16, 4), at += 4;
        sample_put(s, at, 0, 4), at += 4;
        for (unsigned t = 0; t < 3; t++, at += 4)
            sample_put(s, at, full ? tables[t] - pc_base : 0, 4);
        sample_put(s, at, full ? 3 : 0, 4), at += 4;
        if (!absolute)
            sample_put(s, at, 1, 4), at += 4;
        if (layout == LAYOUT_GO_1_20)
            sample_put(s, at, 9, 4), at += 4;
        sample_put(s, at, 22, 1);                   /* funcID */
        sample_put(s, at + 1, absolute ? 0 : 4, 2); /* flag, pad */
        unsigned funcdata = absolute ? 5 : 4;       /* 1.15 has FUNCDATA_RegPointerMaps, too */
        sample_put(s, at + 3, full ? funcdata : 0, 1), at += 4;
        if (!full)
            continue;
        for (unsigned t = 3; t < 6; t++, at += 4)
            sample_put(s, at, tables[t] - pc_base, 4);
        if (absolute) {
            at = (at + 7) & ~(uint64_t)7;
            const uint64_t data[] = {0x600000, 0, 0x1111, s->stack_objects, s->inline_tree};
            for (unsigned d = 0; d < 5; d++, at += 8)
                sample_put(s, at, data[d], 8);
        } else {
            const uint64_t base = s->options.gofunc;
            const uint64_t data[] = {0x600000 - base, UINT32_MAX, s->stack_objects - base,
                                     s->inline_tree - base};
            for (unsigned d = 0; d < 4; d++, at += 4)
                sample_put(s, at, data[d], 4);
        }
    }
    if (absolute) {
        sample_put(s, functab + 16 * SAMPLE_FUNCTIONS, SAMPLE_TEXT + 0x80, 8);
        sample_align(s);
        files = s->size;
        sample_put(s, functab + 16 * SAMPLE_FUNCTIONS + 8, files, 4);
        s->size += 12;
        sample_put(s, files, 3, 4);
        sample_put(s, files + 8, sample_string(s, "/src/b"), 4);
        sample_put(s, files + 4, sample_string(s, "/src/a.go"), 4);
        return;
    }
    sample_put(s, functab + 8 * SAMPLE_FUNCTIONS, 0x80, 4);
    const uint64_t parts[] = {names, units, files, pc_values, functab};
    sample_put(s, 16, 3, 8);
    sample_put(s, 24, layout == LAYOUT_GO_1_20 ? 0 : SAMPLE_TEXT, 8);
    for (unsigned i = 0; i < ARRAY_COUNT(parts); i++)
        sample_put(s, 32 + 8 * i, parts[i], 8);
}

#endif
