/* Bitsets: against an array of bools, and exactly as many words as the bits need. */
#include "base/bitset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

static void words_for_bits(void **state)
{
    (void)state;
    assert_int_equal(bitset_words(0), 0);
    assert_int_equal(bitset_words(1), 1);
    assert_int_equal(bitset_words(63), 1);
    assert_int_equal(bitset_words(64), 1);
    assert_int_equal(bitset_words(65), 2);
    assert_true(bitset_words((uint64_t)1 << 40) == (uint64_t)1 << 34);
}

static void bits_are_independent(void **state)
{
    (void)state;
    enum { BITS = 1000 };
    uint64_t *set = calloc(bitset_words(BITS), sizeof(*set)); /* exact, for ASan */
    assert_non_null(set);
    bool truth[BITS] = {false};
    uint64_t random = 42;
    for (int step = 0; step < 20000; step++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        uint64_t bit = (random >> 40) % BITS;
        if (random >> 63)
            bitset_set(set, bit);
        else
            bitset_clear(set, bit);
        truth[bit] = random >> 63;
        uint64_t probe = (random >> 20) % BITS;
        assert_int_equal(bitset_get(set, probe), truth[probe]);
    }
    for (uint64_t i = 0; i < BITS; i++)
        assert_int_equal(bitset_get(set, i), truth[i]);
    free(set);
}

static void the_last_bit_of_a_word(void **state)
{
    (void)state;
    uint64_t set[2] = {0, 0};
    bitset_set(set, 63);
    assert_true(set[0] == (uint64_t)1 << 63);
    bitset_set(set, 63);
    bitset_set(set, 64);
    assert_int_equal(set[1], 1);
    bitset_clear(set, 63);
    bitset_clear(set, 63);
    assert_int_equal(set[0], 0);
    assert_int_equal(set[1], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_for_bits),
        cmocka_unit_test(bits_are_independent),
        cmocka_unit_test(the_last_bit_of_a_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
