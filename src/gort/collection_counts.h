/*
 * How many entries maps and channels have: what their headers say. For comparing two moments; the
 * large maps alone are looked into by others.
 */
#ifndef LEAKHOUND_GORT_COLLECTION_COUNTS_H
#define LEAKHOUND_GORT_COLLECTION_COUNTS_H

#include "gort/typing.h"

enum { COLLECTION_ENTRIES_MIN = 32 }; /* what has fewer is left out */

struct collection_count {
    uint32_t id; /* of the header */
    bool is_channel;
    uint64_t entries;  /* hmap.count, maps.Map.used, hchan.qcount */
    uint64_t capacity; /* hchan.dataqsiz; 0: a map, of which the header does not tell */
};

struct collection_counts {                 /* zero-initialised there are none */
    VECTOR(struct collection_count) items; /* ascending by id */
};

/* Reads the headers of all allocated objects whose type is a map or a channel. Reads the target.
 * Cost: a look at each object's type; 24 B per entry. */
struct error *collection_counts_read(struct go_runtime *runtime, const struct heap *heap,
                                     const struct typing *typing,
                                     struct collection_counts *out) ERROR_CHECK;
void collection_counts_deinit(struct collection_counts *counts);

#endif
