/* GC programs: each instruction, limits, damage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "gort/gc_program.h"

static void expect(const uint8_t *program, uint64_t size, uint64_t bits, const char *expected)
{
    uint8_t *mask = calloc((bits + 7) / 8 + !bits, 1);
    assert_non_null(mask);
    assert_null(gc_program_expand(program, size, bits, mask));
    for (uint64_t i = 0; i < bits; i++)
        assert_int_equal((mask[i / 8] >> (i % 8)) & 1, expected[i] - '0');
    free(mask);
}

static void literal_bits(void **state)
{
    (void)state;
    const uint8_t five[] = {5, 0x15, 0};
    expect(five, sizeof(five), 5, "10101");
    expect(five, sizeof(five), 8, "10101000");
    const uint8_t ten[] = {10, 0xff, 0x02, 0};
    expect(ten, sizeof(ten), 10, "1111111101");
    const uint8_t two_parts[] = {3, 0x5, 4, 0x3, 0};
    expect(two_parts, sizeof(two_parts), 7, "1011100");
}

static void repeats(void **state)
{
    (void)state;
    const uint8_t last_two[] = {3, 0x5, 0x82, 3, 0}; /* 101, then 01 three times */
    expect(last_two, sizeof(last_two), 9, "101010101");
    const uint8_t long_form[] = {1, 1, 0x80, 1, 6, 0};
    expect(long_form, sizeof(long_form), 7, "1111111");
    const uint8_t many[] = {2, 1, 0x82, 0x80, 0x01, 0}; /* 128 times */
    expect(many, sizeof(many), 12, "101010101010");
}

static void stops_at_the_last_bit(void **state)
{
    (void)state;
    const uint8_t endless[] = {1, 1, 0x81, 0xff, 0xff, 0xff, 0xff, 0x7f};
    expect(endless, sizeof(endless), 17, "11111111111111111");
}

static void refuses_damage(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[12], size;
    } programs[] = {
        {{0}, 0},                /* nothing at all */
        {{20, 1}, 2},            /* literal cut off */
        {{0x81, 5, 0}, 3},       /* repeats before anything is there */
        {{1, 1, 0x85, 3, 0}, 5}, /* five bits back, one is there */
        {{1, 1, 0x81}, 3},       /* no count */
        {{1, 1, 0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 12},
    };
    for (uint64_t i = 0; i < ARRAY_COUNT(programs); i++) {
        uint8_t mask[64] = {0};
        struct error *error = gc_program_expand(programs[i].bytes, programs[i].size, 512, mask);
        assert_non_null(error);
        assert_int_equal(error->kind, ERROR_FORMAT);
        error_destroy(error);
    }
}

static void random_bytes_stay_within_bounds(void **state)
{
    (void)state;
    uint64_t random = 7;
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t size = round % 40;
        uint8_t *program = malloc(size + 1), *mask = calloc(100, 1); /* exact, for ASan */
        assert_true(program && mask);
        for (uint64_t i = 0; i < size; i++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            program[i] = (uint8_t)(random >> 56);
        }
        program = realloc(program, size + !size);
        error_destroy(gc_program_expand(program, size, 799, mask));
        free(program);
        free(mask);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_bits),
        cmocka_unit_test(repeats),
        cmocka_unit_test(stops_at_the_last_bit),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(random_bytes_stay_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
