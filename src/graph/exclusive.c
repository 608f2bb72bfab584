/*
 * Exclusive sizes of sets of edges: walks over parts of the graph without them.
 *
 * Who becomes unreachable without the edges of a question is reached only by way of their targets.
 * Let D be the nearest node that strictly dominates all those targets: D stays reachable (a way to
 * it needs none of the edges), every way to what may be lost passes D, and behind its last visit of
 * D it stays among the nodes that D dominates. So one walk from D among those tells what remains,
 * and the rest of what D retains is the answer.
 *
 * Where an edge from u leads, to w, is dominated by D exactly when the dominator of w has a
 * position of at least D's: it is D or below it, or above it, for it dominates u as well.
 *
 * The classes stay what graph_analyse found, so that the answers agree with retained sizes: an
 * object that only a later class still refers to counts as gone.
 */
#include <string.h>

#include "base/parallel.h"
#include "graph/exclusive.h"

/* A question whose D retains more than such a part of the heap is for exclusive_group.c, which
 * takes the whole heap in the order of positions, seven times as fast per object, and many at once.
 */
enum { LARGE_PART = 64 };

/* One thread's; what it notes down it takes back after each question. */
struct walk {
    const struct graph *graph;
    const struct graph_result *result;
    const uint32_t *parts_begin, *parts; /* root → its parts, as positions */
    struct hash_map
        cut;           /* source position << 32 | target; the source's own is << 32 | GRAPH_NONE */
    uint64_t *seen;    /* bitset by object id */
    uint64_t *climbed; /* bitset by position: known to be D or below it */
    VECTOR(uint32_t) climbs;
    VECTOR(uint32_t) queue; /* positions */
    uint64_t bytes, objects;
};

struct questions {
    struct graph *graph;
    struct graph_cut *cuts;
    uint64_t count;
    uint64_t next;            /* not yet claimed by a thread */
    struct graph_cut **large; /* left for afterwards */
    uint64_t large_count;
    uint32_t *parts_begin, *parts;
};

/* Position of the immediate dominator of a reachable object; a look at `order` tells leaves. */
static uint32_t dominator_of(const struct graph_result *result, uint32_t id, bool leaf)
{
    return leaf ? leaf_dominator(result, id) : result->dominator[result->position[id]];
}

static struct error *note_climb(struct walk *w, uint32_t position)
{
    if (bitset_get(w->climbed, position))
        return NULL;
    bitset_set(w->climbed, position);
    return vector_push(&w->climbs, position);
}

/* *top becomes the nearest common ancestor of itself and position in the dominator tree. Nobody is
 * climbed over twice within one question. */
static struct error *join(struct walk *w, uint32_t position, uint32_t *top)
{
    const uint32_t *dominator = w->result->dominator;
    while (position > *top) {
        if (bitset_get(w->climbed, position))
            return NULL;
        TRY(note_climb(w, position));
        position = dominator[position];
    }
    while (position != *top) {
        uint32_t *lower = position > *top ? &position : top;
        TRY(note_climb(w, *lower));
        *lower = dominator[*lower];
    }
    return NULL;
}

/* Fills cut with the edges that count; *out_top is D, GRAPH_NONE when none counts. */
static struct error *take_question(struct walk *w, const struct graph_cut *question,
                                   uint32_t *out_top)
{
    const struct graph_result *result = w->result;
    uint32_t top = GRAPH_NONE;
    for (uint64_t i = 0; i < question->count; i++) {
        uint32_t from, target;
        uint64_t *value;
        if (!cut_counts(w->graph, question->edges[i], &from, &target))
            continue;
        TRY(hash_map_insert(&w->cut, (uint64_t)from << 32 | target, &value, NULL));
        TRY(hash_map_insert(&w->cut, (uint64_t)from << 32 | GRAPH_NONE, &value, NULL));
        uint32_t above = dominator_of(result, target, !is_inner(result, target));
        if (top == GRAPH_NONE)
            top = above;
        else
            TRY(join(w, above, &top));
    }
    *out_top = top;
    return NULL;
}

