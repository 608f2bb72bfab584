/*
 * Findings from an analysis. A detector looks at the facts (gort/facts.h), which were collected
 * while the target could be read, and at the graph, and adds CASES. Cases of one detector, holder,
 * type and variant make one finding: 4,000 alike under one holder are one leak. What the finding
 * would free is computed from the edges that its cases would cut. A finding that would go away with
 * another is that one's consequence.
 *
 * A detector is a file of this folder and a row of the table in detectors.c.
 */
#ifndef LEAKHOUND_DETECT_DETECT_H
#define LEAKHOUND_DETECT_DETECT_H

#include "detect/finding.h"
#include "gort/analysis.h"

enum { DETECT_NUMBERS = 8 };

struct detect_case {
    uint32_t node; /* what it is about: an object, or a root's node; GRAPH_NONE: the whole heap */
    uint32_t variant; /* the detector's own; cases of different variants are different findings */
    enum finding_confidence confidence; /* of the finding: the least of its cases' */
    /* Edges, source node << 32 | target id as in graph_cut, without which this case would be
     * mended; copied. What becomes unreachable is freed. */
    const uint64_t *cut;
    uint64_t cut_count;
    bool node_goes; /* the node is freed, too, with all that it retains; without a cut */
    uint64_t own_bytes,
        own_objects; /* freed beside that: of objects that stay, or that are copied */
    uint64_t kept_bytes, kept_objects; /* of what the cut or the node would free, but stays */
    uint64_t count;
    uint64_t numbers[DETECT_NUMBERS]; /* the detector's own, added up over the finding */
};

struct detector;

struct detect_group { /* the cases that make one finding */
    const struct detector *detector;
    uint32_t root; /* holder, or GRAPH_NONE */
    bool is_shared;
    uint32_t type; /* of the nodes: in the table of types, TYPE_NONE unknown */
    uint32_t variant;
    enum finding_confidence confidence;
    uint64_t cases, count, own_bytes, own_objects, kept_bytes, kept_objects;
    bool nodes_go; /* node_goes of all its cases */
    uint64_t numbers[DETECT_NUMBERS];
    uint64_t estimate;          /* of the bytes, before they are computed */
    struct detect_case largest; /* by that estimate; its cut is NULL */
    uint64_t largest_bytes;     /* its estimate */
    VECTOR(uint64_t) cut;
    VECTOR(uint32_t) nodes; /* the first DETECT_NODES_MAX cases' */
};
enum { DETECT_NODES_MAX = 256 };

struct detect {
    struct analysis *analysis;
    unsigned threads;
    const struct detector *running;
    VECTOR(struct detect_group) groups;
    struct hash_map group_index;  /* hash of what makes a group → index + 1, or 0 */
    struct hash_map shared_roots; /* object that several holders reach + 1 → the nearest */
    uint64_t least_bytes;         /* findings that free less are left out */
    bool paths_known;
    struct arena arena; /* texts; becomes the list's */
};

struct detector {
    const char *id;
    enum finding_class class;
    /* Adds its cases by detect_add. */
    struct error *(*judge)(struct detect *detect)ERROR_CHECK;
    /* Fills message, fix and evidence of a finding; the rest of it is known. It may change class.
     * Texts are the arena's of detect. */
    void (*describe)(struct detect *detect, const struct detect_group *group,
                     struct finding *finding);
    /* A proven finding of so many is a warning at least, and none is too small to be told; 0: the
     * bytes alone count. */
    uint64_t warning_from;
};

/* The detectors in the catalogue's order, NULL at the end. */
extern const struct detector *const detectors[];

/* All findings of an analysis after graph_analyse. Needs nothing of the target's memory. Cost: that
 * of the detectors, of exclusive sizes (graph_exclusive_of_each) and 4 B per object with pointers;
 * where a case hangs on several holders, 4 B per object id more. The caller frees *out
 * (finding_list_deinit), also after an error. */
struct error *detect_run(struct analysis *analysis, unsigned threads,
                         struct finding_list *out) ERROR_CHECK;
/* The same with a table of detectors of the caller's. */
struct error *detect_run_these(struct analysis *analysis, unsigned threads,
                               const struct detector *const *table,
                               struct finding_list *out) ERROR_CHECK;

/* -- for detectors ------------------------------------------------------------------------- */

/* Adds a case, unless its node is not reachable or belongs to the runtime alone. */
struct error *detect_add(struct detect *detect, const struct detect_case *one) ERROR_CHECK;

/* The name that a person knows the group's holder by: "main.sessions", "goroutines of main.worker";
 * "the heap" for none. */
const char *detect_holder_name(struct detect *detect, const struct detect_group *group);
/* Name of the type of the group's nodes, "" when it is not known. */
const char *detect_type_name(struct detect *detect, const struct detect_group *group);
/* Sizes and counts as the report prints them: "96 MiB", "1,204,331"; "1 key", "2 keys". */
const char *detect_size(struct detect *detect, uint64_t bytes);
const char *detect_count(struct detect *detect, uint64_t count);
const char *detect_plural(struct detect *detect, uint64_t count, const char *one, const char *many);

void finding_note(struct finding *finding, const char *key, uint64_t value,
                  enum evidence_unit unit);

#endif
