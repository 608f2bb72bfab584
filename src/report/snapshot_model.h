/*
 * The report in a snapshot (chunk REPT): the model as it is, all rows that were collected. A new
 * member of the model is added at the end of its table in snapshot_model.c.
 */
#ifndef LEAKHOUND_REPORT_SNAPSHOT_MODEL_H
#define LEAKHOUND_REPORT_SNAPSHOT_MODEL_H

#include "graph/snapshot_record.h"
#include "report/model.h"

/* Adds the report to bytes; without what is leakhound's own: phases and peak memory. */
struct error *snapshot_put_report(struct snapshot_bytes *bytes,
                                  const struct report *report) ERROR_CHECK;

/* Fills a report that has been passed to report_init; report_deinit frees it, also after an error.
 * ERROR_FORMAT for what is no report or takes more than budget bytes of memory. */
struct error *snapshot_take_report(struct cursor *bytes, uint64_t budget,
                                   struct report *out) ERROR_CHECK;

/* The same for the report's collections (chunk COLL), which are no part of that. */
struct error *snapshot_put_collections(struct snapshot_bytes *bytes,
                                       const struct report *report) ERROR_CHECK;
struct error *snapshot_take_collections(struct cursor *bytes, uint64_t budget,
                                        struct report *out) ERROR_CHECK;

#endif
