/*
 * What several holders reach together, by the exact set of holders.
 *
 * A TOP is an object that only the super root dominates. Every way to what lies below a node passes
 * that node, so the holders that reach a top are, over its predecessors: the holder above the
 * predecessor, or those of the top above it. That is a graph of tops (arcs), in which cycles share
 * one set: its strongly connected components, found along the arcs backwards, come out with all
 * that they depend on done before. Each arc is looked at once and costs at most
 * GRAPH_SHARED_HOLDERS_MAX steps.
 *
 * Memory while it runs: 4 B per position, 3/16 B per id, 28 B per top, 12 B per arc.
 */
#include <string.h>

#include "graph/holder_sets.h"
#include "graph/pair_list.h"
#include "graph/result.h"

/* Marks a root where a top could stand as well. */
#define A_HOLDER 0x80000000u

struct tops {
    const struct graph *graph;
    const struct graph_result *result;
    struct ranked_set set;   /* of object ids; a top's number is its rank */
    uint32_t *above;         /* position → the top or holder at or above it */
    struct pair_list arcs;   /* a: top or holder, b: top */
    uint32_t *sources_begin; /* top → index into sources; count + 2 entries */
    uint32_t *sources;
    uint64_t arc_count;
    uint32_t *holder_set; /* top → its set; GRAPH_NONE until it is known */
    struct holder_sets sets;
};

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

static struct error *find_tops(struct tops *t)
{
    const struct graph_result *result = t->result;
    uint32_t ids = t->graph->object_ids, rank = 0;
    TRY(ranked_set_init(&t->set, ids));
    for (uint32_t i = 1; i < result->count; i++) {
        if (!result->dominator[i] && result->order[i] < ids)
            ranked_set_add(&t->set, result->order[i]);
    }
    for (uint64_t leaf = ranked_set_next(&result->shared_leaves, 0); leaf != RANKED_SET_END;
         leaf = ranked_set_next(&result->shared_leaves, leaf + 1)) {
        if (!result->leaf_dominator[rank++])
            ranked_set_add(&t->set, (uint32_t)leaf);
    }
    ranked_set_number(&t->set);
    TRY(big_array(words(result->count), &t->above));
    for (uint32_t i = 1; i < result->count; i++) {
        uint32_t node = result->order[i];
        if (result->dominator[i])
            t->above[i] = t->above[result->dominator[i]];
        else if (node < ids)
            t->above[i] = ranked_set_rank(&t->set, node);
        else
            t->above[i] = (node - ids) | A_HOLDER;
    }
    return NULL;
}

static struct error *find_arcs_from(struct tops *t, uint32_t position, struct edge_range range)
{
    const struct graph_result *result = t->result;
    uint32_t from = t->above[position], last = GRAPH_NONE;
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t id = *e & GRAPH_ID;
        if (!ranked_set_has(&t->set, id) || !same_class(result, position, result->position[id]))
            continue;
        uint32_t to = ranked_set_rank(&t->set, id);
        if (to == from || to == last)
            continue;
        TRY(pair_list_push(&t->arcs, from, to));
        last = to;
    }
    return NULL;
}

/* By address, as the edges lie; only those into tops cost more than a look at a bit. */
static struct error *find_arcs(struct tops *t)
{
    const struct graph *graph = t->graph;
    const struct graph_result *result = t->result;
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (!result->position[id] || !bitset_get(graph->allocated, id))
            continue;
        struct edge_range range = node_edges(graph, result, id);
        if (range.begin < range.end)
            TRY(find_arcs_from(t, result->position[id], range));
    }
    for (uint32_t r = 0; r < result->root_count; r++) {
        uint32_t node = graph_root_node(graph, r);
        TRY(find_arcs_from(t, result->root_position[r], node_edges(graph, result, node)));
    }
    t->arc_count = pair_list_count(&t->arcs);
    if (t->arc_count >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "more than 4294967294 edges between shared objects");
    return NULL;
}

