/*
 * What the maps of the heap look like, read while the target can be read: those whose tables are
 * large, and the edges of entries that two kinds of map keep too long.
 *
 * Only maps whose header is an object of the heap with a known type are seen; a header on a
 * goroutine's stack is not.
 *
 * Memory: 64 B per map that is kept (1 KiB of tables at least, mostly empty, or 64 KiB), 8 B per
 * edge: two per stale key, one per child of a context.
 */
#ifndef LEAKHOUND_GORT_MAP_TABLE_H
#define LEAKHOUND_GORT_MAP_TABLE_H

#include "gort/edge_words.h"
#include "gort/typing.h"
#include "graph/graph.h"

enum { MAP_KEYED_LEAST = 64 };

struct map_fact {
    uint32_t id; /* of the header */
    uint32_t type;
    uint64_t count, slots;
    uint64_t bytes;     /* of all that it consists of but the header */
    uint64_t objects;   /* in these */
    uint64_t bytes_for; /* that a map made anew for count entries would take */
    uint64_t tombstones, overflow_groups;
    bool has_grown, is_growing, was_cleared;
    bool shows_deletions; /* slots or tombstones tell that entries were deleted */
};

/* Entries of one map, as edges: source object << 32 | target object. */
struct map_entries {
    uint32_t id; /* of the header */
    uint32_t type;
    uint64_t count;      /* of the map */
    uint64_t found;      /* entries that the edges are of */
    uint64_t counted;    /* of these, without those that count with an earlier map */
    uint64_t first, end; /* in map_table.edges */
    uint64_t bytes;      /* of the map's tables; */
    uint64_t bytes_for;  /* that a map made anew without the entries found would take */
};

struct map_table {
    VECTOR(struct map_fact) items; /* ascending by id, as the others */
    /* What follows has nothing of a target that runs on: its edges are of another moment. */
    /* sync.Map up to Go 1.23: the maps of type map[interface {}]*sync.entry that have keys which
     * Delete has been called for. Their edges lead to the entry and to the key's data. */
    VECTOR(struct map_entries) stale;
    /* The children of contexts, map[context.canceler]struct {}: the edges lead to them. */
    VECTOR(struct map_entries) children;
    VECTOR(uint64_t) edges;
    /* Maps with at least MAP_KEYED_LEAST entries whose keys are strings or whole numbers of 8 bytes
     * and whose elements are pointers: see superseded.h. */
    VECTOR(uint32_t) keyed;
    uint64_t maps;   /* headers seen */
    uint64_t broken; /* of these, in pieces: a goroutine was at work on them, or damage */
};

/* Zero-initialised the table is empty. Reads the target; up to heap->threads threads, and the
 * result does not depend on their number. Cost: O(objects as large as a header + bytes of the
 * tables of maps that are mostly empty, of sync.Maps and of contexts). */
struct error *map_table_read(struct go_runtime *runtime, const struct heap *heap,
                             const struct graph *graph, const struct edge_words *words,
                             struct typing *typing, struct map_table *out) ERROR_CHECK;
void map_table_deinit(struct map_table *table);

#endif
