#include "gort/drift.h"

#include "base/bitset.h"
#include "base/parallel.h"
#include "gort/pointers.h"
#include "gort/scan.h"

/* The pointers that one thread sees, compared with the edges of the first reading. */
struct part_compare {
    const struct heap *heap;
    const struct graph *graph;
    uint64_t *changed;
    uint32_t id;           /* of the object whose pointers are seen */
    uint32_t edge, last;   /* next edge of the first reading; the last target seen */
    bool differs, is_open; /* is_open: id has been seen to its end only when the next one begins */
    uint64_t objects, bytes, unread;
};

struct comparison {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct graph *graph;
    struct drift *drift;
    uint32_t next_part; /* taken by whichever thread is free */
    struct part_compare of_thread[HEAP_THREADS_MAX];
};

static void mark_changed(uint64_t *changed, uint32_t id)
{
    __atomic_fetch_or(&changed[id >> 6], (uint64_t)1 << (id & 63), __ATOMIC_RELAXED);
}

static void end_object(struct part_compare *part)
{
    if (!part->is_open)
        return;
    part->is_open = false;
    if (!part->differs && part->edge == part->graph->edge_begin[part->id + 1])
        return;
    part->objects++;
    part->bytes += graph_object_bytes(part->graph, part->id);
    mark_changed(part->changed, part->id);
}

static void begin_object(void *context, uint32_t id)
{
    struct part_compare *part = context;
    end_object(part);
    /* what came or went is counted by the books */
    part->is_open = bitset_get(part->heap->booked, id) && !bitset_get(part->changed, id);
    part->id = id;
    part->edge = part->graph->edge_begin[id];
    part->last = GRAPH_NONE;
    part->differs = false;
}

static struct error *compare_edges(void *context, uint32_t id, uint64_t offset,
                                   const uint64_t *words, uint64_t mask)
{
    (void)offset;
    struct part_compare *part = context;
    const struct heap *heap = part->heap;
    for (; mask && !part->differs; mask &= mask - 1) {
        uint64_t value = words[__builtin_ctzll(mask)];
        if (value - heap->low >= heap->high - heap->low)
            continue;
        uint32_t target = scan_edge(heap, id, value);
        if (target == GRAPH_NONE || target == part->last)
            continue;
        part->last = target;
        part->differs = part->edge >= part->graph->edge_begin[id + 1] ||
                        part->graph->edges[part->edge++] != target;
    }
    return NULL;
}

static struct error *compare_parts(void *context, unsigned thread)
{
    struct comparison *all = context;
    const struct heap *heap = all->heap;
    struct part_compare *part = &all->of_thread[thread];
    struct pointer_reader reader;
    *part =
        (struct part_compare){.heap = heap, .graph = all->graph, .changed = all->drift->changed};
    struct error *error = pointer_reader_init(&reader, all->runtime, heap);
    while (!error) {
        uint32_t next = __atomic_fetch_add(&all->next_part, 1, __ATOMIC_RELAXED);
        if (next >= heap->part_count)
            break;
        for (uint64_t s = heap->part_begin[next]; s < heap->part_begin[next + 1] && !error; s++)
            if (!heap->spans.data[s].no_pointers)
                error = pointer_scan_span(&reader, &heap->spans.data[s], begin_object,
                                          compare_edges, part);
        end_object(part);
    }
    part->unread = reader.unread_objects;
    pointer_reader_deinit(&reader);
    return error;
}

static void count_slots(const struct heap *heap, const struct heap_span *span, uint32_t from,
                        const struct heap *other, uint32_t other_from, uint64_t *changed,
                        uint64_t *objects, uint64_t *bytes)
{
    for (uint32_t slot = 0; slot < span->slots; slot++) {
        if (!bitset_get(heap->booked, from + slot) ||
            (other && bitset_get(other->booked, other_from + slot)))
            continue;
        ++*objects;
        *bytes += span->element_size;
        if (changed)
            mark_changed(changed, from + slot);
    }
}

static bool same_span(const struct heap_span *a, const struct heap_span *b)
{
    return a->start == b->start && a->element_size == b->element_size && a->slots == b->slots &&
           a->pages == b->pages && a->no_pointers == b->no_pointers;
}

