/* report/text_path.c: the way into a holder, at every width. */
#include "report/text_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "report/cells.h"

static struct arena arena;

static const char *path(struct report_step *steps, uint32_t count, unsigned width)
{
    struct lines lines = {.style = {.columns = 100, .utf8 = true}, .arena = &arena};
    struct report_holder holder = {
        .name = "main.hub", .kind = "global", .path = steps, .path_count = count};
    return text_path(&lines, &holder, width);
}

static void begins_after_the_holder(void **state)
{
    (void)state;
    struct report_step steps[] = {
        {.name = "main.hub", .type = "*main.registry", .edge = ".sessions"},
        {.name = ".sessions", .type = "map[string]*a/b.Session", .edge = "[value]", .address = 1},
        {.name = "[value]", .type = "*a/b.Session", .type_guessed = true, .edge = "", .address = 2},
    };
    assert_null(path(steps, 0, 90));
    assert_null(path(steps, 1, 90));
    assert_string_equal(path(steps, 3, 90),
                        ".sessions map[string]*a/b.Session → [value] *a/b.Session?");
    assert_string_equal(path(steps, 3, 56),
                        ".sessions map[string]*b.Session → [value] *b.Session?");
    /* A group's first step is not the group itself. */
    steps[0].name = "main.worker.buffer";
    steps[0].address = 7;
    assert_string_equal(path(steps, 2, 90), "main.worker.buffer *main.registry → .sessions "
                                            "map[string]*a/b.Session");
}

static void folds_lists(void **state)
{
    (void)state;
    struct report_step steps[9] = {{.name = "main.hub", .edge = ".head"}};
    for (unsigned i = 1; i < 9; i++)
        steps[i] = (struct report_step){.type = "*main.node", .edge = ".next", .address = i};
    steps[8].type = "*main.end";
    assert_string_equal(path(steps, 9, 90),
                        ".head *main.node → .next *main.node → … → .next *main.end");
    assert_string_equal(path(steps, 8, 90), ".head *main.node → .next *main.node → …");
}

static void fits_every_width(void **state)
{
    (void)state;
    char names[12][16];
    struct report_step steps[12];
    for (unsigned i = 0; i < 12; i++) {
        snprintf(names[i], sizeof(names[i]), ".field%u", i);
        steps[i] = (struct report_step){
            .name = names[i], .type = "map[string]*main.T", .edge = "", .address = i + 1};
    }
    for (unsigned width = 1; width < 400; width++) {
        const char *text = path(steps, 12, width);
        assert_true(cells_width(text) <= width);
        if (width < 70)
            continue;
        /* Where it is from and where it leads stays. */
        assert_ptr_equal(strstr(text, ".field0 "), text);
        assert_non_null(strstr(text, ".field11 "));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(begins_after_the_holder),
        cmocka_unit_test(folds_lists),
        cmocka_unit_test(fits_every_width),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_deinit(&arena);
    return failed;
}
