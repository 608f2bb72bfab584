/* Edges sorted into blocks of targets: all there, each in its block. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "graph/arrivals.h"
#include "random_graph.h"

static void check(uint32_t targets, uint64_t count, unsigned threads)
{
    struct pair_list list = {0};
    uint64_t sum = 0, found = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t source = random_below(UINT32_MAX), target = random_below(targets);
        must(pair_list_push(&list, source, target));
        sum += (uint64_t)source * (target + 1);
    }
    struct arrivals arrivals;
    must(arrivals_sort(&list, targets, threads, &arrivals));
    assert_int_equal(arrivals.count, count);
    assert_int_equal(arrivals.begin[0], 0);
    assert_int_equal(arrivals.begin[arrivals.block_count], count);
    assert_true((uint64_t)(targets - 1) >> arrivals.shift < arrivals.block_count);
    for (uint64_t block = 0; block < arrivals.block_count; block++) {
        assert_true(arrivals.begin[block] <= arrivals.begin[block + 1]);
        for (uint64_t i = arrivals.begin[block]; i < arrivals.begin[block + 1]; i++) {
            assert_int_equal(arrivals.pairs[i].b >> arrivals.shift, block);
            found += (uint64_t)arrivals.pairs[i].a * (arrivals.pairs[i].b + 1);
        }
    }
    assert_true(found == sum);
    assert_int_equal(list.chunks.count, 0);
    arrivals_deinit(&arrivals);
}

static void every_edge_is_in_the_block_of_its_target(void **state)
{
    (void)state;
    for (unsigned threads = 1; threads <= 9; threads += 4) {
        check(1, 0, threads);
        check(1, 5, threads);
        check(1000, 3, threads);
        check(70000, 1000000, threads);
        check(3000000, 500000, threads);
        check(UINT32_MAX, 1000, threads);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_edge_is_in_the_block_of_its_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
