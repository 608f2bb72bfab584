/* Children in the dominator tree and retained bytes by type, against each object's dominators. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 3000, TYPES = 5, NODES_MAX = 128 };

static void mark_child(void *context, uint32_t child)
{
    uint8_t *times = context;
    assert_true(child < NODES_MAX);
    times[child]++;
}

static void check_children(struct graph *graph, uint32_t nodes)
{
    for (uint32_t x = 0; x < nodes; x++) {
        uint8_t times[NODES_MAX] = {0};
        uint64_t min = random_below(2) ? 0 : random_below(200);
        must(graph_dominated(graph, x, min, mark_child, times));
        for (uint32_t v = 0; v < nodes; v++) {
            bool child = graph_dominator(graph, v) == x && graph_retained_bytes(graph, v) >= min;
            assert_int_equal(times[v], child);
        }
    }
}

static void each_child_is_visited_once(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        check_children(graph, graph->object_ids + (uint32_t)graph->roots.count + 1);
        graph_destroy(graph);
    }
}

static void check_types(struct graph *graph)
{
    uint32_t type_of[NODES_MAX];
    uint64_t expected[TYPES], bytes[TYPES];
    for (uint32_t t = 0; t < TYPES; t++)
        expected[t] = bytes[t] = random_below(100); /* added to */
    for (uint32_t id = 0; id < graph->object_ids; id++)
        type_of[id] = random_below(4) ? random_below(TYPES) : GRAPH_NONE;
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        if (!graph_is_reachable(graph, id) || type_of[id] == GRAPH_NONE)
            continue;
        uint32_t up = graph_dominator(graph, id);
        while (up < graph->object_ids && type_of[up] != type_of[id])
            up = graph_dominator(graph, up);
        if (up >= graph->object_ids)
            expected[type_of[id]] += graph_retained_bytes(graph, id);
    }
    must(graph_retained_by_type(graph, type_of, TYPES, bytes));
    assert_memory_equal(bytes, expected, sizeof(bytes));
}

static void types_count_their_uppermost_objects(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        check_types(graph);
        graph_destroy(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_child_is_visited_once),
        cmocka_unit_test(types_count_their_uppermost_objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
