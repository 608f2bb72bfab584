/* When dead objects are more than a collector's usual cycle leaves, and what is said of it. */
#include "small_graph.h"

enum { VARIABLE = IDS, ROOTS };

static const struct small_root roots[] = {{"main.a", ROOT_GLOBAL, ROOT_CLASS_PROGRAM}};

/* A graph of IDS objects of which the first `live` are held. */
static void start(struct small_graph *g, uint32_t live, int32_t percent)
{
    uint32_t edges[IDS + 1][2];
    for (uint32_t i = 0; i < live; i++) {
        edges[i][0] = VARIABLE;
        edges[i][1] = i;
    }
    edges[live][0] = GRAPH_NONE;
    begin(g, roots, ROOTS - IDS, (const uint32_t(*)[2])edges);
    g->analysis.facts.gc = (struct gc_figures){
        .pace_known = true,
        .percent = percent,
        .memory_limit = GC_NO_LIMIT,
        .goal_bytes = percent < 0 ? GC_NO_GOAL : (uint64_t)4 << 30,
    };
}

static void expect_one(int32_t percent, enum finding_confidence confidence, const char *text)
{
    struct small_graph g;
    struct finding_list list;
    start(&g, 16, percent);
    run(&g, &detector_garbage_waiting, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].bytes, 48 * OBJECT_BYTES);
    assert_int_equal(list.items.data[0].objects, 48);
    assert_int_equal(list.items.data[0].confidence, confidence);
    assert_non_null(strstr(list.items.data[0].message, text));
    end(&g, &list);
}

static void the_reason_is_said(void **state)
{
    (void)state;
    expect_one(-1, CONFIDENCE_PROVEN, "GC is off (GOGC=off)");
    expect_one(800, CONFIDENCE_PROVEN, "GOGC=800; the next one is due at 4.0");
    expect_one(100, CONFIDENCE_POSSIBLE, "GOGC=100");
}

static void less_than_what_lives_is_normal(void **state)
{
    (void)state;
    struct small_graph g;
    struct finding_list list;
    start(&g, 33, -1);
    run(&g, &detector_garbage_waiting, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reason_is_said),
        cmocka_unit_test(less_than_what_lives_is_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
