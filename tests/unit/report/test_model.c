/* report/model.c: how bad a report is. */
#include "report/model.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void add(struct report *report, const char *severity)
{
    struct report_finding finding = {.severity = severity};
    assert_null(vector_push(&report->findings, finding));
}

static void reaches(const struct report *report, bool critical, bool warning, bool info)
{
    assert_int_equal(report_reaches(report, "critical"), critical);
    assert_int_equal(report_reaches(report, "warning"), warning);
    assert_int_equal(report_reaches(report, "info"), info);
}

static void knows_the_worst(void **state)
{
    (void)state;
    struct report report;
    report_init(&report);
    reaches(&report, false, false, false);
    add(&report, "info");
    reaches(&report, false, false, true);
    add(&report, "warning");
    reaches(&report, false, true, true);
    add(&report, "critical");
    add(&report, "info");
    reaches(&report, true, true, true);
    report_deinit(&report);
}

/* As a snapshot of a later version may have it. */
static void takes_unknown_words_for_the_least(void **state)
{
    (void)state;
    struct report report;
    report_init(&report);
    add(&report, "dreadful");
    add(&report, NULL);
    reaches(&report, false, false, true);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_worst),
        cmocka_unit_test(takes_unknown_words_for_the_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
