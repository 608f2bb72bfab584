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
 * All but the components is done by several threads. Memory while it runs: 4 B per position, 3/16 B
 * per id, 12 B per top, 12 B per arc but for the first one from a holder into a top.
 */
#include <string.h>

#include "base/parallel.h"
#include "graph/components.h"
#include "graph/holder_sets.h"
#include "graph/pair_list.h"
#include "graph/result.h"

enum {
    POSITIONS_AT_ONCE = 1 << 14,
    IDS_AT_ONCE = 1 << 15,
    HITS_MAX = 256,
    UNIONS_KEPT = 4096,
    TOPS_AHEAD = 8
};

/* Marks a root where a top or a set could stand as well. */
#define A_HOLDER 0x80000000u

struct known_union { /* of two sets; the lower one first, so that the key is never 0 */
    uint64_t key;
    uint32_t set;
};

struct tops {
    const struct graph *graph;
    const struct graph_result *result;
    unsigned threads;
    uint64_t next;           /* of the pass that runs: what no thread has claimed yet */
    uint32_t later_classes;  /* position of the second class's first */
    struct ranked_set set;   /* of object ids; a top's number is its rank */
    uint32_t *above;         /* position → 1 + the top or holder at or above it */
    struct pair_list *arcs;  /* by thread; a: top or holder, b: top */
    uint32_t *sources_begin; /* top → index into sources; count + 2 entries */
    uint32_t *sources;       /* tops, and holders but for one of each top */
    uint64_t arc_count;
    uint32_t *holder_set; /* top → its set; before that is known: a holder of it, or GRAPH_NONE */
    struct holder_sets sets;
    uint32_t *set_of_holder; /* root → 1 + the set of it alone, when there is one */
    struct known_union *unions;
    struct sum *sums; /* by thread and set */
};

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

/* The next range of a pass over `count` items for any thread; false after the last. */
static bool claim(struct tops *t, uint64_t count, uint64_t step, uint32_t *begin, uint32_t *end)
{
    uint64_t first = __atomic_fetch_add(&t->next, step, __ATOMIC_RELAXED);
    if (first >= count)
        return false;
    *begin = (uint32_t)first;
    *end = (uint32_t)MIN_OF(first + step, count);
    return true;
}

static struct error *pass(struct tops *t, struct error *(*work)(void *context, unsigned part))
{
    t->next = 0;
    return parallel_run(t->threads, work, t);
}

/* The share of one thread in the leaves with several predecessors. */
struct leaf_range {
    uint64_t first, end; /* ids */
    uint32_t rank;       /* of the first */
};

static struct leaf_range leaves_of_part(const struct tops *t, unsigned part)
{
    const struct ranked_set *leaves = &t->result->shared_leaves;
    uint64_t from = leaves->words * part / t->threads, to = leaves->words * (part + 1) / t->threads;
    struct leaf_range range = {.end = to * 64};
    range.first = from < to ? ranked_set_next(leaves, from * 64) : range.end;
    range.rank = from < to ? leaves->rank_before[from] : 0;
    return range;
}

static uint64_t next_leaf(const struct tops *t, uint64_t leaf)
{
    return ranked_set_next(&t->result->shared_leaves, leaf + 1);
}

static struct error *find_tops_part(void *context, unsigned part)
{
    struct tops *t = context;
    const struct graph_result *result = t->result;
    uint32_t ids = t->graph->object_ids, begin, end;
    while (claim(t, result->count, POSITIONS_AT_ONCE, &begin, &end)) {
        for (uint32_t i = begin; i < end; i++) {
            if (!result->dominator[i] && result->order[i] < ids)
                ranked_set_add(&t->set, result->order[i]);
        }
    }
    struct leaf_range leaves = leaves_of_part(t, part);
    for (uint64_t leaf = leaves.first; leaf < leaves.end; leaf = next_leaf(t, leaf)) {
        if (!result->leaf_dominator[leaves.rank++])
            ranked_set_add(&t->set, (uint32_t)leaf);
    }
    return NULL;
}

