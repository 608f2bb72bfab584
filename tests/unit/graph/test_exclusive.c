/* Exclusive sizes of sets of edges, against a walk without them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reference.h"

enum { GRAPHS = 3000, CUTS_MAX = 12 };

/* Mostly edges that exist, some that do not. */
static uint64_t random_cuts(const struct reference *ref, uint64_t *cuts)
{
    uint32_t ids = ref->graph->object_ids, count = random_below(CUTS_MAX + 1), made = 0;
    for (uint32_t i = 0; i < count && ids; i++) {
        uint32_t source = random_below(ref->super), target = random_below(ids);
        uint32_t edges = ref->begin[source + 1] - ref->begin[source];
        if (edges && random_below(8))
            target = ref->targets[ref->begin[source] + random_below(edges)];
        if (target < ids)
            cuts[made++] = (uint64_t)source << 32 | target;
    }
    return made;
}

static void small_graphs_equal_a_walk_without_the_edges(void **state)
{
    (void)state;
    for (int i = 0; i < GRAPHS; i++) {
        struct random_shape shape = random_shape_small();
        struct graph *graph = random_graph(&shape);
        must(graph_analyse(graph, 1 + (unsigned)i % 3, NULL, NULL));
        struct reference ref;
        reference_init(&ref, graph);
        uint64_t cuts[CUTS_MAX], count = random_cuts(&ref, cuts), bytes, objects;
        must(graph_exclusive(graph, cuts, count, &bytes, &objects));
        reference_walk(&ref, ref.super, GRAPH_NONE, cuts, count);
        assert_int_equal(bytes, graph->totals.reachable_bytes - reference_seen_bytes(&ref));
        assert_int_equal(objects, graph->totals.reachable_objects - reference_seen_objects(&ref));
        reference_deinit(&ref);
        graph_destroy(graph);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(small_graphs_equal_a_walk_without_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
