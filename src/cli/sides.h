/* The two operands of diff and verify. */
#ifndef LEAKHOUND_CLI_SIDES_H
#define LEAKHOUND_CLI_SIDES_H

#include "cli/options.h"
#include "report/model.h"

/* Reads a pid, core or snapshot with all rows of its tables, showing progress. out has been passed
 * to report_init and goes to report_deinit, also after an error, which names the operand. */
struct error *side_read(const struct options *options, const char *name,
                        struct report *out) ERROR_CHECK;

#endif
