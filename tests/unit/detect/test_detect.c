/* What becomes of the cases that detectors add, on small graphs made by hand. */
#include "small_graph.h"

static const struct small_root roots[] = {
    {"main.a", ROOT_GLOBAL, ROOT_CLASS_PROGRAM},
    {"main.b", ROOT_GLOBAL, ROOT_CLASS_PROGRAM},
    {"runtime", ROOT_RUNTIME, ROOT_CLASS_RUNTIME},
};
enum { ROOTS = sizeof(roots) / sizeof(roots[0]) };

static uint64_t edge(uint32_t from, uint32_t to)
{
    return (uint64_t)from << 32 | to;
}

/* The cases that the test's detectors add. */
static const struct detect_case *strong_cases, *weak_cases;
static unsigned strong_count, weak_count;

static struct error *add(struct detect *detect, const struct detect_case *cases, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        TRY(detect_add(detect, &cases[i]));
    return NULL;
}

static struct error *judge_strong(struct detect *detect)
{
    return add(detect, strong_cases, strong_count);
}

static struct error *judge_weak(struct detect *detect)
{
    return add(detect, weak_cases, weak_count);
}

static void describe(struct detect *detect, const struct detect_group *group,
                     struct finding *finding)
{
    finding->message = arena_printf(
        &detect->arena, "%s in %s, %s, %s", detect_plural(detect, group->count, "thing", "things"),
        detect_holder_name(detect, group), detect_size(detect, finding->bytes),
        detect_count(detect, group->numbers[0]));
    finding->fix = "cut it";
    finding_note(finding, "number", group->numbers[0], UNIT_COUNT);
}

static const struct detector strong = {
    .id = "strong", .class = CLASS_PERMANENT, .judge = judge_strong, .describe = describe};
static const struct detector weak = {
    .id = "weak", .class = CLASS_TEMPORARY, .judge = judge_weak, .describe = describe};
static const struct detector *const table[] = {&strong, &weak, NULL};

static void run_cases(struct small_graph *g, const struct detect_case *s, unsigned s_count,
                      const struct detect_case *w, unsigned w_count, struct finding_list *out)
{
    strong_cases = s;
    strong_count = s_count;
    weak_cases = w;
    weak_count = w_count;
    must(detect_run_these(&g->analysis, 1, table, out));
}

static void alike_cases_under_one_holder_are_one_finding(void **state)
{
    (void)state;
    /* main.a → 0 → 1, 2, 3; main.b → 10 → 11; 3 also held by 11 */
    static const uint32_t edges[][2] = {{IDS, 0},      {0, 1},   {0, 2},  {0, 3}, {1, 4},
                                        {IDS + 1, 10}, {10, 11}, {11, 3}, END};
    struct small_graph g;
    struct finding_list list;
    begin(&g, roots, ROOTS, edges);
    const uint64_t cuts[] = {edge(0, 1), edge(0, 2), edge(0, 3), edge(10, 11)};
    const struct detect_case cases[] = {
        {.node = 0,
         .confidence = CONFIDENCE_PROVEN,
         .cut = cuts,
         .cut_count = 1,
         .count = 2,
         .numbers = {5}},
        {.node = 0,
         .confidence = CONFIDENCE_LIKELY,
         .cut = cuts + 1,
         .cut_count = 2,
         .count = 3,
         .own_bytes = 100,
         .own_objects = 1,
         .numbers = {6}},
        {.node = 10, .confidence = CONFIDENCE_PROVEN, .cut = cuts + 3, .cut_count = 1, .count = 1},
    };
    run_cases(&g, cases, 3, NULL, 0, &list);
    assert_int_equal(list.items.count, 2);
    const struct finding *a = &list.items.data[0], *b = &list.items.data[1];
    /* 1 with 4, and 2; not 3, which main.b holds as well */
    assert_int_equal(a->root, 0);
    assert_int_equal(a->bytes, 3 * OBJECT_BYTES + 100);
    assert_int_equal(a->objects, 4);
    assert_int_equal(a->count, 5);
    assert_int_equal(a->confidence, CONFIDENCE_LIKELY);
    assert_int_equal(a->severity, SEVERITY_CRITICAL);
    assert_int_equal(a->evidence[0].value, 11);
    assert_string_equal(a->message, "5 things in main.a, 3.0 MiB, 11");
    assert_int_equal(b->root, 1);
    assert_int_equal(b->bytes, OBJECT_BYTES); /* 11 alone: 3 is held by main.a, too */
    assert_false(b->is_shared);
    end(&g, &list);
}

