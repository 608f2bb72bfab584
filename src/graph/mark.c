#include "graph/mark.h"

#include <sched.h>
#include <string.h>

#include "base/parallel.h"

enum {
    LOCAL_NODES = 256, /* discovered nodes are published in blocks of this many */
    FEW_NODES = 48,    /* fewer are not worth handing to another thread */
    CLAIM_NODES = 512,
    EDGES_AHEAD = 24, /* of one node, to prefetch */
    AHEAD_OF_RANGE = 32,
    AHEAD_OF_EDGES = 20,
    AHEAD_OF_TARGETS = 10,
};

/* The queue is result->order itself: what lies between head and tail is still to be scanned. */
struct marking {
    const struct graph *graph;
    struct graph_result *result;
    struct extra_edges *extra; /* one per thread */
    bool shared;               /* more than one thread */

    uint64_t head __attribute__((aligned(128)));
    uint64_t tail;
    bool locked;
    bool failed;
    int busy __attribute__((aligned(128))); /* threads that may still publish */
};

struct found {
    uint32_t node[LOCAL_NODES], parent[LOCAL_NODES];
    uint32_t count;
};

struct claim {
    uint64_t begin, end;
    uint64_t known; /* the tail then: up to there order may be read ahead */
};

static void lock(struct marking *m)
{
    while (__atomic_test_and_set(&m->locked, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

static void unlock(struct marking *m)
{
    __atomic_clear(&m->locked, __ATOMIC_RELEASE);
}

/* Numbers the found nodes; they become the claim at once when the queue is empty and keep is set,
 * and common property otherwise. */
static bool publish(struct marking *m, struct found *found, bool keep, struct claim *out_claim)
{
    struct graph_result *result = m->result;
    uint32_t n = found->count;
    lock(m);
    uint64_t tail = m->tail;
    if (keep && __atomic_load_n(&m->head, __ATOMIC_RELAXED) < tail) {
        unlock(m);
        return false;
    }
    memcpy(result->order + tail, found->node, n * sizeof(uint32_t));
    memcpy(result->parent + tail, found->parent, n * sizeof(uint32_t));
    if (keep)
        __atomic_store_n(&m->head, tail + n, __ATOMIC_RELEASE);
    __atomic_store_n(&m->tail, tail + n, __ATOMIC_RELEASE);
    unlock(m);
    for (uint32_t i = 0; i < n; i++)
        __atomic_store_n(&result->position[found->node[i]], (uint32_t)(tail + i), __ATOMIC_RELAXED);
    found->count = 0;
    if (keep)
        *out_claim = (struct claim){tail, tail + n, tail + n};
    return true;
}

static bool claim_some(struct marking *m, unsigned threads, struct claim *out)
{
    uint64_t head = __atomic_load_n(&m->head, __ATOMIC_RELAXED);
    uint64_t tail = __atomic_load_n(&m->tail, __ATOMIC_ACQUIRE);
    while (head < tail) {
        uint64_t n = tail - head;
        if (n > 2 * CLAIM_NODES)
            n = CLAIM_NODES;
        else if (n > 64)
            n = (n + threads - 1) / threads;
        else if (n > 8)
            n = 8;
        if (__atomic_compare_exchange_n(&m->head, &head, head + n, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED)) {
            *out = (struct claim){head, head + n, tail};
            return true;
        }
        tail = __atomic_load_n(&m->tail, __ATOMIC_ACQUIRE);
    }
    return false;
}

/* Three distances, each fetching what the next will read. */
static inline void look_ahead(const struct marking *m, const struct claim *claim, uint64_t i)
{
    const struct graph *graph = m->graph;
    const uint32_t *order = m->result->order;
    uint32_t ids = graph->object_ids;
    if (i + AHEAD_OF_RANGE < claim->known) {
        uint32_t node = order[i + AHEAD_OF_RANGE];
        if (node < ids)
            __builtin_prefetch(&graph->edge_begin[node]);
    }
    if (i + AHEAD_OF_EDGES < claim->known) {
        uint32_t node = order[i + AHEAD_OF_EDGES];
        if (node < ids)
            __builtin_prefetch(&graph->edges[graph->edge_begin[node]]);
    }
    if (i + AHEAD_OF_TARGETS < claim->known) {
        struct edge_range range = node_edges(graph, m->result, order[i + AHEAD_OF_TARGETS]);
        if (range.end - range.begin > EDGES_AHEAD)
            range.end = range.begin + EDGES_AHEAD;
        for (const uint32_t *e = range.begin; e < range.end; e++)
            __builtin_prefetch(&m->result->position[*e & GRAPH_ID], 1);
    }
}

/* True when this thread is the first to reach the object; else *seen is what stands there. */
static inline bool discover(const struct marking *m, uint32_t *slot, uint32_t me, uint32_t *seen)
{
    *seen = __atomic_load_n(slot, __ATOMIC_RELAXED);
    if (*seen)
        return false;
    if (!m->shared) {
        *slot = me;
        return true;
    }
    return __atomic_compare_exchange_n(slot, seen, me, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static struct error *scan_node(struct marking *m, struct extra_edges *extra, uint32_t me,
                               struct found *found)
{
    const struct graph *graph = m->graph;
    struct graph_result *result = m->result;
    uint32_t node = result->order[me];
    bool object = node < graph->object_ids;
    uint64_t own_words = object ? graph->size_words[node >> 3] : 0;
    uint32_t own_objects = object;
    struct edge_range range = node_edges(graph, result, node);
    for (const uint32_t *e = range.begin; e < range.end; e++) {
        uint32_t target = *e & GRAPH_ID, seen;
        assert(target < graph->object_ids);
        if (range.end - e > EDGES_AHEAD)
            __builtin_prefetch(&result->position[e[EDGES_AHEAD - 4] & GRAPH_ID], 1);
        bool first = discover(m, &result->position[target], me, &seen);
        if (*e & GRAPH_LEAF) {
            if (first) {
                own_words += graph->size_words[target >> 3];
                own_objects++;
            } else if (seen != me) {
                TRY(pair_list_push(&extra->leaves, me, target));
            }
        } else if (!first) {
            TRY(pair_list_push(&extra->inner, me, target));
        } else {
            found->node[found->count] = target;
            found->parent[found->count++] = me;
            if (found->count == LOCAL_NODES)
                publish(m, found, false, NULL);
        }
    }
    result->retained_bytes[me] = own_words * 8;
    result->retained_objects[me] = own_objects;
    return NULL;
}

static void wait_a_little(unsigned *waits)
{
    if (++*waits > 64) {
        sched_yield();
        return;
    }
    for (unsigned i = 0; i < *waits * 4; i++)
        __builtin_ia32_pause();
}

/* Gets nodes to scan: from the queue, or of its own. False when there is nothing left anywhere. */
static bool next_claim(struct marking *m, unsigned threads, struct found *found, struct claim *out)
{
    unsigned waits = 0;
    while (!__atomic_load_n(&m->failed, __ATOMIC_RELAXED)) {
        if (claim_some(m, threads, out))
            return true;
        if (found->count) {
            /* A long list gives one node at a time: keep it to ourselves. */
            bool keep = found->count < FEW_NODES;
            if (publish(m, found, keep, out) && keep)
                return true;
            continue;
        }
        __atomic_fetch_sub(&m->busy, 1, __ATOMIC_SEQ_CST);
        bool more = false;
        while (!more && !__atomic_load_n(&m->failed, __ATOMIC_RELAXED)) {
            /* busy first: a thread stops being busy only after it has published everything */
            bool last = !__atomic_load_n(&m->busy, __ATOMIC_SEQ_CST);
            more = __atomic_load_n(&m->head, __ATOMIC_SEQ_CST) <
                   __atomic_load_n(&m->tail, __ATOMIC_SEQ_CST);
            if (!more && last)
                return false;
            if (!more)
                wait_a_little(&waits);
        }
        __atomic_fetch_add(&m->busy, 1, __ATOMIC_SEQ_CST);
    }
    return false;
}

struct mark_run {
    struct marking *marking;
    unsigned threads;
};

static struct error *mark_worker(void *context, unsigned part)
{
    struct mark_run *run = context;
    struct marking *m = run->marking;
    struct extra_edges *extra = &m->extra[part];
    struct found found = {.count = 0};
    struct claim claim;
    __atomic_fetch_add(&m->busy, 1, __ATOMIC_SEQ_CST);
    while (next_claim(m, run->threads, &found, &claim)) {
        for (uint64_t i = claim.begin; i < claim.end; i++) {
            look_ahead(m, &claim, i);
            struct error *error = scan_node(m, extra, (uint32_t)i, &found);
            if (error) {
                __atomic_store_n(&m->failed, true, __ATOMIC_RELAXED);
                return error;
            }
        }
        if (found.count >= FEW_NODES && __atomic_load_n(&m->head, __ATOMIC_RELAXED) >=
                                            __atomic_load_n(&m->tail, __ATOMIC_RELAXED))
            publish(m, &found, false, NULL);
    }
    return NULL;
}

/* Roots need no discovery: all of a class stand in the queue before its walk begins. */
static bool queue_roots(struct marking *m, unsigned class)
{
    const struct graph *graph = m->graph;
    struct graph_result *result = m->result;
    uint64_t tail = m->tail;
    for (uint64_t r = 0; r < graph->roots.count; r++) {
        const struct graph_root *root = &graph->roots.data[r];
        if (root->class != class)
            continue;
        result->order[tail] = graph->object_ids + (uint32_t)r;
        result->parent[tail] = root->parent == GRAPH_NONE ? 0 : result->root_position[root->parent];
        result->root_position[r] = (uint32_t)tail++;
    }
    if (tail == m->tail)
        return false;
    result->classes[result->class_count++] =
        (struct class_range){(uint32_t)m->tail, (uint8_t) class};
    m->tail = tail;
    return true;
}

struct error *graph_mark(const struct graph *graph, struct graph_result *result, unsigned threads,
                         struct extra_edges *out)
{
    struct extra_edges *extra;
    TRY(memory_array(threads, sizeof(*extra), &extra));
    struct marking m = {.graph = graph, .result = result, .extra = extra, .shared = threads > 1};
    struct mark_run run = {&m, threads};
    result->order[0] = super_root(graph);
    m.head = m.tail = 1;
    struct error *error = NULL;
    for (unsigned class = 0; class < CLASSES_MAX && !error; class ++) {
        if (!queue_roots(&m, class))
            continue;
        m.busy = 0;
        error = parallel_run(threads, mark_worker, &run);
    }
    result->count = (uint32_t)m.tail;
    for (unsigned t = 0; t < threads; t++) {
        if (!error)
            error = pair_list_append(&out->inner, &extra[t].inner);
        if (!error)
            error = pair_list_append(&out->leaves, &extra[t].leaves);
        extra_edges_deinit(&extra[t]);
    }
    free(extra);
    return error;
}

void extra_edges_deinit(struct extra_edges *edges)
{
    pair_list_deinit(&edges->inner);
    pair_list_deinit(&edges->leaves);
}
