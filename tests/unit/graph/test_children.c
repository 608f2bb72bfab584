/* Children in the dominator tree, against each object's dominator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 3000, NODES_MAX = 128 };

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_child_is_visited_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
