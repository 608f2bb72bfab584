/* What the reader's terminal can show. */
#ifndef LEAKHOUND_CLI_TERMINAL_H
#define LEAKHOUND_CLI_TERMINAL_H

#include <stdio.h>

#include "cli/options.h"
#include "report/lines.h"

/* False for TERM=dumb and without TERM: no escape sequences, please. */
bool terminal_is_capable(void);

/* The environment's locale says UTF-8. Asked by name, not by setlocale: the binary may have come to
 * a machine without the locale's files. */
bool terminal_is_utf8(void);

/* Columns: those of the terminal that out is, at most 100; colour: on a terminal, unless
 * --no-color, NO_COLOR or TERM=dumb speak against it. */
struct text_style terminal_style(FILE *out, const struct options *options);

/* Prints "leakhound: text" as one line to standard error; characters that would steer the terminal
 * are escaped. */
void terminal_complain(const char *text);

#endif
