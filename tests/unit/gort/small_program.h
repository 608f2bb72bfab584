/*
 * A Go program of a few functions in memory, as Go 1.22 lays it out, so that tests of stacks know
 * every word. Function i is at PROGRAM_TEXT + i·FUNCTION_BYTES. Its frame has its size from byte 4
 * on (the prologue), stack map 0 holds from byte 8, map 1 from byte 0x20.
 */
#ifndef LEAKHOUND_TESTS_UNIT_GORT_SMALL_PROGRAM_H
#define LEAKHOUND_TESTS_UNIT_GORT_SMALL_PROGRAM_H

#include <assert.h>
#include <string.h>

#include "binary/pclntab_table.h"
#include "gort/stack.h"
#include "gort/stack_maps.h"
#include "target/private.h"

enum {
    FUNCTION_BYTES = 0x40,
    PROGRAM_TEXT = 0x401000,
    RODATA = 0x500000,
    REGION_BYTES = 4096,
    FUNCTIONS_MAX = 16,
    FLAG_OUTERMOST = 1,
    FLAG_WRITES_SP = 2,
};
#define STACK 0xc000100000u
#define STACK_END (STACK + REGION_BYTES)
#define HEAP 0xc000200000u

enum { REGION_RODATA, REGION_STACK, REGION_HEAP, REGIONS };

struct small_function {
    const char *name;
    uint32_t frame_bytes, args_bytes, deferreturn, flags;
    uint64_t args_maps, locals_maps, objects; /* addresses, 0 = none */
};

struct small_program {
    struct target_private private; /* first: what the target's reads get */
    uint8_t memory[REGIONS][REGION_BYTES];
    uint64_t rodata_used;
    uint8_t table_bytes[16384];
    uint64_t table_size;
    struct small_function functions[FUNCTIONS_MAX];
    unsigned function_count;
    struct target target;
    struct go_runtime runtime;
};

static inline const uint64_t *small_region_starts(void)
{
    static const uint64_t starts[REGIONS] = {RODATA, STACK, HEAP};
    return starts;
}

/* Bytes at address, of which n must lie in one region, or NULL. */
static inline void *small_memory(struct small_program *p, uint64_t address, uint64_t n)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        uint64_t start = small_region_starts()[i];
        if (address >= start && address - start <= REGION_BYTES &&
            n <= REGION_BYTES - (address - start))
            return p->memory[i] + (address - start);
    }
    return NULL;
}

static inline void small_put(struct small_program *p, uint64_t address, uint64_t value)
{
    void *at = small_memory(p, address, 8);
    assert(at);
    memcpy(at, &value, 8);
}

static inline struct error *small_read(struct target *target, uint64_t address, void *buffer,
                                       uint64_t n)
{
    const void *at = small_memory((struct small_program *)target->private, address, n);
    if (!at)
        return error_fault(address, "nothing there");
    memcpy(buffer, at, n);
    return NULL;
}

static inline struct error *small_read_sparse(struct target *target, uint64_t address, void *buffer,
                                              uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *at = small_memory((struct small_program *)target->private, address + i, 1);
        ((uint8_t *)buffer)[i] = at ? *at : 0;
    }
    return NULL;
}

/* Appends to the read-only data; its address. */
static inline uint64_t small_rodata(struct small_program *p, const void *bytes, uint64_t n)
{
    uint64_t address = RODATA + p->rodata_used;
    void *at = small_memory(p, address, n);
    assert(at);
    memcpy(at, bytes, n);
    p->rodata_used = (p->rodata_used + n + 7) & ~(uint64_t)7;
    return address;
}

/* A runtime.stackmap of two bitmaps of up to 8 words. */
static inline uint64_t small_maps(struct small_program *p, uint32_t bits, uint8_t first,
                                  uint8_t second)
{
    const uint32_t header[2] = {2, bits};
    uint8_t bytes[10];
    memcpy(bytes, header, 8);
    bytes[8] = first;
    bytes[9] = second;
    return small_rodata(p, bytes, sizeof(bytes));
}

static inline unsigned small_function(struct small_program *p, const struct small_function *f)
{
    assert(p->function_count < FUNCTIONS_MAX);
    p->functions[p->function_count] = *f;
    return p->function_count++;
}

static inline uint64_t small_pc(unsigned function, unsigned offset)
{
    return PROGRAM_TEXT + (uint64_t)function * FUNCTION_BYTES + offset;
}

static inline void small_table_put(struct small_program *p, uint64_t at, uint64_t value, unsigned n)
{
    assert(at + n <= sizeof(p->table_bytes));
    memcpy(p->table_bytes + at, &value, n);
    p->table_size = MAX_OF(p->table_size, at + n);
}

static inline uint64_t small_table_append(struct small_program *p, const void *bytes, uint64_t n)
{
    uint64_t at = p->table_size;
    assert(at + n <= sizeof(p->table_bytes));
    memcpy(p->table_bytes + at, bytes, n);
    p->table_size += n;
    return at;
}

