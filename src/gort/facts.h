/*
 * What only the target's memory can tell and detectors want to know later, when the target has been
 * let go: sizes, counts, ids and edges of all objects of some kind, reachable or not. No contents.
 */
#ifndef LEAKHOUND_GORT_FACTS_H
#define LEAKHOUND_GORT_FACTS_H

#include "gort/arena_chunks.h"
#include "gort/blocked_on.h"
#include "gort/channels.h"
#include "gort/defer_piles.h"
#include "gort/equal_strings.h"
#include "gort/gc_figures.h"
#include "gort/map_table.h"
#include "gort/pools.h"
#include "gort/superseded.h"
#include "gort/windows.h"

/* Zero-initialised there are none. */
struct facts {
    struct map_table maps;
    struct superseded_table superseded;
    struct channel_table channels;
    struct window_table windows;        /* none of a target that runs on, */
    struct equal_strings equal_strings; /* nor these */
    struct pool_table pools;
    struct arena_chunk_table arena_chunks;
    struct gc_figures gc;
    struct blocked_table blocked;
    struct defer_pile_table defer_piles;
};

/* At the end of reading, with the graph's edges made and all types known; the graph has not been
 * analysed. Cost: see each of them. */
struct error *facts_read(struct go_runtime *runtime, const struct heap *heap,
                         const struct graph *graph, const struct root_table *roots,
                         const struct variable_table *variables, const struct edge_words *words,
                         const struct goroutine_list *goroutines, struct typing *typing,
                         struct facts *out) ERROR_CHECK;
void facts_deinit(struct facts *facts);

#endif