/* Both lists ascend by address. */
static void compare_books(const struct heap *first, const struct heap *second, struct drift *drift)
{
    uint64_t i = 0, k = 0;
    while (i < first->spans.count || k < second->spans.count) {
        const struct heap_span *a = i < first->spans.count ? &first->spans.data[i] : NULL;
        const struct heap_span *b = k < second->spans.count ? &second->spans.data[k] : NULL;
        bool same = a && b && same_span(a, b);
        bool take_a = a && (same || !b || a->start <= b->start);
        bool take_b = b && (same || !take_a);
        if (take_a)
            count_slots(first, a, a->first_id, same ? second : NULL, same ? b->first_id : 0,
                        drift->changed, &drift->gone_objects, &drift->gone_bytes);
        if (take_b)
            count_slots(second, b, b->first_id, same ? first : NULL, same ? a->first_id : 0, NULL,
                        &drift->new_objects, &drift->new_bytes);
        i += take_a;
        k += take_b;
    }
}

struct error *drift_measure(struct go_runtime *runtime, const struct heap *heap,
                            const struct graph *graph, struct drift *out)
{
    struct heap again;
    out->changed_bytes = bitset_words((uint64_t)heap->object_ids + 64) * 8;
    TRY(big_array(out->changed_bytes, &out->changed));
    TRY(heap_read(runtime, heap->threads, &again));
    compare_books(heap, &again, out);
    out->unread += heap->statistics.unread_spans + again.statistics.unread_spans;
    heap_deinit(&again);
    CLEANUP_FREE struct comparison *all = NULL;
    TRY(memory_array(1, sizeof(*all), &all));
    *all = (struct comparison){.runtime = runtime, .heap = heap, .graph = graph, .drift = out};
    TRY(parallel_run(heap->threads, compare_parts, all));
    for (unsigned k = 0; k < heap->threads; k++) {
        out->rewritten_objects += all->of_thread[k].objects;
        out->rewritten_bytes += all->of_thread[k].bytes;
        out->unread += all->of_thread[k].unread;
    }
    out->measured = true;
    return NULL;
}

static bool is_doubtful(const struct drift *drift, const struct heap *heap, uint32_t id)
{
    return !bitset_get(heap->booked, id) || bitset_get(drift->changed, id);
}

/* Without every edge to something that came, went or was rewritten. */
struct error *drift_weigh(struct drift *drift, const struct heap *heap, struct graph *graph)
{
    VECTOR(uint64_t) cuts = {0};
    uint64_t objects;
    struct error *error = NULL;
    for (uint32_t id = 0; id < graph->object_ids && !error; id++) {
        if (!bitset_get(graph->allocated, id) || !graph_is_reachable(graph, id))
            continue;
        for (uint32_t e = graph->edge_begin[id]; e < graph->edge_begin[id + 1] && !error; e++)
            if (is_doubtful(drift, heap, graph->edges[e] & GRAPH_ID))
                error = vector_push(&cuts, (uint64_t)id << 32 | (graph->edges[e] & GRAPH_ID));
    }
    for (uint64_t i = 0; i < graph->root_edges.count && !error; i++) {
        uint64_t edge = graph->root_edges.data[i], to = edge & GRAPH_ID;
        if (is_doubtful(drift, heap, (uint32_t)to))
            error = vector_push(
                &cuts, (uint64_t)graph_root_node(graph, (uint32_t)(edge >> 32)) << 32 | to);
    }
    if (!error && cuts.count)
        error = graph_exclusive(graph, cuts.data, cuts.count, &drift->doubtful_bytes, &objects);
    vector_deinit(&cuts);
    graph->totals.allocated_objects =
        MAX_OF(graph->totals.allocated_objects, graph->totals.reachable_objects);
    graph->totals.allocated_bytes =
        MAX_OF(graph->totals.allocated_bytes, graph->totals.reachable_bytes);
    return error;
}

void drift_deinit(struct drift *drift)
{
    if (drift->changed)
        big_array_free(drift->changed, drift->changed_bytes);
    drift->changed = NULL;
}