/* What stands above a position that the super root dominates: itself. */
static uint32_t itself(const struct tops *t, uint32_t position)
{
    uint32_t node = t->result->order[position];
    return node < t->graph->object_ids ? ranked_set_rank(&t->set, node)
                                       : (node - t->graph->object_ids) | A_HOLDER;
}

/* Dominators have smaller positions, so that mostly the first look upwards finds a known one. */
static struct error *find_above_part(void *context, unsigned part)
{
    (void)part;
    struct tops *t = context;
    const uint32_t *dominator = t->result->dominator;
    uint32_t begin, end;
    while (claim(t, t->result->count, POSITIONS_AT_ONCE, &begin, &end)) {
        for (uint32_t i = MAX_OF(begin, 1u); i < end; i++) {
            if (end - i > 16)
                __builtin_prefetch(&t->above[dominator[i + 16]]);
            uint32_t up = i, above = 0;
            while (dominator[up] && !above) {
                up = dominator[up];
                above = __atomic_load_n(&t->above[up], __ATOMIC_RELAXED);
            }
            if (!above)
                above = itself(t, up) + 1;
            __atomic_store_n(&t->above[i], above, __ATOMIC_RELAXED);
        }
    }
    return NULL;
}

/* Edges into tops that were found and are looked at a little later, when what they need is there.
 */
struct hits {
    struct pair_list *arcs;
    uint32_t count;
    struct pair last;
    struct pair edges[HITS_MAX]; /* a: position of the source, b: id of the target */
};

/* The first holder of a top stands at the top itself; only what comes after it is an arc. */
static struct error *add_arc(struct tops *t, struct hits *hits, uint32_t from, uint32_t to)
{
    if (from & A_HOLDER) {
        uint32_t first = __atomic_load_n(&t->holder_set[to], __ATOMIC_RELAXED);
        if (first == GRAPH_NONE &&
            __atomic_compare_exchange_n(&t->holder_set[to], &first, from, false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
            return NULL;
        if (first == from)
            return NULL;
    }
    if (from == to || (from == hits->last.a && to == hits->last.b))
        return NULL;
    hits->last = (struct pair){from, to};
    return pair_list_push(hits->arcs, from, to);
}

static struct error *look_at_hits(struct tops *t, struct hits *hits)
{
    uint32_t count = hits->count;
    hits->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        hits->edges[i].b = ranked_set_rank(&t->set, hits->edges[i].b);
        __builtin_prefetch(&t->holder_set[hits->edges[i].b], 1);
    }
    for (uint32_t i = 0; i < count; i++)
        TRY(add_arc(t, hits, t->above[hits->edges[i].a] - 1, hits->edges[i].b));
    return NULL;
}

static struct error *find_arcs_from(struct tops *t, struct hits *hits, uint32_t node,
                                    uint32_t position)
{
    const struct graph_result *result = t->result;
    struct edge_range range = node_edges(t->graph, result, node);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t id = *e & GRAPH_ID;
        if (!ranked_set_has(&t->set, id))
            continue;
        /* what the first class reaches is its own */
        if (position >= t->later_classes && !same_class(result, position, result->position[id]))
            continue;
        __builtin_prefetch(&t->above[position]);
        __builtin_prefetch(&t->set.rank_before[id >> 6]);
        hits->edges[hits->count++] = (struct pair){position, id};
        if (hits->count == HITS_MAX)
            TRY(look_at_hits(t, hits));
    }
    return NULL;
}

