#include "gort/stack_scan.h"

struct error *stack_scan_init(struct stack_scan *scan, struct go_runtime *runtime, uint64_t lo,
                              uint64_t start, uint64_t hi)
{
    *scan = (struct stack_scan){.runtime = runtime, .lo = lo, .hi = hi, .start = start};
    TRY(memory_array((hi - start) / 8, 8, &scan->words));
    /* The used part has been written, so that all of it is there, but in damage: then it ends
     * where memory does. */
    struct error *error = target_read(runtime->target, start, scan->words, (hi - start) / 8 * 8);
    if (!error || error->kind != ERROR_FAULT)
        return error;
    uint64_t there = error->address > start && error->address < hi ? error->address - start : 0;
    error_destroy(error);
    scan->hi = start + there / 8 * 8;
    return target_read(runtime->target, start, scan->words, there / 8 * 8);
}

void stack_scan_deinit(struct stack_scan *scan)
{
    free(scan->words);
    vector_deinit(&scan->frames);
    vector_deinit(&scan->objects);
    vector_deinit(&scan->precise);
    vector_deinit(&scan->conservative);
}

bool stack_scan_word(const struct stack_scan *scan, uint64_t address, uint64_t *out)
{
    if (address < scan->start || address >= scan->hi || (address - scan->start) % 8 != 0 ||
        scan->hi - address < 8)
        return false;
    *out = scan->words[(address - scan->start) / 8];
    return true;
}

struct error *stack_scan_pointer(struct stack_scan *scan, uint64_t frame, uint64_t slot,
                                 uint64_t value, bool conservative)
{
    if (value == 0)
        return NULL;
    if (value >= scan->lo && value < scan->hi)
        return conservative ? vector_push(&scan->conservative, value)
                            : vector_push(&scan->precise, value);
    if (!scan->visitor->pointer || frame >= scan->frames.count)
        return NULL;
    return scan->visitor->pointer(scan->visitor->context, &scan->frames.data[frame], slot, value);
}

struct error *stack_scan_range(struct stack_scan *scan, uint64_t frame, uint64_t address,
                               uint64_t bytes)
{
    uint64_t first = MAX_OF((address + 7) & ~(uint64_t)7, scan->start), end, value;
    if (address > scan->hi || __builtin_add_overflow(address, bytes, &end))
        return NULL;
    end = MIN_OF(end, scan->hi);
    for (uint64_t slot = first; slot + 8 <= end; slot += 8)
        if (stack_scan_word(scan, slot, &value))
            TRY(stack_scan_pointer(scan, frame, slot, value, true));
    return NULL;
}

struct error *stack_scan_bits(struct stack_scan *scan, uint64_t frame, uint64_t address,
                              const struct stack_bits *bits, bool conservative)
{
    for (uint64_t i = 0; i < bits->count; i++) {
        uint8_t byte = bits->bytes[i / 8];
        if (byte == 0) {
            i |= 7;
            continue;
        }
        uint64_t slot = address + 8 * i, value;
        if (((byte >> (i % 8)) & 1) && stack_scan_word(scan, slot, &value))
            TRY(stack_scan_pointer(scan, frame, slot, value, conservative));
    }
    return NULL;
}

struct error *stack_scan_add_object(struct stack_scan *scan, uint64_t frame, uint64_t address,
                                    const struct stack_object_record *record)
{
    if (address < scan->start || address >= scan->hi || record->size == 0 ||
        record->size > scan->hi - address)
        return NULL;
    return vector_push(&scan->objects,
                       (struct stack_object){.address = address, .record = record, .frame = frame});
}

static int by_address(const void *a, const void *b)
{
    const struct stack_object *x = a, *y = b;
    return (x->address > y->address) - (x->address < y->address);
}

static struct stack_object *find_object(struct stack_scan *scan, uint64_t address)
{
    uint64_t low = 0, high = scan->objects.count; /* the last that starts at or before address */
    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if (scan->objects.data[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    struct stack_object *object = low ? &scan->objects.data[low - 1] : NULL;
    return object && address - object->address < object->record->size ? object : NULL;
}

static struct error *follow(struct stack_scan *scan, uint64_t pointer, bool conservative)
{
    struct stack_object *object = find_object(scan, pointer);
    if (!object || object->is_scanned)
        return NULL;
    object->is_scanned = true;
    if (object->record->mask_unknown)
        return stack_scan_range(scan, object->frame, object->address, object->record->size);
    return stack_scan_bits(scan, object->frame, object->address, &object->record->mask,
                           conservative);
}

/* Precise pointers first: what only a conservative one reaches may be dead and hold rubbish. */
struct error *stack_scan_objects(struct stack_scan *scan)
{
    for (uint64_t i = 1; i < scan->objects.count; i++) {
        if (scan->objects.data[i].address < scan->objects.data[i - 1].address) {
            qsort(scan->objects.data, scan->objects.count, sizeof(struct stack_object), by_address);
            break;
        }
    }
    while (scan->precise.count || scan->conservative.count) {
        if (scan->precise.count)
            TRY(follow(scan, scan->precise.data[--scan->precise.count], false));
        else
            TRY(follow(scan, scan->conservative.data[--scan->conservative.count], true));
    }
    return NULL;
}