/* A pc-value table of values that end at the given offsets from the entry. */
static inline uint64_t small_values(struct small_program *p, const int32_t (*values)[2],
                                    unsigned count)
{
    uint64_t start = p->table_size;
    int32_t value = -1, pc = 0;
    for (unsigned i = 0; i < count; i++) {
        int32_t delta = values[i][0] - value;
        uint32_t zigzag = ((uint32_t)delta << 1) ^ (uint32_t)(delta >> 31);
        do {
            uint8_t byte = (uint8_t)((zigzag & 0x7f) | (zigzag > 0x7f ? 0x80 : 0));
            small_table_append(p, &byte, 1);
            zigzag >>= 7;
        } while (zigzag);
        uint8_t length = (uint8_t)(values[i][1] - pc);
        small_table_append(p, &length, 1);
        value = values[i][0];
        pc = values[i][1];
    }
    const uint8_t end = 0;
    small_table_append(p, &end, 1);
    return start;
}

/* One _func record of Go ≥ 1.20. */
static inline void small_record(struct small_program *p, const struct small_function *f,
                                uint32_t entry, uint64_t name, uint64_t depth, uint64_t maps)
{
    const uint64_t funcdata[3] = {f->args_maps, f->locals_maps, f->objects};
    uint64_t at = p->table_size = (p->table_size + 3) & ~(uint64_t)3;
    const uint32_t words[10] = {
        entry, (uint32_t)name, f->args_bytes, f->deferreturn, (uint32_t)depth, 0, 0, 2, 0, 0};
    small_table_append(p, words, sizeof(words));
    small_table_put(p, at + 40, 0, 1);
    small_table_put(p, at + 41, f->flags, 2);
    small_table_put(p, at + 43, 3, 1);
    small_table_put(p, at + 44, 0, 4); /* PCDATA_UnsafePoint: none */
    small_table_put(p, at + 48, maps, 4);
    for (unsigned i = 0; i < 3; i++)
        small_table_put(p, at + 52 + 4 * (uint64_t)i,
                        funcdata[i] ? funcdata[i] - RODATA : UINT32_MAX, 4);
}

/* Builds the table of functions and the runtime; nothing may be added afterwards. */
static inline struct error *small_finish(struct small_program *p)
{
    const unsigned count = p->function_count;
    static const struct target_source source = {.read = small_read,
                                                .read_sparse = small_read_sparse};
    p->private.source = &source;
    p->target = (struct target){.private = &p->private};
    small_table_put(p, 0, 0xfffffff1u, 4);
    small_table_put(p, 6, 1, 1);
    small_table_put(p, 7, 8, 1);
    small_table_put(p, 8, count, 8);
    p->table_size = 72;
    uint64_t names = p->table_size, name[FUNCTIONS_MAX], depth[FUNCTIONS_MAX];
    small_table_append(p, "", 1);
    for (unsigned i = 0; i < count; i++)
        name[i] = small_table_append(p, p->functions[i].name, strlen(p->functions[i].name) + 1);
    uint64_t files = p->table_size, values = files;
    small_table_append(p, "", 1);
    for (unsigned i = 0; i < count; i++) {
        const int32_t depths[][2] = {{0, 4},
                                     {(int32_t)p->functions[i].frame_bytes, FUNCTION_BYTES}};
        depth[i] = small_values(p, depths, 2) - values;
    }
    const int32_t numbers[][2] = {{-1, 8}, {0, 0x20}, {1, FUNCTION_BYTES}};
    uint64_t maps = small_values(p, numbers, 3) - values;
    uint64_t functab = p->table_size = (p->table_size + 7) & ~(uint64_t)7;
    p->table_size += 8 * count + 4;
    for (unsigned i = 0; i < count; i++) {
        small_table_put(p, functab + 8 * i, i * FUNCTION_BYTES, 4);
        p->table_size = (p->table_size + 3) & ~(uint64_t)3;
        small_table_put(p, functab + 8 * i + 4, p->table_size - functab, 4);
        small_record(p, &p->functions[i], i * FUNCTION_BYTES, name[i] - names, depth[i], maps);
    }
    small_table_put(p, functab + 8 * count, count * FUNCTION_BYTES, 4);
    const uint64_t parts[5] = {names, files, files, values, functab};
    for (unsigned i = 0; i < 5; i++)
        small_table_put(p, 32 + 8 * i, parts[i], 8);

    const uint64_t text_end = small_pc(count, 0);
    const struct pclntab_options options = {.address = 0x600000,
                                            .limit = 0x600000 + sizeof(p->table_bytes),
                                            .text = PROGRAM_TEXT,
                                            .text_end = text_end,
                                            .gofunc = RODATA,
                                            .go_minor = 22};
    p->runtime = (struct go_runtime){
        .target = &p->target,
        .version = "go1.22.1",
        .minor = 22,
        .layout = layout_find(22, "amd64"),
        .module = {.text = PROGRAM_TEXT, .text_end = text_end, .rodata = RODATA, .gofunc = RODATA},
    };
    return pclntab_from_bytes(p->table_bytes, p->table_size, &options, &p->runtime.pclntab);
}

static inline void small_forget_maps(struct small_program *p)
{
    stack_maps_destroy(p->runtime.stack_maps);
    p->runtime.stack_maps = NULL;
}

static inline void small_end(struct small_program *p)
{
    small_forget_maps(p);
    pclntab_destroy(p->runtime.pclntab);
}

#endif