static void what_nobody_holds_is_no_finding(void **state)
{
    (void)state;
    static const uint32_t edges[][2] = {{IDS, 0}, {IDS + 2, 20}, {20, 21}, {30, 31}, END};
    struct small_graph g;
    struct finding_list list;
    begin(&g, roots, ROOTS, edges);
    const struct detect_case cases[] = {
        {.node = 30, .confidence = CONFIDENCE_PROVEN, .own_bytes = OBJECT_BYTES, .count = 1},
        {.node = 20, .confidence = CONFIDENCE_PROVEN, .own_bytes = OBJECT_BYTES, .count = 1},
        {.node = 0, .confidence = CONFIDENCE_PROVEN, .own_bytes = 100, .count = 1}, /* too small */
    };
    run_cases(&g, cases, 3, NULL, 0, &list);
    assert_int_equal(list.items.count, 0);
    end(&g, &list);
}

static void what_two_hold_is_told_by_the_nearest(void **state)
{
    (void)state;
    /* main.a → 0 → 1 → 5, main.b → 5 → 6 → 7 */
    static const uint32_t edges[][2] = {{IDS, 0}, {0, 1}, {1, 5}, {IDS + 1, 5},
                                        {5, 6},   {6, 7}, END};
    struct small_graph g;
    struct finding_list list;
    begin(&g, roots, ROOTS, edges);
    const uint64_t cut = edge(6, 7);
    const struct detect_case one = {
        .node = 6, .confidence = CONFIDENCE_PROVEN, .cut = &cut, .cut_count = 1, .count = 1};
    run_cases(&g, &one, 1, NULL, 0, &list);
    assert_int_equal(list.items.count, 1);
    const struct finding *f = &list.items.data[0];
    assert_int_equal(f->root, 1);
    assert_true(f->is_shared);
    assert_int_equal(f->bytes, OBJECT_BYTES);
    assert_int_equal(f->way_count, 2);
    assert_int_equal(f->way[0], 5);
    assert_int_equal(f->way[1], 6);
    end(&g, &list);
}

static void a_cause_hides_its_consequences(void **state)
{
    (void)state;
    /* main.a → 0 → 1 → 2 → 3 */
    static const uint32_t edges[][2] = {{IDS, 0}, {0, 1}, {1, 2}, {2, 3}, END};
    struct small_graph g;
    struct finding_list list;
    const uint64_t cuts[] = {edge(0, 1), edge(2, 3)};
    const struct detect_case outer = {
        .node = 0, .confidence = CONFIDENCE_LIKELY, .cut = cuts, .cut_count = 1, .count = 1};
    struct detect_case inner = {
        .node = 2, .confidence = CONFIDENCE_LIKELY, .cut = cuts + 1, .cut_count = 1, .count = 1};
    begin(&g, roots, ROOTS, edges);
    run_cases(&g, &outer, 1, &inner, 1, &list);
    assert_int_equal(list.items.count, 2);
    assert_string_equal(list.items.data[0].id, "strong");
    assert_int_equal(list.items.data[0].cause, FINDING_OWN_CAUSE);
    assert_int_equal(list.items.data[1].cause, 0);
    end(&g, &list);

    /* What is proven is no consequence of what is only likely. */
    inner.confidence = CONFIDENCE_PROVEN;
    begin(&g, roots, ROOTS, edges);
    run_cases(&g, &outer, 1, &inner, 1, &list);
    assert_int_equal(list.items.data[0].cause, FINDING_OWN_CAUSE);
    assert_int_equal(list.items.data[1].cause, FINDING_OWN_CAUSE);
    end(&g, &list);

    /* But where it is nearly all of that, it is the leak. */
    inner.own_bytes = 2 * OBJECT_BYTES - OBJECT_BYTES / 5;
    begin(&g, roots, ROOTS, edges);
    run_cases(&g, &outer, 1, &inner, 1, &list);
    assert_string_equal(list.items.data[0].id, "weak");
    assert_int_equal(list.items.data[0].cause, FINDING_OWN_CAUSE);
    assert_string_equal(list.items.data[1].id, "strong");
    assert_int_equal(list.items.data[1].cause, 0);
    inner.own_bytes = 2 * OBJECT_BYTES - OBJECT_BYTES / 2;
    end(&g, &list);
    begin(&g, roots, ROOTS, edges);
    run_cases(&g, &outer, 1, &inner, 1, &list);
    assert_string_equal(list.items.data[0].id, "strong");
    assert_string_equal(list.items.data[1].id, "weak");
    assert_int_equal(list.items.data[1].cause, FINDING_OWN_CAUSE);
    inner.own_bytes = 0;
    end(&g, &list);

    /* Beside it is not below it. */
    inner.confidence = CONFIDENCE_LIKELY;
    inner.node = 0;
    begin(&g, roots, ROOTS, edges);
    const struct detect_case beside = {
        .node = 2, .confidence = CONFIDENCE_LIKELY, .cut = cuts + 1, .cut_count = 1, .count = 1};
    inner.cut = cuts;
    inner.own_bytes = 5;
    run_cases(&g, &beside, 1, &inner, 1, &list);
    assert_string_equal(list.items.data[0].id, "weak");
    assert_int_equal(list.items.data[1].cause, 0);
    end(&g, &list);
}

