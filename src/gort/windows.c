#include "gort/windows.h"

#include <string.h>

#include "gort/size_class.h"
#include "gort/windows_work.h"

enum {
    SUSPECTS_AT_LEAST = 1 << 17, /* so many may always be kept */
    OBJECTS_PER_SUSPECT = 32,
    SLOTS_MAX = 1 << 22,
    TINY_BYTES = 16,
};
#define LENGTH_MAX ((uint64_t)1 << 40)

/* -- how to look through values of a type ----------------------------------------------------- */

static struct error *add_slots(struct windows_work *work, const struct type_slots *slots,
                               bool pointers, struct window_plan *plan)
{
    const struct type_table *table = &work->typing->table;
    for (uint32_t i = 0; i < slots->count && work->slots.count < SLOTS_MAX; i++) {
        const struct type_slot *slot = &slots->items[i];
        struct window_slot add = {
            .offset = slot->offset, .element = 1, .type = TYPE_NONE, .kind = slot->kind};
        if (pointers != (slot->kind == KIND_POINTER))
            continue;
        if (slot->kind == KIND_SLICE || slot->kind == KIND_POINTER) {
            if (slot->type == TYPE_NONE || !table->types.data[slot->type].size)
                continue;
            add.type = slot->type;
            add.element = table->types.data[slot->type].size;
        } else if (slot->kind != KIND_STRING) {
            continue;
        }
        TRY(vector_push(&work->slots, add));
        plan->count++;
    }
    return NULL;
}

static struct error *make_plans(struct windows_work *work)
{
    const struct typing *typing = work->typing;
    for (uint64_t t = 0; t < typing->slots.count; t++) {
        const struct type_slots *slots = &typing->slots.data[t];
        struct window_plan plan = {.first = (uint32_t)work->slots.count, .size = slots->size};
        /* of a map or channel the object is not a value of the type but what it leads to */
        bool is_value = slots->known && slots->size && slots->kind != KIND_MAP &&
                        slots->kind != KIND_CHAN && slots->kind != KIND_FUNC &&
                        !typing->table.types.data[t].pseudo;
        if (is_value) {
            TRY(add_slots(work, slots, false, &plan));
            plan.wide = plan.count;
            TRY(add_slots(work, slots, true, &plan));
        }
        TRY(vector_push(&work->plans, plan));
    }
    return NULL;
}

/* -- one value -------------------------------------------------------------------------------- */

/* An array of elements of the type, as far as is known. */
static bool may_hold(const struct typing *typing, uint32_t id, uint32_t element)
{
    const struct go_type *types = typing->table.types.data;
    uint32_t type = typing_type(typing, id);
    return type == TYPE_NONE || type == element ||
           (element != TYPE_NONE && types[type].kind == KIND_ARRAY &&
            types[type].element == types[element].address);
}

/* One of several elements; at the beginning it may as well be the address of all of them. Whether
 * an object without a type is an array of such elements its slices tell: keep. */
static bool is_element(const struct typing *typing, const struct window_slot *slot, uint32_t id,
                       uint64_t at)
{
    uint32_t type = typing_type(typing, id);
    return at && at % slot->element == 0 &&
           (type == TYPE_NONE || (type == slot->type && typing_count(typing, id) > 1));
}

/* The tiny allocator: runtime/malloc.go. */
uint64_t windows_copy_bytes(unsigned minor, uint64_t length, bool pointers)
{
    if (!length)
        return 0;
    if (!pointers && length < TINY_BYTES)
        return TINY_BYTES / (TINY_BYTES / length);
    return size_class_of_object(minor, length, pointers);
}

struct window_value window_value_of(const struct windows_work *work, const struct window_slot *slot,
                                    const uint8_t *words)
{
    static const uint8_t flags[] = {[KIND_STRING] = WINDOWS_STRINGS,
                                    [KIND_SLICE] = WINDOWS_SLICES,
                                    [KIND_POINTER] = WINDOWS_POINTERS};
    uint64_t address, length, capacity;
    memcpy(&address, words, 8);
    uint32_t id = heap_find(work->heap, address);
    struct window_value value = {.id = id, .is_whole = true, .flag = flags[slot->kind]};
    if (id == HEAP_NONE)
        return value;
    const struct heap_span *span = heap_span_of(work->heap, id);
    uint64_t from = span->has_header ? 8 : 0, at = address - heap_slot_address(span, id);
    bool pointers = !span->no_pointers;
    if (at < from)
        return value;
    if (slot->kind == KIND_POINTER) {
        length = capacity = slot->element;
        if (!is_element(work->typing, slot, id, at - from))
            return value;
    } else {
        memcpy(&length, words + 8, 8);
        capacity = length;
        if (slot->kind == KIND_SLICE)
            memcpy(&capacity, words + 16, 8);
        if (length > capacity || capacity > LENGTH_MAX ||
            __builtin_mul_overflow(capacity, slot->element, &capacity) ||
            (pointers && (slot->kind == KIND_STRING || !may_hold(work->typing, id, slot->type))))
            return value;
        length *= slot->element;
    }
    if (capacity > span->element_size - at)
        return value;
    value.is_whole = false;
    value.part = (struct window_part){at, at + length, at + capacity};
    value.copy_bytes = windows_copy_bytes(work->runtime->minor, length, pointers);
    value.element = slot->element;
    value.element_type = slot->type;
    return value;
}

static bool shows_little(uint64_t object, uint64_t shown)
{
    return shown < object / WINDOWS_SEEN_SHARE && object - shown >= WINDOWS_HIDDEN_MIN;
}

