/* report/table.c: alignment, columns left out, names cut, whole tables in mind. */
#include "report/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct table_column columns[] = {
    {.title = "NAME"},
    {.title = "bytes", .right = true},
    {.title = "objects", .right = true, .from = 50},
    {.title = "type"},
};

static void check(struct table_row *rows, uint64_t count, unsigned width, const char *expected)
{
    char *text = NULL;
    size_t size = 0;
    struct arena arena;
    arena_init(&arena);
    struct lines lines = {
        .out = open_memstream(&text, &size), .style = {.columns = width}, .arena = &arena};
    table_write(&lines, columns, ARRAY_COUNT(columns), rows, count);
    fclose(lines.out);
    assert_string_equal(text, expected);
    free(text);
    arena_deinit(&arena);
}

static void aligns(void **state)
{
    (void)state;
    struct table_row rows[] = {
        {.cells = {"main.a", "1 B", "1,204", "[]int"}, .below = {"more", NULL}, .below_at = 4},
        {.cells = {"main.long", "100 KiB", "7", NULL}},
    };
    check(rows, 2, 60,
          "NAME         bytes  objects  type\n"
          "main.a         1 B    1,204  []int\n"
          "    more\n"
          "main.long  100 KiB        7\n");
    check(rows, 2, 49, /* the objects go */
          "NAME         bytes  type\n"
          "main.a         1 B  []int\n"
          "    more\n"
          "main.long  100 KiB\n");
}

static void leaves_out_empty_columns(void **state)
{
    (void)state;
    struct table_row rows[] = {{.cells = {"main.a", "1 B", NULL, ""}}};
    check(rows, 1, 60,
          "NAME    bytes\n"
          "main.a    1 B\n");
}

static void shortens_then_cuts(void **state)
{
    (void)state;
    struct table_row rows[] = {
        {.cells = {"a/b/c.first", "1 B", "", "*github.com/acme/shop/store.Session"}},
        {.cells = {"a/b/c.second", "2 B", "", "int"}},
    };
    struct table_row again[] = {rows[0], rows[1]};
    check(rows, 2, 40,
          "NAME      bytes  type\n"
          "c.first     1 B  *store.Session\n"
          "c.second    2 B  int\n");
    check(again, 2, 28,
          "NAME      bytes  type\n"
          "c.first     1 B  *st...ssion\n"
          "c.second    2 B  int\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(aligns),
        cmocka_unit_test(leaves_out_empty_columns),
        cmocka_unit_test(shortens_then_cuts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
