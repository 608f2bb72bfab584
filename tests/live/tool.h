/* How the mains of the test tools end. */
#ifndef LEAKHOUND_TEST_TOOL_H
#define LEAKHOUND_TEST_TOOL_H

#include <stdio.h>

#include "base/error.h"

/* The exit status: 0, or 1 after the error is told on standard error, and destroyed. */
static inline int tool_status(const char *tool, struct error *error)
{
    char text[1024];
    if (!error)
        return 0;
    error_text(error, text, sizeof(text));
    fprintf(stderr, "%s: %s\n", tool, text);
    error_destroy(error);
    return 1;
}

#endif
