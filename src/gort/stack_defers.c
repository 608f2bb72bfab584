#include "gort/stack_defers.h"

#include <string.h>

enum {
    DEFERS_MAX = 1 << 24,
    RECORD_BYTES_MAX = 256,
    ARGUMENT_BYTES_MAX = 1 << 16,
};

struct defer_record {
    uint64_t address, sp, function, link;
    uint32_t argument_bytes; /* ≤ 1.16, else 0 */
    bool is_on_heap;
};

/* Records on the stack come from the copy of it, so that a chain of them costs no reads. */
static struct error *read_bytes(const struct stack_scan *scan, uint64_t address, uint8_t *buffer,
                                uint64_t n)
{
    if (address >= scan->start && address < scan->hi && n <= scan->hi - address) {
        memcpy(buffer, (const uint8_t *)scan->words + (address - scan->start), n);
        return NULL;
    }
    return target_read(scan->runtime->target, address, buffer, n);
}

static uint64_t word(const uint8_t *bytes, uint64_t offset)
{
    uint64_t v = 0;
    if (offset <= RECORD_BYTES_MAX - sizeof(v))
        memcpy(&v, bytes + offset, sizeof(v));
    return v;
}

static struct error *read_record(const struct stack_scan *scan, uint64_t address,
                                 struct defer_record *out)
{
    const struct go_runtime *rt = scan->runtime;
    uint8_t bytes[RECORD_BYTES_MAX] = {0};
    uint64_t size = GO_SIZE(rt, _defer);
    if (size > sizeof(bytes))
        return error_create(ERROR_UNSUPPORTED, "a deferred call of more than %d bytes",
                            RECORD_BYTES_MAX);
    TRY(read_bytes(scan, address, bytes, size));
    struct defer_record record = {
        .address = address,
        .sp = word(bytes, GO_OFFSET(rt, _defer_sp)),
        .function = word(bytes, GO_OFFSET(rt, _defer_fn)),
        .link = word(bytes, GO_OFFSET(rt, _defer_link)),
        .is_on_heap = bytes[GO_OFFSET(rt, _defer_heap)] != 0,
    };
    if (GO_HAS(rt, _defer_siz))
        record.argument_bytes = (uint32_t)word(bytes, GO_OFFSET(rt, _defer_siz));
    *out = record;
    return NULL;
}

/* The frame that deferred: the one with sp in it. Frames ascend. */
static uint64_t frame_of(const struct stack_scan *scan, uint64_t sp)
{
    uint64_t low = 0, high = scan->frames.count;
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (scan->frames.data[middle].top <= sp)
            low = middle + 1;
        else
            high = middle;
    }
    return low < scan->frames.count && scan->frames.data[low].sp <= sp ? low : 0;
}

/* Go ≤ 1.16: the arguments of the call lie behind the record, by the map of the function's entry.
 */
static struct error *visit_arguments(struct stack_scan *scan, struct stack_maps *maps,
                                     uint64_t frame, const struct defer_record *record)
{
    uint64_t pc;
    const struct frame_place *place;
    if (!record->argument_bytes || record->argument_bytes > ARGUMENT_BYTES_MAX || !record->function)
        return NULL;
    TRY(read_bytes(scan, record->function, (uint8_t *)&pc, sizeof(pc)));
    TRY(stack_maps_find(scan->runtime, maps, pc, &place));
    uint64_t count = record->argument_bytes / 8;
    uint64_t *words CLEANUP_FREE = NULL;
    uint64_t start = record->address + GO_SIZE(scan->runtime, _defer);
    TRY(memory_array(count, sizeof(*words), &words));
    TRY(read_bytes(scan, start, (uint8_t *)words, count * 8));
    /* reflect's stubs have no map of their own: every word counts. */
    bool is_known = place && place->args_known && place->pc == place->function->entry;
    for (uint64_t i = 0; i < count; i++) {
        bool is_pointer =
            !is_known || (i < place->args.count && ((place->args.bytes[i / 8] >> (i % 8)) & 1));
        if (is_pointer)
            TRY(stack_scan_pointer(scan, frame, start + 8 * i, words[i], !is_known));
    }
    return NULL;
}

static struct error *visit_record(struct stack_scan *scan, struct stack_maps *maps, uint64_t slot,
                                  uint64_t address, struct defer_record *record)
{
    const struct go_runtime *rt = scan->runtime;
    TRY(read_record(scan, address, record));
    uint64_t frame = frame_of(scan, record->sp);
    TRY(stack_scan_pointer(scan, frame, address + GO_OFFSET(rt, _defer_fn), record->function,
                           false));
    TRY(stack_scan_pointer(scan, frame, address + GO_OFFSET(rt, _defer_link), record->link, false));
    if (record->is_on_heap)
        TRY(stack_scan_pointer(scan, frame, slot, address, false));
    return visit_arguments(scan, maps, frame, record);
}

struct error *stack_defers_visit(struct stack_scan *scan, struct stack_maps *maps,
                                 const struct goroutine *g)
{
    const struct go_runtime *rt = scan->runtime;
    uint64_t slot = g->address + GO_OFFSET(rt, g__defer), address = g->deferred;
    uint64_t seen = 0, next_mark = 1, count = 0; /* Brent: seen moves at powers of two */
    while (address && count < DEFERS_MAX && address != seen) {
        if (++count == next_mark) {
            seen = address;
            next_mark *= 2;
        }
        struct defer_record record = {0};
        struct error *error = visit_record(scan, maps, slot, address, &record);
        if (error && error->kind == ERROR_FAULT) {
            error_destroy(error);
            return NULL;
        }
        if (error)
            return error;
        slot = address + GO_OFFSET(rt, _defer_link);
        address = record.link;
    }
    return NULL;
}
