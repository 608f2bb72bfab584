/* The edges of an array through slots that no window shows. The k-th set bit of an object's words
 * is that of its k-th edge (edge_words.h, scan.c). */
#include <string.h>

#include "base/bitset.h"
#include "gort/windows.h"

struct hidden_walk {
    const struct window_target *target;
    struct window_range ranges[WINDOW_SET_RANGES];
    uint32_t count, next;
    VECTOR(uint32_t) shown; /* targets of edges from slots that a window shows */
    struct window_hidden *out;
};

static enum window_place place_of(const struct window_target *target, uint64_t offset)
{
    const struct window_set *set = &target->set;
    bool before = true, after = true;
    if (!window_set_is_exact(set))
        return WINDOW_BETWEEN;
    for (uint32_t i = 0; i < set->different; i++) {
        if (offset >= set->exact[i].end && offset < set->exact[i].cap)
            return WINDOW_TO_CAP;
        before = before && offset < set->exact[i].start;
        after = after && offset >= set->exact[i].cap;
    }
    return before ? WINDOW_BEFORE : after ? WINDOW_AFTER : WINDOW_BETWEEN;
}

static struct error *add_word(struct hidden_walk *walk, uint64_t offset, uint32_t to)
{
    while (walk->next < walk->count && walk->ranges[walk->next].end <= offset)
        walk->next++;
    if (walk->next == walk->count || offset < walk->ranges[walk->next].start)
        return vector_push(&walk->shown, to);
    walk->out->words[place_of(walk->target, offset)]++;
    return vector_push(&walk->out->edges, (uint64_t)walk->target->id << 32 | to);
}

static int by_edge(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

/* Sorts, and leaves out what is twice there or shown. */
static void settle(struct hidden_walk *walk)
{
    uint64_t *edges = walk->out->edges.data;
    uint64_t kept = 0, s = 0;
    if (!walk->out->edges.count)
        return;
    qsort(edges, walk->out->edges.count, sizeof(*edges), by_edge);
    if (walk->shown.count)
        qsort(walk->shown.data, walk->shown.count, sizeof(*walk->shown.data), by_id);
    for (uint64_t i = 0; i < walk->out->edges.count; i++) {
        uint32_t to = (uint32_t)edges[i];
        while (s < walk->shown.count && walk->shown.data[s] < to)
            s++;
        bool is_shown = s < walk->shown.count && walk->shown.data[s] == to;
        if (!is_shown && (!kept || edges[kept - 1] != edges[i]))
            edges[kept++] = edges[i];
    }
    walk->out->edges.count = kept;
}

struct error *windows_hidden_edges(const struct heap *heap, const struct graph *graph,
                                   const struct edge_words *words,
                                   const struct window_target *target, struct window_hidden *out)
{
    const struct heap_span *span = heap_span_of(heap, target->id);
    struct hidden_walk walk = {.target = target, .out = out};
    if (span->no_pointers || !words->bits)
        return NULL;
    walk.count = window_set_hidden(&target->set, span->element_size, span->has_header ? 8 : 0,
                                   false, walk.ranges);
    uint64_t per_object = span->element_size / 8, edge = graph->edge_begin[target->id],
             last = graph->edge_begin[target->id + 1];
    uint64_t first =
        edge_words_of_span(words, heap, span) + (target->id - span->first_id) * per_object;
    struct error *error = NULL;
    for (uint64_t w = 0; w < per_object && edge < last && !error; w++) {
        uint64_t bit = first + w;
        if (bit % 64 == 0 && !words->bits[bit / 64])
            w += 63; /* none of these */
        else if (bitset_get(words->bits, bit))
            error = add_word(&walk, w * 8, graph->edges[edge++] & GRAPH_ID);
    }
    settle(&walk);
    vector_deinit(&walk.shown);
    return error;
}

void window_hidden_deinit(struct window_hidden *hidden)
{
    vector_deinit(&hidden->edges);
}
