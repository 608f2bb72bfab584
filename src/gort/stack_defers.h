/* The deferred calls of a goroutine, as far as its stack holds what they need. */
#ifndef LEAKHOUND_GORT_STACK_DEFERS_H
#define LEAKHOUND_GORT_STACK_DEFERS_H

#include "gort/stack_scan.h"

/* Reports what runtime.scanstack (and up to 1.17 runtime.tracebackdefers) takes from the chain
 * g._defer: closures, links, records on the heap, and in Go ≤ 1.16 the arguments behind a record.
 * Each belongs to the frame that deferred. After the last frame, before stack_scan_objects. A chain
 * that is damaged or goes in a circle ends early. Cost: a read of the target for each record. */
struct error *stack_defers_visit(struct stack_scan *scan, struct stack_maps *maps,
                                 const struct goroutine *g) ERROR_CHECK;

#endif