/* Is there a word with an edge in [start, end) of the slot? */
static bool has_edges(const struct windows_work *work, const struct heap_span *span, uint32_t id,
                      uint64_t start, uint64_t end)
{
    uint64_t first = edge_words_of_span(work->words, work->heap, span) +
                     (uint64_t)(id - span->first_id) * (span->element_size / 8);
    uint64_t w = first + start / 8, last = first + end / 8;
    for (; w < last; w = (w / 64 + 1) * 64) {
        uint64_t bits = work->words->bits[w / 64] >> w % 64, left = last - w;
        if (left < 64 - w % 64)
            bits &= ((uint64_t)1 << left) - 1;
        if (bits)
            return true;
    }
    return false;
}

bool windows_is_suspect(const struct windows_work *work, const struct window_value *value)
{
    const struct heap_span *span = heap_span_of(work->heap, value->id);
    const struct window_part *part = &value->part;
    uint64_t from = span->has_header ? 8 : 0;
    if (shows_little(span->element_size - from, part->end - part->start))
        return true;
    return !span->no_pointers && work->words->bits &&
           (has_edges(work, span, value->id, from, part->start) ||
            has_edges(work, span, value->id, part->end, span->element_size));
}

/* -- the table -------------------------------------------------------------------------------- */

/* Fewer suspects, the largest ones, when there are too many. */
static struct error *choose(struct windows_work *work, uint64_t *out_bytes_min)
{
    uint64_t room = MAX_OF(work->heap->statistics.allocated_objects / OBJECTS_PER_SUSPECT,
                           (uint64_t)SUSPECTS_AT_LEAST);
    uint64_t count = 0;
    int k = 63;
    while (k >= 0 && count + work->by_size[k] <= room)
        count += work->by_size[k--];
    uint64_t least = k < 0 ? 0 : (uint64_t)2 << k;
    for (uint64_t id = ranked_set_next(&work->suspects, 0); least && id != RANKED_SET_END;
         id = ranked_set_next(&work->suspects, id + 1))
        if (window_target_bytes(work->heap, (uint32_t)id) < least)
            bitset_clear(work->suspects.bits, id);
    ranked_set_number(&work->suspects);
    *out_bytes_min = least;
    work->sums_bytes = (uint64_t)work->suspects.count * sizeof(*work->sums);
    return work->sums_bytes ? big_array(work->sums_bytes, &work->sums) : NULL;
}

static struct error *keep(const struct windows_work *work, uint32_t id,
                          const struct window_target_sum *sum, struct window_table *table)
{
    struct window_target target = {.id = id,
                                   .flags = sum->flags,
                                   .element = sum->element,
                                   .element_type = sum->element_type,
                                   .set = sum->set};
    uint64_t from = window_target_from(work->heap, id), bytes = window_target_bytes(work->heap, id);
    if (sum->flags & WINDOWS_POINTERS && typing_type(work->typing, id) == TYPE_NONE &&
        (sum->mixed || !(sum->flags & WINDOWS_SLICES)))
        return NULL;
    window_set_sort(&target.set);
    struct window_hidden hidden = {0};
    struct error *error =
        windows_hidden_edges(work->heap, work->graph, work->words, &target, &hidden);
    for (unsigned i = 0; i < WINDOW_PLACES && hidden.edges.count; i++)
        target.hidden_pointers += (uint32_t)hidden.words[i];
    window_hidden_deinit(&hidden);
    uint64_t shown = bytes - from - window_set_hidden_bytes(&target.set, bytes, from, false);
    if (!error && (target.hidden_pointers || shows_little(bytes - from, shown)))
        error = vector_push(&table->items, target);
    return error;
}

static struct error *run(struct windows_work *work, struct window_table *table)
{
    TRY(ranked_set_init(&work->suspects, work->heap->object_ids));
    TRY(make_plans(work));
    TRY(windows_find_suspects(work));
    TRY(windows_suspects_of_variables(work));
    TRY(choose(work, &table->object_bytes_min));
    if (!work->suspects.count)
        return NULL;
    TRY(windows_add_sources(work));
    uint32_t rank = 0;
    for (uint64_t id = ranked_set_next(&work->suspects, 0); id != RANKED_SET_END;
         id = ranked_set_next(&work->suspects, id + 1), rank++)
        if (!work->sums[rank].whole && work->sums[rank].set.count)
            TRY(keep(work, (uint32_t)id, &work->sums[rank], table));
    return NULL;
}

struct error *windows_read(struct go_runtime *runtime, const struct heap *heap,
                           const struct graph *graph, const struct root_table *roots,
                           const struct variable_table *variables, const struct edge_words *words,
                           const struct typing *typing, const struct string_sample *sample,
                           struct window_table *out)
{
    struct windows_work work = {.runtime = runtime,
                                .heap = heap,
                                .graph = graph,
                                .roots = roots,
                                .variables = variables,
                                .words = words,
                                .typing = typing,
                                .sample = sample};
    struct window_table table = {0};
    struct error *error = run(&work, &table);
    if (work.sums)
        big_array_free(work.sums, work.sums_bytes);
    ranked_set_deinit(&work.suspects);
    vector_deinit(&work.slots);
    vector_deinit(&work.plans);
    if (error) {
        windows_deinit(&table);
        return error_wrap(error, "what strings and slices see cannot be read");
    }
    *out = table;
    return NULL;
}

void windows_deinit(struct window_table *table)
{
    vector_deinit(&table->items);
}
