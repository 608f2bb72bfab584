/*
 * Chunks of user arenas (GOEXPERIMENT=arenas, Go ≥ 1.20: runtime/arena.go): spans of 8 MiB that
 * hold one object each, which is what the collector sees of all values in them.
 */
#ifndef LEAKHOUND_GORT_ARENA_CHUNKS_H
#define LEAKHOUND_GORT_ARENA_CHUNKS_H

#include "gort/heap.h"

struct arena_chunk {
    uint32_t object;
    uint64_t bytes;
    uint64_t used_bytes; /* given out: mspan.userArenaChunkFree is the rest */
};

struct arena_chunk_table {
    VECTOR(struct arena_chunk) items; /* ascending by object */
};

/* One read per chunk. The caller frees *out, also after an error. */
struct error *arena_chunk_table_read(struct go_runtime *runtime, const struct heap *heap,
                                     struct arena_chunk_table *out) ERROR_CHECK;
void arena_chunk_table_deinit(struct arena_chunk_table *table);

#endif
