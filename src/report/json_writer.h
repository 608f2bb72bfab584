/*
 * Writes JSON to a stream as it comes, two spaces a level, one value a line; for all commands.
 * Values go after a json_key inside an object and one after the other inside an array. Errors of
 * the stream are kept and told by json_finish, so that nothing in between needs a check.
 */
#ifndef LEAKHOUND_REPORT_JSON_WRITER_H
#define LEAKHOUND_REPORT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

#define JSON_MAX_DEPTH 32

struct json_writer {
    FILE *out; /* the caller's */
    unsigned depth;
    bool after_key;
    bool filled[JSON_MAX_DEPTH]; /* the level has a value already */
    char closing[JSON_MAX_DEPTH];
    int os_errno; /* of the first write that failed */
};

struct json_writer json_begin(FILE *out);
/* Ends the document with a newline and flushes; everything begun must have been ended. */
struct error *json_finish(struct json_writer *json) ERROR_CHECK;

void json_begin_object(struct json_writer *json);
void json_begin_array(struct json_writer *json);
void json_end(struct json_writer *json); /* the innermost object or array */
void json_key(struct json_writer *json, const char *key);

/* Text may be any bytes, NULL is as "": bytes that are not UTF-8 become \ufffd; control characters
 * and those that no eye sees are escaped, so that the output is safe to look at in a terminal. */
void json_string(struct json_writer *json, const char *text);
void json_u64(struct json_writer *json, uint64_t number);
void json_i64(struct json_writer *json, int64_t number);
void json_double(struct json_writer *json, double number); /* null when it is not finite */
void json_bool(struct json_writer *json, bool value);
void json_null(struct json_writer *json);
void json_address(struct json_writer *json, uint64_t address); /* "0x…" */

/* A key with its value. */
void json_key_string(struct json_writer *json, const char *key, const char *text);
void json_key_u64(struct json_writer *json, const char *key, uint64_t number);
void json_key_known(struct json_writer *json, const char *key, bool known, uint64_t number);
void json_key_double(struct json_writer *json, const char *key, double number);
void json_key_bool(struct json_writer *json, const char *key, bool value);

#endif
