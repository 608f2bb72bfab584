/*
 * Our own Markdown pages (docs/cases) for a person at a terminal. What of Markdown they may use:
 * "# " and "## " headings, paragraphs, "- " lists of one level, ``` blocks, `code`, **bold**,
 * [text](target).
 */
#ifndef LEAKHOUND_REPORT_MARKDOWN_H
#define LEAKHOUND_REPORT_MARKDOWN_H

#include <stdio.h>

#include "report/lines.h"

/* Headings are bold, the smaller ones in capitals; text is wrapped at style->columns (at least 40,
 * 0 = 100); blocks of code are indented and keep their lines; of a link to another page of the
 * folder the text remains. Text is ours: it is trusted to be well-formed. ERROR_OS when out cannot
 * be written. */
struct error *markdown_write_text(const char *text, const struct text_style *style,
                                  FILE *out) ERROR_CHECK;

#endif