static void a_long_way_keeps_both_ends(void **state)
{
    (void)state;
    uint32_t edges[IDS + 1][2];
    struct small_graph g;
    struct finding_list list;
    edges[0][0] = IDS;
    edges[0][1] = 0;
    for (uint32_t i = 0; i + 1 < IDS; i++) {
        edges[i + 1][0] = i;
        edges[i + 1][1] = i + 1;
    }
    edges[IDS][0] = GRAPH_NONE;
    begin(&g, roots, ROOTS, edges);
    for (uint32_t last = 0; last + 1 < IDS; last++) {
        const uint64_t cut = edge(last, last + 1);
        const struct detect_case one = {
            .node = last, .confidence = CONFIDENCE_PROVEN, .cut = &cut, .cut_count = 1, .count = 1};
        run_cases(&g, &one, 1, NULL, 0, &list);
        const struct finding *f = &list.items.data[0];
        uint32_t length = last + 1, count = MIN_OF(length, (uint32_t)FINDING_WAY_MAX);
        assert_int_equal(f->way_count, count);
        for (uint32_t i = 0; i < count; i++) {
            bool head = length <= FINDING_WAY_MAX || i < FINDING_WAY_MAX / 2;
            assert_int_equal(f->way[i], head ? i : length - (count - i));
        }
        finding_list_deinit(&list);
    }
    list = (struct finding_list){0};
    end(&g, &list);
}

/* What comes when there are too many groups is left out: it counts in no other. */
static void groups_beyond_the_bound_are_left_out(void **state)
{
    enum { GROUPS = 1 << 16, CASES = GROUPS + 3 };
    (void)state;
    static const uint32_t edges[][2] = {{IDS, 0}, END};
    static struct detect_case cases[CASES];
    struct small_graph g;
    struct finding_list list;
    begin(&g, roots, ROOTS, edges);
    for (uint32_t i = 0; i < CASES; i++)
        cases[i] = (struct detect_case){.node = 0,
                                        .variant = MIN_OF(i, (uint32_t)GROUPS),
                                        .confidence = CONFIDENCE_PROVEN,
                                        .own_bytes = i && i < GROUPS ? 1 : OBJECT_BYTES,
                                        .count = 1};
    run_cases(&g, cases, CASES, NULL, 0, &list);
    assert_int_equal(list.items.count, 1);
    assert_int_equal(list.items.data[0].count, 1);
    assert_int_equal(list.items.data[0].bytes, OBJECT_BYTES);
    end(&g, &list);
}

static void severity_is_by_share_and_size(void **state)
{
    (void)state;
    const uint64_t mib = 1 << 20, gib = 1 << 30;
    const enum finding_confidence sure = CONFIDENCE_PROVEN;
    assert_int_equal(finding_severity_of(20 * mib, 100 * mib, sure), SEVERITY_CRITICAL);
    assert_int_equal(finding_severity_of(20 * mib - 1, 100 * mib, sure), SEVERITY_WARNING);
    assert_int_equal(finding_severity_of(5 * mib, 100 * mib, sure), SEVERITY_WARNING);
    assert_int_equal(finding_severity_of(5 * mib - 1, 100 * mib, sure), SEVERITY_INFO);
    assert_int_equal(finding_severity_of(64 * mib, 100 * gib, sure), SEVERITY_WARNING);
    assert_int_equal(finding_severity_of(gib, 100 * gib, sure), SEVERITY_CRITICAL);
    assert_int_equal(finding_severity_of(mib - 1, mib, sure), SEVERITY_INFO);
    assert_int_equal(finding_severity_of(gib, gib, CONFIDENCE_POSSIBLE), SEVERITY_INFO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alike_cases_under_one_holder_are_one_finding),
        cmocka_unit_test(what_nobody_holds_is_no_finding),
        cmocka_unit_test(what_two_hold_is_told_by_the_nearest),
        cmocka_unit_test(a_cause_hides_its_consequences),
        cmocka_unit_test(a_long_way_keeps_both_ends),
        cmocka_unit_test(groups_beyond_the_bound_are_left_out),
        cmocka_unit_test(severity_is_by_share_and_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
