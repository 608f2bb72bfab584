#include "graph/reduced.h"

#include "base/parallel.h"
#include "graph/flow_graph.h"

/* Per position; the upper bits count, up to two, the children with something to keep below. */
enum { ENTRY = 1, SOURCE = 2, BRANCH = 4, BRANCH_TWICE = 2 * BRANCH };

struct reduction {
    const struct graph *graph;
    struct graph_result *result;
    struct pair_list *extra;
    uint64_t next_chunk;
    unsigned threads;
    uint8_t *state;
    uint32_t *key;  /* position → its nearest kept ancestor or itself, as a node of H */
    uint32_t *kept; /* node of H → position */
    uint32_t kept_count;
    uint32_t *dominator; /* in H */
};

static bool is_kept(uint8_t state)
{
    return state >= BRANCH_TWICE || (state & (ENTRY | SOURCE));
}

static void set_state(struct reduction *r, uint32_t position, uint8_t flag)
{
    uint8_t *state = &r->state[position];
    if (!(__atomic_load_n(state, __ATOMIC_RELAXED) & flag))
        __atomic_fetch_or(state, flag, __ATOMIC_RELAXED);
}

/* Rewrites the targets of a chunk from ids to positions, drops the edges that cannot matter (to
 * itself, along the tree, between classes) and flags the ends of the others. */
static void keep_extra_edges(struct reduction *r, struct pair_chunk *chunk)
{
    const struct graph_result *result = r->result;
    uint64_t kept = 0, count = chunk->count;
    struct pair *pairs = chunk->pairs;
    for (uint64_t i = 0; i < count; i++) {
        if (i + 32 < count)
            __builtin_prefetch(&result->position[pairs[i + 32].b]);
        if (i + 16 < count) {
            uint32_t soon = result->position[pairs[i + 16].b];
            __builtin_prefetch(&r->state[soon], 1);
            __builtin_prefetch(&result->parent[soon]);
        }
        uint32_t from = pairs[i].a, to = result->position[pairs[i].b];
        if (from == to || result->parent[to] == from || !same_class(result, from, to))
            continue;
        pairs[kept++] = (struct pair){from, to};
        set_state(r, from, SOURCE);
        set_state(r, to, ENTRY);
    }
    chunk->count = kept;
}

static struct error *keep_extra_edges_part(void *context, unsigned part)
{
    (void)part;
    struct reduction *r = context;
    for (;;) {
        uint64_t i = __atomic_fetch_add(&r->next_chunk, 1, __ATOMIC_RELAXED);
        if (i >= r->extra->chunks.count)
            return NULL;
        keep_extra_edges(r, r->extra->chunks.data[i]);
    }
}

/* Decides bottom up what is kept, then numbers it top down. */
static struct error *choose_nodes(struct reduction *r)
{
    const uint32_t *parent = r->result->parent;
    uint32_t n = r->result->count, kept = 1;
    for (uint32_t i = n; i-- > 1;) {
        uint8_t state = r->state[i];
        if (state & ENTRY) {
            r->state[parent[i]] |= SOURCE;
        } else if (state) {
            uint8_t *above = &r->state[parent[i]];
            if (*above < BRANCH_TWICE)
                *above = (uint8_t)(*above + BRANCH);
        }
        kept += is_kept(r->state[i]);
    }
    TRY(big_array((uint64_t)n * sizeof(uint32_t), &r->key));
    TRY(big_array((uint64_t)kept * sizeof(uint32_t), &r->kept));
    r->kept_count = kept;
    kept = 1;
    for (uint32_t i = 1; i < n; i++) {
        if (is_kept(r->state[i])) {
            r->key[i] = kept;
            r->kept[kept++] = i;
        } else {
            r->key[i] = r->key[parent[i]];
        }
    }
    return NULL;
}

static inline uint32_t nearest_kept_above(const struct reduction *r, uint32_t h)
{
    return r->key[r->result->parent[r->kept[h]]];
}

static struct error *build_flow_graph(struct reduction *r, struct flow_graph *flow)
{
    uint64_t edges = pair_list_count(r->extra) + r->kept_count - 1;
    if (edges >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "the heap has over 4294967294 edges between objects with "
                                         "several predecessors");
    TRY(flow_graph_create(r->kept_count, (uint32_t)edges, flow));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    uint32_t *begin = flow->begin;
    for (uint64_t c = 0; c < r->extra->chunks.count; c++) {
        const struct pair_chunk *chunk = r->extra->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            begin[r->key[chunk->pairs[i].a] + 2]++;
    }
    for (uint32_t h = 1; h < r->kept_count; h++)
        begin[nearest_kept_above(r, h) + 2]++;
    for (uint32_t h = 0; h < r->kept_count; h++)
        begin[h + 1] += begin[h];
    for (uint64_t c = 0; c < r->extra->chunks.count; c++) {
        const struct pair_chunk *chunk = r->extra->chunks.data[c];
        for (uint64_t i = 0; i < chunk->count; i++)
            flow->targets[begin[r->key[chunk->pairs[i].a] + 1]++] = r->key[chunk->pairs[i].b];
        pair_list_free_chunk(r->extra, c);
    }
    for (uint32_t h = 1; h < r->kept_count; h++)
        flow->targets[begin[nearest_kept_above(r, h) + 1]++] = h;
    return NULL;
}

/* Turns key into dominator in place: each position needs its own key only. */
static struct error *map_back_part(void *context, unsigned part)
{
    struct reduction *r = context;
    uint64_t n = r->result->count;
    uint32_t from = (uint32_t)(n * part / r->threads), to = (uint32_t)(n * (part + 1) / r->threads);
    for (uint32_t i = from; i < to; i++) {
        r->key[i] = r->state[i] & ENTRY ? r->kept[r->dominator[r->key[i]]] : r->result->parent[i];
    }
    return NULL;
}

static struct error *reduce(struct reduction *r)
{
    uint64_t n = r->result->count;
    TRY(big_array(n, &r->state));
    TRY(parallel_run(r->threads, keep_extra_edges_part, r));
    TRY(choose_nodes(r));
    struct flow_graph flow = {0};
    struct error *error = build_flow_graph(r, &flow);
    pair_list_deinit(r->extra);
    if (!error)
        error = flow_graph_dominators(&flow, &r->dominator);
    flow_graph_deinit(&flow);
    if (error)
        return error;
    TRY(parallel_run(r->threads, map_back_part, r));
    r->result->dominator = r->key;
    r->key = NULL;
    return NULL;
}

struct error *graph_inner_dominators(const struct graph *graph, struct graph_result *result,
                                     unsigned threads, struct pair_list *inner)
{
    struct reduction r = {.graph = graph, .result = result, .extra = inner, .threads = threads};
    struct error *error = reduce(&r);
    uint64_t n = result->count, kept = (uint64_t)r.kept_count * sizeof(uint32_t);
    big_array_free(r.state, n);
    big_array_free(r.key, n * sizeof(uint32_t));
    big_array_free(r.kept, kept);
    big_array_free(r.dominator, kept);
    return error;
}
