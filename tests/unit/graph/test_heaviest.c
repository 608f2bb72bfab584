/* The ways down by the heaviest child, against a look at every node for each step. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_graph.h"

enum { GRAPHS = 3000, STEPS_MAX = 6, STARTS_MAX = 8 };

static uint32_t heaviest_child(const struct graph *graph, uint32_t node)
{
    uint32_t best = GRAPH_NONE, nodes = graph->object_ids + (uint32_t)graph->roots.count;
    for (uint32_t v = 0; v < nodes; v++) {
        uint64_t bytes = graph_retained_bytes(graph, v);
        if (bytes && graph_dominator(graph, v) == node &&
            bytes >= graph_retained_bytes(graph, node) / 2 &&
            (best == GRAPH_NONE || bytes > graph_retained_bytes(graph, best)))
            best = v;
    }
    return best;
}

static void ways_lead_to_the_heaviest_children(void **state)
{
    (void)state;
    uint32_t longest = 0;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        uint32_t nodes = graph->object_ids + (uint32_t)graph->roots.count;
        uint32_t starts[STARTS_MAX], ways[STARTS_MAX * STEPS_MAX];
        uint32_t count = nodes ? random_below(STARTS_MAX + 1) : 0;
        uint32_t steps = random_below(STEPS_MAX + 1);
        for (uint32_t s = 0; s < count; s++)
            starts[s] = random_below(nodes);
        must(graph_heaviest_ways(graph, starts, count, steps, ways));
        for (uint32_t s = 0; s < count; s++) {
            uint32_t node = starts[s];
            for (uint32_t step = 0; step < steps; step++) {
                if (node != GRAPH_NONE)
                    node = heaviest_child(graph, node);
                assert_int_equal(ways[s * steps + step], node);
                longest = MAX_OF(longest, node == GRAPH_NONE ? 0 : step + 1);
            }
        }
        graph_destroy(graph);
    }
    assert_int_equal(longest, STEPS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ways_lead_to_the_heaviest_children),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
