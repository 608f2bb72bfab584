/* A diff as text for a person; its first line is the answer. */
#ifndef LEAKHOUND_REPORT_DIFF_TEXT_H
#define LEAKHOUND_REPORT_DIFF_TEXT_H

#include <stdio.h>

#include "report/diff.h"
#include "report/lines.h"

/* As report_write_text. */
struct error *diff_write_text(const struct diff *diff, const struct text_style *style,
                              FILE *out) ERROR_CHECK;

/* "live heap +212 MiB (+34.0 %) in 12 min; most of it: main.sessions +198 MiB, +1.2 M objects" */
const char *diff_answer(const struct diff *diff, bool utf8, struct arena *arena);

#endif
