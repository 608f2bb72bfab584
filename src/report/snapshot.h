/*
 * A snapshot: the report, the object graph with types and names, and all goroutines of one moment
 * in one file; the contents of the memory only where they are asked for. docs/snapshot-format.md
 * lists the chunks.
 */
#ifndef LEAKHOUND_REPORT_SNAPSHOT_H
#define LEAKHOUND_REPORT_SNAPSHOT_H

#include "graph/snapshot_graph.h"
#include "report/snapshot_tables.h"

/* -- making ---------------------------------------------------------------------------------- */

enum {
    SNAPSHOT_ROWS = 100000
}; /* of each table of the report: in practice all, for --top and for diff */

struct snapshot_made {
    uint64_t file_bytes, objects, edges;
};

struct snapshot_options {
    const char *tool_version;
    bool with_contents; /* the core of the target, too: a live one has full_registers, is frozen */
};

/* Reads a target like report_collect (options->top does not matter, its hooks are not the
 * caller's), writes the snapshot to out, and fills the report, which the caller has passed to
 * report_init and passes to report_deinit. Memory: beside report_collect's the tables of types,
 * roots and goroutines. With contents these are written before the target is let go: it then is
 * read, or stands still, for so much longer. */
struct error *snapshot_make(struct target *target, const struct report_options *options,
                            const struct snapshot_options *snapshot_options, FILE *out,
                            struct report *out_report, struct snapshot_made *out_made) ERROR_CHECK;

/* -- reading --------------------------------------------------------------------------------- */

struct snapshot_meta {
    const char *tool_version; /* of the leakhound that wrote it */
    const char *source;       /* "live" or "core" */
    bool has_contents;        /* the target's memory is in it, too */
};

struct snapshot {
    struct snapshot_file *file;
    struct snapshot_meta meta;
    struct arena arena;
};

/* Checks the whole file (snapshot_file_open). ERROR_UNSUPPORTED also for a chunk that this version
 * does not know and that may not be left out. Cost: a read of the file. */
struct error *snapshot_open(const char *path, unsigned threads, struct snapshot **out) ERROR_CHECK;
/* The same for a descriptor, which becomes the snapshot's own, also after an error. */
struct error *snapshot_adopt(int descriptor, unsigned threads, struct snapshot **out) ERROR_CHECK;
void snapshot_close(struct snapshot *snapshot);

/* The report as it was, with at most top rows in each table; its target's kind becomes "snapshot".
 * out: passed to report_init, and to report_deinit also after an error. O(rows). */
struct error *snapshot_read_report(struct snapshot *snapshot, uint32_t top,
                                   struct report *out) ERROR_CHECK;

/* The graph with types and names; graph_analyse has not been called. Zero-initialised before;
 * snapshot_heap_deinit frees it, also after an error. Cost: 0.5 s for 60 million objects on two
 * processors; memory: the graph and 4 B per object id. */
struct snapshot_heap {
    struct graph *graph;
    struct snapshot_regions regions; /* from id to address and back */
    struct snapshot_types types;
    struct snapshot_roots roots; /* by root number of the graph */
    uint32_t *type_of;           /* by object id: see SNAPSHOT_STRENGTH_BITS */
};
struct error *snapshot_read_heap(struct snapshot *snapshot, struct snapshot_heap *out) ERROR_CHECK;
void snapshot_heap_deinit(struct snapshot_heap *heap);

/* Type of an object, NULL when it is not known; *out_guessed (may be NULL): by a guess only. */
const struct snapshot_type *snapshot_type_of(const struct snapshot_heap *heap, uint32_t id,
                                             bool *out_guessed);

#endif
