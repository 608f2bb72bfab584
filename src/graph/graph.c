#include "graph/graph.h"

#include "graph/result.h"

struct error *graph_create(uint64_t object_ids, uint64_t edge_capacity, struct graph **out)
{
    if (object_ids > GRAPH_IDS_MAX - 8)
        return error_create(ERROR_LIMIT, "the heap has %llu object slots, more than %u",
                            (unsigned long long)object_ids, GRAPH_IDS_MAX);
    if (edge_capacity > UINT32_MAX)
        return error_create(ERROR_LIMIT,
                            "the heap may have %llu pointers between objects, more than %u",
                            (unsigned long long)edge_capacity, UINT32_MAX);
    object_ids = (object_ids + 7) & ~(uint64_t)7;
    struct graph *graph;
    TRY(memory_array(1, sizeof(*graph), &graph));
    graph->object_ids = (uint32_t)object_ids;
    graph->edge_capacity = edge_capacity;
    struct error *error = big_array(bitset_words(object_ids) * sizeof(uint64_t), &graph->allocated);
    if (!error)
        error = big_array(object_ids / 8 * sizeof(uint32_t), &graph->size_words);
    if (!error)
        error = big_array((object_ids + 1) * sizeof(uint32_t), &graph->edge_begin);
    if (!error)
        error = big_array(edge_capacity * sizeof(uint32_t), &graph->edges);
    if (error) {
        graph_destroy(graph);
        return error;
    }
    *out = graph;
    return NULL;
}

void graph_destroy(struct graph *graph)
{
    if (!graph)
        return;
    uint64_t ids = graph->object_ids;
    graph_result_destroy(graph->result);
    big_array_free(graph->allocated, bitset_words(ids) * sizeof(uint64_t));
    big_array_free(graph->size_words, ids / 8 * sizeof(uint32_t));
    big_array_free(graph->edge_begin, (ids + 1) * sizeof(uint32_t));
    big_array_free(graph->edges, graph->edge_capacity * sizeof(uint32_t));
    vector_deinit(&graph->roots);
    vector_deinit(&graph->root_edges);
    free(graph);
}

struct error *graph_add_root(struct graph *graph, uint32_t parent, uint8_t class,
                             uint32_t *out_root)
{
    uint64_t root = graph->roots.count;
    if (graph->object_ids + root + 1 >= GRAPH_IDS_MAX)
        return error_create(ERROR_LIMIT, "more than %u objects and roots together", GRAPH_IDS_MAX);
    assert(parent == GRAPH_NONE || parent < root);
    assert(class < CLASS_UNREACHABLE);
    assert(!graph->result);
    struct graph_root made = {.parent = parent, .holder = (uint32_t)root, .class = class};
    if (parent != GRAPH_NONE) {
        made.holder = graph->roots.data[parent].holder;
        made.class = graph->roots.data[parent].class;
    }
    TRY(vector_push(&graph->roots, made));
    *out_root = (uint32_t)root;
    return NULL;
}

struct error *graph_add_root_edge(struct graph *graph, uint32_t root, uint32_t target)
{
    assert(root < graph->roots.count && (target & GRAPH_ID) < graph->object_ids);
    return vector_push(&graph->root_edges, (uint64_t)root << 32 | target);
}
