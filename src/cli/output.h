/* Where a command's result goes: standard output, or a file that appears only when it is whole. */
#ifndef LEAKHOUND_CLI_OUTPUT_H
#define LEAKHOUND_CLI_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"

struct output {
    FILE *file;
    char *path;      /* the final name, NULL for standard output and for what is no regular file */
    char *temporary; /* beside it */
};

/*
 * Opens path (NULL: standard output) before the work begins, so that a wrong name costs nobody's
 * time. A file is written under a temporary name in the same folder and takes its final name in
 * output_commit; symbolic links are followed; an existing file keeps its mode. Devices and pipes
 * are written straight. At most one output is open at a time.
 */
struct error *output_open(const char *path, struct output *out) ERROR_CHECK;

/* Everything is written: flushes, gives the file its name and closes. ERROR_OS also for what an
 * earlier write met. */
struct error *output_commit(struct output *output) ERROR_CHECK;

/* Closes; what has not been committed leaves no trace. Harmless after output_commit. */
void output_discard(struct output *output);
#define CLEANUP_OUTPUT __attribute__((cleanup(output_discard)))

/* Removes the temporary file, if there is one. Async-signal-safe; the process ends next. */
void output_remove_temporary(void);

#endif