static struct error *sort_arcs(struct tops *t)
{
    TRY(big_array(words((uint64_t)t->set.count + 2), &t->sources_begin));
    TRY(big_array(words(t->arc_count), &t->sources));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    uint32_t *begin = t->sources_begin;
    for (uint64_t c = 0; c < t->arcs.chunks.count; c++) {
        const struct pair_chunk *chunk = t->arcs.chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            begin[chunk->pairs[i].b + 2]++;
    }
    for (uint32_t top = 0; top < t->set.count; top++)
        begin[top + 1] += begin[top];
    for (uint64_t c = 0; c < t->arcs.chunks.count; c++) {
        const struct pair_chunk *chunk = t->arcs.chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            t->sources[begin[chunk->pairs[i].b + 1]++] = chunk->pairs[i].a;
        pair_list_free_chunk(&t->arcs, c);
    }
    return NULL;
}

/* Tarjan's strongly connected components, without recursion, from a top to its sources. */
struct components {
    uint32_t *number; /* top → order of discovery, from 1; 0: not seen */
    uint32_t *low;    /* top → the least number that it leads to within its component */
    uint32_t *cursor; /* top → next of its sources */
    uint32_t *path;   /* tops being looked into */
    uint32_t *open;   /* tops whose component is not complete */
    uint64_t bytes;   /* of each array */
    uint32_t path_length, open_count, numbered;
};

static void components_deinit(struct components *c)
{
    big_array_free(c->number, c->bytes);
    big_array_free(c->low, c->bytes);
    big_array_free(c->cursor, c->bytes);
    big_array_free(c->path, c->bytes);
    big_array_free(c->open, c->bytes);
}

static struct error *components_init(struct components *c, uint32_t tops)
{
    *c = (struct components){.bytes = words(tops)};
    struct error *error = big_array(c->bytes, &c->number);
    if (!error)
        error = big_array(c->bytes, &c->low);
    if (!error)
        error = big_array(c->bytes, &c->cursor);
    if (!error)
        error = big_array(c->bytes, &c->path);
    if (!error)
        error = big_array(c->bytes, &c->open);
    if (error)
        components_deinit(c);
    return error;
}

static void open_top(struct components *c, const struct tops *t, uint32_t top)
{
    c->number[top] = c->low[top] = ++c->numbered;
    c->cursor[top] = t->sources_begin[top];
    c->path[c->path_length++] = top;
    c->open[c->open_count++] = top;
}

/* The component that ends at top is complete, and so is all that leads into it. */
static struct error *close_component(struct components *c, struct tops *t, uint32_t top)
{
    uint32_t first = c->open_count;
    do
        first--;
    while (c->open[first] != top);
    holder_sets_begin(&t->sets);
    for (uint32_t i = first; i < c->open_count; i++) {
        uint32_t member = c->open[i];
        for (uint32_t s = t->sources_begin[member]; s < t->sources_begin[member + 1]; s++) {
            uint32_t source = t->sources[s];
            if (source & A_HOLDER)
                TRY(holder_sets_add(&t->sets, source & ~A_HOLDER));
            else if (t->holder_set[source] != GRAPH_NONE)
                TRY(holder_sets_add_set(&t->sets, t->holder_set[source]));
        }
    }
    uint32_t set;
    TRY(holder_sets_end(&t->sets, &set));
    for (uint32_t i = first; i < c->open_count; i++)
        t->holder_set[c->open[i]] = set;
    c->open_count = first;
    return NULL;
}

static struct error *complete_from(struct components *c, struct tops *t, uint32_t start)
{
    open_top(c, t, start);
    while (c->path_length) {
        uint32_t top = c->path[c->path_length - 1];
        if (c->cursor[top] < t->sources_begin[top + 1]) {
            uint32_t source = t->sources[c->cursor[top]++];
            if (source & A_HOLDER)
                continue;
            if (!c->number[source])
                open_top(c, t, source);
            else if (t->holder_set[source] == GRAPH_NONE)
                c->low[top] = MIN_OF(c->low[top], c->number[source]);
            continue;
        }
        c->path_length--;
        if (c->low[top] == c->number[top])
            TRY(close_component(c, t, top));
        if (c->path_length) {
            uint32_t below = c->path[c->path_length - 1];
            c->low[below] = MIN_OF(c->low[below], c->low[top]);
        }
    }
    return NULL;
}

static struct error *find_holders(struct tops *t)
{
    TRY(big_array(words(t->set.count), &t->holder_set));
    memset(t->holder_set, 0xff, words(t->set.count));
    TRY(holder_sets_init(&t->sets, t->result->root_count));
    struct components c;
    TRY(components_init(&c, t->set.count));
    struct error *error = NULL;
    for (uint32_t top = 0; !error && top < t->set.count; top++) {
        if (!c.number[top])
            error = complete_from(&c, t, top);
    }
    components_deinit(&c);
    return error;
}

