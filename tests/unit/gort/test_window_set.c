/* What several windows show of one object: exactly for few, never less than there is for many,
 * whatever their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "gort/window_set.h"

enum { OBJECT = 6400 }; /* pieces of 100 */

static struct window_set set_of(const struct window_part *parts, unsigned count, uint64_t object)
{
    struct window_set set = {0};
    for (unsigned i = 0; i < count; i++)
        window_set_add(&set, object, parts[i], 1);
    window_set_sort(&set);
    return set;
}

static uint64_t hidden(const struct window_set *set, uint64_t from, bool to_cap)
{
    return window_set_hidden_bytes(set, OBJECT, from, to_cap);
}

static void test_one(void **state)
{
    (void)state;
    struct window_set set = set_of((struct window_part[]){{100, 150, 400}}, 1, OBJECT);
    struct window_range ranges[WINDOW_SET_RANGES];
    assert_int_equal(hidden(&set, 0, false), OBJECT - 50);
    assert_int_equal(hidden(&set, 0, true), OBJECT - 300);
    assert_int_equal(hidden(&set, 8, false), OBJECT - 58);
    assert_int_equal(window_set_hidden(&set, OBJECT, 8, false, ranges), 2);
    assert_int_equal(ranges[0].start, 8);
    assert_int_equal(ranges[0].end, 100);
    assert_int_equal(ranges[1].start, 150);
    assert_int_equal(ranges[1].end, OBJECT);
}

static void test_edges_of_the_object(void **state)
{
    (void)state;
    struct window_set all = set_of((struct window_part[]){{0, OBJECT, OBJECT}}, 1, OBJECT);
    struct window_set nothing = set_of((struct window_part[]){{OBJECT, OBJECT, OBJECT}}, 1, OBJECT);
    struct window_range ranges[WINDOW_SET_RANGES];
    assert_int_equal(hidden(&all, 0, false), 0);
    assert_int_equal(window_set_hidden(&all, OBJECT, 0, false, ranges), 0);
    assert_int_equal(hidden(&nothing, 0, false), OBJECT);
    assert_int_equal(nothing.seen[0], 0);
}

static void test_overlapping(void **state)
{
    (void)state;
    struct window_set set = set_of(
        (struct window_part[]){{150, 300, 300}, {100, 200, 200}, {120, 130, 500}}, 3, OBJECT);
    assert_true(window_set_is_exact(&set));
    assert_int_equal(hidden(&set, 0, false), OBJECT - 200);
    assert_int_equal(hidden(&set, 0, true), OBJECT - 400);
}

static void test_equal_ones_count_once(void **state)
{
    (void)state;
    struct window_part parts[10];
    for (unsigned i = 0; i < 10; i++)
        parts[i] = (struct window_part){100u * (i % 3), 100u * (i % 3) + 10, 100u * (i % 3) + 10};
    struct window_set set = set_of(parts, 10, OBJECT);
    assert_true(window_set_is_exact(&set));
    assert_int_equal(set.different, 3);
    assert_int_equal(set.count, 10);
    assert_int_equal(set.copy_bytes, 10);
    assert_int_equal(hidden(&set, 0, false), OBJECT - 30);
}

static void test_many(void **state)
{
    (void)state;
    struct window_part parts[8];
    struct window_range ranges[WINDOW_SET_RANGES];
    for (unsigned i = 0; i < 8; i++) /* in the pieces 0, 8, 16 … */
        parts[i] = (struct window_part){800u * i + 20, 800u * i + 50, 800u * i + 120};
    struct window_set set = set_of(parts, 8, OBJECT);
    assert_false(window_set_is_exact(&set));
    /* by pieces 5,600; the sum of lengths says more */
    assert_int_equal(hidden(&set, 0, false), OBJECT - 240);
    assert_int_equal(hidden(&set, 0, true), OBJECT - 800);
    assert_int_equal(window_set_hidden(&set, OBJECT, 0, false, ranges), 8);
    assert_int_equal(ranges[0].start, 100);
    assert_int_equal(ranges[0].end, 800);
    assert_int_equal(ranges[7].end, OBJECT);
}

/* At random: exact for three, at most the truth for more, and the same backwards. */
static void test_at_random(void **state)
{
    (void)state;
    srand(7);
    for (unsigned round = 0; round < 3000; round++) {
        uint64_t object = 64 + (uint64_t)rand() % 5000, from = round % 2 ? 8 : 0, truth = 0;
        unsigned count = 1 + (unsigned)rand() % 9;
        struct window_part parts[9], turned[9];
        static uint8_t seen[6000];
        memset(seen, 0, sizeof(seen));
        for (unsigned i = 0; i < count; i++) {
            uint64_t start = from + (uint64_t)rand() % (object - from);
            uint64_t end = start + (uint64_t)rand() % (object - start + 1);
            parts[i] = turned[count - 1 - i] = (struct window_part){start, end, end};
            memset(seen + start, 1, end - start);
        }
        for (uint64_t i = from; i < object; i++)
            truth += !seen[i];
        struct window_set set = set_of(parts, count, object);
        struct window_set other = set_of(turned, count, object);
        assert_memory_equal(&set, &other, sizeof(set));
        uint64_t got = window_set_hidden_bytes(&set, object, from, false);
        assert_true(got <= truth);
        if (count <= WINDOW_SET_EXACT)
            assert_int_equal(got, truth);
        struct window_range ranges[WINDOW_SET_RANGES];
        uint32_t n = window_set_hidden(&set, object, from, false, ranges);
        for (uint32_t r = 0; r < n; r++)
            for (uint64_t i = ranges[r].start; i < ranges[r].end; i++)
                assert_false(seen[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one),         cmocka_unit_test(test_edges_of_the_object),
        cmocka_unit_test(test_overlapping), cmocka_unit_test(test_equal_ones_count_once),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_at_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
