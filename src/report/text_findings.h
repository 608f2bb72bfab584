/* The findings of the text report: what leaks, how much its cure frees, and the cure. */
#ifndef LEAKHOUND_REPORT_TEXT_FINDINGS_H
#define LEAKHOUND_REPORT_TEXT_FINDINGS_H

#include "report/lines.h"
#include "report/model.h"

/* Begins with an empty line. What is above info is told in full, the rest in a line each; at most
 * style.top of them. size_title: over the bytes, "would free". Says so when there is nothing above
 * info. */
void text_findings(struct lines *lines, const struct report *report, const char *size_title);

#endif