/* By address, as the edges lie; only those into tops cost more than a look at a bit. */
static struct error *find_arcs_part(void *context, unsigned part)
{
    struct tops *t = context;
    const struct graph *graph = t->graph;
    const struct graph_result *result = t->result;
    struct hits hits = {.arcs = &t->arcs[part], .last = {GRAPH_NONE, GRAPH_NONE}};
    uint32_t begin, end;
    while (claim(t, graph->object_ids, IDS_AT_ONCE, &begin, &end)) {
        for (uint32_t id = begin; id < end; id++) {
            if (result->position[id] && graph->edge_begin[id] != graph->edge_begin[id + 1])
                TRY(find_arcs_from(t, &hits, id, result->position[id]));
        }
    }
    for (uint32_t r = part; r < result->root_count; r += t->threads)
        TRY(find_arcs_from(t, &hits, graph_root_node(graph, r), result->root_position[r]));
    return look_at_hits(t, &hits);
}

static struct error *find_arcs(struct tops *t)
{
    TRY(big_array(words(t->result->count), &t->above));
    TRY(big_array(words(t->set.count), &t->holder_set));
    TRY(pass(t, find_above_part));
    memset(t->holder_set, 0xff, words(t->set.count));
    struct error *error = pass(t, find_arcs_part);
    for (unsigned part = 1; part < t->threads && !error; part++)
        error = pair_list_append(&t->arcs[0], &t->arcs[part]);
    big_array_free(t->above, words(t->result->count));
    t->above = NULL;
    return error;
}

static struct error *count_arcs_part(void *context, unsigned part)
{
    (void)part;
    struct tops *t = context;
    uint32_t c, end;
    while (claim(t, t->arcs[0].chunks.count, 1, &c, &end)) {
        const struct pair_chunk *chunk = t->arcs[0].chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            __atomic_fetch_add(&t->sources_begin[chunk->pairs[i].b + 2], 1, __ATOMIC_RELAXED);
    }
    return NULL;
}

static struct error *sort_arcs_part(void *context, unsigned part)
{
    (void)part;
    struct tops *t = context;
    uint32_t c, end;
    while (claim(t, t->arcs[0].chunks.count, 1, &c, &end)) {
        const struct pair_chunk *chunk = t->arcs[0].chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++) {
            uint32_t *next = &t->sources_begin[chunk->pairs[i].b + 1];
            t->sources[__atomic_fetch_add(next, 1, __ATOMIC_RELAXED)] = chunk->pairs[i].a;
        }
        pair_list_free_chunk(&t->arcs[0], c);
    }
    return NULL;
}

static struct error *sort_arcs(struct tops *t)
{
    t->arc_count = pair_list_count(&t->arcs[0]);
    if (t->arc_count >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "more than 4294967294 edges between shared objects");
    TRY(big_array(words((uint64_t)t->set.count + 2), &t->sources_begin));
    TRY(big_array(words(t->arc_count), &t->sources));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    TRY(pass(t, count_arcs_part));
    for (uint32_t top = 0; top < t->set.count; top++)
        t->sources_begin[top + 1] += t->sources_begin[top];
    return pass(t, sort_arcs_part);
}

/* The set of one holder. */
static struct error *set_of_holder(struct tops *t, uint32_t holder, uint32_t *out)
{
    if (!t->set_of_holder[holder]) {
        uint32_t set;
        holder_sets_begin(&t->sets);
        TRY(holder_sets_add(&t->sets, holder));
        TRY(holder_sets_end(&t->sets, &set));
        t->set_of_holder[holder] = set + 1;
    }
    *out = t->set_of_holder[holder] - 1;
    return NULL;
}

/* United from two sets: mostly the same two as many times before. */
static struct error *unite(struct tops *t, uint32_t a, uint32_t b, uint32_t *out)
{
    uint64_t key = (uint64_t)MIN_OF(a, b) << 32 | MAX_OF(a, b);
    struct known_union *known = &t->unions[hash_mix(key) % UNIONS_KEPT];
    if (known->key != key) {
        uint32_t set;
        holder_sets_begin(&t->sets);
        TRY(holder_sets_add_set(&t->sets, a));
        TRY(holder_sets_add_set(&t->sets, b));
        TRY(holder_sets_end(&t->sets, &set));
        *known = (struct known_union){key, set};
    }
    *out = known->set;
    return NULL;
}

