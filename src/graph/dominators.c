/*
 * graph_analyse: walk, dominators, retained sizes.
 *
 * Measured on real Go heaps: 1.2 edges per object, 61 % of the objects have no pointers, 75 to 90 %
 * have one predecessor. So the whole graph is touched once, by the walk (walk.h); the dominators of
 * what has several predecessors come from the edges beside the walk's tree (inner_dominators.h) and
 * from the ancestors of the predecessors (leaves.h); retained sizes are one pass over the objects
 * and one over the positions (retained.h).
 *
 * Memory: an array by position serves twice where it can. A node's parent becomes its dominator in
 * place, and the retained sizes, which are made last, lend their memory to all that comes before.
 */
#include <time.h>

#include "graph/inner_dominators.h"
#include "graph/leaves.h"
#include "graph/retained.h"
#include "graph/walk.h"

enum { THREADS_MAX = 64 };

static uint64_t words(uint64_t count)
{
    return count * sizeof(uint32_t);
}

void graph_result_destroy(struct graph_result *result)
{
    if (!result)
        return;
    uint64_t nodes = result->object_ids + result->root_count + 1, n = result->count;
    big_array_free(result->position, words(result->object_ids));
    big_array_free(result->order, words(nodes));
    big_array_free(result->dominator, words(nodes));
    big_array_free(result->retained_bytes, nodes * sizeof(uint64_t));
    big_array_free(result->retained_objects, words(nodes));
    big_array_free(result->paths, words(result->object_ids));
    big_array_free(result->tops, words(result->count));
    big_array_free(result->leaf_dominator, words(result->shared_leaves.count));
    big_array_free(result->child_begin, words(n + 2));
    big_array_free(result->children, words(n + result->shared_leaves.count));
    ranked_set_deinit(&result->shared_leaves);
    free(result->root_position);
    free(result->root_edge_begin);
    free(result->root_targets);
    free(result);
}

/* Arrays by position are as long as there could be nodes; pages that stay unused cost nothing. */
static struct error *allocate(const struct graph *graph, struct graph_result *result)
{
    result->object_ids = graph->object_ids;
    result->root_count = graph->roots.count;
    uint64_t nodes = result->object_ids + result->root_count + 1;
    TRY(big_array(words(result->object_ids), &result->position));
    TRY(big_array(words(nodes), &result->order));
    TRY(big_array(words(nodes), &result->dominator));
    TRY(big_array(nodes * sizeof(uint64_t), &result->retained_bytes));
    TRY(big_array(words(nodes), &result->retained_objects));
    TRY(memory_array(result->root_count, sizeof(uint32_t), &result->root_position));
    return NULL;
}

static struct error *sort_root_edges(const struct graph *graph, struct graph_result *result)
{
    uint64_t count = graph->root_edges.count;
    if (count >= UINT32_MAX)
        return error_create(ERROR_LIMIT, "more than 4294967294 pointers in the roots");
    TRY(memory_array(result->root_count + 2, sizeof(uint32_t), &result->root_edge_begin));
    TRY(memory_array(count, sizeof(uint32_t), &result->root_targets));
    /* Counted two entries high and filled one entry high, begin ends where it should be. */
    uint32_t *begin = result->root_edge_begin;
    for (uint64_t i = 0; i < count; i++)
        begin[(graph->root_edges.data[i] >> 32) + 2]++;
    for (uint64_t r = 0; r < result->root_count; r++)
        begin[r + 1] += begin[r];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t edge = graph->root_edges.data[i];
        result->root_targets[begin[(edge >> 32) + 1]++] = (uint32_t)edge;
    }
    return NULL;
}

struct phases {
    graph_progress progress;
    void *context;
    double since;
};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void end_phase(struct phases *phases, const char *name)
{
    double t = now();
    if (phases->progress)
        phases->progress(phases->context, name, t - phases->since);
    phases->since = t;
}

static struct error *analyse(const struct graph *graph, struct graph_result *result,
                             unsigned threads, struct phases *phases, struct extra_edges *extra)
{
    TRY(allocate(graph, result));
    TRY(sort_root_edges(graph, result));
    TRY(graph_walk(graph, result, threads, extra));
    end_phase(phases, "mark");
    TRY(graph_inner_dominators(result, threads, &extra->inner));
    end_phase(phases, "dominators");
    TRY(graph_leaf_dominators(graph, result, threads, &extra->leaves));
    end_phase(phases, "leaves");
    TRY(graph_sum_retained(graph, result, threads));
    end_phase(phases, "retained");
    return NULL;
}

struct error *graph_analyse(struct graph *graph, unsigned threads, graph_progress progress,
                            void *context)
{
    assert(!graph->result);
    threads = threads < 1 ? 1 : MIN_OF(threads, (unsigned)THREADS_MAX);
    struct phases phases = {progress, context, now()};
    struct graph_result *result;
    TRY(memory_array(1, sizeof(*result), &result));
    struct extra_edges extra = {0};
    struct error *error = analyse(graph, result, threads, &phases, &extra);
    extra_edges_deinit(&extra);
    if (error) {
        graph_result_destroy(result);
        return error;
    }
    graph->result = result;
    graph->totals.reachable_objects = result->retained_objects[0];
    graph->totals.reachable_bytes = result->retained_bytes[0];
    return NULL;
}

/* Position of a node, or of a leaf's parent; 0 for the super root and the unreachable. */
static uint32_t position_of(const struct graph *graph, uint32_t node)
{
    if (node < graph->object_ids)
        return graph->result->position[node];
    uint32_t root = node - graph->object_ids;
    return root < graph->result->root_count ? graph->result->root_position[root] : 0;
}

static bool is_leaf(const struct graph *graph, uint32_t node, uint32_t position)
{
    return node < graph->object_ids && graph->result->order[position] != node;
}

bool graph_is_reachable(const struct graph *graph, uint32_t node)
{
    return position_of(graph, node) || node == super_root(graph);
}

uint8_t graph_class_of(const struct graph *graph, uint32_t node)
{
    const struct graph_result *result = graph->result;
    if (node == super_root(graph))
        return 0;
    uint32_t position = position_of(graph, node);
    return position ? result->classes[class_index(result, position)].class : CLASS_UNREACHABLE;
}

uint32_t graph_dominator(const struct graph *graph, uint32_t node)
{
    const struct graph_result *result = graph->result;
    uint32_t position = position_of(graph, node);
    if (!position)
        return GRAPH_NONE;
    if (is_leaf(graph, node, position))
        return result->order[leaf_dominator(result, node)];
    return result->order[result->dominator[position]];
}

uint64_t graph_retained_bytes(const struct graph *graph, uint32_t node)
{
    uint32_t position = position_of(graph, node);
    if (!position && node != super_root(graph))
        return 0;
    return is_leaf(graph, node, position) ? graph_object_bytes(graph, node)
                                          : graph->result->retained_bytes[position];
}

uint64_t graph_retained_objects(const struct graph *graph, uint32_t node)
{
    uint32_t position = position_of(graph, node);
    if (!position && node != super_root(graph))
        return 0;
    return is_leaf(graph, node, position) ? 1 : graph->result->retained_objects[position];
}
