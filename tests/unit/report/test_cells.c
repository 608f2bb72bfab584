/* report/cells.c: foreign text cleaned, measured, shortened, cut. */
#include "report/cells.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/utf8.h"

static struct arena arena;

static void cleans(void **state)
{
    (void)state;
    const struct {
        const char *text, *utf8, *ascii;
    } cases[] = {
        {"main.f", "main.f", "main.f"},
        {"\033[2J", "\\x1b[2J", "\\x1b[2J"},
        {"a\nb\tc\r", "a\\nb\\tc\\x0d", "a\\nb\\tc\\x0d"},
        {"caf\xc3\xa9", "caf\xc3\xa9", "caf\\u00e9"},
        {"timers → f…", "timers → f…", "timers -> f..."},
        {"\xc0\xaf", "\\xc0\\xaf", "\\xc0\\xaf"},
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80"},
        {"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80", "\\xf4\\x90\\x80\\x80"},
        {"cut \xe2\x82", "cut \\xe2\\x82", "cut \\xe2\\x82"},
        {"\xc2\x9b", "\\u009b", "\\u009b"},
        {"\xe2\x80\xae", "\\u202e", "\\u202e"},
        {"e\xcc\x81", "e\\u0301", "e\\u0301"},
        {"\xf3\xa0\x80\x81", "\\U000e0001", "\\U000e0001"},
        {NULL, "", ""},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++) {
        assert_string_equal(cells_clean(&arena, cases[i].text, true), cases[i].utf8);
        assert_string_equal(cells_clean(&arena, cases[i].text, false), cases[i].ascii);
    }
}

static void leaves_out_the_middle_of_the_endless(void **state)
{
    (void)state;
    /* Characters of 1 to 4 bytes at every offset of the cut. */
    const char *characters[] = {"x", "é", "世", "😀"};
    for (unsigned c = 0; c < 4; c++) {
        for (unsigned shift = 0; shift < 5; shift++) {
            size_t length = strlen(characters[c]);
            char text[8000 * 4 + 8], *end = text;
            end = memset(end, 'a', shift);
            end += shift;
            for (unsigned i = 0; i < 8000; i++, end += length)
                memcpy(end, characters[c], length);
            *end = '\0';
            const char *clean = cells_clean(&arena, text, true);
            assert_true(strlen(clean) <= 4096 + 3);
            assert_non_null(strstr(clean, "…"));
            assert_null(strstr(clean, "\\x"));
        }
    }
}

static void measures(void **state)
{
    (void)state;
    assert_int_equal(cells_width(""), 0);
    assert_int_equal(cells_width("café"), 4);
    assert_int_equal(cells_width("世界"), 4);
    assert_int_equal(cells_width("→…█"), 3);
}

static void shortens_packages(void **state)
{
    (void)state;
    const struct {
        const char *text, *shorter;
    } cases[] = {
        {"main.f", "main.f"},
        {"github.com/acme/x/store.Session", "store.Session"},
        {"map[string]*github.com/acme/x/store.Session", "map[string]*store.Session"},
        {"map[net/url.URL][]a.b/c.T", "map[url.URL][]c.T"},
        {"main.Cache[github.com/a/b.K,int]", "main.Cache[b.K,int]"},
        {"gopkg.in/yaml%2ev3.(*Decoder).Decode", "yaml%2ev3.(*Decoder).Decode"},
        {"used by a/b.f, c/d.g", "used by b.f, d.g"},
        {"a / b", "a / b"},
        {"ends/", "ends/"},
        {"", ""},
    };
    for (unsigned i = 0; i < ARRAY_COUNT(cases); i++)
        assert_string_equal(cells_short_packages(&arena, cases[i].text), cases[i].shorter);
}

static void cuts(void **state)
{
    (void)state;
    assert_string_equal(cells_cut(&arena, "0123456789", 10, true), "0123456789");
    assert_string_equal(cells_cut(&arena, "0123456789", 9, true), "012…56789");
    assert_string_equal(cells_cut(&arena, "0123456789", 9, false), "01...6789");
    assert_string_equal(cells_cut(&arena, "0123456789", 1, true), "…");
    assert_string_equal(cells_cut(&arena, "0123456789", 0, true), "");
    assert_string_equal(cells_fit(&arena, "*github.com/acme/store.T", 8, true), "*store.T");
    /* Never wider than asked, also where characters are wide. */
    for (unsigned width = 0; width < 24; width++) {
        const char *cut = cells_cut(&arena, "a世界b世界c世界d世界", width, true);
        assert_true(cells_width(cut) <= width);
        cut = cells_cut(&arena, "0123456789", width, false);
        assert_true(cells_width(cut) <= width);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans),   cmocka_unit_test(leaves_out_the_middle_of_the_endless),
        cmocka_unit_test(measures), cmocka_unit_test(shortens_packages),
        cmocka_unit_test(cuts),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