/* What a component's set is united from. */
struct parts {
    uint32_t sets[2];
    uint32_t count; /* different ones, up to 3 */
};

static struct error *add_part(struct tops *t, struct parts *parts, uint32_t from)
{
    if (from & A_HOLDER)
        TRY(set_of_holder(t, from & ~A_HOLDER, &from));
    for (uint32_t i = 0; i < MIN_OF(parts->count, 2u); i++) {
        if (parts->sets[i] == from)
            return NULL;
    }
    if (parts->count < 2)
        parts->sets[parts->count] = from;
    parts->count = MIN_OF(parts->count + 1, 3u);
    return NULL;
}

static struct error *add_to_union(struct tops *t, uint32_t from)
{
    return from & A_HOLDER ? holder_sets_add(&t->sets, from & ~A_HOLDER)
                           : holder_sets_add_set(&t->sets, from);
}

/* Each holder and each known set that leads into a top, to the parts or else to the union. */
static struct error *each_source(struct tops *t, uint32_t top, struct parts *parts)
{
    if (t->holder_set[top] != GRAPH_NONE)
        TRY(parts ? add_part(t, parts, t->holder_set[top]) : add_to_union(t, t->holder_set[top]));
    for (uint32_t s = t->sources_begin[top]; s < t->sources_begin[top + 1]; s++) {
        uint32_t source = t->sources[s];
        if (t->arc_count - s > 8)
            __builtin_prefetch(&t->holder_set[t->sources[s + 8] & ~A_HOLDER]);
        if (!(source & A_HOLDER)) {
            source = t->holder_set[source];
            if (source & A_HOLDER)
                continue; /* not known: of this component */
        }
        TRY(parts ? add_part(t, parts, source) : add_to_union(t, source));
    }
    return NULL;
}

static struct error *unite_all(struct tops *t, const uint32_t *members, uint32_t count,
                               uint32_t *out)
{
    holder_sets_begin(&t->sets);
    for (uint32_t i = 0; i < count; i++)
        TRY(each_source(t, members[i], NULL));
    return holder_sets_end(&t->sets, out);
}

/* All that leads into the component is known. */
static struct error *close_component(void *context, const uint32_t *members, uint32_t count)
{
    struct tops *t = context;
    struct parts parts = {.count = 0};
    uint32_t set, soon = MAX_OF(members[0], (uint32_t)TOPS_AHEAD) - TOPS_AHEAD;
    if (t->sources_begin[soon] < t->arc_count && !(t->sources[t->sources_begin[soon]] & A_HOLDER))
        __builtin_prefetch(&t->holder_set[t->sources[t->sources_begin[soon]]]);
    for (uint32_t i = 0; i < count && parts.count <= 2; i++)
        TRY(each_source(t, members[i], &parts));
    if (parts.count == 1)
        set = parts.sets[0];
    else if (parts.count == 2)
        TRY(unite(t, parts.sets[0], parts.sets[1], &set));
    else
        TRY(unite_all(t, members, count, &set));
    for (uint32_t i = 0; i < count; i++)
        t->holder_set[members[i]] = set;
    return NULL;
}

static struct error *find_holders(struct tops *t)
{
    TRY(holder_sets_init(&t->sets, t->result->root_count));
    TRY(memory_array(t->result->root_count, sizeof(uint32_t), &t->set_of_holder));
    TRY(memory_array(UNIONS_KEPT, sizeof(*t->unions), &t->unions));
    return components_find(t->set.count, t->sources_begin, t->sources, close_component, t);
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
    return (x->example > y->example) - (x->example < y->example);
}

