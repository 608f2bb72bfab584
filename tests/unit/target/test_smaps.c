#include <stdio.h>

#include "child.h"
#include "target/smaps.h"

static struct error *parse(const char *text, struct smaps *out)
{
    FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
    assert_non_null(file);
    struct error *error = smaps_parse(file, out);
    fclose(file);
    return error;
}

static const char sample[] =
    "00400000-00402000 r-xp 00000000 fe:00 1042                     /usr/bin/orders\n"
    "Size:                  8 kB\nRss:                   8 kB\nAnonymous:             0 kB\n"
    "Swap:                  0 kB\nVmFlags: rd ex mr mw me \n"
    "00402000-00403000 rw-p 00002000 fe:00 1042                     /usr/bin/orders\n"
    "Rss:                   4 kB\nAnonymous:             4 kB\nSwap:                  0 kB\n"
    "VmFlags: rd wr mr mw me ac \n"
    "c000000000-c000400000 rw-p 00000000 00:00 0                    [anon: Go: heap]\n"
    "Rss:                   0 kB\nAnonymous:             0 kB\nSwap:                 12 kB\n"
    "VmFlags: rd wr mr mw me ac sd \n"
    "7f0000000000-7f0000001000 rw-p 00000000 00:00 0 \n"
    "Rss:                   0 kB\nAnonymous:             0 kB\nSwap:                  0 kB\n"
    "VmFlags: rd wr dd \n"
    "7f0000001000-7f0000002000 rw-s 00000000 00:05 7                /dev/card\n"
    "Rss:                   4 kB\nVmFlags: rd wr sh io pf \n"
    "7f0000200000-7f0000400000 rw-p 00000000 00:0f 9                /anon_hugepage (deleted)\n"
    "Rss:                   0 kB\nPrivate_Hugetlb:    2048 kB\nVmFlags: rd wr ht \n";

static void test_details(void **state)
{
    (void)state;
    struct smaps smaps = {0};
    check_fine(parse(sample, &smaps));
    assert_int_equal(smaps.mappings.count, 6);
    assert_int_equal(smaps_bits_at(&smaps, 0x400000), 0);
    assert_int_equal(smaps_bits_at(&smaps, 0x401fff), 0);
    assert_int_equal(smaps_bits_at(&smaps, 0x402000), MAPPING_WRITTEN);
    assert_int_equal(smaps_bits_at(&smaps, 0xc000000000), MAPPING_WRITTEN);
    assert_int_equal(smaps_bits_at(&smaps, 0x7f0000000000), MAPPING_EMPTY | MAPPING_EXCLUDED);
    assert_int_equal(smaps_bits_at(&smaps, 0x7f0000001000), MAPPING_SHARED | MAPPING_DEVICE);
    assert_int_equal(smaps_bits_at(&smaps, 0x7f00003fffff), MAPPING_WRITTEN | MAPPING_HUGETLB);
    assert_int_equal(smaps_bits_at(&smaps, 0x403000), MAPPING_UNKNOWN);
    assert_int_equal(smaps_bits_at(&smaps, 0), MAPPING_UNKNOWN);
    assert_int_equal(smaps_bits_at(&smaps, UINT64_MAX), MAPPING_UNKNOWN);
    smaps_deinit(&smaps);
}

/* The kernel without smaps gives only maps. */
static void test_maps(void **state)
{
    (void)state;
    struct smaps smaps = {0};
    check_fine(parse("00400000-00402000 r-xp 00000000 fe:00 1042      /usr/bin/orders\n"
                     "00402000-00403000 rw-s 00000000 00:00 0\n",
                     &smaps));
    assert_int_equal(smaps_bits_at(&smaps, 0x400000), MAPPING_UNKNOWN);
    assert_int_equal(smaps_bits_at(&smaps, 0x402000), MAPPING_UNKNOWN | MAPPING_SHARED);
    smaps_deinit(&smaps);
}

static void test_damaged(void **state)
{
    (void)state;
    static const char *const damaged[] = {
        "00402000-00400000 r-xp 00000000 fe:00 1042\n",
        "00400000-00402000 r-x\n",
        "00400000 r-xp\n",
        "00400000-00402000 r-xp 0 0:0 0\n00401000-00403000 r-xp 0 0:0 0\n",
        "Rss: 4 kB\n00400000-00402000\n",
    };
    for (unsigned i = 0; i < ARRAY_COUNT(damaged); i++) {
        struct smaps smaps = {0};
        check_error(parse(damaged[i], &smaps), ERROR_FORMAT, "smaps is damaged");
        assert_null(smaps.mappings.data);
    }
    struct smaps smaps = {0};
    check_fine(parse("Rss: 4 kB\nnothing\n\n", &smaps));
    assert_int_equal(smaps.mappings.count, 0);
    smaps_deinit(&smaps);
}

static void test_own(void **state)
{
    (void)state;
    static char written[2 * 4096] = {1};
    struct smaps smaps = {0};
    written[4096] = 2;
    check_fine(smaps_read(getpid(), &smaps));
    assert_int_equal(smaps_bits_at(&smaps, (uint64_t)(uintptr_t)written) & MAPPING_WRITTEN,
                     MAPPING_WRITTEN);
    assert_int_equal(smaps_bits_at(&smaps, (uint64_t)(uintptr_t)&test_own) & MAPPING_SHARED, 0);
    smaps_deinit(&smaps);
    check_error(smaps_read(4194303, &smaps), ERROR_OS, "4194303");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_details),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
