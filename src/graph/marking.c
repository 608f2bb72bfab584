#include "graph/marking.h"

#include "graph/result.h"

static uint64_t bitset_bytes(const struct graph *graph)
{
    return bitset_words(graph->object_ids) * sizeof(uint64_t);
}

struct error *graph_marking_init(struct graph_marking *out, const struct graph *graph)
{
    *out = (struct graph_marking){.graph = graph, .room = graph->result->count};
    TRY(big_array(bitset_bytes(graph), &out->marked));
    TRY(big_array(bitset_bytes(graph), &out->watched));
    TRY(big_array(bitset_bytes(graph), &out->sources));
    return big_array(out->room * sizeof(*out->queue), &out->queue);
}

void graph_marking_deinit(struct graph_marking *marking)
{
    uint64_t bytes = marking->graph ? bitset_bytes(marking->graph) : 0;
    big_array_free(marking->marked, bytes);
    big_array_free(marking->watched, bytes);
    big_array_free(marking->sources, bytes);
    big_array_free(marking->queue, marking->room * sizeof(*marking->queue));
    hash_map_deinit(&marking->left_out);
    vector_deinit(&marking->found);
    *marking = (struct graph_marking){0};
}

static uint64_t edge_key(uint32_t source, uint32_t target)
{
    return ((uint64_t)source + 1) << 32 | target;
}

struct error *graph_marking_leave_out(struct graph_marking *marking, uint32_t source,
                                      uint32_t target)
{
    uint64_t *value;
    assert(source < marking->graph->object_ids && target < marking->graph->object_ids);
    bitset_set(marking->sources, source);
    return hash_map_insert(&marking->left_out, edge_key(source, target), &value, NULL);
}

void graph_marking_watch(struct graph_marking *marking, uint32_t object)
{
    assert(object < marking->graph->object_ids);
    bitset_set(marking->watched, object);
}

static inline struct error *mark(struct graph_marking *m, uint32_t edge)
{
    uint32_t target = edge & GRAPH_ID;
    bool leaf = edge & GRAPH_LEAF;
    if ((leaf && !bitset_get(m->watched, target)) || bitset_get(m->marked, target))
        return NULL;
    bitset_set(m->marked, target);
    if (!leaf) {
        assert(m->tail < m->room);
        m->queue[m->tail++] = target;
    }
    return bitset_get(m->watched, target) ? vector_push(&m->found, target) : NULL;
}

struct error *graph_marking_add_root(struct graph_marking *marking, uint32_t root)
{
    const struct graph *graph = marking->graph;
    struct edge_range range = node_edges(graph, graph->result, graph_root_node(graph, root));
    for (const uint32_t *e = range.begin; e < range.end; e++)
        TRY(mark(marking, *e));
    return NULL;
}

struct error *graph_marking_add_object(struct graph_marking *marking, uint32_t edge)
{
    return mark(marking, edge);
}

/* What stands further back in the queue is fetched meanwhile: its range of edges, these, and the
 * bits of their targets. */
static inline void look_ahead(const struct graph_marking *m)
{
    const struct graph *graph = m->graph;
    if (m->head + 16 < m->tail)
        __builtin_prefetch(&graph->edge_begin[m->queue[m->head + 16]]);
    if (m->head + 8 < m->tail)
        __builtin_prefetch(&graph->edges[graph->edge_begin[m->queue[m->head + 8]]]);
}

struct error *graph_marking_run(struct graph_marking *m)
{
    const struct graph *graph = m->graph;
    for (; m->head < m->tail && !m->found.count; m->head++) {
        look_ahead(m);
        uint32_t id = m->queue[m->head];
        bool cut = bitset_get(m->sources, id);
        for (uint32_t i = graph->edge_begin[id]; i < graph->edge_begin[id + 1]; i++) {
            uint32_t edge = graph->edges[i];
            if (cut && hash_map_find(&m->left_out, edge_key(id, edge & GRAPH_ID)))
                continue;
            TRY(mark(m, edge));
        }
    }
    return NULL;
}
