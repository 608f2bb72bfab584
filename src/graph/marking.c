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
    vector_deinit(&marking->strays);
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

/* What stands ahead of the sweep is taken when that comes there. */
static inline struct error *mark(struct graph_marking *m, uint32_t edge)
{
    uint32_t target = edge & GRAPH_ID;
    bool leaf = edge & GRAPH_LEAF;
    if ((leaf && !bitset_get(m->watched, target)) || bitset_get(m->marked, target))
        return NULL;
    bitset_set(m->marked, target);
    uint32_t position = leaf ? UINT32_MAX : m->graph->result->position[target];
    if (!position) {
        TRY(vector_push(&m->strays, target));
    } else if (position < m->next) {
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

static inline struct error *mark_targets(struct graph_marking *m, uint32_t id)
{
    const struct graph *graph = m->graph;
    bool cut = bitset_get(m->sources, id);
    for (uint32_t i = graph->edge_begin[id]; i < graph->edge_begin[id + 1]; i++) {
        uint32_t edge = graph->edges[i];
        if (cut && hash_map_find(&m->left_out, edge_key(id, edge & GRAPH_ID)))
            continue;
        TRY(mark(m, edge));
    }
    return NULL;
}

/* Positions are in the order of a walk from the roots, which is nearly that of addresses: one sweep
 * over them finds almost all, in the order of memory. */
struct error *graph_marking_run(struct graph_marking *m)
{
    const struct graph *graph = m->graph;
    const struct graph_result *result = graph->result;
    while (!m->found.count) {
        if (m->head < m->tail) {
            TRY(mark_targets(m, m->queue[m->head++]));
        } else if (m->strays.count) {
            TRY(mark_targets(m, m->strays.data[--m->strays.count]));
        } else if (m->next < result->count) {
            uint32_t node = result->order[m->next++];
            if (node < graph->object_ids && bitset_get(m->marked, node))
                TRY(mark_targets(m, node));
        } else {
            break;
        }
    }
    return NULL;
}
