/* report/json_writer.c: layout, escapes, numbers. */
#include "report/json_writer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char *text;
static size_t size;

static struct json_writer begin(void)
{
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    return json_begin(out);
}

static void check(struct json_writer *json, const char *expected)
{
    assert_null(json_finish(json));
    fclose(json->out);
    assert_string_equal(text, expected);
    free(text);
}

static void layout(void **state)
{
    (void)state;
    struct json_writer json = begin();
    json_begin_object(&json);
    json_key(&json, "empty");
    json_begin_array(&json);
    json_end(&json);
    json_key(&json, "list");
    json_begin_array(&json);
    json_u64(&json, UINT64_MAX);
    json_null(&json);
    json_begin_object(&json);
    json_end(&json);
    json_begin_object(&json);
    json_key_bool(&json, "yes", true);
    json_end(&json);
    json_address(&json, 0xc000010000);
    json_end(&json);
    json_key_known(&json, "unknown", false, 7);
    json_key_known(&json, "known", true, 7);
    json_end(&json);
    check(&json, "{\n"
                 "  \"empty\": [],\n"
                 "  \"list\": [\n"
                 "    18446744073709551615,\n"
                 "    null,\n"
                 "    {},\n"
                 "    {\n"
                 "      \"yes\": true\n"
                 "    },\n"
                 "    \"0xc000010000\"\n"
                 "  ],\n"
                 "  \"unknown\": null,\n"
                 "  \"known\": 7\n"
                 "}\n");
}

static void strings(void **state)
{
    (void)state;
    const struct {
        const char *text, *json;
    } cases[] = {
        {NULL, "\"\"\n"},
        {"", "\"\"\n"},
        {"a \"b\" \\ /", "\"a \\\"b\\\" \\\\ /\"\n"},
        {"\n\t\r\b\001\177", "\"\\n\\t\\u000d\\u0008\\u0001\\u007f\"\n"},
        {"世界 é → 😀", "\"世界 é → 😀\"\n"},
        {"\xff", "\"\\ufffd\"\n"},
        {"\xc0\x80x", "\"\\ufffd\\ufffdx\"\n"},
        {"\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\"\n"},
        {"\xe2\x82", "\"\\ufffd\\ufffd\"\n"},
        {"\xe2\x80\xa8", "\"\\u2028\"\n"},
        {"\xf3\xa0\x80\x81", "\"\\udb40\\udc01\"\n"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_writer json = begin();
        json_string(&json, cases[i].text);
        check(&json, cases[i].json);
    }
}

static void doubles(void **state)
{
    (void)state;
    const struct {
        double number;
        const char *json;
    } cases[] = {
        {0, "0\n"},           {0.861, "0.861\n"},    {1, "1\n"},          {NAN, "null\n"},
        {INFINITY, "null\n"}, {-INFINITY, "null\n"}, {1e300, "1e+300\n"}, {-0.25, "-0.25\n"},
    };
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct json_writer json = begin();
        json_double(&json, cases[i].number);
        check(&json, cases[i].json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layout),
        cmocka_unit_test(strings),
        cmocka_unit_test(doubles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
