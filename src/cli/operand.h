/* An operand PID|CORE|SNAPSHOT, and the report that comes of it. */
#ifndef LEAKHOUND_CLI_OPERAND_H
#define LEAKHOUND_CLI_OPERAND_H

#include "cli/options.h"
#include "report/model.h"

struct snapshot_goroutines;

/* ERROR_OS with what a person who gave neither a pid nor a file may have meant. What else is wrong
 * with the name is told when it is opened. */
struct error *operand_check(const char *name) ERROR_CHECK;

/*
 * Reads a pid or core, showing progress, or the report that is in a snapshot, with options->top
 * rows. goroutines NULL: a whole report; otherwise it is filled, and the report is that of
 * goroutines_collect. The caller has passed out to report_init and frees both, also after an error.
 * A target is let go and given back before this returns: a reader of our output that does not read
 * must not keep a service waiting.
 */
struct error *operand_read(const struct options *options, const char *name, struct report *out,
                           struct snapshot_goroutines *goroutines) ERROR_CHECK;

/* The same for what compares two moments: all rows, and the collections. The error names the
 * operand. */
struct error *operand_read_all(const struct options *options, const char *name,
                               struct report *out) ERROR_CHECK;

#endif