static struct error *enter(struct walk *w, uint32_t position)
{
    return vector_push(&w->queue, position);
}

static struct error *enter_parts(struct walk *w, uint32_t root)
{
    for (uint32_t i = w->parts_begin[root]; i < w->parts_begin[root + 1]; i++)
        TRY(enter(w, w->parts[i]));
    return NULL;
}

static struct error *scan(struct walk *w, uint32_t position, uint32_t top)
{
    const struct graph *graph = w->graph;
    const struct graph_result *result = w->result;
    uint32_t node = result->order[position];
    bool some_cut = hash_map_find(&w->cut, (uint64_t)position << 32 | GRAPH_NONE);
    bool classes = !top && result->class_count > 1;
    if (node >= graph->object_ids)
        TRY(enter_parts(w, node - graph->object_ids));
    struct edge_range range = node_edges(graph, result, node);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t target = *e & GRAPH_ID;
        bool leaf = *e & GRAPH_LEAF;
        if (bitset_get(w->seen, target) || (top && dominator_of(result, target, leaf) < top) ||
            (classes && !same_class(result, position, result->position[target])) ||
            (some_cut && hash_map_find(&w->cut, (uint64_t)position << 32 | target)))
            continue;
        bitset_set(w->seen, target);
        w->objects++;
        w->bytes += graph_object_bytes(graph, target);
        if (!leaf)
            TRY(enter(w, result->position[target]));
    }
    return NULL;
}

/* Brings nearer what scanning the queue's later entries will read. */
static inline void look_ahead(const struct walk *w, uint64_t i)
{
    if (i + 8 < w->queue.count)
        __builtin_prefetch(&w->result->order[w->queue.data[i + 8]]);
    if (i + 4 >= w->queue.count)
        return;
    struct edge_range soon =
        node_edges(w->graph, w->result, w->result->order[w->queue.data[i + 4]]);
    for (const uint32_t *e = soon.begin; e < soon.end && e < soon.begin + 16; e++)
        __builtin_prefetch(&w->result->position[*e & GRAPH_ID]);
}

static struct error *walk_from(struct walk *w, uint32_t top)
{
    TRY(enter(w, top));
    for (uint64_t i = 0; i < w->queue.count; i++) {
        look_ahead(w, i);
        TRY(scan(w, w->queue.data[i], top));
    }
    return NULL;
}

static void forget_question(struct walk *w)
{
    uint64_t bytes = bitset_words(w->graph->object_ids) * sizeof(uint64_t);
    if (w->objects > bytes / 16) {
        memset(w->seen, 0, bytes);
    } else {
        for (uint64_t i = 0; i < w->queue.count; i++) {
            struct edge_range range =
                node_edges(w->graph, w->result, w->result->order[w->queue.data[i]]);
            for (const uint32_t *e = range.begin; e < range.end; e++)
                bitset_clear(w->seen, *e & GRAPH_ID);
        }
    }
    for (uint64_t i = 0; i < w->climbs.count; i++)
        bitset_clear(w->climbed, w->climbs.data[i]);
    w->climbs.count = w->queue.count = 0;
    w->bytes = w->objects = 0;
    hash_map_deinit(&w->cut);
}

static struct error *answer(struct walk *w, struct graph_cut *question, struct questions *q)
{
    const struct graph_result *result = w->result;
    uint32_t top;
    question->bytes = question->objects = 0;
    TRY(take_question(w, question, &top));
    if (top != GRAPH_NONE &&
        result->retained_objects[top] > result->retained_objects[0] / LARGE_PART) {
        q->large[__atomic_fetch_add(&q->large_count, 1, __ATOMIC_RELAXED)] = question;
    } else if (top != GRAPH_NONE) {
        TRY(walk_from(w, top));
        uint32_t node = result->order[top];
        bool object = node < w->graph->object_ids;
        question->bytes = result->retained_bytes[top] - w->bytes -
                          (object ? graph_object_bytes(w->graph, node) : 0);
        question->objects = result->retained_objects[top] - w->objects - object;
    }
    forget_question(w);
    return NULL;
}

