/*
 * A Go runtime found in a target: its version, layouts, module, function table and the addresses
 * of the runtime's global variables, each found by two independent ways that agree.
 */
#ifndef LEAKHOUND_GORT_RUNTIME_H
#define LEAKHOUND_GORT_RUNTIME_H

#include "binary/executable.h"
#include "binary/pclntab.h"
#include "gort/layout.h"
#include "target/target.h"

/* Bitmap of pointer words: bit i describes the word at start + 8·i. */
struct go_pointer_mask {
    uint64_t bits;
    uint8_t *bytes; /* owned, (bits + 7) / 8 bytes and 8 of padding */
};

/* runtime.moduledata of the program (plugins: not supported). Addresses in the target. */
struct go_module {
    uint64_t address; /* of the moduledata itself */
    uint64_t pclntab;
    uint64_t text, text_end;
    uint64_t noptrdata, noptrdata_end, data, data_end, bss, bss_end, noptrbss, noptrbss_end;
    uint64_t data_low, data_high; /* around all four of them */
    uint64_t types, types_end;
    uint64_t type_descriptors_end; /* ≥ 1.27: where the itabs begin; else types_end */
    uint64_t rodata;
    uint64_t gofunc;
    struct go_pointer_mask data_mask, bss_mask;
    bool has_others; /* plugins: modules of their own, which are not read */
};

/* Addresses of runtime variables, 0 = not found (only what is marked optional may be 0). */
struct go_globals {
    uint64_t mheap;
    uint64_t allgs; /* slice header */
    uint64_t allp;  /* slice header */
    uint64_t allm;
    uint64_t sched;
    uint64_t work;
    uint64_t gc_controller;       /* optional in ≤ 1.15 */
    uint64_t memstats;            /* optional */
    uint64_t mbuckets;            /* optional */
    uint64_t allfin, finq;        /* optional */
    uint64_t gcCleanups;          /* optional, ≥ 1.25 */
    uint64_t wait_reason_strings; /* optional: array of string headers */
};

struct go_runtime {
    struct target *target;
    bool is_racy;     /* the target runs on: what makes no sense is passed over and counted */
    char version[80]; /* "go1.24.4" */
    unsigned minor;   /* 24 */
    unsigned patch;
    uint64_t build_info; /* address, 0 when absent */
    const struct layout *layout;
    struct go_module module;
    struct go_globals globals;
    struct pclntab *pclntab;
    struct executable *executable; /* NULL when its file is not at hand */
    uint64_t bias;                 /* address in the target − address as linked */
    uint8_t *types;                /* copy of [module.types, module.types_end) */
    struct stack_maps *stack_maps; /* made by the first stack_walk; stack_maps_destroy frees it */
};

/* ERROR_UNSUPPORTED with what was seen: not a Go program, an unknown Go version, or a runtime whose
 * parts do not agree. Cost: a scan of the executable's mappings, 0.1–0.4 s. */
struct error *go_runtime_open(struct target *target, struct go_runtime **out) ERROR_CHECK;
void go_runtime_close(struct go_runtime *runtime);

/* Offset of a field, for fields that this version is known to have. */
#define GO_OFFSET(rt, field) ((uint64_t)layout_offset((rt)->layout, LAYOUT_##field))
#define GO_HAS(rt, field) layout_has((rt)->layout, LAYOUT_##field)
#define GO_SIZE(rt, name) ((uint64_t)layout_offset((rt)->layout, LAYOUT_SIZE_##name))

/* Reads a Go string (header at address) of at most limit bytes; longer ones are cut. buffer: limit
 * + 1 bytes. */
struct error *go_read_string(struct go_runtime *runtime, uint64_t header_address, char *buffer,
                             uint64_t limit) ERROR_CHECK;

/* Is address inside the module's data or bss (any of the four sections)? */
static inline bool go_in_data(const struct go_runtime *rt, uint64_t address)
{
    return address >= rt->module.data_low && address < rt->module.data_high;
}

#endif
