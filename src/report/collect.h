/* From a target to a report: the one call that a command makes. */
#ifndef LEAKHOUND_REPORT_COLLECT_H
#define LEAKHOUND_REPORT_COLLECT_H

#include "report/model.h"
#include "target/target.h"

struct analysis;

struct report_options {
    unsigned threads;     /* worker threads, 0 = one for each processor */
    uint32_t top;         /* rows wanted of each table */
    bool goroutines_only; /* neither holders nor findings, shared sets or types */

    /* Called from the calling thread only, when a phase begins. The work until then is `from` of
     * the whole, 0 … 1, by what was measured, and `to` when the phase has ended; both are negative
     * when that is unknown. NULL: nobody listens. */
    void (*progress)(void *context, const char *phase, double from, double to);
    void *progress_context;

    bool collections; /* fill them, too: for what compares two moments */

    /* What a command wants of the analysis beside the report; each may be NULL and is called once:
     * while the target can still be read and the graph is not analysed yet, and when the report is
     * complete but for what is
     * leakhound's own (phases, memory). */
    struct error *(*while_stopped)(void *context, struct analysis *analysis);
    struct error *(*when_done)(void *context, struct analysis *analysis,
                               const struct report *report);
    void *hook_context;
};

/*
 * Fills out, which the caller has passed to report_init and passes to report_deinit, also after an
 * error. Reads the target while it is stopped and releases it as soon as its bytes are no longer
 * needed; the caller stays its owner. ERROR_UNSUPPORTED for a version or architecture that is not
 * known, otherwise the errors of reading. O(objects + edges).
 */
struct error *report_collect(struct target *target, const struct report_options *options,
                             struct report *out) ERROR_CHECK;

#endif
