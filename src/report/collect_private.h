/* What the parts of collect share. Private to report. */
#ifndef LEAKHOUND_REPORT_COLLECT_PRIVATE_H
#define LEAKHOUND_REPORT_COLLECT_PRIVATE_H

#include "gort/analysis.h"
#include "gort/collection_counts.h"
#include "report/collect.h"

/* holders, held_alone_bytes. */
struct error *collect_holders(struct analysis *analysis, uint32_t top,
                              struct report *report) ERROR_CHECK;
/* collections. While edge_words are there, for the names of steps. */
struct error *collect_collections(struct analysis *analysis, const struct collection_counts *counts,
                                  struct report *report) ERROR_CHECK;
/* findings. While edge_words are there, for the names of steps. */
struct error *collect_findings(struct analysis *analysis, unsigned threads,
                               struct report *report) ERROR_CHECK;
/* shared, shared_bytes. */
struct error *collect_shared(struct analysis *analysis, uint32_t top, unsigned threads,
                             struct report *report) ERROR_CHECK;
/* types and the typed shares. */
struct error *collect_types(struct analysis *analysis, uint32_t top, unsigned threads,
                            struct report *report) ERROR_CHECK;
/* goroutine_groups but for what they hold. Reads the target, for inlined calls. */
struct error *collect_goroutines(struct analysis *analysis, struct report *report) ERROR_CHECK;
/* held_bytes of the groups, which it sorts, and which of them are leaked; after analysis_analyse.
 */
void collect_goroutines_held(const struct analysis *analysis, struct report *report);

#endif
