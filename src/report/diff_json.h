/* A diff as JSON, schema "leakhound.diff/1". */
#ifndef LEAKHOUND_REPORT_DIFF_JSON_H
#define LEAKHOUND_REPORT_DIFF_JSON_H

#include <stdio.h>

#include "report/diff.h"
#include "report/json_writer.h"

/* All rows of the diff but at most top of each list that grew and as many that shrank; growth is
 * after − before and negative where something shrank. ERROR_OS when out cannot be written. */
struct error *diff_write_json(const struct diff *diff, const char *tool_version, uint32_t top,
                              FILE *out) ERROR_CHECK;

/* The members of the document without its braces, for documents that hold more. */
void diff_put_json(struct json_writer *json, const struct diff *diff, uint32_t top);

#endif