struct sum {
    uint64_t bytes, objects, largest;
    uint32_t example, set;
};

static int compare_sums(const void *a, const void *b)
{
    const struct sum *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return (x->set > y->set) - (x->set < y->set);
}

static void add_to_sum(struct sum *sum, uint64_t bytes, uint64_t objects, uint64_t largest,
                       uint32_t example)
{
    if (!sum->objects || largest > sum->largest) {
        sum->largest = largest;
        sum->example = example;
    }
    sum->bytes += bytes;
    sum->objects += objects;
}

static struct error *list_sums(const struct tops *t, struct sum *sums, uint64_t count,
                               struct graph_shared_list *list)
{
    qsort(sums, count, sizeof(*sums), compare_sums);
    uint64_t listed = count > GRAPH_SHARED_SETS_MAX ? GRAPH_SHARED_SETS_MAX - 1 : count;
    for (uint64_t i = 0; i < listed; i++) {
        const struct holder_set *set = &t->sets.sets.data[sums[i].set];
        struct graph_shared shared = {.holder_count = set->count,
                                      .more = set->more,
                                      .bytes = sums[i].bytes,
                                      .objects = sums[i].objects,
                                      .example = sums[i].example};
        TRY(vector_reserve(&list->sets, list->sets.count + 1));
        TRY(memory_array(set->count, sizeof(uint32_t), &shared.holders));
        if (set->count)
            memcpy(shared.holders, t->sets.members.data + set->first, words(set->count));
        list->sets.data[list->sets.count++] = shared;
    }
    if (listed == count)
        return NULL;
    struct sum rest = sums[listed];
    for (uint64_t i = listed + 1; i < count; i++)
        add_to_sum(&rest, sums[i].bytes, sums[i].objects, sums[i].largest, sums[i].example);
    struct graph_shared shared = {
        .more = true, .bytes = rest.bytes, .objects = rest.objects, .example = rest.example};
    return vector_push(&list->sets, shared);
}

static struct error *list_shared(const struct graph *graph, const struct tops *t,
                                 struct graph_shared_list *list)
{
    uint64_t count = t->sets.sets.count;
    struct sum *sums;
    TRY(memory_array(count, sizeof(*sums), &sums));
    for (uint64_t s = 0; s < count; s++)
        sums[s].set = (uint32_t)s;
    uint32_t rank = 0;
    for (uint64_t id = ranked_set_next(&t->set, 0); id != RANKED_SET_END;
         id = ranked_set_next(&t->set, id + 1)) {
        uint64_t bytes = graph_retained_bytes(graph, (uint32_t)id);
        add_to_sum(&sums[t->holder_set[rank++]], bytes, graph_retained_objects(graph, (uint32_t)id),
                   bytes, (uint32_t)id);
    }
    struct error *error = list_sums(t, sums, count, list);
    free(sums);
    return error;
}

static struct error *share(struct graph *graph, struct tops *t, struct graph_shared_list *list)
{
    TRY(find_tops(t));
    TRY(find_arcs(t));
    TRY(sort_arcs(t));
    big_array_free(t->above, words(t->result->count));
    t->above = NULL;
    TRY(find_holders(t));
    return list_shared(graph, t, list);
}

struct error *graph_shared_sets(struct graph *graph, struct graph_shared_list *out)
{
    struct tops t = {.graph = graph, .result = graph->result};
    struct graph_shared_list list = {0};
    struct error *error = share(graph, &t, &list);
    uint32_t tops = t.set.count;
    big_array_free(t.above, words(t.result->count));
    big_array_free(t.sources_begin, words((uint64_t)tops + 2));
    big_array_free(t.sources, words(t.arc_count));
    big_array_free(t.holder_set, words(tops));
    pair_list_deinit(&t.arcs);
    ranked_set_deinit(&t.set);
    holder_sets_deinit(&t.sets);
    if (error) {
        graph_shared_list_deinit(&list);
        return error;
    }
    *out = list;
    return NULL;
}

void graph_shared_list_deinit(struct graph_shared_list *list)
{
    for (uint64_t i = 0; i < list->sets.count; i++)
        free(list->sets.data[i].holders);
    vector_deinit(&list->sets);
}
