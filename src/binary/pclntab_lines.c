/*
 * The pc-value tables of a function (stack depth, file, line, PCDATA) and what follows from them:
 * source positions with inlined calls.
 */
#include "binary/pclntab_table.h"

#include <inttypes.h>

/* Bytes of one pc-value table; the largest seen in practice are some 100 KiB. */
enum { PC_VALUES_MAX = 16 * 1024 * 1024 };

/*
 * Value at pc of the table at `offset` (runtime/symtab.go, pcvalue and step): pairs of a zigzag
 * difference of the value and a difference of the pc in quanta, from -1 and the function's entry,
 * until a zero. *out_covered is false when the table ends before pc: padding behind a function.
 */
static struct error *pc_value(const struct pclntab *table, const struct pclntab_record *record,
                              uint32_t offset, uint64_t pc, int32_t *out, bool *out_covered)
{
    if (offset == 0) {
        *out = -1;
        *out_covered = false;
        return NULL;
    }
    uint64_t start = table->pc_values + offset;
    if (start >= table->size)
        return error_format(start, "a table of pc values lies outside of the pclntab");
    struct cursor c =
        cursor_make(table->bytes + start, MIN_OF(table->size - start, (uint64_t)PC_VALUES_MAX));
    uint64_t at = record->entry;
    uint32_t value = UINT32_MAX;
    for (;;) {
        uint64_t value_delta = cursor_uleb(&c);
        if (value_delta == 0 && at != record->entry && !cursor_failed(&c)) {
            *out = -1;
            *out_covered = false;
            return NULL;
        }
        uint64_t pc_delta = cursor_uleb(&c);
        if (cursor_failed(&c) || value_delta > UINT32_MAX || pc_delta > UINT32_MAX)
            return error_format(start, "damaged table of pc values of the function at 0x%" PRIx64,
                                record->entry);
        uint32_t delta = (uint32_t)value_delta;
        value += (delta & 1) ? ~(delta >> 1) : delta >> 1;
        at += pc_delta * table->quantum;
        if (pc < at) {
            *out = (int32_t)value;
            *out_covered = true;
            return NULL;
        }
    }
}

static struct error *record_pcdata(const struct pclntab *table, const struct pclntab_record *record,
                                   unsigned which, uint64_t pc, int32_t *out)
{
    if (which >= record->pcdata_count) {
        *out = -1;
        return NULL;
    }
    struct cursor c = cursor_make(table->bytes, table->size);
    cursor_seek(&c, record->pcdata + (uint64_t)which * 4);
    uint32_t offset = cursor_u32(&c);
    bool covered;
    return pc_value(table, record, offset, pc, out, &covered);
}

struct error *pclntab_pcdata(const struct pclntab *table, uint32_t index, unsigned which,
                             uint64_t pc, int32_t *out)
{
    struct pclntab_record record;
    TRY(pclntab_record(table, index, &record));
    return record_pcdata(table, &record, which, pc, out);
}

struct error *pclntab_sp_delta(const struct pclntab *table, uint32_t index, uint64_t pc,
                               int32_t *out)
{
    struct pclntab_record record;
    TRY(pclntab_record(table, index, &record));
    int32_t delta;
    bool covered;
    TRY(pc_value(table, &record, record.pcsp, pc, &delta, &covered));
    if (!covered || delta < 0)
        return error_format(table->pc_values + record.pcsp,
                            "no stack depth is known at 0x%" PRIx64 " in %s", pc,
                            pclntab_name(table, index));
    *out = delta;
    return NULL;
}

/* Name of file number `number` of the function, or NULL. */
static const char *file_name(const struct pclntab *table, const struct pclntab_record *record,
                             int32_t number)
{
    if (number < 0)
        return NULL;
    struct cursor c = cursor_make(table->bytes, table->size);
    if (table->layout == LAYOUT_GO_1_2) {
        /* One list for the program; entry 0 is its length. */
        cursor_seek(&c, table->files);
        uint32_t count = cursor_u32(&c);
        if (number == 0 || (uint32_t)number >= count)
            return NULL;
        cursor_seek(&c, table->files + (uint64_t)number * 4);
        uint32_t offset = cursor_u32(&c);
        return cursor_failed(&c) ? NULL : pclntab_string(table, offset);
    }
    /* A list for each compilation unit, in cutab; ^0 for files of no reachable function. */
    uint64_t slot = (uint64_t)record->compilation_unit + (uint32_t)number;
    cursor_seek(&c, table->compilation_units + slot * 4);
    uint32_t offset = cursor_u32(&c);
    if (cursor_failed(&c) || offset == UINT32_MAX)
        return NULL;
    return pclntab_string(table, table->files + offset);
}

