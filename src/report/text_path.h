/* The way from a holder to what it holds, on one line. */
#ifndef LEAKHOUND_REPORT_TEXT_PATH_H
#define LEAKHOUND_REPORT_TEXT_PATH_H

#include "report/lines.h"
#include "report/model.h"

/* ".sessions map[string]*main.Session → [value] *main.Session → .history []main.event" in at most
 * width columns: steps in the middle give way to an ellipsis, also those that only repeat the one
 * before (a linked list). NULL when there is nothing to tell beyond the holder itself. */
const char *text_path(struct lines *lines, const struct report_holder *holder, unsigned width);

#endif
