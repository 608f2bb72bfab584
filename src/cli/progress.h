/* How far a long piece of work has come, on standard error, for a person who waits. */
#ifndef LEAKHOUND_CLI_PROGRESS_H
#define LEAKHOUND_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool enabled, shown;
    uint64_t started_ns, last_ns;
};

/* Shows itself only when standard error is a terminal, quiet is not asked for, and the work has
 * taken a second. */
struct progress progress_begin(bool quiet);
/* For report_options.progress: context is the struct progress. */
void progress_report(void *context, const char *phase, double share);
/* Takes the line away. */
void progress_end(struct progress *progress);

#endif
