/* Errors: what they carry, how a chain reads, and that nothing overruns or leaks. */
#include "base/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void assert_text(const struct error *error, const char *expected)
{
    char text[512];
    error_text(error, text, sizeof(text));
    assert_string_equal(text, expected);
}

static void each_kind_carries_its_detail(void **state)
{
    (void)state;
    CLEANUP_ERROR struct error *os = error_os(ENOENT, "cannot open %s", "core");
    assert_int_equal(os->kind, ERROR_OS);
    assert_int_equal(os->os_errno, ENOENT);
    CLEANUP_ERROR struct error *fault = error_fault(0xc000012345, "cannot read");
    assert_int_equal(fault->kind, ERROR_FAULT);
    assert_true(fault->address == 0xc000012345);
    CLEANUP_ERROR struct error *format = error_format(4096, "bad header");
    assert_int_equal(format->kind, ERROR_FORMAT);
    assert_true(format->offset == 4096);
    CLEANUP_ERROR struct error *usage = error_create(ERROR_USAGE, "no pid");
    assert_int_equal(usage->kind, ERROR_USAGE);
    assert_null(usage->cause);
}

static void memory_errors_say_how_much(void **state)
{
    (void)state;
    CLEANUP_ERROR struct error *some = error_memory(5u << 20);
    assert_int_equal(some->kind, ERROR_LIMIT);
    assert_text(some, "out of memory: 6 MiB more are needed");
    CLEANUP_ERROR struct error *most = error_memory(UINT64_MAX);
    assert_text(most, "out of memory: 17592186044416 MiB more are needed");
}

static void a_chain_reads_outermost_first(void **state)
{
    (void)state;
    struct error *error = error_os(EPERM, "cannot seize thread %d", 7);
    error = error_wrap(error, "cannot stop process %d", 6);
    error = error_wrap(error, "inspect");
    char expected[256];
    snprintf(expected, sizeof(expected),
             "inspect: cannot stop process 6: cannot seize thread 7: %s", strerror(EPERM));
    assert_text(error, expected);
    error_destroy(error);
}

static void wrapping_keeps_kind_and_details(void **state)
{
    (void)state;
    CLEANUP_ERROR struct error *fault = error_wrap(error_fault(0x1000, "a"), "b");
    assert_int_equal(fault->kind, ERROR_FAULT);
    assert_true(fault->address == 0x1000);
    assert_non_null(fault->cause);
    CLEANUP_ERROR struct error *format = error_wrap(error_format(77, "a"), "b");
    assert_int_equal(format->kind, ERROR_FORMAT);
    assert_true(format->offset == 77);
    CLEANUP_ERROR struct error *os = error_wrap(error_os(EIO, "a"), "b");
    assert_int_equal(os->kind, ERROR_OS);
    assert_int_equal(os->os_errno, EIO);
}

static void an_os_error_without_errno_adds_nothing(void **state)
{
    (void)state;
    CLEANUP_ERROR struct error *error = error_os(0, "process 12 has exited");
    assert_text(error, "process 12 has exited");
}

/* Every buffer size from 0 up: always terminated, never a byte beyond, always a prefix. */
static void text_is_cut_to_its_buffer(void **state)
{
    (void)state;
    CLEANUP_ERROR struct error *error =
        error_wrap(error_os(ENOMEM, "the inner sentence"), "the outer sentence");
    char whole[256];
    error_text(error, whole, sizeof(whole));
    for (uint64_t size = 0; size <= strlen(whole) + 2; size++) {
        char buffer[260];
        memset(buffer, '#', sizeof(buffer));
        error_text(error, buffer, size);
        for (uint64_t i = size; i < sizeof(buffer); i++)
            assert_int_equal(buffer[i], '#');
        if (!size)
            continue;
        assert_non_null(memchr(buffer, 0, size));
        assert_int_equal(strncmp(whole, buffer, strlen(buffer)), 0);
        assert_true(strlen(buffer) == size - 1 || !strcmp(buffer, whole));
    }
}

static void no_error_has_no_text(void **state)
{
    (void)state;
    assert_text(NULL, "");
    error_destroy(NULL);
}

static void a_long_chain_is_freed_and_fits(void **state)
{
    (void)state;
    struct error *error = error_create(ERROR_FORMAT, "root");
    for (int i = 0; i < 100000; i++)
        error = error_wrap(error, "step %d", i);
    char text[64];
    error_text(error, text, sizeof(text));
    assert_int_equal(strncmp(text, "step 99999: step 99998", 22), 0);
    assert_int_equal(strlen(text), sizeof(text) - 1);
    error_destroy(error);
}

static struct error *fails_when(int condition)
{
    return condition ? error_create(ERROR_LIMIT, "as asked") : NULL;
}

static struct error *tries(int condition, int *out_went_on)
{
    TRY(fails_when(condition));
    *out_went_on = 1;
    return NULL;
}

static void try_returns_the_error_or_goes_on(void **state)
{
    (void)state;
    int went_on = 0;
    assert_null(tries(0, &went_on));
    assert_int_equal(went_on, 1);
    went_on = 0;
    CLEANUP_ERROR struct error *error = tries(1, &went_on);
    assert_non_null(error);
    assert_int_equal(went_on, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_carries_its_detail),
        cmocka_unit_test(memory_errors_say_how_much),
        cmocka_unit_test(a_chain_reads_outermost_first),
        cmocka_unit_test(wrapping_keeps_kind_and_details),
        cmocka_unit_test(an_os_error_without_errno_adds_nothing),
        cmocka_unit_test(text_is_cut_to_its_buffer),
        cmocka_unit_test(no_error_has_no_text),
        cmocka_unit_test(a_long_chain_is_freed_and_fits),
        cmocka_unit_test(try_returns_the_error_or_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
