/* /proc/PID/maps as the kernel writes it, and lines that it would never write. */
#include "target/maps.h"

#include "child.h"

static struct error *parse(struct target *target, const char *text)
{
    *target = (struct target){0};
    return maps_parse(target, text);
}

static void clean(struct target *target)
{
    vector_deinit(&target->segments);
    arena_deinit(&target->arena);
}

static void test_real_lines(void **state)
{
    (void)state;
    struct target target;
    check_fine(parse(
        &target,
        "00400000-00481000 r-xp 00000000 fe:00 5121                       /srv/a b (deleted)\n"
        "00481000-00525000 r--p 00081000 fe:00 5121                       /srv/a b (deleted)\n"
        "c000000000-c001800000 rw-p 00000000 00:00 0                      [anon: Go: heap]\n"
        "c001800000-c004000000 ---p 00000000 00:00 0 \n"
        "7fff8f393000-7fff8f3b4000 rw-p 00000000 00:00 0                  [stack]\n"
        "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0          [vsyscall]\n"));
    assert_int_equal(target.segments.count, 6);
    const struct target_segment *s = target.segments.data;
    assert_int_equal(s[1].start, 0x481000);
    assert_int_equal(s[1].end, 0x525000);
    assert_int_equal(s[1].file_offset, 0x81000);
    assert_string_equal(s[1].path, "/srv/a b (deleted)");
    assert_ptr_equal(s[0].path, s[1].path); /* stored once */
    assert_true(s[0].readable && !s[0].writable && s[0].executable);
    assert_true(!s[3].readable && !s[3].writable && !s[3].executable);
    assert_string_equal(s[3].path, "");
    assert_true(s[5].end == 0xffffffffff601000u);
    assert_false(maps_is_anonymous(&s[0]));
    assert_true(maps_is_anonymous(&s[2]));
    assert_true(maps_is_anonymous(&s[3]));
    assert_true(maps_is_anonymous(&s[4]));
    assert_false(maps_is_anonymous(&s[5]));
    clean(&target);
}

static void test_damaged_lines(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "00400000",
        "00400000-",
        "00400000-00401000",
        "00400000-00401000 r-x",
        "00400000-00401000 r-xp ",
        "00400000-00401000 r-xp zz 00:00 0\n",
        "00401000-00400000 r-xp 00000000 00:00 0\n",
        "11111111111111111-00400000 r-xp 00000000 00:00 0\n",
        "-00400000 r-xp 00000000 00:00 0\n",
        "\n",
        "00400000-00402000 r-xp 00000000 00:00 0\n00401000-00403000 r-xp 00000000 00:00 0\n",
    };
    struct target target;
    for (unsigned i = 0; i < ARRAY_COUNT(texts); i++) {
        check_error(parse(&target, texts[i]), ERROR_FORMAT, "is damaged");
        clean(&target);
    }
    check_fine(parse(&target, ""));
    clean(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_lines),
        cmocka_unit_test(test_damaged_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