static void source_position(const struct pclntab *table, const struct pclntab_record *record,
                            uint64_t pc, struct pclntab_frame *frame)
{
    frame->file = "?";
    frame->line = 0;
    int32_t file, line;
    bool covered;
    struct error *error CLEANUP_ERROR =
        pc_value(table, record, record->pcfile, pc, &file, &covered);
    if (!error)
        error = pc_value(table, record, record->pcline, pc, &line, &covered);
    if (error || line < 0)
        return;
    const char *name = file_name(table, record, file);
    if (!name)
        return;
    frame->file = name;
    frame->line = (uint32_t)line;
}

/* runtime.inlinedCall, as far as it is used. */
struct inlined_call {
    uint32_t name, parent_pc; /* parent_pc: offset from the function's entry */
};

/* The tree lies in go:func.*, which from 1.26 on is a part of the pclntab, else of rodata. */
static bool inlined_call(const struct pclntab *table, struct target *target, uint64_t tree,
                         uint32_t number, struct inlined_call *out)
{
    const bool old = table->layout != LAYOUT_GO_1_20;
    const uint64_t bytes = old ? 20 : 16;
    uint8_t buffer[20];
    uint64_t address;
    if (__builtin_add_overflow(tree, number * bytes, &address))
        return false;
    uint64_t offset = address - table->options.address;
    struct cursor c;
    if (address >= table->options.address && offset < table->size) {
        c = cursor_make(table->bytes, table->size);
        cursor_seek(&c, offset);
    } else {
        if (!target)
            return false;
        struct error *error CLEANUP_ERROR = target_read(target, address, buffer, bytes);
        if (error)
            return false;
        c = cursor_make(buffer, bytes);
    }
    /* ≤ 1.19: parent, funcID, pad, file, line, func_, parentPc. ≥ 1.20: funcID, pad, nameOff,
     * parentPc, startLine. The positions of the calls are those of parentPc in both. */
    cursor_take(&c, old ? 12 : 4);
    struct inlined_call call = {.name = cursor_u32(&c)};
    call.parent_pc = cursor_u32(&c);
    if (cursor_failed(&c))
        return false;
    *out = call;
    return true;
}

uint32_t pclntab_frames(struct pclntab *table, struct target *target, uint64_t pc,
                        struct pclntab_frame *out)
{
    uint32_t index = pclntab_find(table, pc);
    if (index == PCLNTAB_NONE)
        return 0;
    struct pclntab_record record;
    struct error *damaged CLEANUP_ERROR = pclntab_record(table, index, &record);
    if (damaged) {
        out[0] = (struct pclntab_frame){.function = pclntab_name(table, index), .file = "?"};
        return 1;
    }
    uint32_t count = 0;
    uint64_t tree = pclntab_record_funcdata(table, &record, FUNCDATA_INLINE_TREE);
    /* The last place is kept for the function itself, which also ends a tree that runs in
     * circles. */
    while (tree && count < PCLNTAB_FRAMES_MAX - 1) {
        int32_t number;
        struct error *error CLEANUP_ERROR =
            record_pcdata(table, &record, PCDATA_INLINE_TREE, pc, &number);
        struct inlined_call call;
        if (error || number < 0 || !inlined_call(table, target, tree, (uint32_t)number, &call))
            break;
        const char *name = pclntab_string(table, table->names + call.name);
        out[count] = (struct pclntab_frame){.function = name ? name : "?", .inlined = true};
        source_position(table, &record, pc, &out[count]);
        count++;
        pc = record.entry + call.parent_pc;
    }
    out[count] = (struct pclntab_frame){.function = pclntab_name(table, index)};
    source_position(table, &record, pc, &out[count]);
    return count + 1;
}
