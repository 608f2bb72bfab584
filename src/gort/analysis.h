/*
 * Everything known of one target at one moment: what every command starts from.
 */
#ifndef LEAKHOUND_GORT_ANALYSIS_H
#define LEAKHOUND_GORT_ANALYSIS_H

#include "gort/drift.h"
#include "gort/edge_words.h"
#include "gort/facts.h"
#include "gort/goroutine_leaks.h"
#include "gort/roots.h"
#include "gort/typing.h"
#include "graph/graph.h"

enum { ANALYSIS_PHASES_MAX = 32 };

struct analysis_phase {
    const char *name; /* static */
    double seconds;
};

/* Hears the name of each phase as it begins; on the calling thread. */
typedef void (*analysis_progress)(void *context, const char *phase);

struct analysis {
    struct target *target; /* not owned */
    struct go_runtime *runtime;
    struct heap heap;
    struct goroutine_list goroutines;
    struct variable_table variables;
    struct graph *graph;
    struct edge_words words;
    struct root_table roots;
    struct typing typing;
    struct facts facts;
    struct goroutine_leaks leaks; /* after analysis_analyse */
    uint64_t now_ns;              /* the runtime's clock when it was read; 0 unknown: a core */
    struct drift drift;           /* measured only when the target runs on */
    struct analysis_phase phases[ANALYSIS_PHASES_MAX];
    uint32_t phase_count;
};

/* Reads the target: heap, roots, types, facts. progress (may be NULL) hears the name of each phase
 * as it begins. The target must stand still until this returns; then it may be let go
 * (target_release), for nothing of what follows reads its memory. The caller owns *out
 * (analysis_destroy), also the target. Peak memory about 17 bytes per object. */
struct error *analysis_read(struct target *target, unsigned threads, analysis_progress progress,
                            void *context, struct analysis **out) ERROR_CHECK;
/* Then, once: reachability, dominators and retained sizes. */
struct error *analysis_analyse(struct analysis *analysis, unsigned threads,
                               analysis_progress progress, void *context) ERROR_CHECK;
/* Both. */
struct error *analysis_run(struct target *target, unsigned threads, analysis_progress progress,
                           void *context, struct analysis **out) ERROR_CHECK;
void analysis_destroy(struct analysis *analysis);

/* Adds a phase to the list; later ones than ANALYSIS_PHASES_MAX are forgotten. */
void analysis_note_phase(struct analysis *analysis, const char *name, double seconds);

#endif
