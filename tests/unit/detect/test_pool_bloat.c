/* Which pools hold more than they need for their next use. Objects are of 1 MiB. */
#include "small_graph.h"

enum { VARIABLE = IDS, ROOTS, RING = 0, FIRST = 1 };

static const struct small_root roots[] = {{"main.buffers", ROOT_GLOBAL, ROOT_CLASS_PROGRAM}};

/* A pool for one P whose ring holds `count` objects. */
static void start(struct small_graph *g, unsigned count)
{
    uint32_t edges[IDS + 1][2] = {{VARIABLE, RING}};
    for (uint32_t i = 0; i < count; i++) {
        edges[1 + i][0] = RING;
        edges[1 + i][1] = FIRST + i;
    }
    edges[1 + count][0] = GRAPH_NONE;
    begin(g, roots, ROOTS - IDS, (const uint32_t(*)[2])edges);
    struct pool_table *pools = &g->analysis.facts.pools;
    must(vector_push(&pools->pools,
                     (struct pool){.object = GRAPH_NONE, .locals = 1, .item_count = count}));
    for (uint32_t i = 0; i < count; i++)
        must(vector_push(&pools->items, (struct pool_item){.source = RING, .object = FIRST + i}));
}

static void many_large_ones_are_one_finding(void **state)
{
    (void)state;
    struct small_graph g;
    struct finding_list list;
    start(&g, 30);
    run(&g, &detector_pool_bloat, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].bytes, 30 * OBJECT_BYTES);
    assert_int_equal(list.items.data[0].count, 30);
    assert_int_equal(list.items.data[0].class, CLASS_TEMPORARY);
    end(&g, &list);
}

static void a_few_alike_for_each_p_are_normal(void **state)
{
    (void)state;
    struct small_graph g;
    struct finding_list list;
    start(&g, 20);
    run(&g, &detector_pool_bloat, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

static void one_that_has_grown_stands_out(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {
        {VARIABLE, RING}, {RING, 1}, {RING, 2}, {RING, 3}, {3, 10}, {3, 11}, {3, 12},
        {3, 13},          {3, 14},   {3, 15},   {3, 16},   {3, 17}, {3, 18}, {3, 19},
        {3, 20},          {3, 21},   {3, 22},   {3, 23},   {3, 24}, {3, 25}, END};
    struct small_graph g;
    struct finding_list list;
    begin(&g, roots, ROOTS - IDS, edges);
    struct pool_table *pools = &g.analysis.facts.pools;
    must(vector_push(&pools->pools,
                     (struct pool){.object = GRAPH_NONE, .locals = 1, .item_count = 3}));
    for (uint32_t i = 1; i <= 3; i++)
        must(vector_push(&pools->items, (struct pool_item){.source = RING, .object = i}));
    run(&g, &detector_pool_bloat, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].count, 1);
    assert_int_equal(list.items.data[0].bytes, 17 * OBJECT_BYTES);
    end(&g, &list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_large_ones_are_one_finding),
        cmocka_unit_test(a_few_alike_for_each_p_are_normal),
        cmocka_unit_test(one_that_has_grown_stands_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
