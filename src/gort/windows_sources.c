/* Everything that leads to a suspect: the objects with an edge to one, variables, roots. What they
 * see of it is added up; what sees the whole of it acquits it. */
#include <sched.h>
#include <string.h>

#include "base/parallel.h"
#include "gort/windows_work.h"

enum { BLOCK_BYTES = 64 << 10, READ_AHEAD = 64 << 10, LONGEST_VALUE = 24 };

struct source_walk {
    struct windows_work *work;
    struct window window;
};

static struct window_target_sum *sum_of(struct windows_work *work, uint32_t id)
{
    return ranked_set_has(&work->suspects, id) ? &work->sums[ranked_set_rank(&work->suspects, id)]
                                               : NULL;
}

static void see_whole(struct windows_work *work, uint32_t id)
{
    struct window_target_sum *sum = sum_of(work, id);
    if (sum)
        __atomic_store_n(&sum->whole, true, __ATOMIC_RELAXED);
}

static void see(struct windows_work *work, const struct window_value *value, uint8_t flags)
{
    struct window_target_sum *sum = sum_of(work, value->id);
    if (!sum || __atomic_load_n(&sum->whole, __ATOMIC_RELAXED))
        return;
    if (value->is_whole || !windows_is_suspect(work, value)) {
        __atomic_store_n(&sum->whole, true, __ATOMIC_RELAXED);
        return;
    }
    while (__atomic_test_and_set(&sum->lock, __ATOMIC_ACQUIRE))
        sched_yield();
    sum->mixed = sum->mixed || (sum->set.count && sum->element_type != value->element_type);
    window_set_add(&sum->set, window_target_bytes(work->heap, value->id), value->part,
                   value->copy_bytes);
    sum->flags |= value->flag | flags;
    if (value->element > sum->element ||
        (value->element == sum->element && value->element_type < sum->element_type)) {
        sum->element = value->element;
        sum->element_type = value->element_type;
    }
    __atomic_clear(&sum->lock, __ATOMIC_RELEASE);
}

/* -- objects ---------------------------------------------------------------------------------- */