static struct error *answer_part(void *context, unsigned part)
{
    (void)part;
    struct questions *q = context;
    const struct graph *graph = q->graph;
    uint64_t seen = bitset_words(graph->object_ids) * sizeof(uint64_t);
    uint64_t climbed = bitset_words(graph->result->count) * sizeof(uint64_t);
    struct walk w = {
        .graph = graph,
        .result = graph->result,
        .parts_begin = q->parts_begin,
        .parts = q->parts,
    };
    struct error *error = big_array(seen, &w.seen);
    if (!error)
        error = big_array(climbed, &w.climbed);
    while (!error) {
        uint64_t i = __atomic_fetch_add(&q->next, 1, __ATOMIC_RELAXED);
        if (i >= q->count)
            break;
        error = answer(&w, &q->cuts[i], q);
    }
    big_array_free(w.seen, seen);
    big_array_free(w.climbed, climbed);
    vector_deinit(&w.climbs);
    vector_deinit(&w.queue);
    hash_map_deinit(&w.cut);
    return error;
}

/* The super root's parts are the holders. */
static struct error *sort_parts(struct questions *q)
{
    const struct graph *graph = q->graph;
    uint32_t roots = (uint32_t)graph->roots.count;
    TRY(memory_array((uint64_t)roots + 3, sizeof(uint32_t), &q->parts_begin));
    TRY(memory_array(roots, sizeof(uint32_t), &q->parts));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    for (uint32_t r = 0; r < roots; r++) {
        uint32_t parent = graph->roots.data[r].parent;
        q->parts_begin[(parent == GRAPH_NONE ? roots : parent) + 2]++;
    }
    for (uint32_t r = 0; r <= roots; r++)
        q->parts_begin[r + 1] += q->parts_begin[r];
    for (uint32_t r = 0; r < roots; r++) {
        uint32_t parent = graph->roots.data[r].parent;
        uint32_t *next = &q->parts_begin[(parent == GRAPH_NONE ? roots : parent) + 1];
        q->parts[(*next)++] = graph->result->root_position[r];
    }
    return NULL;
}

static struct error *answer_large(struct questions *q)
{
    for (uint64_t i = 0; i < q->large_count; i += EXCLUSIVE_GROUP_MAX) {
        uint64_t count = MIN_OF(q->large_count - i, (uint64_t)EXCLUSIVE_GROUP_MAX);
        TRY(exclusive_of_group(q->graph, q->large + i, (unsigned)count));
    }
    return NULL;
}

struct error *graph_exclusive_of_each(struct graph *graph, struct graph_cut *cuts, uint64_t count,
                                      unsigned threads)
{
    struct questions q = {.graph = graph, .cuts = cuts, .count = count};
    threads = MAX_OF(1u, MIN_OF(threads, (unsigned)GRAPH_THREADS_MAX));
    struct error *error = sort_parts(&q);
    if (!error)
        error = memory_array(count, sizeof(*q.large), &q.large);
    if (!error)
        error = parallel_run((unsigned)MIN_OF((uint64_t)threads, count), answer_part, &q);
    if (!error)
        error = answer_large(&q);
    free(q.large);
    free(q.parts_begin);
    free(q.parts);
    return error;
}

struct error *graph_exclusive(struct graph *graph, const uint64_t *cut_edges, uint64_t cut_count,
                              uint64_t *out_bytes, uint64_t *out_objects)
{
    struct graph_cut cut = {.edges = cut_edges, .count = cut_count};
    TRY(graph_exclusive_of_each(graph, &cut, 1, 1));
    *out_bytes = cut.bytes;
    *out_objects = cut.objects;
    return NULL;
}
