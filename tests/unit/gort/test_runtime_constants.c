/* gort/runtime_constants.c: numbers read in the runtime's source, version by version. */
#include "gort/runtime_constants.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void special_kinds_by_version(void **state)
{
    (void)state;
    assert_int_equal(runtime_special_kind(15, 1), SPECIAL_FINALIZER);
    assert_int_equal(runtime_special_kind(15, 2), SPECIAL_PROFILE);
    assert_int_equal(runtime_special_kind(15, 3), SPECIAL_UNKNOWN);
    assert_int_equal(runtime_special_kind(19, 3), SPECIAL_REACHABLE);
    assert_int_equal(runtime_special_kind(19, 4), SPECIAL_UNKNOWN);
    assert_int_equal(runtime_special_kind(22, 4), SPECIAL_PIN_COUNTER);
    assert_int_equal(runtime_special_kind(23, 2), SPECIAL_WEAK_HANDLE);
    assert_int_equal(runtime_special_kind(23, 3), SPECIAL_PROFILE);
    assert_int_equal(runtime_special_kind(23, 6), SPECIAL_UNKNOWN);
    assert_int_equal(runtime_special_kind(24, 6), SPECIAL_CLEANUP);
    assert_int_equal(runtime_special_kind(25, 1), SPECIAL_TINY_BLOCK);
    assert_int_equal(runtime_special_kind(25, 2), SPECIAL_FINALIZER);
    assert_int_equal(runtime_special_kind(25, 4), SPECIAL_PROFILE);
    assert_int_equal(runtime_special_kind(25, 7), SPECIAL_CLEANUP);
    assert_int_equal(runtime_special_kind(25, 10), SPECIAL_UNKNOWN);
    assert_int_equal(runtime_special_kind(26, 10), SPECIAL_SECRET);
    assert_int_equal(runtime_special_kind(27, 0), SPECIAL_UNKNOWN);
    assert_int_equal(runtime_special_kind(27, 255), SPECIAL_UNKNOWN);
}

/* First, last and shifted ones of each version; the lists were compared in full with the source. */
static void wait_reasons_by_version(void **state)
{
    (void)state;
    static const struct {
        unsigned minor;
        uint8_t reason;
        const char *text;
    } known[] = {
        {15, 0, ""},
        {15, 26, "debug call"},
        {15, 27, NULL},
        {15, 14, "chan receive"},
        {19, 21, "timer goroutine (idle)"},
        {21, 21, "sync.Mutex.Lock"},
        {21, 31, "stopping the world"},
        {22, 36, "coroutine"},
        {23, 37, "GC weak to strong wait"},
        {24, 24, "sync.WaitGroup.Wait"},
        {24, 41, "chan receive (synctest)"},
        {24, 44, NULL},
        {25, 18, "GOMAXPROCS updater (idle)"},
        {25, 42, "chan receive (durable)"},
        {25, 46, "cleanup wait"},
        {26, 3, "dumping heap"},
        {26, 46, "cleanup wait"},
        {27, 18, "select"},
        {27, 47, NULL},
        {27, 255, NULL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *text = runtime_wait_reason(known[i].minor, known[i].reason);
        if (known[i].text)
            assert_string_equal(text, known[i].text);
        else
            assert_null(text);
    }
}

static void flags_by_version(void **state)
{
    (void)state;
    assert_false(runtime_mask_is_on_demand(23, 0x10));
    assert_true(runtime_mask_is_on_demand(24, 0x10));
    assert_true(runtime_is_direct(25, 0, 0x20 | 22));
    assert_false(runtime_is_direct(25, 0x20, 22));
    assert_true(runtime_is_direct(26, 0x20, 22));
    assert_false(runtime_is_direct(26, 0, 0x20 | 22));
    assert_true(runtime_map_key_is_indirect(23, 1));
    assert_false(runtime_map_key_is_indirect(24, 1));
    assert_true(runtime_map_key_is_indirect(24, 4));
    assert_true(runtime_map_element_is_indirect(23, 2));
    assert_true(runtime_map_element_is_indirect(27, 8));
    assert_false(runtime_has_inline_marks(8));
    assert_true(runtime_has_inline_marks(16));
    assert_true(runtime_has_inline_marks(512));
    assert_false(runtime_has_inline_marks(576));
}

static void tagged_pointers_unpack(void **state)
{
    (void)state;
    assert_int_equal(runtime_untag_amd64(0), 0);
    /* lfstackPack(0xc000012340, 5) on amd64 */
    assert_int_equal(runtime_untag_amd64(UINT64_C(0xc000012340) << 16 | 5), 0xc000012340);
    /* An address above the hole is sign-extended. */
    assert_int_equal(runtime_untag_amd64(UINT64_C(0xffff800000001000) << 16),
                     UINT64_C(0xffff800000001000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_kinds_by_version),
        cmocka_unit_test(wait_reasons_by_version),
        cmocka_unit_test(flags_by_version),
        cmocka_unit_test(tagged_pointers_unpack),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