/* Slots of a type ascend. */
static const struct window_slot *find_slot(const struct window_slot *slots, uint32_t count,
                                           uint64_t offset)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (slots[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && slots[low].offset == offset ? &slots[low] : NULL;
}

static const struct window_slot *slot_at(const struct windows_work *work,
                                         const struct window_plan *plan, uint64_t offset)
{
    const struct window_slot *slots = &work->slots.data[plan->first];
    const struct window_slot *slot = find_slot(slots, plan->wide, offset);
    return slot ? slot : find_slot(slots + plan->wide, plan->count - plan->wide, offset);
}

static void look_at_word(struct windows_work *work, const struct window_plan *plan, uint64_t offset,
                         const uint8_t *bytes, uint8_t flags)
{
    const struct heap *heap = work->heap;
    uint64_t address;
    memcpy(&address, bytes, 8);
    if (address - heap->low >= heap->high - heap->low)
        return;
    uint32_t id = heap_find(heap, address);
    if (id == HEAP_NONE || !ranked_set_has(&work->suspects, id))
        return;
    const struct window_slot *slot = NULL;
    struct window_slot guess;
    uint64_t words[3];
    if (plan->size) {
        slot = slot_at(work, plan, offset % plan->size);
    } else {
        memcpy(words, bytes, sizeof(words));
        if (windows_guess(work, id, words, &guess, &flags))
            slot = &guess;
    }
    if (!slot) {
        see_whole(work, id);
        return;
    }
    struct window_value value = window_value_of(work, slot, bytes);
    see(work, &value, flags);
}

/* Every word, for one that leads to a suspect and belongs to no slot sees the whole of it. */
static struct error *look_at_source(struct source_walk *walk, const struct heap_span *span,
                                    uint32_t id)
{
    struct windows_work *work = walk->work;
    const struct window_plan *plan = windows_plan(work, id);
    uint64_t from = span->has_header ? 8 : 0, end = span->element_size;
    uint64_t span_end = span->start + span->pages * HEAP_PAGE_SIZE;
    uint8_t flags = typing_strength(work->typing, id) == TYPE_GUESSED ? WINDOWS_GUESSED : 0;
    for (uint64_t at = from; at < end; at += BLOCK_BYTES) {
        uint64_t address = heap_slot_address(span, id) + at, here = MIN_OF(end - at, BLOCK_BYTES);
        uint64_t n = MIN_OF(end - at, here + LONGEST_VALUE);
        const uint8_t *bytes;
        TRY(window_get(&walk->window, address, n,
                       MAX_OF(n, MIN_OF(span_end - address, (uint64_t)READ_AHEAD)), &bytes));
        for (uint64_t w = 0; w < here; w += 8) {
            uint8_t last[LONGEST_VALUE] = {0};
            const uint8_t *value = bytes + w;
            if (n - w < LONGEST_VALUE) { /* no slot of the type ends behind the object */
                memcpy(last, value, n - w);
                value = last;
            }
            look_at_word(work, plan, at - from + w, value, flags);
        }
    }
    return NULL;
}

static struct error *add_source(struct source_walk *walk, const struct heap_span *span, uint32_t id)
{
    struct windows_work *work = walk->work;
    const struct graph *graph = work->graph;
    uint64_t e = graph->edge_begin[id], last = graph->edge_begin[id + 1];
    while (e < last && !ranked_set_has(&work->suspects, graph->edges[e] & GRAPH_ID))
        e++;
    if (e == last)
        return NULL;
    if (windows_plan(work, id)->count || typing_type(work->typing, id) == TYPE_NONE)
        return look_at_source(walk, span, id);
    for (; e < last; e++)
        see_whole(work, graph->edges[e] & GRAPH_ID);
    return NULL;
}

static struct error *add_parts(void *context, unsigned number)
{
    struct source_walk walk = {.work = context};
    const struct heap *heap = walk.work->heap;
    (void)number;
    struct error *error = window_init(&walk.window, walk.work->runtime->target);
    for (;;) {
        uint32_t part = __atomic_fetch_add(&walk.work->next_part, 1, __ATOMIC_RELAXED);
        if (error || part >= heap->part_count)
            break;
        for (uint64_t s = heap->part_begin[part]; s < heap->part_begin[part + 1] && !error; s++) {
            const struct heap_span *span = &heap->spans.data[s];
            for (uint32_t k = 0; !span->no_pointers && k < span->slots && !error; k++)
                if (bitset_get(heap->allocated, span->first_id + k))
                    error = add_source(&walk, span, span->first_id + k);
        }
    }
    window_deinit(&walk.window);
    return error;
}

/* -- variables -------------------------------------------------------------------------------- */

static uint32_t known_type(const struct windows_work *work, const struct executable_type *type)
{
    if (!type || !type->runtime_type)
        return TYPE_NONE;
    const uint64_t *index =
        hash_map_find(&work->typing->table.by_address, type->runtime_type + work->runtime->bias);
    return index && *index ? (uint32_t)*index - 1 : TYPE_NONE;
}

/* What DWARF says of the word at offset in a variable. */
static bool described_slot(const struct windows_work *work, const struct variable *v,
                           uint64_t offset, struct window_slot *out)
{
    if (v->value_size)
        offset %= v->value_size;
    for (uint32_t i = 0; i < v->slot_count; i++) {
        const struct executable_slot *slot = &v->slots[i];
        if (slot->offset != offset)
            continue;
        *out = (struct window_slot){.element = 1, .type = TYPE_NONE, .kind = slot->kind};
        if (slot->kind == KIND_STRING)
            return true;
        out->type = known_type(work, slot->type);
        out->element = slot->type ? slot->type->size : 0;
        return out->element &&
               (slot->kind == KIND_SLICE || (slot->kind == KIND_POINTER && out->type != TYPE_NONE));
    }
    return false;
}

static bool in_mask(const struct go_pointer_mask *mask, uint64_t start, uint64_t address)
{
    uint64_t bit = (address - start) / 8;
    return bit < mask->bits && mask->bytes[bit / 8] >> bit % 8 & 1;
}

/* Does the collector take the word for a pointer? Numbers of the runtime's are addresses, too. */
static bool is_pointer(const struct go_module *m, uint64_t address)
{
    return address - m->data < m->data_end - m->data ? in_mask(&m->data_mask, m->data, address)
                                                     : in_mask(&m->bss_mask, m->bss, address);
}

static struct error *value_of_variable(const struct windows_work *work, uint64_t address,
                                       uint32_t id, struct window_value *out, uint8_t *out_flags)
{
    uint64_t words[3];
    struct window_slot slot;
    uint32_t number = variable_at(work->variables, address);
    *out = (struct window_value){.id = id, .is_whole = true};
    *out_flags = WINDOWS_VARIABLES;
    if (number == UINT32_MAX)
        return NULL;
    const struct variable *v = &work->variables->items.data[number];
    TRY(target_read_sparse(work->runtime->target, address, words, sizeof(words)));
    if (v->slot_count) {
        if (!described_slot(work, v, address - v->address, &slot))
            return NULL;
    } else {
        if (heap_find(work->heap, words[0]) != id ||
            !windows_guess(work, id, words, &slot, out_flags))
            return NULL;
    }
    *out = window_value_of(work, &slot, (const uint8_t *)words);
    if (out->id != id)
        *out = (struct window_value){.id = id, .is_whole = true};
    return NULL;
}

struct error *windows_suspects_of_variables(struct windows_work *work)
{
    for (uint64_t i = 0; i < work->words->variables.count; i++) {
        const struct variable_word *word = &work->words->variables.data[i];
        uint64_t address = work->words->data_low + (uint64_t)word->word * 8;
        struct window_value value;
        uint8_t flags;
        if (!is_pointer(&work->runtime->module, address))
            continue;
        TRY(value_of_variable(work, address, word->id, &value, &flags));
        if (!value.is_whole && windows_is_suspect(work, &value) &&
            !ranked_set_has(&work->suspects, value.id)) {
            ranked_set_add(&work->suspects, value.id);
            work->by_size[63 - __builtin_clzll(window_target_bytes(work->heap, value.id))]++;
        }
    }
    return NULL;
}

static struct error *add_variables(struct windows_work *work)
{
    for (uint64_t i = 0; i < work->words->variables.count; i++) {
        const struct variable_word *word = &work->words->variables.data[i];
        uint64_t address = work->words->data_low + (uint64_t)word->word * 8;
        struct window_value value;
        uint8_t flags;
        if (!ranked_set_has(&work->suspects, word->id) ||
            !is_pointer(&work->runtime->module, address))
            continue;
        TRY(value_of_variable(work, address, word->id, &value, &flags));
        see(work, &value, flags);
    }
    return NULL;
}

/* -- roots ------------------------------------------------------------------------------------ */

/* Words of variables have been looked at, one by one; stacks and records see the whole. */
static void add_roots(struct windows_work *work)
{
    for (uint64_t i = 0; i < work->graph->root_edges.count; i++) {
        uint64_t edge = work->graph->root_edges.data[i];
        if (work->roots->infos.data[edge >> 32].variable == GRAPH_NONE)
            see_whole(work, (uint32_t)edge & GRAPH_ID);
    }
}

struct error *windows_add_sources(struct windows_work *work)
{
    work->next_part = 0;
    TRY(parallel_run(work->heap->threads, add_parts, work));
    TRY(add_variables(work));
    add_roots(work);
    return NULL;
}