static void add_to_sum(struct sum *sum, uint64_t bytes, uint64_t objects, uint64_t largest,
                       uint32_t example)
{
    if (!sum->objects || largest > sum->largest ||
        (largest == sum->largest && example < sum->example)) {
        sum->largest = largest;
        sum->example = example;
    }
    sum->bytes += bytes;
    sum->objects += objects;
}

/* By address: nearly the order of positions, and that of ranks. */
static struct error *sum_up_part(void *context, unsigned part)
{
    struct tops *t = context;
    struct sum *sums = t->sums + t->sets.sets.count * part;
    uint32_t begin, end;
    while (claim(t, t->set.words, IDS_AT_ONCE / 64, &begin, &end)) {
        uint32_t rank = t->set.rank_before[begin];
        for (uint32_t word = begin; word < end; word++) {
            for (uint64_t bits = t->set.bits[word]; bits; bits &= bits - 1) {
                uint32_t id = word * 64 + (uint32_t)__builtin_ctzll(bits);
                uint64_t bytes = graph_retained_bytes(t->graph, id);
                add_to_sum(&sums[t->holder_set[rank++]], bytes,
                           graph_retained_objects(t->graph, id), bytes, id);
            }
        }
    }
    return NULL;
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

/* Many sets have few objects each: one thread is enough then, and no more memory. */
static struct error *list_shared(struct tops *t, struct graph_shared_list *list)
{
    uint64_t count = t->sets.sets.count;
    if (count > GRAPH_SHARED_SETS_MAX)
        t->threads = 1;
    TRY(memory_array(count * t->threads, sizeof(*t->sums), &t->sums));
    TRY(pass(t, sum_up_part));
    uint64_t kept = 0;
    for (uint64_t s = 0; s < count; s++) {
        struct sum sum = t->sums[s];
        for (unsigned part = 1; part < t->threads; part++) {
            const struct sum *more = &t->sums[part * count + s];
            if (more->objects)
                add_to_sum(&sum, more->bytes, more->objects, more->largest, more->example);
        }
        sum.set = (uint32_t)s;
        if (sum.objects) /* else it was a step towards others */
            t->sums[kept++] = sum;
    }
    return list_sums(t, t->sums, kept, list);
}

static struct error *share(struct tops *t, struct graph_shared_list *list)
{
    TRY(ranked_set_init(&t->set, t->graph->object_ids));
    TRY(memory_array(t->threads, sizeof(*t->arcs), &t->arcs));
    TRY(pass(t, find_tops_part));
    ranked_set_number(&t->set);
    if (!t->set.count)
        return NULL;
    TRY(find_arcs(t));
    TRY(sort_arcs(t));
    TRY(find_holders(t));
    return list_shared(t, list);
}

static void tops_deinit(struct tops *t, unsigned threads)
{
    uint32_t tops = t->set.count;
    big_array_free(t->above, words(t->result->count));
    big_array_free(t->sources_begin, words((uint64_t)tops + 2));
    big_array_free(t->sources, words(t->arc_count));
    big_array_free(t->holder_set, words(tops));
    for (unsigned part = 0; t->arcs && part < threads; part++)
        pair_list_deinit(&t->arcs[part]);
    free(t->arcs);
    ranked_set_deinit(&t->set);
    holder_sets_deinit(&t->sets);
    free(t->set_of_holder);
    free(t->unions);
    free(t->sums);
}

struct error *graph_shared_sets(struct graph *graph, unsigned threads,
                                struct graph_shared_list *out)
{
    const struct graph_result *result = graph->result;
    threads = MAX_OF(1u, MIN_OF(threads, (unsigned)GRAPH_THREADS_MAX));
    struct tops t = {
        .graph = graph,
        .result = result,
        .threads = threads,
        .later_classes = result->class_count > 1 ? result->classes[1].first : GRAPH_NONE,
    };
    struct graph_shared_list list = {0};
    struct error *error = share(&t, &list);
    tops_deinit(&t, threads);
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
