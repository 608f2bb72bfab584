/* report/case_pages.c: a page for each detector, and the page that was meant. */
#include "report/case_pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "detect/detect.h"

static void every_detector_has_a_page(void **state)
{
    (void)state;
    assert_non_null(detectors[0]);
    for (unsigned i = 0; detectors[i]; i++) {
        const struct case_page *page = case_page_find(detectors[i]->id);
        if (!page)
            fail_msg("no docs/cases/%s.md", detectors[i]->id);
        assert_string_equal(page->id, detectors[i]->id);
        /* The third line is "Class: permanent. Affects: …"; it may name both. */
        const char *line = strstr(page->text, "\nClass: ");
        assert_non_null(line);
        char *heads = strndup(line + 1, strcspn(line + 1, "\n"));
        if (!strstr(heads, finding_class_name(detectors[i]->class)))
            fail_msg("docs/cases/%s.md: not %s", page->id, finding_class_name(detectors[i]->class));
        free(heads);
    }
}

static void pages_are_whole(void **state)
{
    (void)state;
    assert_true(case_page_count >= 18);
    for (uint32_t i = 0; i < case_page_count; i++) {
        const struct case_page *page = &case_pages[i];
        char title[256];
        snprintf(title, sizeof(title), "# %s: %s\n", page->id, page->summary);
        assert_ptr_equal(strstr(page->text, title), page->text);
        assert_non_null(strstr(page->text, "\n## When it is not a leak\n"));
        assert_true(i == 0 || strcmp(case_pages[i - 1].id, page->id) < 0);
        assert_ptr_equal(case_page_find(page->id), page);
    }
    assert_null(case_page_find("map-never-shrink"));
    assert_null(case_page_find(""));
}

static void nearest_is(const char *word, const char *id)
{
    const struct case_page *page = case_page_nearest(word);
    if (!page || strcmp(page->id, id) != 0)
        fail_msg("%s: got %s, expected %s", word, page ? page->id : "none", id);
}

static void finds_what_was_meant(void **state)
{
    (void)state;
    nearest_is("map-never-shrink", "map-never-shrinks");
    nearest_is("map-nevr-shrnks", "map-never-shrinks");
    nearest_is("Map_Never Shrinks", "map-never-shrinks");
    nearest_is("syncmap", "syncmap-stale-keys");
    nearest_is("stale-keys", "syncmap-stale-keys");
    nearest_is("subtring-pined", "substring-pinned");
    nearest_is("subslice", "subslice-pinned");
    nearest_is("pool", "pool-bloat");
    nearest_is("pool-blaot", "pool-bloat");
    nearest_is("map-nevr", "map-never-shrinks");
    nearest_is("synmap", "syncmap-stale-keys");
    assert_null(case_page_nearest("xyzzy"));
    assert_null(case_page_nearest(""));
    char longest[1000];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_null(case_page_nearest(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_detector_has_a_page),
        cmocka_unit_test(pages_are_whole),
        cmocka_unit_test(finds_what_was_meant),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
