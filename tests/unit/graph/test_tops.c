/* The last dominator below the super root, against a climb from every node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_graph.h"

enum { GRAPHS = 3000 };

static uint32_t climb(const struct graph *graph, uint32_t node)
{
    uint32_t super = graph->object_ids + (uint32_t)graph->roots.count;
    if (!graph_is_reachable(graph, node) || node == super)
        return GRAPH_NONE;
    while (graph_dominator(graph, node) != super)
        node = graph_dominator(graph, node);
    return node;
}

static void tops_are_where_climbs_end(void **state)
{
    (void)state;
    uint32_t below_holders = 0, shared = 0;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        must(graph_find_tops(graph));
        must(graph_find_tops(graph));
        uint32_t nodes = graph->object_ids + (uint32_t)graph->roots.count;
        for (uint32_t v = 0; v <= nodes; v++) {
            uint32_t top = graph_top(graph, v);
            assert_int_equal(top, climb(graph, v));
            below_holders += top != GRAPH_NONE && top >= graph->object_ids && top != v;
            shared += top != GRAPH_NONE && top < graph->object_ids;
        }
        graph_forget_tops(graph);
        graph_destroy(graph);
    }
    assert_true(below_holders > 1000 && shared > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tops_are_where_climbs_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
