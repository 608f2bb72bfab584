/* Worker threads: every part once, errors in order, signals kept out. Also run with TSan. */
#include "base/parallel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

enum { PARTS_MAX = 64 };

struct tally {
    unsigned calls[PARTS_MAX]; /* each written by one part only */
    atomic_uint total;
};

static struct error *count(void *context, unsigned part)
{
    struct tally *tally = context;
    tally->calls[part]++;
    atomic_fetch_add(&tally->total, 1);
    return NULL;
}

static void every_part_runs_once(void **state)
{
    (void)state;
    for (unsigned parts = 0; parts <= PARTS_MAX; parts++) {
        struct tally tally = {0};
        assert_null(parallel_run(parts, count, &tally));
        assert_int_equal(tally.total, parts);
        for (unsigned i = 0; i < PARTS_MAX; i++)
            assert_int_equal(tally.calls[i], i < parts);
    }
}

static void too_many_parts_are_refused(void **state)
{
    (void)state;
    struct tally tally = {0};
    CLEANUP_ERROR struct error *error = parallel_run(PARTS_MAX + 1, count, &tally);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_LIMIT);
    assert_int_equal(tally.total, 0);
}

struct failures {
    uint64_t failing; /* bit per part */
    atomic_uint ran;
};

static struct error *fail_some(void *context, unsigned part)
{
    struct failures *failures = context;
    atomic_fetch_add(&failures->ran, 1);
    if (!((failures->failing >> part) & 1))
        return NULL;
    return error_format(part, "part %u", part);
}

/* The lowest part's error wins, the others are freed (ASan tells), and all parts have run. */
static void the_lowest_error_is_returned(void **state)
{
    (void)state;
    const uint64_t failing[] = {1, 2, 0x80, 0xf0, 0xff, 0x81, 0x10};
    for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++) {
        struct failures failures = {.failing = failing[i]};
        CLEANUP_ERROR struct error *error = parallel_run(8, fail_some, &failures);
        assert_non_null(error);
        assert_int_equal(error->offset, __builtin_ctzll(failing[i]));
        assert_int_equal(failures.ran, 8);
    }
}

struct threads {
    pthread_t caller;
    bool on_caller[4];
    bool usr1_blocked[4];
};

static struct error *look_at_thread(void *context, unsigned part)
{
    struct threads *threads = context;
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    threads->on_caller[part] = pthread_equal(pthread_self(), threads->caller);
    threads->usr1_blocked[part] = sigismember(&mask, SIGUSR1) == 1;
    return NULL;
}

static void workers_take_no_signals(void **state)
{
    (void)state;
    struct threads threads = {.caller = pthread_self()};
    assert_null(parallel_run(4, look_at_thread, &threads));
    assert_true(threads.on_caller[0]);
    assert_false(threads.usr1_blocked[0]);
    for (int i = 1; i < 4; i++)
        assert_true(threads.on_caller[i] || threads.usr1_blocked[i]);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGUSR1), 0); /* as before the call */
}

static void results_are_visible_to_the_caller(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct tally tally = {0};
        assert_null(parallel_run(4, count, &tally));
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(tally.calls[i], 1);
    }
}

static void processors_are_those_we_may_use(void **state)
{
    (void)state;
    unsigned all = parallel_processor_count();
    assert_true(all >= 1 && all <= PARTS_MAX);
    cpu_set_t before, one;
    assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
    CPU_ZERO(&one);
    for (unsigned i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, &before)) {
            CPU_SET(i, &one);
            break;
        }
    }
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(parallel_processor_count(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
    assert_int_equal(parallel_processor_count(), all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_part_runs_once),
        cmocka_unit_test(too_many_parts_are_refused),
        cmocka_unit_test(the_lowest_error_is_returned),
        cmocka_unit_test(workers_take_no_signals),
        cmocka_unit_test(results_are_visible_to_the_caller),
        cmocka_unit_test(processors_are_those_we_may_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
