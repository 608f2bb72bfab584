/* The tables of the text report; each begins with an empty line, or writes nothing when it has
 * no rows. */
#ifndef LEAKHOUND_REPORT_TEXT_TABLES_H
#define LEAKHOUND_REPORT_TEXT_TABLES_H

#include "report/lines.h"
#include "report/model.h"

/* Single holders and sets of holders in one order by bytes, so that the first row is the answer;
 * a last row sums up what is not listed. */
void text_holders(struct lines *lines, const struct report *report);
void text_types(struct lines *lines, const struct report *report);
void text_goroutines(struct lines *lines, const struct report *report);

#endif
