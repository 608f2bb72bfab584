/* report/text.c against golden outputs, and what must hold for every model in every style. */
#include "report/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "golden.h"
#include "models.h"
#include "report/cells.h"
#include "report/utf8.h"

static char *write_text(void (*make)(struct report *), struct text_style style)
{
    struct report report;
    report_init(&report);
    make(&report);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_null(report_write_text(&report, &style, out));
    fclose(out);
    report.phases = NULL;
    report_deinit(&report);
    return text;
}

static void golden_outputs_are_as_they_were(void **state)
{
    (void)state;
    const struct {
        const char *suffix;
        struct text_style style;
    } styles[] = {
        {"", {100, true, false, 10}},      {"-ascii", {100, false, false, 10}},
        {"-color", {100, true, true, 10}}, {"-80", {80, true, false, 10}},
        {"-60", {60, true, false, 10}},    {"-top2", {100, true, false, 2}},
    };
    int failed = 0;
    for (unsigned m = 0; m < ARRAY_COUNT(models); m++) {
        for (unsigned s = 0; s < ARRAY_COUNT(styles); s++) {
            if (m && s > 1) /* the other styles are for the model that people look at */
                break;
            char name[128];
            snprintf(name, sizeof(name), "report/%s%s.txt", models[m].name, styles[s].suffix);
            char *text = write_text(models[m].make, styles[s].style);
            failed += !golden_matches(name, text);
            free(text);
        }
    }
    assert_int_equal(failed, 0);
}

/* Nothing but what we ourselves write may reach a terminal, no line may be too wide. */
static void check_line(const char *line, size_t length, const struct text_style *style,
                       const char *model)
{
    char copy[8192];
    size_t out = 0;
    for (size_t i = 0; i < length && out + 4 < sizeof(copy); i++) {
        if (style->color && line[i] == '\033') {
            size_t code = strspn(line + i + 1, "[0123456789;");
            assert_true(code > 0 && line[i + 1 + code] == 'm');
            i += 1 + code;
            continue;
        }
        copy[out++] = line[i];
    }
    copy[out] = '\0';
    for (const char *next = copy; *next;) {
        uint32_t character;
        next += utf8_decode(next, &character);
        assert_true(utf8_is_visible(character));
        assert_true(style->utf8 || character < 0x80);
    }
    assert_true(out == 0 || copy[out - 1] != ' ');
    if (cells_width(copy) > style->columns)
        fail_msg("%s, %u columns: %s", model, style->columns, copy);
}

static void every_line_is_clean_and_fits(void **state)
{
    (void)state;
    for (unsigned m = 0; m < ARRAY_COUNT(models); m++) {
        for (unsigned columns = strcmp(models[m].name, "huge") == 0 ? 100 : 50; columns <= 200;
             columns += 7) {
            for (unsigned bits = 0; bits < 4; bits++) {
                struct text_style style = {columns, bits & 1, bits & 2, 10};
                char *text = write_text(models[m].make, style);
                for (char *line = text; *line;) {
                    size_t length = strcspn(line, "\n");
                    check_line(line, length, &style, models[m].name);
                    line += length + 1;
                }
                free(text);
            }
        }
    }
}

/* The answer stands in the first 25 lines, who holds the rest in the 40 after the top. */
static void first_screen_has_the_answer(void **state)
{
    (void)state;
    char *text = write_text(model_normal, (struct text_style){100, true, false, 10});
    char *end = text, *middle = NULL;
    for (unsigned i = 0; i < 40 && end; i++) {
        end = strchr(end + 1, '\n');
        middle = i < 25 ? end : middle;
    }
    assert_non_null(end);
    *middle = '\0';
    assert_non_null(strstr(text, "goroutine-leak, proven, permanent"));
    assert_non_null(strstr(text, "fix: give the channel room for one value"));
    *middle = '\n';
    *end = '\0';
    assert_non_null(strstr(text, "main.sessions"));
    assert_non_null(strstr(text, "402 MiB"));
    assert_non_null(strstr(text, "main.cache + main.index (together)"));
    assert_non_null(strstr(text, ".sessions map[string]*orders.Session → [value] "));
    free(text);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct report report;
    report_init(&report);
    model_normal(&report);
    FILE *out = fopen("/dev/full", "we");
    assert_non_null(out);
    struct text_style style = {0};
    struct error *error = report_write_text(&report, &style, out);
    assert_non_null(error);
    assert_int_equal(error->kind, ERROR_OS);
    error_destroy(error);
    fclose(out);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_outputs_are_as_they_were),
        cmocka_unit_test(every_line_is_clean_and_fits),
        cmocka_unit_test(first_screen_has_the_answer),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
