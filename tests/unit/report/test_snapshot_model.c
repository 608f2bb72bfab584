/* Every report made by hand is written alike before and after it was in a snapshot: as text and as
 * JSON, so that a member of the model that the snapshot forgets is missed here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "models.h"
#include "report/json.h"
#include "report/snapshot_model.h"
#include "report/text.h"

static char *written(const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    struct text_style style = {.columns = 100, .utf8 = true, .top = 1000};
    assert_non_null(out);
    assert_null(report_write_text(report, &style, out));
    assert_null(report_write_json(report, "1.2.3", out));
    fclose(out);
    return text;
}

static void reports_come_back(void **state)
{
    (void)state;
    unsigned long compared = 0;
    for (unsigned m = 0; m < ARRAY_COUNT(models); m++) {
        struct report report, copy;
        struct snapshot_bytes bytes = {0};
        report_init(&report);
        report_init(&copy);
        models[m].make(&report);
        report.drift = (struct report_drift){true, 1, 2, 3, 4, 5, 6, 7, 8};
        report.target.copy_bytes = 9;
        report.target.has_copy_bytes = true;
        report.phase_count = 0; /* leakhound's own stays with the run */
        report.peak_memory_bytes = 0;
        assert_null(snapshot_put_report(&bytes, &report));
        struct cursor cursor = cursor_make(bytes.data.data, bytes.data.count);
        assert_null(snapshot_take_report(&cursor, 1 << 24, &copy));
        char *expected = written(&report), *found = written(&copy);
        assert_string_equal(found, expected);
        compared += strlen(expected);
        free(expected);
        free(found);
        snapshot_bytes_deinit(&bytes);
        report_deinit(&report);
        report_deinit(&copy);
    }
    assert_true(compared > 10000);
}

static void collections_come_back(void **state)
{
    (void)state;
    struct report report, copy;
    struct snapshot_bytes bytes = {0};
    report_init(&report);
    report_init(&copy);
    ADD(&report.collections, (struct report_collection){"main.a", "main.key", ".byID[value]", "map",
                                                        "map[int]int", "func", 1, 2, 3, 4, 5});
    report.collections_cut = true;
    assert_null(snapshot_put_collections(&bytes, &report));
    struct cursor cursor = cursor_make(bytes.data.data, bytes.data.count);
    assert_false(copy.has_collections);
    assert_null(snapshot_take_collections(&cursor, 1 << 20, &copy));
    assert_true(copy.has_collections);
    assert_true(copy.collections_cut);
    assert_int_equal(copy.collections.count, 1);
    const struct report_collection *c = &copy.collections.data[0];
    const char *texts[] = {c->holder, c->holder_key, c->path, c->kind, c->type, c->element};
    const char *expected[] = {"main.a", "main.key", ".byID[value]", "map", "map[int]int", "func"};
    for (unsigned i = 0; i < ARRAY_COUNT(texts); i++)
        assert_string_equal(texts[i], expected[i]);
    const uint64_t numbers[] = {c->count, c->entries, c->capacity, c->bytes, c->retained_bytes};
    for (unsigned i = 0; i < ARRAY_COUNT(numbers); i++)
        assert_int_equal(numbers[i], i + 1);
    snapshot_bytes_deinit(&bytes);
    report_deinit(&report);
    report_deinit(&copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reports_come_back),
                                       cmocka_unit_test(collections_come_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
