/*
 * Go's table of functions, lines and stack maps (runtime/symtab.go, cmd/link/internal/ld/pcln.go),
 * Go 1.15 to 1.27, read once from the target's memory; it survives stripping.
 */
#ifndef LEAKHOUND_BINARY_PCLNTAB_H
#define LEAKHOUND_BINARY_PCLNTAB_H

#include "target/target.h"

struct pclntab;

struct pclntab_options {
    uint64_t address;  /* of the table (its magic) in the target */
    uint64_t limit;    /* first address that cannot belong to it any more */
    uint64_t text;     /* moduledata.text; ≥ 1.18 entries are relative to it */
    uint64_t text_end; /* moduledata.etext */
    uint64_t gofunc;   /* moduledata.gofunc (≥ 1.18), 0 before */
    unsigned go_minor; /* 15 … 27 */
};

enum { PCLNTAB_FRAMES_MAX = 64 };
#define PCLNTAB_NONE UINT32_MAX

struct pclntab_function {
    const char
        *name; /* as Go writes it: main.(*T).Method, main.f.func1; valid as long as the table */
    uint64_t entry, end;
    uint32_t args_bytes;  /* -1 (0x80000000) when variable, as in _func.args */
    uint32_t deferreturn; /* offset from entry of a call of runtime.deferreturn, 0 = none */
    uint32_t funcdata_count, pcdata_count;
    uint8_t func_id, flags;
    int32_t start_line; /* ≥ 1.20, else 0 */
};

struct pclntab_frame {
    const char *function, *file;
    uint32_t line;
    bool inlined; /* into the frame after it */
};

enum pclntab_pcdata { PCDATA_UNSAFE_POINT = 0, PCDATA_STACK_MAP_INDEX = 1, PCDATA_INLINE_TREE = 2 };
/* As Go ≥ 1.16 numbers them; pclntab_funcdata translates for 1.15. */
enum pclntab_funcdata {
    FUNCDATA_ARGS_POINTER_MAPS = 0,
    FUNCDATA_LOCALS_POINTER_MAPS = 1,
    FUNCDATA_STACK_OBJECTS = 2,
    FUNCDATA_INLINE_TREE = 3,
};

/* Cost: one read of the table (2–60 MB), or none where target_view gives it (the target must then
 * outlive the table). ERROR_FORMAT with the offset for a damaged table, also when its functions lie
 * outside of text and text_end (0: unknown), ERROR_UNSUPPORTED for that of Go 1.16 and 1.17. All
 * but the first pclntab_find_name may be called from several threads. */
struct error *pclntab_load(struct target *target, const struct pclntab_options *options,
                           struct pclntab **out) ERROR_CHECK;
void pclntab_destroy(struct pclntab *table);

uint32_t pclntab_count(const struct pclntab *table);
/* Index of the function that contains pc, or PCLNTAB_NONE. O(log n). */
uint32_t pclntab_find(const struct pclntab *table, uint64_t pc);
/* Index of the first function of that exact name, or PCLNTAB_NONE. O(1) after the first call. */
uint32_t pclntab_find_name(struct pclntab *table, const char *name);
struct error *pclntab_function(const struct pclntab *table, uint32_t index,
                               struct pclntab_function *out) ERROR_CHECK;
/* Name only, "?" when damaged. */
const char *pclntab_name(const struct pclntab *table, uint32_t index);
uint64_t pclntab_entry(const struct pclntab *table, uint32_t index);

/* Bytes between sp at pc and the caller's frame (pcsp table; without the return address).
 * ERROR_FORMAT where the function has no such table or it does not reach to pc. */
struct error *pclntab_sp_delta(const struct pclntab *table, uint32_t index, uint64_t pc,
                               int32_t *out) ERROR_CHECK;
/* Value of PCDATA table `which` at pc; -1 when the function has none or it does not reach to pc.
 * Out-of-range tables too. */
struct error *pclntab_pcdata(const struct pclntab *table, uint32_t index, unsigned which,
                             uint64_t pc, int32_t *out) ERROR_CHECK;
/* Address of FUNCDATA `which`, 0 when the function has none. */
uint64_t pclntab_funcdata(const struct pclntab *table, uint32_t index, unsigned which);

/* Function, file and line of pc, with inlined calls expanded, innermost first. out: room for
 * PCLNTAB_FRAMES_MAX. Needs the target for the inline tree of ≥ 1.15 (FUNCDATA). For a return
 * address pass pc - 1. Damaged data gives fewer frames, at least one for a known function. */
uint32_t pclntab_frames(struct pclntab *table, struct target *target, uint64_t pc,
                        struct pclntab_frame *out);

#endif
