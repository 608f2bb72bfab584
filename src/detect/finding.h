/*
 * What detectors find: one leak each, with its cause, its size and its cure. Plain data; the ids
 * are those of the catalogue (docs/cases). Sizes in bytes.
 */
#ifndef LEAKHOUND_DETECT_FINDING_H
#define LEAKHOUND_DETECT_FINDING_H

#include "base/memory.h"
#include "graph/graph.h"

enum finding_severity { SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

enum finding_confidence {
    CONFIDENCE_POSSIBLE, /* looks like it; never above SEVERITY_INFO */
    CONFIDENCE_LIKELY,
    CONFIDENCE_PROVEN, /* the memory itself leaves no other reading */
};

enum finding_class {
    CLASS_PERMANENT, /* nothing frees it as long as the process runs */
    CLASS_TEMPORARY, /* freed late: by a timer, the next growth, the scavenger */
};

enum evidence_unit { UNIT_COUNT, UNIT_BYTES, UNIT_NS, UNIT_SHARE /* in 1/1000 */ };

struct evidence {    /* a number behind the sentence */
    const char *key; /* "stale_keys", as JSON has it; static */
    uint64_t value;
    enum evidence_unit unit;
};

enum { FINDING_EVIDENCE_MAX = 12, FINDING_WAY_MAX = 24 };

struct finding {
    const char *id; /* "syncmap-stale-keys"; static */
    enum finding_severity severity;
    enum finding_confidence confidence;
    enum finding_class class;
    uint64_t bytes, objects; /* what the cure frees */
    uint64_t count;          /* of the things that the case is about */
    uint32_t root;           /* the holder, GRAPH_NONE: none (the heap as a whole) */
    bool is_shared;          /* others hold it, too: root is the one on a shortest path */
    uint32_t type;           /* of what it is about: in the table of types, TYPE_NONE unknown */
    /* From below the holder to the largest case: nodes, each dominated or pointed to by the one
     * before; the middle of a long way is left out. In the list's arena. */
    const uint32_t *way;
    uint32_t way_count;
    const char *message, *fix; /* a sentence each */
    struct evidence evidence[FINDING_EVIDENCE_MAX];
    uint32_t evidence_count;
    /* Index of the finding that this one goes away with, or FINDING_OWN_CAUSE. */
    uint32_t cause;
};
#define FINDING_OWN_CAUSE UINT32_MAX

struct finding_list {
    VECTOR(struct finding) items; /* causes first: by severity, then bytes; consequences behind */
    struct arena arena;           /* texts */
};
void finding_list_deinit(struct finding_list *list);

const char *finding_severity_name(enum finding_severity severity);       /* "critical" */
const char *finding_confidence_name(enum finding_confidence confidence); /* "proven" */
const char *finding_class_name(enum finding_class class);                /* "permanent" */

/* Severity by what would be freed and the bytes of the live heap: critical from a fifth of it or 1
 * GiB, warning from a twentieth of it or 64 MiB on, but nothing below 1 MiB, and info for what is
 * only possible. */
enum finding_severity finding_severity_of(uint64_t bytes, uint64_t live_bytes,
                                          enum finding_confidence confidence);

#endif
