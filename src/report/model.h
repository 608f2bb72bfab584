/*
 * What a report says, as plain data: filled by collect.c, written by text.c and json.c. Sizes in
 * bytes. All strings and arrays live in the report's arena.
 */
#ifndef LEAKHOUND_REPORT_MODEL_H
#define LEAKHOUND_REPORT_MODEL_H

#include "base/memory.h"

struct report_target {
    const char *kind; /* "live", "core", "snapshot" */
    const char *name; /* base name of the executable */
    uint64_t pid;     /* 0 unknown */
    const char *exe, *go_version, *arch;
    bool stripped, dwarf;
    const char *freeze; /* "fork", "stop", "none" */
    uint64_t stopped_ns;
    uint64_t copy_bytes; /* what a forked copy took, with has_copy_bytes */
    bool has_copy_bytes;
    const char *taken_at; /* RFC 3339 */
    bool gc_running;      /* taken in the middle of a GC cycle */
    const char *core_path;
    const char *source; /* what a snapshot was made from: "live" or "core"; else NULL */
    const char *build;  /* hex digits that only the same executable has; "" unknown */
};

struct report_memory {   /* the JSON's "memory"; has_… say what is known */
    uint64_t rss, limit; /* cgroup limit; 0 = none or unknown */
    bool has_rss;
    uint64_t heap_objects, heap_live, heap_garbage; /* allocated; reachable; not reachable */
    uint64_t heap_inuse, heap_idle, heap_released;
    uint64_t heap_free_slots; /* heap_inuse − heap_objects */
    uint64_t stacks, runtime, off_heap, lazyfree;
    bool has_off_heap, has_lazyfree, has_idle;
};

/* What changed while a target that ran on was read; see gort/drift.h. */
struct report_drift {
    bool measured;
    uint64_t gone_objects, gone_bytes, new_objects, new_bytes, rewritten_objects, rewritten_bytes;
    uint64_t unread;         /* spans, objects, goroutines */
    uint64_t doubtful_bytes; /* of the live ones, at most so many may be no longer */
};

struct report_counts {
    uint64_t objects, edges, roots, goroutines, system_goroutines, timers;
    uint64_t garbage_objects;
    double typed_bytes_share;   /* 0 … 1 of reachable bytes, guesses not counted */
    double guessed_bytes_share; /* typed by a guess only */
};

struct report_step {  /* one step of a path from a holder into the heap */
    const char *name; /* variable, field or element: "main.hub", ".sessions", "[i]", "[key]" */
    const char *type; /* "" unknown */
    bool type_guessed;
    uint64_t retained_bytes; /* of the object that the step leads to; 0 for a shared one */
    const char *edge;        /* the edge that leads on from here, "" for the last */
    uint64_t address;        /* of the object, 0 for a root */
};

struct report_holder {
    const char *name; /* main.sessions, goroutines at main.worker (12), timers → main.f */
    const char *key;  /* what it is called at every moment of the same executable, see diff.h: the
                         name, ".bss+0x40", "goroutines of main.worker" whatever their number */
    const char *kind; /* global, goroutine, timer, finalizer, runtime */
    const char *type; /* "" unknown */
    bool type_guessed;
    uint64_t retained_bytes, objects;
    uint64_t count;           /* goroutines or timers of the group, else 1 */
    const char *found_by;     /* "" or: "0x… in .bss, used by main.handle, main.init" for globals
                                 without a name */
    const char *address;      /* "0x…" of a global, else "" */
    struct report_step *path; /* first steps into what it holds, the fattest child each time; of
                                 the REPORT_PATHS largest holders only */
    uint32_t path_count;
};

struct report_evidence {
    const char *key;  /* "stale_keys" */
    const char *unit; /* "count", "bytes", "ns", "permille" */
    uint64_t value;
};

struct report_finding {                             /* a leak, or what may be one */
    const char *id, *severity, *confidence, *class; /* as docs/cases and JSON have them */
    uint64_t bytes, objects, count;
    struct report_holder
        holder;       /* kind "" when it is the heap as a whole; path: to the largest case */
    bool is_shared;   /* other holders have a part in it */
    const char *type; /* of what it is about, "" unknown */
    const char *message, *fix;
    struct report_evidence *evidence;
    uint32_t evidence_count;
    uint32_t cause; /* number of the finding it goes away with, + 1; 0: its own cause */
};

struct report_shared {  /* what several holders reach together */
    const char **names; /* of the holders */
    const char **keys;  /* likewise */
    uint32_t name_count, key_count;
    bool more; /* further holders are not listed */
    uint64_t retained_bytes, objects;
    const char *type; /* of the largest object in it */
};

struct report_type {
    const char *name;
    bool guessed;
    uint64_t count, bytes, retained_bytes;
};

struct report_goroutine_group {
    uint64_t count;
    const char *state, *created_by, *top; /* functions; "" unknown */
    const char *created_at, *top_at;      /* "client.go:88", "" unknown */
    uint64_t stack_bytes, held_bytes;     /* held: retained by the group without stacks */
    bool system;
    uint64_t longest_wait_ns; /* 0 unknown */
    const char *function;     /* that they run; "" unknown */
    /* "proven": some of it (leaked_count) are blocked for ever; "suspected": it looks so; "no"; ""
     * nobody has judged it */
    const char *leaked;
    uint64_t leaked_count;
};

/* Maps, slices and channels that one way from a holder leads to, added up: the carts of all
 * sessions are one row. Only the largest are looked at (collect_collections.c). */
struct report_collection {
    const char *holder, *holder_key; /* as a holder's name and key */
    const char *path;                /* ".byID", ".byID[value].cart" */
    const char *kind;                /* "map", "slice", "channel" */
    const char *type;                /* "" unknown */
    const char *element;     /* "func", "interface" or ""; for those who register and forget */
    uint64_t count;          /* how many there are */
    uint64_t entries;        /* elements in use; of a slice as capacity */
    uint64_t capacity;       /* elements that there is room for, 0 unknown */
    uint64_t bytes;          /* of what they themselves consist of, 0 unknown */
    uint64_t retained_bytes; /* with all that only they hold */
};

enum { REPORT_PATHS = 1000 };

struct report {
    struct arena arena;
    struct report_target target;
    struct report_memory memory;
    struct report_drift drift;
    struct report_counts counts;
    VECTOR(struct report_finding) findings; /* worst first; consequences behind their causes */
    VECTOR(struct report_holder) holders;   /* largest first */
    VECTOR(struct report_shared) shared;    /* largest first */
    VECTOR(struct report_type) types;       /* by retained bytes, largest first */
    VECTOR(struct report_goroutine_group) goroutine_groups; /* by held + stack bytes */
    VECTOR(struct report_collection) collections;           /* by retained bytes, largest first */
    bool has_collections;                                   /* they were looked for */
    bool collections_cut; /* there were more than are looked at: rows of several lack some */
    uint64_t held_alone_bytes, shared_bytes; /* sums over ALL holders and sets, also unlisted */
    VECTOR(const char *) notes; /* sentences the reader must know (racy reading, partial types) */
    struct report_phase {
        const char *name;
        double seconds;
    } * phases;
    uint32_t phase_count;
    uint64_t peak_memory_bytes; /* of leakhound itself */
};

void report_init(struct report *report);
void report_deinit(struct report *report);

/* Whether there is a finding of that severity ("critical", "warning", "info") or a worse one. */
bool report_reaches(const struct report *report, const char *severity);

#endif
