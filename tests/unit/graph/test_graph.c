/* Bounds of graph_create, the tree of roots, and graphs with nothing in them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "random_graph.h"

static void too_large_a_heap_is_refused(void **state)
{
    (void)state;
    struct graph *graph = NULL;
    struct error *error = graph_create(GRAPH_IDS_MAX, 0, &graph);
    assert_int_equal(error->kind, ERROR_LIMIT);
    error_destroy(error);
    error = graph_create(8, (uint64_t)UINT32_MAX + 1, &graph);
    assert_int_equal(error->kind, ERROR_LIMIT);
    error_destroy(error);
    assert_null(graph);
}

static void ids_are_rounded_up(void **state)
{
    (void)state;
    struct graph *graph;
    must(graph_create(13, 5, &graph));
    assert_int_equal(graph->object_ids, 16);
    assert_int_equal(graph->edge_capacity, 5);
    graph_destroy(graph);
    graph_destroy(NULL);
}

static void a_part_has_its_holder_and_class(void **state)
{
    (void)state;
    struct graph *graph;
    must(graph_create(8, 0, &graph));
    uint32_t group, goroutine, frame, other;
    must(graph_add_root(graph, GRAPH_NONE, 2, &group));
    must(graph_add_root(graph, GRAPH_NONE, 0, &other));
    must(graph_add_root(graph, group, 0, &goroutine));
    must(graph_add_root(graph, goroutine, 0, &frame));
    assert_int_equal(graph->roots.data[frame].holder, group);
    assert_int_equal(graph->roots.data[frame].class, 2);
    assert_int_equal(graph->roots.data[other].holder, other);
    must(graph_analyse(graph, 1, NULL, NULL));
    assert_int_equal(graph_dominator(graph, graph_root_node(graph, frame)),
                     graph_root_node(graph, goroutine));
    assert_int_equal(graph_class_of(graph, graph_root_node(graph, frame)), 2);
    graph_destroy(graph);
}

static void never(void *context, uint32_t child)
{
    (void)context;
    (void)child;
    fail();
}

static void nothing_at_all(void **state)
{
    (void)state;
    for (unsigned threads = 0; threads < 100; threads += 33) {
        struct graph *graph;
        must(graph_create(0, 0, &graph));
        must(graph_analyse(graph, threads, NULL, NULL));
        uint32_t super = graph_root_node(graph, 0);
        assert_true(graph_is_reachable(graph, super));
        assert_int_equal(graph_dominator(graph, super), GRAPH_NONE);
        assert_int_equal(graph_parent_on_path(graph, super), GRAPH_NONE);
        assert_int_equal(graph_retained_bytes(graph, super), 0);
        assert_int_equal(graph_retained_objects(graph, super), 0);
        must(graph_dominated(graph, super, 0, never, NULL));
        must(graph_sums_by_type(graph, &(struct graph_types){.count = 0}, threads, NULL));
        struct graph_shared_list list;
        must(graph_shared_sets(graph, 2, &list));
        assert_int_equal(list.sets.count, 0);
        graph_shared_list_deinit(&list);
        uint64_t bytes = 1, objects = 1;
        must(graph_exclusive(graph, NULL, 0, &bytes, &objects));
        assert_int_equal(bytes + objects, 0);
        graph_destroy(graph);
    }
}

static void objects_without_roots_are_garbage(void **state)
{
    (void)state;
    struct random_shape shape = {.regions = 3, .edges_most = 3, .classes = 1};
    struct graph *graph = random_graph(&shape);
    must(graph_analyse(graph, 2, NULL, NULL));
    assert_int_equal(graph->totals.reachable_objects, 0);
    for (uint32_t id = 0; id < graph->object_ids; id++) {
        assert_false(graph_is_reachable(graph, id));
        assert_int_equal(graph_class_of(graph, id), 255);
        assert_int_equal(graph_retained_bytes(graph, id), 0);
        must(graph_dominated(graph, id, 0, never, NULL));
    }
    graph_destroy(graph);
}

/* The first class keeps what it reaches, although a later class is nearer to it. */
static void a_later_class_takes_nothing(void **state)
{
    (void)state;
    struct graph *graph;
    must(graph_create(24, 8, &graph));
    for (uint32_t id = 0; id < 24; id++) {
        bitset_set(graph->allocated, id);
        graph->size_words[id / 8] = 1;
    }
    /* variable → 0 → 1 → leaf 16; timer → 1, timer → 8 → leaf 16, 8 → leaf 17 */
    static const uint32_t targets[] = {1, 16 | GRAPH_LEAF, 16 | GRAPH_LEAF, 17 | GRAPH_LEAF};
    for (uint32_t id = 0; id <= 24; id++)
        graph->edge_begin[id] = id == 0 ? 0 : id == 1 ? 1 : id <= 8 ? 2 : 4;
    for (uint32_t e = 0; e < 4; e++)
        graph->edges[e] = targets[e];
    uint32_t timer, variable;
    must(graph_add_root(graph, GRAPH_NONE, 1, &timer));
    must(graph_add_root(graph, GRAPH_NONE, 0, &variable));
    must(graph_add_root_edge(graph, timer, 1));
    must(graph_add_root_edge(graph, timer, 8));
    must(graph_add_root_edge(graph, variable, 0));
    must(graph_analyse(graph, 2, NULL, NULL));
    assert_int_equal(graph_retained_objects(graph, graph_root_node(graph, variable)), 3);
    assert_int_equal(graph_retained_objects(graph, graph_root_node(graph, timer)), 2);
    assert_int_equal(graph_dominator(graph, 16), 1);
    assert_int_equal(graph_class_of(graph, 16), 0);
    assert_int_equal(graph_class_of(graph, 17), 1);
    graph_destroy(graph);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(too_large_a_heap_is_refused),
        cmocka_unit_test(ids_are_rounded_up),
        cmocka_unit_test(a_part_has_its_holder_and_class),
        cmocka_unit_test(nothing_at_all),
        cmocka_unit_test(objects_without_roots_are_garbage),
        cmocka_unit_test(a_later_class_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
