#include "report/json_writer.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "report/utf8.h"

static void put(struct json_writer *json, const char *bytes, size_t length)
{
    if (!json->os_errno && fwrite(bytes, 1, length, json->out) != length)
        json->os_errno = errno ? errno : EIO;
}

static void put_text(struct json_writer *json, const char *text)
{
    put(json, text, strlen(text));
}

static void new_line(struct json_writer *json)
{
    put(json, "\n", 1);
    for (unsigned i = 0; i < json->depth; i++)
        put(json, "  ", 2);
}

/* What stands between the values: a comma, a new line. */
static void before_value(struct json_writer *json)
{
    if (json->after_key) {
        json->after_key = false;
        return;
    }
    if (!json->depth)
        return;
    assert(json->closing[json->depth - 1] == ']'); /* in an object a key comes first */
    if (json->filled[json->depth - 1])
        put(json, ",", 1);
    json->filled[json->depth - 1] = true;
    new_line(json);
}

struct json_writer json_begin(FILE *out)
{
    return (struct json_writer){.out = out};
}

struct error *json_finish(struct json_writer *json)
{
    assert(json->depth == 0 && !json->after_key);
    put(json, "\n", 1);
    if (!json->os_errno && fflush(json->out) != 0)
        json->os_errno = errno ? errno : EIO;
    return json->os_errno ? error_os(json->os_errno, "could not write the output") : NULL;
}

static void begin(struct json_writer *json, const char *opening, char closing)
{
    before_value(json);
    assert(json->depth < JSON_MAX_DEPTH);
    put(json, opening, 1);
    json->filled[json->depth] = false;
    json->closing[json->depth] = closing;
    json->depth++;
}

void json_begin_object(struct json_writer *json)
{
    begin(json, "{", '}');
}

void json_begin_array(struct json_writer *json)
{
    begin(json, "[", ']');
}

void json_end(struct json_writer *json)
{
    assert(json->depth > 0 && !json->after_key);
    json->depth--;
    if (json->filled[json->depth])
        new_line(json);
    put(json, &json->closing[json->depth], 1);
}

/* One character that may not stand as it is. */
static void put_escaped(struct json_writer *json, uint32_t character)
{
    char escape[16];
    if (character == UTF8_INVALID)
        character = 0xfffd;
    if (character == '"' || character == '\\')
        snprintf(escape, sizeof(escape), "\\%c", (char)character);
    else if (character == '\n')
        strcpy(escape, "\\n");
    else if (character == '\t')
        strcpy(escape, "\\t");
    else if (character < 0x10000)
        snprintf(escape, sizeof(escape), "\\u%04" PRIx32, character);
    else
        snprintf(escape, sizeof(escape), "\\u%04" PRIx32 "\\u%04" PRIx32,
                 0xd800 + ((character - 0x10000) >> 10), 0xdc00 + (character & 0x3ff));
    put_text(json, escape);
}

static void put_quoted(struct json_writer *json, const char *text)
{
    put(json, "\"", 1);
    const char *plain = text, *next = text;
    while (*next) {
        uint32_t character;
        unsigned length = utf8_decode(next, &character);
        if (character == '"' || character == '\\' || !utf8_is_visible(character)) {
            put(json, plain, (size_t)(next - plain));
            put_escaped(json, character);
            plain = next + length;
        }
        next += length;
    }
    put(json, plain, (size_t)(next - plain));
    put(json, "\"", 1);
}

void json_key(struct json_writer *json, const char *key)
{
    assert(json->depth > 0 && json->closing[json->depth - 1] == '}' && !json->after_key);
    if (json->filled[json->depth - 1])
        put(json, ",", 1);
    json->filled[json->depth - 1] = true;
    new_line(json);
    put_quoted(json, key);
    put(json, ": ", 2);
    json->after_key = true;
}

void json_string(struct json_writer *json, const char *text)
{
    before_value(json);
    put_quoted(json, text ? text : "");
}

void json_u64(struct json_writer *json, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    before_value(json);
    put_text(json, text);
}

void json_i64(struct json_writer *json, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    before_value(json);
    put_text(json, text);
}

void json_double(struct json_writer *json, double number)
{
    if (!isfinite(number)) {
        json_null(json);
        return;
    }
    char text[40];
    snprintf(text, sizeof(text), "%.9g", number);
    before_value(json);
    put_text(json, text);
}

void json_bool(struct json_writer *json, bool value)
{
    before_value(json);
    put_text(json, value ? "true" : "false");
}

void json_null(struct json_writer *json)
{
    before_value(json);
    put_text(json, "null");
}

void json_address(struct json_writer *json, uint64_t address)
{
    char text[24];
    snprintf(text, sizeof(text), "\"0x%" PRIx64 "\"", address);
    before_value(json);
    put_text(json, text);
}

void json_key_string(struct json_writer *json, const char *key, const char *text)
{
    json_key(json, key);
    json_string(json, text);
}

void json_key_u64(struct json_writer *json, const char *key, uint64_t number)
{
    json_key(json, key);
    json_u64(json, number);
}

void json_key_known(struct json_writer *json, const char *key, bool known, uint64_t number)
{
    json_key(json, key);
    if (known)
        json_u64(json, number);
    else
        json_null(json);
}

void json_key_double(struct json_writer *json, const char *key, double number)
{
    json_key(json, key);
    json_double(json, number);
}

void json_key_bool(struct json_writer *json, const char *key, bool value)
{
    json_key(json, key);
    json_bool(json, value);
}
