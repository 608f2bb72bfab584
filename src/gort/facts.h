/*
 * What detectors need to know of a target beside its graph and types, collected while it can be
 * read. Compact and bounded, in an order that does not depend on the number of threads; no
 * contents of the heap. Nothing is known of reachability yet: facts are of every allocated object.
 */
#ifndef LEAKHOUND_GORT_FACTS_H
#define LEAKHOUND_GORT_FACTS_H

#include "gort/arena_chunks.h"
#include "gort/gc_figures.h"
#include "gort/pools.h"

struct facts {
    struct gc_figures gc;
    struct pool_table pools;
    struct arena_chunk_table arena_chunks;
};

/* Reads the target. The caller frees *out (facts_deinit), also after an error. */
struct error *facts_read(struct go_runtime *runtime, const struct heap *heap,
                         struct facts *out) ERROR_CHECK;
void facts_deinit(struct facts *facts);

#endif
