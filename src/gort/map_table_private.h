/* What map_table.c and map_entries.c share. */
#ifndef LEAKHOUND_GORT_MAP_TABLE_PRIVATE_H
#define LEAKHOUND_GORT_MAP_TABLE_PRIVATE_H

#include "gort/map.h"
#include "gort/map_table.h"

enum map_kind { MAP_PLAIN, MAP_OF_SYNC, MAP_OF_CONTEXT };

struct map_type { /* by type */
    struct map_shape shape;
    uint8_t kind;
    bool is_keyed; /* see map_table.keyed */
};

struct map_sweep {
    struct go_runtime *runtime;
    const struct heap *heap;
    const struct graph *graph;
    const struct typing *typing;
    struct map_type *types; /* type_count of them */
    uint64_t type_count;
    VECTOR(uint32_t) expunged; /* objects that sync.expunged may be, ascending */
    uint64_t header_class;     /* bytes of a header's slot */
    uint32_t next_part;
    struct map_table parts[HEAP_PARTS_MAX];
};

struct map_worker {
    struct map_sweep *sweep;
    struct map_reader reader;
    struct window headers;
    VECTOR(uint64_t) dead, kept; /* edges of the map that is looked at */
};

/* Which objects may be sync.expunged: see map_entries.c. */
struct error *map_find_expunged(struct map_sweep *sweep,
                                const struct edge_words *words) ERROR_CHECK;
/* Adds what the entries of a sync.Map's or a context's map tell to the part's table. */
struct error *map_note_stale(struct map_worker *worker, struct go_map *map, uint32_t id,
                             uint32_t type, struct map_table *part) ERROR_CHECK;
struct error *map_note_children(struct map_worker *worker, struct go_map *map, uint32_t id,
                                uint32_t type, struct map_table *part) ERROR_CHECK;
/* A stale key stands in both maps of a sync.Map: it counts with one of them only. */
struct error *map_count_stale_once(struct map_table *table) ERROR_CHECK;

#endif
