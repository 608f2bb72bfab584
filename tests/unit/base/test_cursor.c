/* Cursors: never a byte beyond the end, whatever is asked. Buffers are of exact size, for ASan. */
#include "base/cursor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static uint8_t *exact_copy(const void *bytes, uint64_t size)
{
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    return copy;
}

static void numbers_are_little_endian(void **state)
{
    (void)state;
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    uint8_t *copy = exact_copy(bytes, sizeof(bytes));
    struct cursor c = cursor_make(copy, sizeof(bytes));
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_u16(&c), 0x0302);
    assert_int_equal(cursor_u32(&c), 0x07060504);
    assert_true(cursor_u64(&c) == 0x0f0e0d0c0b0a0908);
    assert_false(cursor_failed(&c));
    assert_int_equal(c.position, 15);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(cursor_failed(&c));
    free(copy);
}

/* Each reader at each distance from the end. */
static void readers_stop_at_the_end(void **state)
{
    (void)state;
    for (uint64_t left = 0; left < 8; left++) {
        uint8_t *copy = malloc(left ? left : 1);
        memset(copy, 0xff, left ? left : 1);
        struct cursor c = cursor_make(copy, left);
        assert_int_equal(cursor_u8(&c) != 0, left >= 1);
        c = cursor_make(copy, left);
        assert_int_equal(cursor_u16(&c) != 0, left >= 2);
        c = cursor_make(copy, left);
        assert_int_equal(cursor_u32(&c) != 0, left >= 4);
        c = cursor_make(copy, left);
        assert_true(cursor_u64(&c) == 0);
        assert_true(cursor_failed(&c));
        assert_int_equal(c.position, 0);
        free(copy);
    }
}

static void a_failed_cursor_stays_failed(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {1, 1, 1, 1};
    struct cursor c = cursor_make(bytes, sizeof(bytes));
    assert_true(cursor_u64(&c) == 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_int_equal(cursor_uleb(&c), 0);
    assert_null(cursor_string(&c));
    assert_null(cursor_take(&c, 0));
    cursor_seek(&c, 0);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(cursor_failed(&c));
}

static void taking_is_bounded(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {1, 2, 3, 4};
    struct cursor c = cursor_make(bytes, sizeof(bytes));
    assert_ptr_equal(cursor_take(&c, 3), bytes);
    assert_ptr_equal(cursor_take(&c, 0), bytes + 3);
    assert_ptr_equal(cursor_take(&c, 1), bytes + 3);
    assert_non_null(cursor_take(&c, 0));
    assert_null(cursor_take(&c, 1));
    c = cursor_make(bytes, sizeof(bytes));
    cursor_u8(&c);
    assert_null(cursor_take(&c, UINT64_MAX)); /* position + n would wrap */
    assert_true(cursor_failed(&c));
}

static void seeking_is_bounded(void **state)
{
    (void)state;
    const uint8_t bytes[4] = {1, 2, 3, 4};
    struct cursor c = cursor_make(bytes, sizeof(bytes));
    cursor_seek(&c, 2);
    assert_int_equal(cursor_u8(&c), 3);
    cursor_seek(&c, 4);
    assert_false(cursor_failed(&c));
    cursor_seek(&c, 5);
    assert_true(cursor_failed(&c));
    c = cursor_make(bytes, sizeof(bytes));
    cursor_seek(&c, UINT64_MAX);
    assert_true(cursor_failed(&c));
}

static void an_empty_cursor_needs_no_bytes(void **state)
{
    (void)state;
    struct cursor c = cursor_make(NULL, 0);
    cursor_take(&c, 0);
    assert_false(cursor_failed(&c));
    assert_null(cursor_string(&c));
    assert_true(cursor_failed(&c));
    c = cursor_make(NULL, 0);
    assert_int_equal(cursor_uleb(&c), 0);
    assert_true(cursor_failed(&c));
}

struct uleb_case {
    uint8_t bytes[12];
    uint64_t size, value;
    bool fails;
};

static void uleb_numbers(void **state)
{
    (void)state;
    const struct uleb_case cases[] = {
        {{0}, 1, 0, false},
        {{0x7f}, 1, 127, false},
        {{0x80, 1}, 2, 128, false},
        {{0xe5, 0x8e, 0x26}, 3, 624485, false},
        {{0x80, 0x80, 0}, 3, 0, false}, /* longer than it needs to be, but fine */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 10, UINT64_MAX, false},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1}, 10, (uint64_t)1 << 63, false},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2}, 10, 0, true}, /* 65 bits */
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f}, 10, 0, true},
        {{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0}, 11, 0, true},
        {{0x80}, 1, 0, true}, /* cut off */
        {{0xff, 0xff}, 2, 0, true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t *copy = exact_copy(cases[i].bytes, cases[i].size);
        struct cursor c = cursor_make(copy, cases[i].size);
        uint64_t value = cursor_uleb(&c);
        if (cursor_failed(&c) != cases[i].fails)
            fail_msg("case %zu: failed is %d", i, cursor_failed(&c));
        if (!cases[i].fails) {
            assert_true(value == cases[i].value);
            assert_true(c.position == cases[i].size);
        }
        free(copy);
    }
}

static void strings_end_within_the_bounds(void **state)
{
    (void)state;
    uint8_t *copy = exact_copy("main\0\0open", 10);
    struct cursor c = cursor_make(copy, 10);
    assert_string_equal(cursor_string(&c), "main");
    assert_string_equal(cursor_string(&c), "");
    assert_int_equal(c.position, 6);
    assert_null(cursor_string(&c)); /* its zero would be beyond the end */
    assert_true(cursor_failed(&c));
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_little_endian),
        cmocka_unit_test(readers_stop_at_the_end),
        cmocka_unit_test(a_failed_cursor_stays_failed),
        cmocka_unit_test(taking_is_bounded),
        cmocka_unit_test(seeking_is_bounded),
        cmocka_unit_test(an_empty_cursor_needs_no_bytes),
        cmocka_unit_test(uleb_numbers),
        cmocka_unit_test(strings_end_within_the_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
