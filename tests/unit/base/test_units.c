/* report/units.c: numbers at the borders of their units. */
#include "base/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct arena arena;

static void sizes(void **state)
{
    (void)state;
    const struct {
        uint64_t bytes;
        const char *text;
    } cases[] = {
        {0, "0 B"},
        {712, "712 B"},
        {1023, "1023 B"},
        {1024, "1.0 KiB"},
        {9728, "9.5 KiB"},
        {10188, "9.9 KiB"},
        {10189, "10 KiB"},
        {1048063, "1023 KiB"},
        {1048064, "1.0 MiB"},
        {851443712, "812 MiB"},
        {1073217535, "1023 MiB"},
        {1073217536, "1.00 GiB"},
        {1524713390, "1.42 GiB"},
        {24051816858, "22.4 GiB"},
        {214748364800, "200 GiB"},
        {UINT64_MAX, "16.0 EiB"},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++)
        assert_string_equal(units_size(&arena, cases[i].bytes), cases[i].text);
}

static void check_sum(uint64_t total, const uint64_t parts[3], const char *expected)
{
    const char *whole, *texts[3];
    units_sum(&arena, total, parts, 3, &whole, texts);
    const char *text = whole;
    for (unsigned i = 0; i < 3; i++)
        text = arena_printf(&arena, "%s|%s", text, texts[i] ? texts[i] : "-");
    assert_string_equal(text, expected);
}

static void sums(void **state)
{
    (void)state;
    const uint64_t mib = 1 << 20;
    check_sum(908 * mib, (uint64_t[]){687 * mib, 125 * mib, 96 * mib},
              "908.0 MiB|687.0 MiB|125.0 MiB|96.0 MiB");
    /* Thirds: each alone would read 0.3, and 0.9 is not 1.0. */
    check_sum(mib, (uint64_t[]){mib / 3, mib / 3, mib / 3 + 1}, "1.0 MiB|0.3 MiB|0.3 MiB|0.4 MiB");
    check_sum(126 * mib + 48, (uint64_t[]){95 * mib, 31 * mib, 48},
              "126.0 MiB|95.0 MiB|31.0 MiB|-");
    check_sum(3 * 1024 * mib, (uint64_t[]){1000 * mib, 2000 * mib, 72 * mib},
              "3.00 GiB|0.98 GiB|1.95 GiB|0.07 GiB");
    check_sum(6, (uint64_t[]){1, 2, 3}, "6 B|1 B|2 B|3 B");
    check_sum(UINT64_MAX, (uint64_t[]){UINT64_MAX, 0, 0}, "16.00 EiB|16.00 EiB|-|-");
    /* Does not add up: as they are. */
    check_sum(7 * mib, (uint64_t[]){mib, mib, 0}, "7.0 MiB|1.0 MiB|1.0 MiB|-");
}

static void counts(void **state)
{
    (void)state;
    assert_string_equal(units_count(&arena, 0), "0");
    assert_string_equal(units_count(&arena, 999), "999");
    assert_string_equal(units_count(&arena, 1000), "1,000");
    assert_string_equal(units_count(&arena, 1204331), "1,204,331");
    assert_string_equal(units_count(&arena, UINT64_MAX), "18,446,744,073,709,551,615");
    assert_string_equal(units_rough_count(&arena, 999999), "999,999");
    assert_string_equal(units_rough_count(&arena, 1204331), "1.2 M");
    assert_string_equal(units_rough_count(&arena, 9950000), "10 M");
    assert_string_equal(units_rough_count(&arena, 61204331), "61 M");
    assert_string_equal(units_rough_count(&arena, 999600000), "1.0 G");
    assert_string_equal(units_rough_count(&arena, 4200000000), "4.2 G");
}

static void shares(void **state)
{
    (void)state;
    assert_string_equal(units_share(&arena, 1, 0), "");
    assert_string_equal(units_share(&arena, 0, 7), "0.0 %");
    assert_string_equal(units_share(&arena, 1, 10000), "<0.1 %");
    assert_string_equal(units_share(&arena, 495, 1000), "49.5 %");
    assert_string_equal(units_share(&arena, 9994, 10000), "99.9 %");
    assert_string_equal(units_share(&arena, 9996, 10000), "100 %");
    assert_string_equal(units_share(&arena, UINT64_MAX, UINT64_MAX), "100 %");
    assert_string_equal(units_share(&arena, 3, 2), "150 %");
}

static void durations(void **state)
{
    (void)state;
    const uint64_t second = 1000000000;
    assert_string_equal(units_duration(&arena, 0), "0 us");
    assert_string_equal(units_duration(&arena, 640000), "640 us");
    assert_string_equal(units_duration(&arena, 999500), "1.0 ms");
    assert_string_equal(units_duration(&arena, 38000000), "38 ms");
    assert_string_equal(units_duration(&arena, 999500000), "1.0 s");
    assert_string_equal(units_duration(&arena, 12 * second), "12 s");
    assert_string_equal(units_duration(&arena, 125 * second), "2 min 5 s");
    assert_string_equal(units_duration(&arena, 120 * second), "2 min");
    assert_string_equal(units_duration(&arena, 11520 * second), "3 h 12 min");
    assert_string_equal(units_duration(&arena, 187200 * second), "2 d 4 h");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes),  cmocka_unit_test(sums),      cmocka_unit_test(counts),
        cmocka_unit_test(shares), cmocka_unit_test(durations),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
