/* report/json.c: golden outputs, and an independent reader (Python's) that finds every key of the
 * schema. */
#include "report/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "golden.h"
#include "models.h"

static char *write_json(void (*make)(struct report *))
{
    struct report report;
    report_init(&report);
    make(&report);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    assert_null(report_write_json(&report, "1.2.3", out));
    fclose(out);
    report_deinit(&report);
    return text;
}

static void golden_outputs_are_as_they_were(void **state)
{
    (void)state;
    int failed = 0;
    for (unsigned m = 0; m < ARRAY_COUNT(models); m++) {
        if (strcmp(models[m].name, "hostile") == 0) /* too long for people to read */
            continue;
        char name[128];
        snprintf(name, sizeof(name), "report/%s.json", models[m].name);
        char *text = write_json(models[m].make);
        failed += !golden_matches(name, text);
        free(text);
    }
    assert_int_equal(failed, 0);
}

static void python_reads_it_and_finds_the_keys(void **state)
{
    (void)state;
    char script[8192], command[8400];
    golden_path("report/check-json", script, sizeof(script));
    if (system("python3 -c '' 2>/dev/null") != 0) {
        puts("# there is no python3");
        skip();
    }
    snprintf(command, sizeof(command), "python3 '%s'", script);
    for (unsigned m = 0; m < ARRAY_COUNT(models); m++) {
        char *text = write_json(models[m].make);
        FILE *checker = popen(command, "we");
        assert_non_null(checker);
        fputs(text, checker);
        int status = pclose(checker);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
            fail_msg("check-json refuses the model %s", models[m].name);
        free(text);
    }
}

static void nothing_reaches_a_terminal_raw(void **state)
{
    (void)state;
    char *text = write_json(model_hostile);
    for (const char *c = text; *c; c++)
        assert_true(*c == '\n' || ((unsigned char)*c >= 0x20 && *c != 0x7f));
    assert_non_null(strstr(text, "\\u001b[2J"));
    assert_non_null(strstr(text, "\\u202edrowssap"));
    assert_non_null(strstr(text, "overlong \\ufffd\\ufffd surrogate"));
    assert_non_null(strstr(text, "\\udb40\\udc01"));
    assert_null(strstr(text, "\xe2\x80\xae"));
    free(text);
}

static void numbers_are_not_rounded(void **state)
{
    (void)state;
    char *text = write_json(model_huge);
    assert_non_null(strstr(text, "\"heap_live_bytes\": 18446744073709551615"));
    free(text);
}

static void a_full_disk_is_an_error(void **state)
{
    (void)state;
    struct report report;
    report_init(&report);
    model_hostile(&report);
    FILE *out = fopen("/dev/full", "we");
    assert_non_null(out);
    struct error *error = report_write_json(&report, "1", out);
    assert_non_null(error);
    assert_int_equal(error->os_errno, 28);
    error_destroy(error);
    fclose(out);
    report_deinit(&report);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_outputs_are_as_they_were),
        cmocka_unit_test(python_reads_it_and_finds_the_keys),
        cmocka_unit_test(nothing_reaches_a_terminal_raw),
        cmocka_unit_test(numbers_are_not_rounded),
        cmocka_unit_test(a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
