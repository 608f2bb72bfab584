/* report/markdown.c: pages on a terminal. */
#include "report/markdown.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void shows(const char *text, const struct text_style *style, const char *expected)
{
    char *shown = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&shown, &size);
    assert_non_null(out);
    assert_null(markdown_write_text(text, style, out));
    fclose(out);
    assert_string_equal(shown, expected);
    free(shown);
}

static void wraps_what_is_text(void **state)
{
    (void)state;
    const struct text_style narrow = {.columns = 40};
    shows("# one-id: a title\n\nClass: permanent.\n", &narrow,
          "one-id: a title\n\nClass: permanent.\n");
    shows("Lines of a paragraph\nare joined and broken\nanew at the right edge.\n", &narrow,
          "Lines of a paragraph are joined and\nbroken anew at the right edge.\n");
    shows("- the first item, which is long\n  and goes on\n- the second\n\nAfter it.\n", &narrow,
          "  - the first item, which is long and\n    goes on\n  - the second\n\nAfter it.\n");
    shows("## What it is\ntext behind it\n", &narrow, "WHAT IT IS\ntext behind it\n");
    /* A word is broken nowhere, and one that does not fit stands alone. */
    shows("a-word-of-more-than-forty-columns-which-does-not-fit it\n", &narrow,
          "a-word-of-more-than-forty-columns-which-does-not-fit\nit\n");
    /* A comma behind code belongs to it. */
    shows("Thirty-five columns of text and 1 `word`, more\n", &narrow,
          "Thirty-five columns of text and 1 word,\nmore\n");
    shows("Thirty-seven columns of text and 1.. `word`, more\n", &narrow,
          "Thirty-seven columns of text and 1..\nword, more\n");
}

static void keeps_what_is_code(void **state)
{
    (void)state;
    const struct text_style narrow = {.columns = 40};
    shows(
        "Before:\n\n```go 1.21\nif a[i] == `x` {\n\tclear(m) // **all** of [it](x)\n\n\t\treturn\n"
        "}\n```\n\nAfter.\n",
        &narrow,
        "Before:\n\n    if a[i] == `x` {\n        clear(m) // **all** of [it](x)\n\n"
        "            return\n    }\n\nAfter.\n");
}

static void leaves_out_marks(void **state)
{
    (void)state;
    const struct text_style plain = {.columns = 80};
    shows("See [other-id](other-id.md), the [site](https://go.dev) and `s[i](x)` **now**.\n",
          &plain, "See other-id, the site (https://go.dev) and s[i](x) now.\n");
    /* What is no mark stays. */
    shows("2 * 3, a [part], a ` alone\n", &plain, "2 * 3, a [part], a ` alone\n");
    const struct text_style color = {.columns = 80, .color = true};
    shows("# the id\n\nThe `Get of it`, **all** done\n", &color,
          "\033[1mthe id\033[0m\n\nThe \033[36mGet of it\033[0m, \033[1mall\033[0m done\n");
}

static void fits_terminals_without_utf8(void **state)
{
    (void)state;
    const struct text_style ascii = {.columns = 80};
    const struct text_style utf8 = {.columns = 80, .utf8 = true};
    shows("```\na \xe2\x86\x92 b \xe2\x80\xa6\n```\n", &ascii, "    a -> b ...\n");
    shows("```\na \xe2\x86\x92 b \xe2\x80\xa6\n```\n", &utf8,
          "    a \xe2\x86\x92 b \xe2\x80\xa6\n");
}

static void tells_that_it_cannot_write(void **state)
{
    (void)state;
    FILE *out = fopen("/dev/full", "w");
    assert_non_null(out);
    const struct text_style plain = {.columns = 80};
    struct error *error = markdown_write_text("text\n", &plain, out);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_OS);
    error_destroy(error);
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wraps_what_is_text),         cmocka_unit_test(keeps_what_is_code),
        cmocka_unit_test(leaves_out_marks),           cmocka_unit_test(fits_terminals_without_utf8),
        cmocka_unit_test(tells_that_it_cannot_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
