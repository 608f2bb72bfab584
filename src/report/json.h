/* The report as JSON, schema "leakhound.report/1"; tests/golden/report/check-json lists every key.
 */
#ifndef LEAKHOUND_REPORT_JSON_H
#define LEAKHOUND_REPORT_JSON_H

#include <stdio.h>

#include "report/model.h"

/* Sizes in bytes, times in nanoseconds or RFC 3339, addresses as "0x…" strings; a number that is
 * not known is null. All rows of the model. ERROR_OS when out cannot be written. */
struct error *report_write_json(const struct report *report, const char *tool_version,
                                FILE *out) ERROR_CHECK;

#endif
