#include "gort/channels.h"

#include <string.h>

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/size_class.h"
#include "gort/window.h"

enum {
    HCHAN_BYTES_MAX = 256,
    COUNTED_MAX = 1 << 22, /* waiters in a part of the heap */
};

struct found_channel {
    struct channel_fact fact;
    uint64_t element; /* address of the descriptor: types are met on one thread only */
};

struct channel_sweep {
    struct go_runtime *runtime;
    const struct heap *heap;
    struct typing *typing;
    uint64_t size, slot; /* of an hchan */
    uint32_t next_part;
    struct found_channels {
        VECTOR(struct found_channel) items;
        uint64_t waiters; /* counted so far */
    } parts[HEAP_PARTS_MAX];
};

void channel_table_deinit(struct channel_table *table)
{
    vector_deinit(&table->items);
}

static uint64_t field(const struct go_runtime *rt, const uint8_t *bytes, enum layout_field which)
{
    uint64_t v = 0;
    memcpy(&v, bytes + layout_offset(rt->layout, which), (size_t)layout_width(rt->layout, which));
    return v;
}
#define FIELD(name) field(rt, bytes, LAYOUT_hchan_##name)

/* Length of a list of waiters: what cannot be read ends it. In damaged memory it may be a ring, and
 * that of many channels: beyond a bound of all one waiter alone is counted. */
static uint32_t waiters(struct go_runtime *rt, uint64_t sudog, uint64_t *counted)
{
    uint32_t count = 0;
    while (sudog && count < CHANNEL_WAITERS_MAX && (!count || *counted < COUNTED_MAX)) {
        struct error *error =
            target_read_u64(rt->target, sudog + GO_OFFSET(rt, sudog_next), &sudog);
        count++;
        ++*counted;
        if (error) {
            error_destroy(error);
            break;
        }
    }
    return count;
}

/* What must hold for an hchan with a buffer of its own; other objects of its size come here, too.
 */
static bool is_channel(const struct channel_sweep *sweep, const uint8_t *bytes,
                       struct found_channel *out)
{
    const struct go_runtime *rt = sweep->runtime;
    const struct go_module *m = &rt->module;
    struct channel_fact *fact = &out->fact;
    uint64_t send = FIELD(sendx), receive = FIELD(recvx), buffer = FIELD(buf), size;
    fact->queued = FIELD(qcount);
    fact->capacity = FIELD(dataqsiz);
    fact->element_bytes = (uint16_t)FIELD(elemsize);
    fact->is_closed = FIELD(closed) != 0;
    out->element = FIELD(elemtype);
    if (fact->queued < CHANNEL_LEAST_QUEUED || fact->queued > fact->capacity ||
        send >= fact->capacity || receive >= fact->capacity || FIELD(closed) > 1 ||
        (receive + fact->queued) % fact->capacity != send || out->element < m->types ||
        out->element >= m->types_end ||
        __builtin_mul_overflow(fact->capacity, fact->element_bytes, &size))
        return false;
    fact->buffer = heap_find(sweep->heap, buffer);
    if (fact->buffer == HEAP_NONE)
        return false;
    const struct heap_span *span = heap_span_of(sweep->heap, fact->buffer);
    return !span->no_pointers && size <= span->element_size &&
           buffer - heap_slot_address(span, fact->buffer) <= span->element_size - size;
}

static struct error *sweep_span(struct channel_sweep *sweep, const struct heap_span *span,
                                struct window *window, struct found_channels *out)
{
    struct go_runtime *rt = sweep->runtime;
    for (uint32_t id = span->first_id; id < span->first_id + span->slots; id++) {
        uint32_t type = typing_type(sweep->typing, id);
        const struct go_type *t = type == TYPE_NONE ? NULL : &sweep->typing->table.types.data[type];
        const uint8_t *bytes;
        if (!bitset_get(sweep->heap->allocated, id) ||
            (t && t->kind != KIND_CHAN && t->pseudo != PSEUDO_CHANNEL))
            continue;
        uint64_t at = heap_slot_address(span, id), end = span->start + span->pages * HEAP_PAGE_SIZE;
        struct found_channel found = {.fact.id = id};
        TRY(window_get(window, at, sweep->size, MIN_OF(end - at, (uint64_t)WINDOW_BYTES), &bytes));
        if (!is_channel(sweep, bytes, &found))
            continue;
        uint64_t first[2];
        memcpy(&first[0], bytes + GO_OFFSET(rt, hchan_recvq) + GO_OFFSET(rt, waitq_first), 8);
        memcpy(&first[1], bytes + GO_OFFSET(rt, hchan_sendq) + GO_OFFSET(rt, waitq_first), 8);
        found.fact.receivers = waiters(rt, first[0], &out->waiters);
        found.fact.senders = waiters(rt, first[1], &out->waiters);
        TRY(vector_push(&out->items, found));
    }
    return NULL;
}

static struct error *sweep_parts(void *context, unsigned number)
{
    struct channel_sweep *sweep = context;
    const struct heap *heap = sweep->heap;
    struct window window;
    (void)number;
    struct error *error = window_init(&window, sweep->runtime->target);
    while (!error) {
        uint32_t part = __atomic_fetch_add(&sweep->next_part, 1, __ATOMIC_RELAXED);
        if (part >= heap->part_count)
            break;
        for (uint64_t s = heap->part_begin[part]; s < heap->part_begin[part + 1] && !error; s++) {
            const struct heap_span *span = &heap->spans.data[s];
            if (span->element_size == sweep->slot && !span->no_pointers && !span->has_header)
                error = sweep_span(sweep, span, &window, &sweep->parts[part]);
        }
    }
    window_deinit(&window);
    return error;
}

/* The element's type must agree with the channel about its size. */
static struct error *join(struct channel_sweep *sweep, struct channel_table *out)
{
    struct type_table *types = &sweep->typing->table;
    for (uint32_t p = 0; p < sweep->heap->part_count; p++) {
        for (uint64_t i = 0; i < sweep->parts[p].items.count; i++) {
            struct found_channel *found = &sweep->parts[p].items.data[i];
            uint32_t type = found->fact.element = type_at(types, found->element);
            if (type != TYPE_NONE && types->types.data[type].size == found->fact.element_bytes &&
                types->types.data[type].pointer_bytes)
                TRY(vector_push(&out->items, found->fact));
        }
    }
    return NULL;
}

struct error *channel_table_read(struct go_runtime *runtime, const struct heap *heap,
                                 struct typing *typing, struct channel_table *out)
{
    struct channel_sweep *sweep;
    struct channel_table table = {0};
    TRY(memory_array(1, sizeof(*sweep), &sweep));
    sweep->runtime = runtime;
    sweep->heap = heap;
    sweep->typing = typing;
    sweep->size = GO_SIZE(runtime, hchan);
    sweep->slot = size_class_of_object(runtime->minor, sweep->size, true);
    struct error *error =
        sweep->size <= HCHAN_BYTES_MAX ? parallel_run(heap->threads, sweep_parts, sweep) : NULL;
    if (!error)
        error = join(sweep, &table);
    for (uint32_t p = 0; p < HEAP_PARTS_MAX; p++)
        vector_deinit(&sweep->parts[p].items);
    free(sweep);
    if (error) {
        channel_table_deinit(&table);
        return error_wrap(error, "the channels cannot be read");
    }
    *out = table;
    return NULL;
}
