/* The judgement over a diff: limits, and which of them it breaks. */
#ifndef LEAKHOUND_REPORT_VERDICT_H
#define LEAKHOUND_REPORT_VERDICT_H

#include <stdio.h>

#include "report/diff.h"
#include "report/gc_await.h"
#include "report/lines.h"

struct verdict_limits {
    bool has_growth_share, has_growth_bytes;
    double growth_share; /* of the live heap before: 0.05 is 5 % */
    uint64_t growth_bytes;
    bool has_finding;
    int finding; /* the worst severity that is allowed (enum finding_severity), -1: none at all */
};

struct verdict_check {
    const char *limit; /* the option: "max-growth" */
    const char *text;  /* "the live heap grew by 5.1 MiB (18.4 %), 5 % of 28 MiB are allowed" */
    bool is_growth;    /* else the bytes do not matter */
    uint64_t found_bytes, allowed_bytes;
    bool broken;
};

struct verdict {
    struct arena arena;
    VECTOR(struct verdict_check) checks; /* in the order of the limits */
    bool broken;                         /* any of them */
};

/* The caller passes out to verdict_deinit, also after an error. */
struct error *verdict_make(const struct diff *diff, const struct verdict_limits *limits,
                           struct verdict *out) ERROR_CHECK;
void verdict_deinit(struct verdict *verdict);

/* How B came to be taken after a collection; without one NULL. */
struct verdict_gc {
    struct gc_await_result result;
    const char *command; /* NULL: the target's own next cycle */
};

/* The verdict first; the diff follows where a limit is broken. gc may be NULL. */
struct error *verdict_write_text(const struct verdict *verdict, const struct diff *diff,
                                 const struct verdict_gc *gc, const struct text_style *style,
                                 FILE *out) ERROR_CHECK;
/* Schema "leakhound.verify/1"; with the diff, at most top rows as in diff_write_json. */
struct error *verdict_write_json(const struct verdict *verdict, const struct diff *diff,
                                 const struct verdict_gc *gc, const char *tool_version,
                                 uint32_t top, FILE *out) ERROR_CHECK;

#endif
