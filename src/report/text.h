/* The report as text for a person: memory at a glance, holders, types, goroutines. */
#ifndef LEAKHOUND_REPORT_TEXT_H
#define LEAKHOUND_REPORT_TEXT_H

#include <stdio.h>

#include "report/lines.h"
#include "report/model.h"

/* Program, pid, version, when and how it was read: the lines that stand above everything. */
void report_write_headline(struct lines *lines, const struct report *report);

/* No line is wider than style->columns (at least 40). Names of the target reach out only escaped.
 * Sections without content are left out. ERROR_OS when out cannot be written. */
struct error *report_write_text(const struct report *report, const struct text_style *style,
                                FILE *out) ERROR_CHECK;

#endif
