/* gort/gc_cycles.h: which collection counts as one that began after the request. */
#include "gort/gc_cycles.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool passed(uint32_t begun, uint32_t finished, uint32_t now_begun, uint32_t now_finished)
{
    struct gc_cycles before = {begun, finished}, now = {now_begun, now_finished};
    return gc_cycles_passed(&before, &now);
}

static void the_next_cycle_counts_when_none_is_under_way(void **state)
{
    (void)state;
    assert_false(passed(7, 7, 7, 7));
    assert_false(passed(7, 7, 8, 7));
    assert_true(passed(7, 7, 8, 8));
    assert_true(passed(7, 7, 12, 11));
}

static void a_cycle_under_way_does_not_count(void **state)
{
    (void)state;
    assert_false(passed(8, 7, 8, 8));
    assert_false(passed(8, 7, 9, 8));
    assert_true(passed(8, 7, 9, 9));
}

static void the_first_cycle_counts(void **state)
{
    (void)state;
    assert_false(passed(0, 0, 1, 0));
    assert_true(passed(0, 0, 1, 1));
}

static void counters_wrap(void **state)
{
    (void)state;
    assert_false(passed(INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX));
    assert_false(passed(INT32_MAX, INT32_MAX, 0, INT32_MAX));
    assert_true(passed(INT32_MAX, INT32_MAX, 0, 0));
    assert_false(passed(0, INT32_MAX, 0, 0));
    assert_true(passed(0, INT32_MAX, 1, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_cycle_counts_when_none_is_under_way),
        cmocka_unit_test(a_cycle_under_way_does_not_count),
        cmocka_unit_test(the_first_cycle_counts),
        cmocka_unit_test(counters_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
