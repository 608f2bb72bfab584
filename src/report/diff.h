/*
 * What two reports differ in: what grew, what shrank. Sizes in bytes.
 *
 * Only what can be reached counts as growth: garbage that waits for the collector is told beside it
 * and never added.
 *
 * Rows are matched by what they are called, and rows of one report that are called the same are
 * added up: holders and sets of holders by key (a variable's name; where it has none its place,
 * which only the same executable has; goroutines by the function that they run, whatever they are
 * doing), types by name, goroutine sites by the function of the go statement and the one that it
 * starts, collections by holder, path and type.
 */
#ifndef LEAKHOUND_REPORT_DIFF_H
#define LEAKHOUND_REPORT_DIFF_H

#include "report/model.h"

struct diff_amount {
    uint64_t before, after;
};

static inline uint64_t diff_grown(struct diff_amount amount)
{
    return amount.after > amount.before ? amount.after - amount.before : 0;
}
static inline uint64_t diff_shrunk(struct diff_amount amount)
{
    return amount.before > amount.after ? amount.before - amount.after : 0;
}

struct diff_holder {                /* or a set of holders */
    const char *name, *kind, *type; /* kind "shared": a set */
    const char *const *names;       /* of a set */
    uint32_t name_count;            /* 0: a single holder */
    bool more;                      /* further holders of the set are not listed */
    bool type_guessed;
    struct diff_amount bytes, objects, count; /* count: goroutines, timers */
    const struct report_holder *shown; /* the heaviest of the rows, of after when it is there: path
                                          and what else it tells; NULL for a set */
    const char *key;
    const struct diff_collection *grown; /* in it, that got more entries; NULL: none is known */
};

struct diff_collection { /* see report_collection */
    const char *holder, *holder_key, *path, *kind, *type, *element;
    struct diff_amount count, entries, capacity, bytes, retained;
};

struct diff_type {
    const char *name;
    bool guessed;
    struct diff_amount bytes, count, retained;
};

struct diff_site {
    const char *function;                /* that the goroutines run */
    const char *created_by, *created_at; /* "" unknown */
    bool system;
    struct diff_amount count, held, stacks;
};

struct diff {
    struct arena arena;
    const struct report *before, *after; /* the caller's; must outlive the diff */
    uint64_t interval_ns;                /* between the moments at which they were taken */
    bool has_interval;
    bool same_build; /* of the same executable; then variables without names are matched, too */
    struct diff_amount live, objects, garbage;
    /* What changed: first what grew, most bytes first, then what shrank, most bytes first. */
    VECTOR(struct diff_holder) holders;         /* sets of holders among them */
    VECTOR(struct diff_type) types;             /* by their own bytes */
    VECTOR(struct diff_site) sites;             /* by goroutines, then bytes */
    VECTOR(struct diff_collection) collections; /* by retained bytes; when both reports have them */
    struct report found;        /* only its findings: what the growth itself shows */
    VECTOR(const char *) notes; /* what the reader must know of the comparison */
};

/* O(rows · log rows). The caller passes out to diff_deinit, also after an error. */
struct error *diff_make(const struct report *before, const struct report *after,
                        struct diff *out) ERROR_CHECK;
void diff_deinit(struct diff *diff);

/* Fills found: map-grows-only, listener-growth, goroutine-spawn-growth. Called by diff_make. */
struct error *diff_find(struct diff *diff) ERROR_CHECK;

#endif
