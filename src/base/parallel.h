/* Worker threads for phases that split into parts. */
#ifndef LEAKHOUND_BASE_PARALLEL_H
#define LEAKHOUND_BASE_PARALLEL_H

#include "base/error.h"

/* Number of processors this process may use (at least 1, at most 64). */
unsigned parallel_processor_count(void);

/* Runs work(context, part) for part = 0 … parts-1, each on its own thread (part 0 on the caller's;
 * parts that get no thread run on the caller's afterwards), and waits for all. Signals but
 * SIGBUS are blocked in the workers. Returns the error of the lowest part that had one. */
struct error *parallel_run(unsigned parts, struct error *(*work)(void *context, unsigned part),
                           void *context) ERROR_CHECK;

#endif
