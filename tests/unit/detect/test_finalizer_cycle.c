/* Which finalizers and cleanups wait for themselves: each root's edges are those that
 * runtime/mgcmark.go makes of the calls given with them. */
#include "small_graph.h"

enum { FINALIZERS = IDS, CLEANUPS, TIMERS, VARIABLE, ROOTS };

static const struct small_root roots[] = {
    {"finalizers calling main.close", ROOT_FINALIZERS, ROOT_CLASS_DEFERRED},
    {"cleanups calling main.unmap", ROOT_FINALIZERS, ROOT_CLASS_DEFERRED},
    {"timers", ROOT_TIMERS, ROOT_CLASS_DEFERRED},
    {"main.a", ROOT_GLOBAL, ROOT_CLASS_PROGRAM},
};

static void add_call(struct small_graph *g, uint32_t object, bool is_cleanup, uint32_t target)
{
    const struct deferred_call call = {
        .object = object,
        .root = is_cleanup ? CLEANUPS - IDS : FINALIZERS - IDS,
        .targets = {target, GRAPH_NONE, GRAPH_NONE},
        .is_cleanup = is_cleanup,
    };
    must(vector_push(&g->analysis.roots.deferred_calls, call));
}

static void start(struct small_graph *g, const uint32_t (*edges)[2])
{
    begin(g, roots, ROOTS - IDS, edges);
}

static void an_object_that_reaches_itself_waits_for_itself(void **state)
{
    (void)state;
    /* 0 ⇄ 1 → 2; the finalizer of 0 keeps what 0 points to */
    static const uint32_t edges[][2] = {{FINALIZERS, 1}, {0, 1}, {1, 0}, {1, 2}, END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 0, false, GRAPH_NONE);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].bytes, 3 * OBJECT_BYTES);
    assert_int_equal(list.items.data[0].count, 1);
    assert_int_equal(list.items.data[0].confidence, CONFIDENCE_PROVEN);
    end(&g, &list);
}

static void a_chain_of_finalizers_comes_to_an_end(void **state)
{
    (void)state;
    /* 0 → 1 → 2, each with a finalizer: the collector ends one after the other */
    static const uint32_t edges[][2] = {
        {FINALIZERS, 1}, {FINALIZERS, 2}, {FINALIZERS, 3}, {0, 1}, {1, 2}, {2, 3}, END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    for (uint32_t object = 0; object < 3; object++)
        add_call(&g, object, false, GRAPH_NONE);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

static void what_a_cycle_leads_to_goes_with_it(void **state)
{
    (void)state;
    /* 0 ⇄ 1 → 2 with a finalizer of its own, which keeps 3 */
    static const uint32_t edges[][2] = {{FINALIZERS, 1}, {FINALIZERS, 3}, {0, 1}, {1, 0},
                                        {1, 2},          {2, 3},          END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 0, false, GRAPH_NONE);
    add_call(&g, 2, false, GRAPH_NONE);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].count, 1);
    assert_int_equal(list.items.data[0].bytes, 4 * OBJECT_BYTES);
    end(&g, &list);
}

static void a_cleanup_that_refers_to_its_object_waits_for_itself(void **state)
{
    (void)state;
    /* the closure 5 of the cleanup of 4 captures 4 */
    static const uint32_t edges[][2] = {{CLEANUPS, 5}, {5, 4}, {4, 6}, END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 4, true, 5);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].bytes, 3 * OBJECT_BYTES);
    assert_non_null(strstr(list.items.data[0].message, "cleanup"));
    end(&g, &list);
}

static void a_cycle_around_a_cleanup_that_does_not_keep_it_is_none(void **state)
{
    (void)state;
    /* 0 ⇄ 1, and the cleanup of 0 keeps 2 only; 0 is dead */
    static const uint32_t edges[][2] = {{CLEANUPS, 2}, {0, 1}, {1, 0}, {0, 2}, END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 0, true, 2);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

static void two_calls_may_wait_for_each_other(void **state)
{
    (void)state;
    /* the finalizer of 0 keeps 1, the closure 2 of the cleanup of 1 captures 0 */
    static const uint32_t edges[][2] = {{FINALIZERS, 1}, {CLEANUPS, 2}, {0, 1}, {2, 0}, END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 0, false, GRAPH_NONE);
    add_call(&g, 1, true, 2);
    run(&g, &detector_finalizer_cycle, &list);
    assert_true(list.items.count >= 1);
    end(&g, &list);
}

static void what_others_hold_is_no_leak(void **state)
{
    (void)state;
    /* 0 ⇄ 1 held by a timer, 4 ⇄ 5 by a variable */
    static const uint32_t edges[][2] = {{FINALIZERS, 1}, {TIMERS, 1},     {0, 1},
                                        {1, 0},          {FINALIZERS, 5}, {VARIABLE, 4},
                                        {4, 5},          {5, 4},          END};
    struct small_graph g;
    struct finding_list list;
    start(&g, edges);
    add_call(&g, 0, false, GRAPH_NONE);
    add_call(&g, 4, false, GRAPH_NONE);
    run(&g, &detector_finalizer_cycle, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_that_reaches_itself_waits_for_itself),
        cmocka_unit_test(a_chain_of_finalizers_comes_to_an_end),
        cmocka_unit_test(what_a_cycle_leads_to_goes_with_it),
        cmocka_unit_test(a_cleanup_that_refers_to_its_object_waits_for_itself),
        cmocka_unit_test(a_cycle_around_a_cleanup_that_does_not_keep_it_is_none),
        cmocka_unit_test(two_calls_may_wait_for_each_other),
        cmocka_unit_test(what_others_hold_is_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
